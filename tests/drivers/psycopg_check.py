"""What psycopg 3 does, as the analyst: server-side binding, binary, prepared statements, pipelines, rows as dicts, errors."""

import sys

import psycopg
from psycopg.rows import dict_row

target = sys.argv[1]


def is_pseudonym(value):
    return value is None or (value.startswith("u_") and len(value) == 34)


with psycopg.connect(target) as connection:
    rows = connection.execute("SELECT id, email, full_name, dob, salary, ip, device FROM shop.customers WHERE id <= %s ORDER BY id", (40,)).fetchall()
    assert len(rows) == 20, rows
    for id, email, name, dob, salary, ip, device in rows:
        assert is_pseudonym(email) and name == "[name]", (email, name)
        assert dob is None or (dob.month, dob.day) == (1, 1), dob
        assert salary is None or salary % 10000 == 0, salary
        assert device is None or device.version == 8, device
        assert ip is None or str(ip).endswith(".0/24"), ip

    with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        for row in cursor.execute("SELECT email, dob, ssn, tags FROM shop.customers, (SELECT tags FROM shop.products LIMIT 1) AS p LIMIT 5"):
            assert is_pseudonym(row["email"]) and row["ssn"] is None and isinstance(row["tags"], list), row

    # Arrays of pseudonyms, in text and binary, with NULLs and dimensions.
    arrays = "SELECT array_agg(email ORDER BY owner), ARRAY[[max(email), NULL], [min(email), max(email)]], array_agg(device), ARRAY(SELECT email FROM shop.leads WHERE false) FROM shop.leads"
    seen = []
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            mails, square, devices, empty = cursor.execute(arrays).fetchone()
            assert len(mails) == 40 and None in mails and any(mails) and all(is_pseudonym(email) for email in mails), mails
            assert square[0][1] is None and square[0][0] == square[1][1] and is_pseudonym(square[1][0]), square
            assert all(device is None or device.version == 8 for device in devices) and any(devices), devices
            assert empty == [], empty
            seen.append((mails, square, devices))
    assert seen[0] == seen[1]

    for _ in range(8):  # prepared from the fifth time on
        cursor = connection.execute("SELECT count(*) FROM shop.customers WHERE city = %s", ("Ulm",), prepare=True)
        count = cursor.fetchone()[0]
        assert count > 50, count

    with connection.pipeline():
        cursors = [connection.execute("SELECT email FROM shop.leads WHERE score = %s", (n,)) for n in range(6)]
        for cursor in cursors:
            assert all(is_pseudonym(email) for (email,) in cursor.fetchall())
    connection.commit()

    for binary in (False, True):  # cursors on the server
        with connection.cursor("mails", binary=binary, scrollable=True) as cursor:
            cursor.execute("SELECT id, email FROM shop.customers WHERE id < %s ORDER BY id", (400,))
            first = cursor.fetchmany(3)
            rest = cursor.fetchall()
            assert len(first) == 3 and len(rest) > 50, (len(first), len(rest))
            assert all(email is None or is_pseudonym(email) for _, email in first + rest)
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchmany(3) == first
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT full_name FROM shop.customers ORDER BY id")
        connection.commit()
        assert cursor.fetchone() == ("[name]",)
    connection.commit()
    connection.execute("DECLARE stolen CURSOR FOR SELECT email FROM shop.leads WHERE email IS NOT NULL")
    cursor = psycopg.ServerCursor(connection, "stolen")
    assert all(is_pseudonym(email) for (email,) in cursor.fetchmany(5))
    connection.commit()

    try:
        connection.execute("SELECT upper(email) FROM shop.customers")
        raise SystemExit("not refused")
    except psycopg.errors.InsufficientPrivilege as error:
        assert error.diag.message_hint and "shop.customers.email" in error.diag.message_primary, error.diag.message_primary
    connection.rollback()

    with connection.transaction():
        connection.execute("SELECT 1")
        try:
            with connection.transaction():
                connection.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            pass
        assert connection.execute("SELECT 2").fetchone() == (2,)

    assert connection.info.parameter_status("server_version").split(".")[0].isdigit()
    assert connection.info.encoding == "utf-8"

with psycopg.connect(target, autocommit=True, options="-c search_path=shop") as connection:
    assert connection.execute("SELECT count(*) FROM customers").fetchone() == (1500,)
    cursor = psycopg.ClientCursor(connection)
    assert cursor.execute("SELECT %s, full_name FROM customers WHERE id = 2", ("it's",)).fetchone() == ("it's", "[name]")
    cursor.execute("SELECT 1; SELECT email FROM leads LIMIT 2")
    assert cursor.nextset() and all(is_pseudonym(email) for (email,) in cursor.fetchall())
