"""What users of psycopg2 do."""

import datetime
import io
import select
import uuid

import psycopg2
import psycopg2.errorcodes
import psycopg2.extensions
import psycopg2.extras
import psycopg2.sql

from common import MASKED, ROLE, check_email, check_emails, check_person, people

connection = psycopg2.connect("")
psycopg2.extras.register_uuid()

# Connection info.
assert connection.info.user == ROLE or not MASKED
assert connection.server_version >= 130000 and connection.protocol_version == 3
assert connection.get_backend_pid() > 0 and connection.encoding == "UTF8"
assert connection.get_parameter_status("standard_conforming_strings") == "on"
assert connection.get_dsn_parameters()["host"] == "127.0.0.1" and "password" not in connection.get_dsn_parameters()
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid(), current_database(), version(), current_schema()")
    pid, _, version, _ = cursor.fetchone()
    assert pid == connection.get_backend_pid() and version.startswith("PostgreSQL")
connection.rollback()
connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
with connection, connection.cursor() as cursor:
    cursor.execute("SHOW transaction_isolation")
    assert cursor.fetchone() == ("repeatable read",)
connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT")

# Rows as tuples, dicts, named tuples; types.
everything = "SELECT * FROM crm.person WHERE country = ANY(%s) ORDER BY id"
with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
    cursor.execute(everything, (["DE", "AT"],))
    rows = cursor.fetchall()
    assert len(rows) == 80 and cursor.rowcount == 80
    for row in rows:
        check_person(row)
        assert isinstance(row["created"], datetime.datetime) and row["created"].tzinfo and isinstance(row["tags"], list)
        assert row["employed"].lower >= datetime.date(2010, 1, 1)
    assert [column.name for column in cursor.description][:4] == ["id", "company_id", "boss_id", "email"]
    by_name = {column.name: column for column in cursor.description}
    assert by_name["email"].type_code == 25 and by_name["salary"].precision == 10 and by_name["ssn"].type_code == 1042
    assert by_name["salary"].table_oid and by_name["salary"].table_column == 8, by_name["salary"]
for factory in (psycopg2.extras.DictCursor, psycopg2.extras.NamedTupleCursor):
    with connection, connection.cursor(cursor_factory=factory) as cursor:
        cursor.execute("SELECT id, email FROM crm.person WHERE id = %(id)s", {"id": 1})
        row = cursor.fetchone()
        check_email(row["email"] if factory is psycopg2.extras.DictCursor else row.email)

# Pseudonyms join, group and filter.
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT s.email, count(*) FROM crm.signup s JOIN crm.person p USING (email) GROUP BY s.email ORDER BY 2 DESC, 1 LIMIT 10")
    check_emails(email for email, _ in cursor)
    cursor.execute("SELECT p.email, array_agg(o.id ORDER BY o.id) FROM crm.person p LEFT JOIN crm.purchase o ON o.contact_email = p.email GROUP BY p.email")
    rows = cursor.fetchall()
    assert len(rows) == people() and all(len(ids) == 3 or ids == [None] for _, ids in rows), rows[:3]
    cursor.execute(psycopg2.sql.SQL("SELECT {} FROM {} WHERE id IN %s").format(
        psycopg2.sql.SQL(", ").join(map(psycopg2.sql.Identifier, ("email", "full_name"))), psycopg2.sql.Identifier("crm", "person")), ((1, 3),))
    assert len(cursor.fetchall()) == 2
    assert cursor.mogrify("SELECT %s, %s", ("it's", datetime.date(2024, 1, 2))) == b"SELECT 'it''s', '2024-01-02'::date"

# Cursors on the server.
with connection, connection.cursor("people", scrollable=True) as cursor:
    cursor.itersize = 7
    cursor.execute("SELECT id, email FROM crm.person ORDER BY id")
    assert len(list(cursor)) == people()
    cursor.scroll(0, mode="absolute")
    first = cursor.fetchmany(3)
    cursor.scroll(-3)
    assert cursor.fetchmany(3) == first and len(first) == 3
    check_emails(email for _, email in first)
with connection.cursor("held", withhold=True) as cursor:
    cursor.execute("SELECT full_name FROM crm.person")
    connection.commit()
    assert len(cursor.fetchall()) == people()
connection.commit()

