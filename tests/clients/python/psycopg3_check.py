"""What users of psycopg 3 do."""

import asyncio
import datetime
import decimal
import enum
import ipaddress
import uuid

import psycopg
import psycopg_pool
from psycopg import sql
from psycopg.rows import args_row, class_row, dict_row, namedtuple_row, scalar_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb
from psycopg.types.range import Range, RangeInfo
from psycopg.types import TypeInfo

from common import MASKED, ROLE, check_email, check_emails, check_person, people

connection = psycopg.connect("")

# Connection info.
info = connection.info
assert info.server_version >= 130000 and info.backend_pid > 0 and info.encoding == "utf-8" and info.timezone is not None
assert info.parameter_status("integer_datetimes") == "on" and "password" not in info.dsn
assert connection.execute("SELECT pg_backend_pid()").fetchone() == (info.backend_pid,)
connection.rollback()

# All types, as text and in binary; the same values.
found = []
for binary in (False, True):
    with connection.cursor(binary=binary, row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM crm.person ORDER BY id").fetchall()
        assert len(rows) == people()
        for row in rows:
            check_person(row)
        one = rows[0]
        assert isinstance(one["dob"], datetime.date) and isinstance(one["salary"], decimal.Decimal) and isinstance(one["device"], uuid.UUID)
        assert isinstance(one["ip"], (ipaddress.IPv4Interface, ipaddress.IPv4Address)) and one["marks"] == [1, None, -1]
        assert isinstance(one["employed"], Range) and one["created"].tzinfo and one["initials"] == one["country"][0] + "."
        found.append(rows)
        assert cursor.description[3].name == "email" and cursor.description[3].type_code == 25
        assert (cursor.description[7].precision, cursor.description[7].scale) == (10, 2) and cursor.description[4].display_size == 80
# What is not registered comes as text or bytes.
assert [{**row, "home": 0, "mood": 0} for row in found[0]] == [{**row, "home": 0, "mood": 0} for row in found[1]]
connection.commit()

# Types of the schema.
with connection.cursor() as cursor:
    mood, place = EnumInfo.fetch(connection, "crm.mood"), CompositeInfo.fetch(connection, "crm.place")
    percent = TypeInfo.fetch(connection, "crm.percent")
    assert mood.labels == ["low", "mid", "high"] and list(place.field_names) == ["city", "zip"] and percent.oid
    assert RangeInfo.fetch(connection, "daterange").subtype_oid == 1082
    Mood = enum.Enum("Mood", {"LOW": "low", "MID": "mid", "HIGH": "high"})
    register_enum(mood, connection, Mood, mapping=[(m, m.value) for m in Mood])
    register_composite(place, connection)
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        row = cursor.execute("SELECT mood, home, ARRAY[mood], ARRAY[home] FROM crm.person WHERE id = 1").fetchone()
        assert row[0] is Mood.MID and row[1].city == "City 1" and row[2] == [Mood.MID] and row[3] == [row[1]], row
        assert cursor.execute("SELECT %s, %b, %t", (Mood.LOW, place.python_type("Ulm", "89073"), [Mood.HIGH])).fetchone()[1].zip == "89073"
        # A composite of pseudonyms cannot be: what is in a row of another type is refused or masked in it.
        home = cursor.execute("SELECT (home).city FROM crm.person WHERE id = 1").fetchone()
        assert home == ("City 1",)
    assert CompositeInfo.fetch(connection, "crm.person").field_names[3] == "email"
    assert CompositeInfo.fetch(connection, "not_there") is None
connection.commit()

# Row factories.
class Person:
    def __init__(self, id, email):
        self.id, self.email = id, email

query = "SELECT id, email FROM crm.person WHERE id < %s ORDER BY id"
check_emails(p.email for p in connection.cursor(row_factory=class_row(Person)).execute(query, (9,)))
check_emails(p.email for p in connection.cursor(row_factory=namedtuple_row).execute(query, (9,)))
check_emails(p.email for p in connection.cursor(row_factory=args_row(Person)).execute(query, (9,)))
assert connection.cursor(row_factory=scalar_row).execute("SELECT count(*) FROM crm.person").fetchone() == people()
connection.commit()

# Parameters: None, lists, dates, JSON, names; prepared from the fifth time on.
for n in range(12):
    rows = connection.execute(
        "SELECT email FROM crm.person WHERE id = ANY(%(ids)s) AND created > %(since)s AND (%(mood)s::crm.mood IS NULL OR mood = %(mood)s)",
        {"ids": [1, 3, 6], "since": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), "mood": None if n % 2 else "mid"}).fetchall()
    assert rows, n
    check_emails(email for (email,) in rows)
    (count,) = connection.execute("SELECT count(*) FROM crm.purchase WHERE amount > %s AND details @> %s", (decimal.Decimal("12.5"), Jsonb({"tag": "t2"}))).fetchone()
    assert count > 50
assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0] >= 2
connection.commit()
connection.prepare_threshold = 0
assert connection.execute("SELECT email FROM crm.person WHERE id = %s", (1,)).fetchone()
connection.prepare_threshold = 5
names = sql.SQL(", ").join(map(sql.Identifier, ("email", "full_name")))
rows = connection.execute(sql.SQL("SELECT {} FROM {} WHERE country = {}").format(names, sql.Identifier("crm", "person"), sql.Literal("DE"))).fetchall()
check_emails(email for email, _ in rows)
client = psycopg.ClientCursor(connection)
assert client.mogrify("SELECT %s", ["it's"]) == "SELECT 'it''s'"
assert len(client.execute("SELECT email FROM crm.person WHERE country IN (%s, %s)", ("DE", "AT")).fetchall()) == 80
assert len(psycopg.RawCursor(connection).execute("SELECT email FROM crm.person WHERE id = $1", (1,)).fetchall()) == 1
connection.commit()

# Cursors on the server.
for binary in (False, True):
    with connection.cursor("people", scrollable=True, binary=binary) as cursor:
        cursor.itersize = 9
        cursor.execute("SELECT id, email FROM crm.person WHERE id > %s ORDER BY id", (0,))
        rows = list(cursor)
        assert len(rows) == people()
        cursor.scroll(2, mode="absolute")
        assert cursor.fetchone() == rows[2]
with connection.cursor("held", withhold=True) as cursor:
    cursor.execute("SELECT full_name FROM crm.person")
    connection.commit()
    assert len(cursor.fetchall()) == people()
connection.commit()
with connection.cursor() as cursor:
    rows = list(cursor.stream("SELECT email FROM crm.person WHERE active = %s", (True,)))
    check_emails(email for (email,) in rows)
    rows = list(cursor.stream("SELECT email FROM crm.person WHERE active = %s", (True,), size=10)) if psycopg.pq.version() >= 170000 else rows
connection.commit()

