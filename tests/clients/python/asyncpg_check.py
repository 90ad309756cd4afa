"""What users of asyncpg do: everything is prepared, and in binary."""

import asyncio
import datetime
import decimal
import io
import ipaddress
import json
import uuid

import asyncpg

from common import MASKED, ROLE, check_email, check_emails, check_person, people


async def types(connection):
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    rows = await connection.fetch("SELECT * FROM crm.person WHERE country = ANY($1) ORDER BY id", ["DE", "AT", "FR"])
    assert len(rows) == people()
    for row in rows:
        check_person(row)
    one = rows[0]
    assert isinstance(one["dob"], datetime.date) and isinstance(one["salary"], decimal.Decimal) and isinstance(one["device"], uuid.UUID)
    assert isinstance(one["ip"], (ipaddress.IPv4Interface, ipaddress.IPv4Network, ipaddress.IPv4Address)), type(one["ip"])
    assert one["home"]["city"] == "City 1" and one["marks"] == [1, None, -1] and one["mood"] == "mid"
    assert isinstance(one["employed"], asyncpg.Range) and one["created"].tzinfo and one["tags"] == ["t1", "all"]
    await connection.set_type_codec("mood", schema="crm", encoder=str.lower, decoder=str.upper)
    await connection.set_type_codec("place", schema="crm", encoder=lambda v: v, decoder=lambda v: tuple(v), format="tuple")
    row = await connection.fetchrow("SELECT mood, ARRAY[mood] AS moods, home, $1::crm.mood AS given, $2::crm.place AS there FROM crm.person WHERE id = 1", "LOW", ("Ulm", "8"))
    assert tuple(row) == ("MID", ["MID"], ("City 1", "10001"), "LOW", ("Ulm", "8")), row
    await connection.reset_type_codec("mood", schema="crm")
    await connection.reset_type_codec("place", schema="crm")
    emails, devices = await connection.fetchrow("SELECT array_agg(email ORDER BY id), array_agg(device) FROM crm.person")
    check_emails(emails)
    assert len(devices) == people() and all(isinstance(d, uuid.UUID) for d in devices)
    row = await connection.fetchrow(
        "SELECT $1::int8 a, $2::float8 b, $3::numeric c, $4::date d, $5::timestamptz e, $6::interval f, $7::uuid g, $8::bytea h, $9::text[] i, "
        "$10::jsonb j, $11::inet k, $12::int4range l, $13::time m, $14::bool n, $15::point o, $16::crm.percent p, $17::bit varying q",
        2**40, 1.5, decimal.Decimal("1.20"), datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
        datetime.timedelta(days=2, hours=3), uuid.UUID(int=7), b"\x00\xff", ["a", None, "b,"], {"x": [1]}, ipaddress.ip_address("10.0.0.1"),
        asyncpg.Range(1, 5), datetime.time(1, 2, 3), True, asyncpg.Point(1, 2), 40, asyncpg.BitString("101"))
    assert row["f"] == datetime.timedelta(days=2, hours=3) and row["h"] == b"\x00\xff" and row["i"] == ["a", None, "b,"] and row["j"] == {"x": [1]}
    # A row, nested, and a record of a subquery.
    assert await connection.fetchval("SELECT ROW(id, country) FROM crm.person WHERE id = 1") == (1, one["country"])
    assert (await connection.fetchval("SELECT c FROM crm.company c WHERE id = 1"))["name"] == "Company 1"