# COPY both ways.
with connection, connection.cursor() as cursor:
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT id, email, full_name, dob FROM crm.person ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)", out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "id,email,full_name,dob" and len(lines) == 1 + people()
    check_emails(line.split(",")[1] for line in lines[1:])
    out = io.BytesIO()
    cursor.copy_expert("COPY crm.signup TO STDOUT", out)
    check_emails(line.split("\t")[0] for line in out.getvalue().decode().splitlines())
    cursor.execute("DROP TABLE IF EXISTS adhoc.p2; CREATE TABLE adhoc.p2 (id int PRIMARY KEY, name text, at timestamptz, tags text[], doc jsonb)")
    cursor.copy_expert("COPY adhoc.p2 (id, name) FROM STDIN WITH (FORMAT csv)", io.StringIO('1,"a,b"\n2,\n3,ü\n'))
    assert cursor.rowcount == 3
    cursor.execute("SET search_path = adhoc")
    cursor.copy_from(io.StringIO("4\tx\n5\t\\N\n"), "p2", columns=("id", "name"))
    out = io.StringIO()
    cursor.copy_to(out, "p2", columns=("id", "name"))
    assert out.getvalue() == "1\ta,b\n2\t\\N\n3\tü\n4\tx\n5\t\\N\n", out.getvalue()
    cursor.execute("RESET search_path")
try:
    with connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY adhoc.p2 (id) FROM STDIN", io.StringIO("6\nx\n"))
    raise SystemExit("bad COPY data was taken")
except psycopg2.errors.InvalidTextRepresentation as error:
    assert error.pgcode == "22P02"

# Writing: values lists, batches, RETURNING, conflicts, adapters.
with connection, connection.cursor() as cursor:
    now = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    values = [(n, f"n{n}", now, ["a", "b'"], psycopg2.extras.Json({"n": n})) for n in range(10, 30)]
    ids = psycopg2.extras.execute_values(cursor, "INSERT INTO adhoc.p2 VALUES %s RETURNING id", values, page_size=8, fetch=True)
    assert [id for (id,) in ids] == list(range(10, 30))
    psycopg2.extras.execute_values(cursor, "UPDATE adhoc.p2 SET name = data.name FROM (VALUES %s) AS data (id, name) WHERE p2.id = data.id",
                                   [(10, "ten"), (11, "eleven")])
    assert cursor.rowcount == 2
    psycopg2.extras.execute_values(cursor, "INSERT INTO adhoc.p2 (id, name) VALUES %s ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
                                   [(10, "zehn"), (100, "hundert")])
    psycopg2.extras.execute_batch(cursor, "INSERT INTO adhoc.p2 (id, name) VALUES (%s, %s)", [(n, "b") for n in range(200, 250)], page_size=20)
    cursor.executemany("UPDATE adhoc.p2 SET name = %s WHERE id = %s", [("c", 200), ("c", 201)])
    cursor.execute("DELETE FROM adhoc.p2 WHERE id >= %s RETURNING id, name", (200,))
    assert len(cursor.fetchall()) == 50
    cursor.execute("SELECT id, name, at AT TIME ZONE 'UTC', tags, doc FROM adhoc.p2 WHERE id = 12")
    assert cursor.fetchone() == (12, "n12", datetime.datetime(2024, 5, 6, 7, 8, 9), ["a", "b'"], {"n": 12})
    cursor.execute("CREATE TABLE adhoc.p2_mails AS SELECT email, count(*) AS n FROM crm.signup GROUP BY email")
    cursor.execute("SELECT count(*) FROM adhoc.p2_mails")
    assert cursor.fetchone() == (60,)
    cursor.execute("SELECT email FROM adhoc.p2_mails")
    check_emails(email for (email,) in cursor)
    cursor.execute("DROP TABLE adhoc.p2_mails")
    cursor.execute("CREATE TEMP TABLE t (x int) ON COMMIT DROP; INSERT INTO t VALUES (1), (2); SELECT sum(x) FROM t")
    assert cursor.fetchone() == (3,)
if not MASKED:
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE crm.person SET score = %s, full_name = %s WHERE id = 2 RETURNING email", (1.5, "Ana"))
        check_email(cursor.fetchone()[0])
    connection.rollback()

# Time zones.
with connection, connection.cursor() as cursor:
    cursor.execute("SET LOCAL TIME ZONE 'America/New_York'")
    cursor.execute("SELECT '2024-07-01 12:00+00'::timestamptz, 'infinity'::date::text")
    moment, _ = cursor.fetchone()
    assert moment.utcoffset() == datetime.timedelta(hours=-4), moment
with psycopg2.connect("", options="-c timezone=Asia/Tokyo -c statement_timeout=20000 -c search_path=crm", application_name="check",
                      client_encoding="utf8", keepalives=1, connect_timeout=10) as other, other.cursor() as cursor:
    cursor.execute("SELECT created, current_setting('application_name'), current_setting('statement_timeout') FROM person WHERE id = 1")
    moment, name, timeout = cursor.fetchone()
    assert moment.utcoffset() == datetime.timedelta(hours=9) and (name, timeout) == ("check", "20s")
    other.set_client_encoding("UTF8")