# COPY both ways, text, CSV and binary.
with connection.cursor() as cursor:
    with cursor.copy("COPY (SELECT id, email, dob, ip, device FROM crm.person ORDER BY id) TO STDOUT") as copy:
        as_text = list(copy.rows())
    with cursor.copy("COPY (SELECT id, email, dob, ip, device FROM crm.person ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "date", "inet", "uuid"])
        as_binary = list(copy.rows())
    assert len(as_text) == len(as_binary) == people()
    assert [row[1] for row in as_text] == [row[1] for row in as_binary] and isinstance(as_binary[0][4], uuid.UUID)
    check_emails(row[1] for row in as_binary)
    with cursor.copy("COPY crm.signup TO STDOUT WITH CSV HEADER") as copy:
        data = b"".join(copy).decode().splitlines()
    assert data[0] == "email,source,at,clicks" and len(data) == 61, (data[0], len(data))
    cursor.execute("DROP TABLE IF EXISTS adhoc.p3")
    cursor.execute("CREATE TABLE adhoc.p3 (id int PRIMARY KEY, name text, at timestamptz, tags text[], doc jsonb, mood crm.mood, home crm.place)")
    with cursor.copy("COPY adhoc.p3 (id, name, tags, doc) FROM STDIN") as copy:
        for n in range(50):
            copy.write_row((n, f"n\t{n}" if n % 2 else None, ["a", 'b"'], Jsonb({"n": n})))
    assert cursor.rowcount == 50
    with cursor.copy("COPY adhoc.p3 (id, name, at) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "timestamptz"])
        for n in range(50, 80):
            copy.write_row((n, "b", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)))
    with cursor.copy("COPY adhoc.p3 (id, name) FROM STDIN (FORMAT csv)") as copy:
        copy.write("100,x\n101,\n")
    assert cursor.execute("SELECT count(*), count(name), count(at) FROM adhoc.p3").fetchone() == (82, 56, 30)
connection.commit()
try:
    with connection.cursor() as cursor, cursor.copy("COPY adhoc.p3 (id) FROM STDIN") as copy:
        copy.write("200\n")
        raise KeyError("changed my mind")
except KeyError:
    pass
connection.rollback()
assert connection.execute("SELECT count(*) FROM adhoc.p3 WHERE id = 200").fetchone() == (0,)

# Writing.
with connection.transaction(), connection.cursor() as cursor:
    cursor.executemany("INSERT INTO adhoc.p3 (id, name, mood, home) VALUES (%s, %s, %s, %s) RETURNING id",
                       [(300 + n, "m", Mood.LOW, place.python_type("Ulm", "89073")) for n in range(20)], returning=True)
    ids = []
    while True:
        ids += [id for (id,) in cursor.fetchall()]
        if not cursor.nextset():
            break
    assert ids == list(range(300, 320)), ids
    cursor.executemany("UPDATE adhoc.p3 SET name = %s WHERE id = %s", [("x", n) for n in range(300, 320)])
    assert cursor.rowcount == 20
    row = cursor.execute("INSERT INTO adhoc.p3 (id, name) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name || '!' RETURNING name", (300, "y")).fetchone()
    assert row == ("y!",)
    assert cursor.execute("DELETE FROM adhoc.p3 WHERE id >= 300 RETURNING *").fetchone()[5] is Mood.LOW
if not MASKED:
    with connection.transaction(force_rollback=True):
        (id,) = connection.execute("INSERT INTO crm.person (company_id, email, country) VALUES (%s, %s, %s) RETURNING id", (1, "a@b", "DE")).fetchone()
        assert connection.execute("UPDATE crm.person SET tags = %s WHERE id = %s RETURNING tags", (["x"], id)).fetchone() == (["x"],)

# Pipelines, with an error in the middle, and COPY and cursors outside of them.
with connection.pipeline() as pipeline:
    cursors = [connection.execute("SELECT email FROM crm.person WHERE id = %s", (n,)) for n in (1, 3, 6, 1, 3, 6, 1, 3, 6)]
    pipeline.sync()
    for cursor in cursors:
        check_email(cursor.fetchone()[0])
    with connection.transaction():
        connection.execute("INSERT INTO adhoc.p3 (id, name) VALUES (400, 'p')")
        many = connection.cursor()
        many.executemany("INSERT INTO adhoc.p3 (id, name) VALUES (%s, %s)", [(401 + n, "p") for n in range(30)])
    count = connection.execute("SELECT count(*) FROM adhoc.p3 WHERE id >= 400")
    assert count.fetchone() == (31,)
connection.commit()
try:
    with connection.pipeline():
        one = connection.execute("SELECT 1")
        two = connection.execute("SELECT 1 / 0")
        three = connection.execute("SELECT email FROM crm.person WHERE id = 1")
    raise SystemExit("no error")
except psycopg.errors.DivisionByZero:
    pass
connection.rollback()
if MASKED:
    try:
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT upper(email) FROM crm.person")
            connection.execute("SELECT 2")
        raise SystemExit("not refused")
    except psycopg.errors.InsufficientPrivilege as error:
        assert "crm.person.email" in error.diag.message_primary and error.diag.message_hint
    connection.rollback()
assert connection.execute("SELECT 1").fetchone() == (1,)
connection.commit()

# Transactions: nested, isolation, read only, autocommit; errors with their diagnostics.
with connection.transaction():
    try:
        with connection.transaction("inner"):
            connection.execute("INSERT INTO adhoc.p3 (id) VALUES (0)")
    except psycopg.errors.UniqueViolation as error:
        assert error.sqlstate == "23505"
    assert connection.execute("SELECT 2").fetchone() == (2,)
connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
connection.read_only = True
with connection.transaction():
    assert connection.execute("SHOW transaction_isolation").fetchone() == ("serializable",)
    assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
connection.isolation_level = connection.read_only = None
try:
    connection.execute("SELECT nothing FROM crm.person")
except psycopg.errors.UndefinedColumn as error:
    assert error.diag.statement_position == "8", error.diag.statement_position
connection.rollback()

# Notices and notifications.
notices = []
connection.add_notice_handler(lambda diag: notices.append(diag.message_primary))
connection.execute("DROP TABLE IF EXISTS adhoc.not_there")
assert any("skipping" in notice for notice in notices), notices
connection.commit()
connection.autocommit = True
connection.execute("LISTEN jobs")
with psycopg.connect("", autocommit=True) as other:
    other.execute("SELECT pg_notify('jobs', 'one')")
    other.execute("NOTIFY jobs, 'two'")
notes = [note.payload for note in connection.notifies(timeout=60, stop_after=2)]
assert notes == ["one", "two"], notes
connection.execute("UNLISTEN jobs")

# Several results, and an expression that cannot be prepared.
cursor = connection.execute("SELECT 1; SELECT email FROM crm.signup LIMIT 2; SELECT 3")
assert cursor.nextset() and len(cursor.fetchall()) == 2 and cursor.nextset() and cursor.fetchone() == (3,)
connection.cancel_safe()
connection.close()

# Pools.
with psycopg_pool.ConnectionPool("", min_size=2, max_size=3, check=psycopg_pool.ConnectionPool.check_connection) as pool:
    for _ in range(6):
        with pool.connection() as one:
            check_email(one.execute("SELECT email FROM crm.person WHERE id = %s", (3,)).fetchone()[0])
    with psycopg_pool.NullConnectionPool("", max_size=2) as none, none.connection() as one:
        assert one.execute("SELECT 1").fetchone() == (1,)


async def asynchronous():
    async with await psycopg.AsyncConnection.connect("", options="-c timezone=Asia/Tokyo") as connection:
        moment, = await (await connection.execute("SELECT created FROM crm.person WHERE id = 1")).fetchone()
        assert moment.utcoffset() == datetime.timedelta(hours=9)
        async with connection.pipeline():
            cursors = [await connection.execute("SELECT email FROM crm.person WHERE id = %s", (n,)) for n in (1, 3, 6)]
            for cursor in cursors:
                check_email((await cursor.fetchone())[0])
        async with connection.cursor("people") as cursor:
            await cursor.execute("SELECT email FROM crm.person")
            check_emails([email async for (email,) in cursor])
        async with connection.cursor().copy("COPY crm.signup (email) TO STDOUT") as copy:
            check_emails([row[0] async for row in copy.rows()])
        async with connection.cursor() as cursor, cursor.copy("COPY adhoc.p3 (id) FROM STDIN") as copy:
            for n in range(1000, 1200):
                await copy.write_row((n,))
        task = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.5)
        connection.cancel()
        try:
            await task
            raise SystemExit("not cancelled")
        except psycopg.errors.QueryCanceled:
            pass


asyncio.run(asynchronous())