async def statements(connection):
    statement = await connection.prepare("SELECT id, email FROM crm.person WHERE id > $1 AND mood = $2 ORDER BY id")
    assert [p.name for p in statement.get_parameters()] == ["int4", "mood"]
    assert [(a.name, a.type.name) for a in statement.get_attributes()] == [("id", "int4"), ("email", "text")]
    check_emails(row["email"] for row in await statement.fetch(0, "mid"))
    check_email((await statement.fetchrow(0, "mid"))["email"])
    check_email(await statement.fetchval(0, "mid", column=1))
    assert isinstance(await statement.explain(0, "mid"), list)
    async with connection.transaction():
        rows = [row async for row in statement.cursor(0, "low", prefetch=5)]
        assert len(rows) > 20
        cursor = await connection.cursor("SELECT email FROM crm.person ORDER BY id")
        check_emails(row[0] for row in await cursor.fetch(5))
        assert await cursor.forward(3) == 3
        check_emails(row[0] for row in await cursor.fetch(5))
    for _ in range(6):
        assert len(await connection.fetch("SELECT email FROM crm.signup WHERE source = $1", "web")) > 0
    if hasattr(connection, "fetchmany"):
        rows = await connection.fetchmany("SELECT email FROM crm.person WHERE id = $1", [(1,), (3,), (6,)])
        check_emails(row[0] for row in rows)
    # The cache, when the schema changes under it.
    await connection.execute("DROP TABLE IF EXISTS adhoc.ap_t; CREATE TABLE adhoc.ap_t (a int)")
    await connection.execute("INSERT INTO adhoc.ap_t VALUES (1)")
    assert tuple(await connection.fetchrow("SELECT * FROM adhoc.ap_t")) == (1,)
    await connection.execute("ALTER TABLE adhoc.ap_t ADD b text DEFAULT 'x'")
    assert tuple(await connection.fetchrow("SELECT * FROM adhoc.ap_t")) == (1, "x")
    # Enum and composite types made in this session.
    await connection.execute("DROP TYPE IF EXISTS adhoc.ap_pair; CREATE TYPE adhoc.ap_pair AS (a int, b text)")
    assert await connection.fetchval("SELECT ROW(1, 'x')::adhoc.ap_pair") == (1, "x")
    await connection.execute("DROP TYPE adhoc.ap_pair; DROP TABLE adhoc.ap_t")


async def copy(connection):
    await connection.set_type_codec("jsonb", schema="pg_catalog", format="binary", encoder=lambda v: b"\x01" + json.dumps(v).encode(),
                                    decoder=lambda v: json.loads(v[1:]))
    out = io.BytesIO()
    await connection.copy_from_query("SELECT id, email, full_name FROM crm.person WHERE id > $1 ORDER BY id", 3, output=out, format="csv", header=True)
    lines = out.getvalue().decode().splitlines()
    assert lines[0] == "id,email,full_name" and len(lines) == people() - (2 if MASKED else 3) + 1, len(lines)
    check_emails(line.split(",")[1] for line in lines[1:])
    out = io.BytesIO()
    assert await connection.copy_from_table("signup", schema_name="crm", columns=["email", "source"], output=out, format="binary") == "COPY 60"
    assert out.getvalue().startswith(b"PGCOPY")
    await connection.execute("DROP TABLE IF EXISTS adhoc.ap; CREATE TABLE adhoc.ap (id int PRIMARY KEY, name text, at timestamptz, tags text[], doc jsonb, mood crm.mood, n numeric)")
    now = datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)
    records = [(n, f"n{n}", now, ["a", "b"], {"n": n}, None, decimal.Decimal(n)) for n in range(500)]
    assert await connection.copy_records_to_table("ap", schema_name="adhoc", records=records) == "COPY 500"

    async def more():
        for n in range(500, 520):
            yield (n, None, now)

    assert await connection.copy_records_to_table("ap", schema_name="adhoc", columns=["id", "name", "at"], records=more()) == "COPY 20"
    assert await connection.copy_to_table("ap", schema_name="adhoc", columns=["id", "name"], source=io.BytesIO(b"600,x\n601,\n"), format="csv") == "COPY 2"
    try:
        await connection.copy_records_to_table("ap", schema_name="adhoc", columns=["id"], records=[(1,)])
        raise SystemExit("no error")
    except asyncpg.UniqueViolationError:
        pass
    assert await connection.fetchval("SELECT count(*) FROM adhoc.ap") == 522