other.close()

# Types of the schema.
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT oid, typarray FROM pg_type WHERE typname = 'mood' AND typnamespace = 'crm'::regnamespace")
    oid, array = cursor.fetchone()
    psycopg2.extensions.register_type(psycopg2.extensions.new_type((oid,), "MOOD", lambda value, _: value and value.upper()), connection)
    psycopg2.extensions.register_type(psycopg2.extensions.new_array_type((array,), "MOODS", psycopg2.STRING), connection)
    place = psycopg2.extras.register_composite("crm.place", connection)
    psycopg2.extras.register_inet()
    cursor.execute("SELECT mood, ARRAY[mood], home, ip, device, ARRAY[device] FROM crm.person WHERE id = 1")
    mood, moods, home, ip, device, devices = cursor.fetchone()
    assert mood == "MID" and moods == ["mid"], (mood, moods)
    assert home == ("City 1", "10001") and home.city == "City 1", home
    assert isinstance(device, uuid.UUID) and devices == [device] and (device.version == 8 or not MASKED)
    cursor.execute("SELECT %s::uuid, %s::crm.mood, %s", (uuid.UUID(int=5), "low", psycopg2.extras.NumericRange(1, 5)))
    assert cursor.fetchone()[1] == "LOW"
    # hstore is not there: that is what its registration says.
    try:
        psycopg2.extras.register_hstore(connection)
        raise SystemExit("hstore was found")
    except psycopg2.ProgrammingError as error:
        assert "hstore type not found" in str(error), error

# Notices and notifications.
connection.autocommit = True
with connection.cursor() as cursor:
    del connection.notices[:]
    cursor.execute("DROP TABLE IF EXISTS adhoc.not_there")
    assert any("does not exist, skipping" in notice for notice in connection.notices), connection.notices
    cursor.execute("LISTEN jobs")
    cursor.execute("NOTIFY jobs, 'work'")
    with psycopg2.connect("") as other, other.cursor() as sender:
        sender.execute("SELECT pg_notify('jobs', %s)", ("more",))
    other.close()
    payloads = []
    while len(payloads) < 2:
        assert select.select([connection], [], [], 60)[0], payloads
        connection.poll()
        payloads += [note.payload for note in connection.notifies]
        del connection.notifies[:]
    assert payloads == ["work", "more"], payloads
    cursor.execute("UNLISTEN *")
connection.autocommit = False

# Transactions: savepoints, errors, two-phase is refused or not there.
with connection, connection.cursor() as cursor:
    cursor.execute("SAVEPOINT s")
    try:
        cursor.execute("SELECT 1 / 0")
        raise SystemExit("no error")
    except psycopg2.errors.DivisionByZero as error:
        assert error.diag.severity == "ERROR" and error.diag.message_primary == "division by zero"
    assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR
    cursor.execute("ROLLBACK TO SAVEPOINT s")
    cursor.execute("SELECT count(*) FROM crm.rate")
    assert cursor.fetchone() == (200,)
try:
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO adhoc.p2 (id) VALUES (1)")
    raise SystemExit("no error")
except psycopg2.errors.UniqueViolation as error:
    assert error.pgcode == psycopg2.errorcodes.UNIQUE_VIOLATION

# A refusal says what, and what to do; the session goes on.
if MASKED:
    for sql, word in (("SELECT upper(email) FROM crm.person", "crm.person.email"), ("INSERT INTO crm.rate VALUES ('2020-01-01', 'EUR', 1)", "crm"),
                      ("SELECT 1 FROM crm.person WHERE email LIKE 'a%%'", "crm.person.email")):
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
            raise SystemExit(f"not refused: {sql}")
        except psycopg2.errors.InsufficientPrivilege as error:
            assert word in error.diag.message_primary and error.diag.message_hint, (error.diag.message_primary, error.diag.message_hint)

# Cancel, from another thread's view.
connection.cancel()
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT 1")
connection.reset()
connection.close()

# Asynchronously, as with eventlet and gevent.
connection = psycopg2.connect("", async_=1)
psycopg2.extras.wait_select(connection)
cursor = connection.cursor()
cursor.execute("SELECT email FROM crm.signup LIMIT 3")
psycopg2.extras.wait_select(connection)
check_emails(email for (email,) in cursor.fetchall())
connection.close()

# A pool.
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 3, "")
taken = [pool.getconn() for _ in range(3)]
for one in taken:
    with one.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm.person")
        assert cursor.fetchone() == (people(),)
    pool.putconn(one)
pool.closeall()
