"""What C programs do with libpq, by its own functions: also those that later versions have brought, where this one has them.

Prints what was found out, a name and a value on each line.
"""

import ctypes
import sys
import threading
import time

library, target = sys.argv[1:]
pq = ctypes.CDLL(library)
text = ctypes.c_char_p
for name in "PQerrorMessage PQgetvalue PQresultErrorField PQsslAttribute PQresultErrorMessage PQcancelErrorMessage PQcmdStatus".split():
    if hasattr(pq, name):
        getattr(pq, name).restype = text
for name in "PQconnectdb PQexec PQexecParams PQprepare PQexecPrepared PQgetResult PQgetCancel PQcancelCreate PQclosePrepared PQdescribePrepared PQchangePassword".split():
    if hasattr(pq, name):
        getattr(pq, name).restype = ctypes.c_void_p

TUPLES, SINGLE, SYNC, ABORTED, CHUNK = 2, 9, 10, 11, 12
FAILED = 7
version = pq.PQlibVersion() // 10000
print("version", version)

keywords = ["channel_binding=require"]
if version >= 16:
    keywords.append("require_auth=scram-sha-256")
if version >= 17:
    keywords.append("sslnegotiation=direct")
if version >= 18:
    keywords.append("min_protocol_version=3.2 max_protocol_version=latest")
raw = pq.PQconnectdb(f"{target} {' '.join(keywords)}".encode())
connection = ctypes.c_void_p(raw)
assert pq.PQstatus(connection) == 0, pq.PQerrorMessage(connection)
print("tls", pq.PQsslInUse(connection))
if version >= 17:
    print("alpn", pq.PQsslAttribute(connection, b"alpn").decode())
print("protocol", pq.PQfullProtocolVersion(connection) if version >= 18 else pq.PQprotocolVersion(connection) * 10000)


def table(result):
    result = ctypes.c_void_p(result)
    rows = [
        tuple(None if pq.PQgetisnull(result, row, column) else ctypes.string_at(pq.PQgetvalue(result, row, column), pq.PQgetlength(result, row, column)) for column in range(pq.PQnfields(result)))
        for row in range(pq.PQntuples(result))
    ]
    status, code = pq.PQresultStatus(result), pq.PQresultErrorField(result, ord("C"))
    pq.PQclear(result)
    return status, code and code.decode(), rows


def values(*arguments):
    return (text * max(len(arguments), 1))(*[str(argument).encode() for argument in arguments])


def ask(sql, *arguments, binary=0):
    return table(pq.PQexecParams(connection, sql.encode(), len(arguments), None, values(*arguments), None, None, binary))


def results():
    while result := pq.PQgetResult(connection):
        yield table(result)


QUERY = "SELECT id, email, full_name FROM shop.customers WHERE id <= $1 ORDER BY id"
status, _, rows = ask(QUERY, 40)
assert status == TUPLES and len(rows) == 20, (status, rows)
for _, email, name in rows:
    assert name == b"[name]" and (email is None or email.startswith(b"u_") and len(email) == 34), (email, name)
_, _, binary = ask(QUERY, 40, binary=1)
assert [row[1:] for row in binary] == [row[1:] for row in rows]
print("rows", len(rows))

# A prepared statement; Close, which no function sent before version 17.
assert table(pq.PQprepare(connection, b"mails", QUERY.encode(), 0, None))[0] == 1
assert table(pq.PQexecPrepared(connection, b"mails", 1, values(40), None, None, 0))[2] == rows
if version >= 17:
    assert table(pq.PQclosePrepared(connection, b"mails"))[0] == 1
    assert table(pq.PQexecPrepared(connection, b"mails", 1, values(40), None, None, 0))[1] == "26000"
    print("closed", 1)

# A pipeline, with a refusal in the middle.
assert pq.PQenterPipelineMode(connection)
sync = pq.PQsendPipelineSync if version >= 17 else pq.PQpipelineSync
for sql in (QUERY, "SELECT upper(email) FROM shop.customers WHERE id <= $1", QUERY):
    assert pq.PQsendQueryParams(connection, sql.encode(), 1, None, values(40), None, None, 0)
assert sync(connection)
assert pq.PQsendQueryParams(connection, QUERY.encode(), 1, None, values(40), None, None, 0)
assert pq.PQpipelineSync(connection)
seen = []
while len(seen) < 6:
    result = pq.PQgetResult(connection)
    if result:
        seen.append(table(result))
assert [status for status, _, _ in seen] == [TUPLES, FAILED, ABORTED, SYNC, TUPLES, SYNC], seen
assert seen[0][2] == seen[4][2] == rows and seen[1][1] == "42501", seen
while pq.PQgetResult(connection):
    pass
assert pq.PQexitPipelineMode(connection), pq.PQerrorMessage(connection)
print("pipeline", len(seen))

# Row by row, and in chunks.
assert pq.PQsendQueryParams(connection, QUERY.encode(), 1, None, values(40), None, None, 0) and pq.PQsetSingleRowMode(connection)
singly = [row for status, _, some in results() for row in some]
assert singly == rows
if version >= 17:
    assert pq.PQsendQueryParams(connection, QUERY.encode(), 1, None, values(40), None, None, 0) and pq.PQsetChunkedRowsMode(connection, 7)
    chunks = [some for status, _, some in results() if status == CHUNK]
    assert [row for some in chunks for row in some] == rows and len(chunks[0]) == 7, chunks
    print("chunks", len(chunks))

# Cancelling: with a key of four bytes, or of protocol 3.2; over TLS from version 17 on.
assert ask("SET statement_timeout = 0")[0] == 1


def cancel():
    time.sleep(1)
    if version >= 17:
        request = ctypes.c_void_p(pq.PQcancelCreate(connection))
        assert pq.PQcancelBlocking(request), pq.PQcancelErrorMessage(request)
        print("cancelled over TLS", 1)
        pq.PQcancelFinish(request)
    else:
        error = ctypes.create_string_buffer(256)
        request = ctypes.c_void_p(pq.PQgetCancel(connection))
        assert pq.PQcancel(request, error, 256), error.value
        pq.PQfreeCancel(request)


waiting = threading.Thread(target=cancel)
waiting.start()
status, code, _ = ask("SELECT count(*) FROM generate_series(1, 2000000000)")
waiting.join()
print("cancelled", code)

# ALTER USER is the database's affair, not an analyst's.
if version >= 17:
    print("password", table(pq.PQchangePassword(connection, b"pgveil", b"mine"))[1])
pq.PQfinish(connection)