async def write(connection):
    await connection.executemany("INSERT INTO adhoc.ap (id, name, mood) VALUES ($1, $2, $3)", [(n, "m", "low") for n in range(1000, 1100)])
    rows = await connection.fetch("UPDATE adhoc.ap SET name = $2 WHERE id >= $1 RETURNING id, name, mood", 1090, "z")
    assert len(rows) == 10 and rows[0]["mood"] == "low"
    assert await connection.execute("DELETE FROM adhoc.ap WHERE id >= $1", 1000) == "DELETE 100"
    name = await connection.fetchval("INSERT INTO adhoc.ap (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name || $3 RETURNING name", 1, "a", "!")
    assert name == "a!"
    assert await connection.execute("INSERT INTO adhoc.ap (id, name) SELECT x, y FROM unnest($1::int[], $2::text[]) AS t (x, y)", [2000, 2001], ["a", "b"]) == "INSERT 0 2"
    await connection.execute("CREATE TABLE adhoc.ap_mails AS SELECT email, source FROM crm.signup")
    check_emails(row[0] for row in await connection.fetch("SELECT email FROM adhoc.ap_mails"))
    await connection.execute("DROP TABLE adhoc.ap_mails")
    if not MASKED:
        transaction = connection.transaction()
        await transaction.start()
        id = await connection.fetchval("INSERT INTO crm.person (company_id, email, country) VALUES ($1, $2, 'DE') RETURNING id", 1, "a@b")
        await connection.executemany("INSERT INTO crm.person_skill VALUES ($1, $2, $3)", [(id, "sql", 1), (id, "rs", 2)])
        await transaction.rollback()


async def transactions(connection):
    async with connection.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await connection.fetchval("SHOW transaction_isolation") == "serializable"
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.execute("INSERT INTO adhoc.ap (id) VALUES (1)")
        except asyncpg.UniqueViolationError as error:
            assert error.sqlstate == "23505"
        assert await connection.fetchval("SELECT 1") == 1
    try:
        await connection.fetch("SELECT nothing FROM crm.person")
        raise SystemExit("no error")
    except asyncpg.UndefinedColumnError as error:
        assert error.position == "8", error.position
    if MASKED:
        for call in (connection.execute, connection.fetch, connection.prepare):
            try:
                await call("SELECT upper(email) FROM crm.person")
                raise SystemExit("not refused")
            except asyncpg.InsufficientPrivilegeError as error:
                assert "crm.person.email" in error.message and error.hint, error
    try:
        await connection.fetch("SELECT pg_sleep(60)", timeout=0.5)
        raise SystemExit("not cancelled")
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("SELECT 2") == 2


async def listen(connection):
    heard = asyncio.Queue()
    log = []
    await connection.add_listener("jobs", lambda _, pid, channel, payload: heard.put_nowait((channel, payload)))
    connection.add_log_listener(lambda _, message: log.append(message))
    other = await asyncpg.connect()
    await other.execute("SELECT pg_notify('jobs', 'one')")
    await connection.execute("NOTIFY jobs, 'two'")
    assert sorted([await asyncio.wait_for(heard.get(), 60) for _ in range(2)]) == [("jobs", "one"), ("jobs", "two")]
    await other.close()
    await connection.execute("DROP TABLE IF EXISTS adhoc.not_there")
    await asyncio.sleep(0)
    assert log and "skipping" in log[0].message, log
    await connection.reset()


async def main():
    connection = await asyncpg.connect()
    assert connection.get_server_version().major >= 13 and connection.get_settings().server_encoding == "UTF8"
    assert await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
    for part in (types, statements, copy, write, transactions, listen):
        await part(connection)
    await connection.close()

    async def init(connection):
        await connection.set_type_codec("json", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)

    async with asyncpg.create_pool(min_size=2, max_size=4, init=init, server_settings={"application_name": "check", "search_path": "crm", "jit": "off"},
                                   command_timeout=60) as pool:
        async def one(n):
            async with pool.acquire() as connection:
                check_emails(row[0] for row in await connection.fetch("SELECT email FROM person WHERE id > $1", n))
                async with connection.transaction():
                    await connection.execute("SET LOCAL statement_timeout = '30s'")
                    await connection.execute("SET timezone = 'Asia/Tokyo'")
        await asyncio.gather(*[one(n) for n in range(12)])
        assert await pool.fetchval("SELECT current_setting('application_name')") == "check"
        await pool.execute("DROP TABLE adhoc.ap")
    plain = await asyncpg.connect(statement_cache_size=0)
    for _ in range(3):
        check_emails(row[0] for row in await plain.fetch("SELECT email FROM crm.person WHERE id < $1", 10))
    await plain.close()


asyncio.run(main())
