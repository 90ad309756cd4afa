/* libpq's pipeline mode: prints every result, so that what pgveil answers can be laid beside what Postgres does.
 * Arguments: port, database, user, password. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

static PGconn *conn;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, PQerrorMessage(conn));
    exit(1);
}

static void must(int ok, const char *what)
{
    if (!ok)
        fail(what);
}

static void notice(void *unused, const PGresult *result)
{
    (void) unused;
    printf("  notice %s: %s\n", PQresultErrorField(result, PG_DIAG_SQLSTATE), PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? text : "-";
}

/* pgveil leaves out values that could not be read. */
static const char *message(const PGresult *result)
{
    return strcmp(field(result, PG_DIAG_SQLSTATE), "22P02") == 0 ? "a value's syntax" : field(result, PG_DIAG_MESSAGE_PRIMARY);
}

static const char *transaction(void)
{
    static const char *names[] = {"idle", "active", "in transaction", "in error", "unknown"};
    return names[PQtransactionStatus(conn)];
}

static void show(PGresult *result)
{
    printf("  %s", PQresStatus(PQresultStatus(result)));
    switch (PQresultStatus(result)) {
    case PGRES_FATAL_ERROR:
        printf(" %s %s: %s, at %s", field(result, PG_DIAG_SEVERITY), field(result, PG_DIAG_SQLSTATE),
               message(result), field(result, PG_DIAG_STATEMENT_POSITION));
        break;
    case PGRES_PIPELINE_SYNC:
        printf(", %s", transaction());
        break;
    default:
        printf(" '%s' '%s'", PQcmdStatus(result), PQcmdTuples(result));
    }
    if (PQnparams(result) > 0)
        for (int i = 0; i < PQnparams(result); i++)
            printf(" $%d=%u", i + 1, PQparamtype(result, i));
    printf("\n");
    for (int c = 0; c < PQnfields(result); c++)
        printf("    column %s type %u/%d size %d format %d from %d\n", PQfname(result, c), PQftype(result, c), PQfmod(result, c),
               PQfsize(result, c), PQfformat(result, c), PQftablecol(result, c));
    for (int r = 0; r < PQntuples(result); r++) {
        printf("    row");
        for (int c = 0; c < PQnfields(result); c++) {
            if (PQgetisnull(result, r, c))
                printf(" NULL");
            else if (PQfformat(result, c) == 0)
                printf(" %s", PQgetvalue(result, r, c));
            else {
                printf(" x");
                for (int b = 0; b < PQgetlength(result, r, c); b++)
                    printf("%02x", (unsigned char) PQgetvalue(result, r, c)[b]);
            }
        }
        printf("\n");
    }
    PQclear(result);
}

/* The results of so many queries and syncs: libpq ends a query's with NULL, a sync's not. */
static void take(const char *title, int queries)
{
    printf("%s\n", title);
    for (int n = 0; n < queries; n++) {
        PGresult *result = PQgetResult(conn);
        if (result == NULL)
            fail("a result is missing");
        while (result != NULL) {
            ExecStatusType status = PQresultStatus(result);
            show(result);
            if (status == PGRES_PIPELINE_SYNC)
                break;
            result = PQgetResult(conn);
        }
    }
    fflush(stdout);
}

static void query(const char *sql)
{
    must(PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0), sql);
}

static void query1(const char *sql, const char *value, int format)
{
    must(PQsendQueryParams(conn, sql, 1, NULL, &value, NULL, NULL, format), sql);
}

static void execute(const char *name, int n, const char *const *values, int format)
{
    must(PQsendQueryPrepared(conn, name, n, values, NULL, NULL, format), name);
}

static void sync_now(void)
{
    must(PQpipelineSync(conn), "sync");
}

/* Outside of pipelines. */
static void plain(const char *sql)
{
    printf("%s\n", sql);
    show(PQexec(conn, sql));
}

static void queries(void)
{
    query("SELECT 1 AS one, NULL::text AS nothing");
    query1("SELECT $1::int + 1 AS more", "41", 0);
    query1("SELECT $1::int8 AS binary", "5000000000", 1);
    query("SELECT code, name FROM shop.countries ORDER BY code LIMIT 3");
    query("SELECT FROM shop.countries WHERE code = 'DE'");
    query("");
    query("VALUES (1, 'a'), (2, 'b')");
    sync_now();
    take("one pipeline", 8);

    for (int i = 0; i < 3; i++) {
        query("INSERT INTO adhoc.piped VALUES (default, 'first') RETURNING n, word");
        query1("UPDATE adhoc.piped SET word = $1 WHERE n = 1", "changed", 0);
        query("DELETE FROM adhoc.piped WHERE n > 2");
        sync_now();
    }
    take("three pipelines before one is read", 12);
    sync_now();
    sync_now();
    take("empty pipelines", 2);
}

static void errors(void)
{
    query("INSERT INTO adhoc.piped VALUES (100, 'lost')");
    query("SELECT 1/0");
    query("SELECT 'never'");
    query("INSERT INTO adhoc.piped VALUES (101, 'never')");
    sync_now();
    query("SELECT count(*) FROM adhoc.piped WHERE n >= 100");
    sync_now();
    take("an error when it runs: its implicit transaction is undone", 7);

    query("SELECT 'before'");
    query("SELECT nothing FROM nowhere");
    query("SELECT 'after'");
    sync_now();
    query("SELEC 1");
    query("SELECT 'after'");
    sync_now();
    query1("SELECT $1::int", "not a number", 0);
    sync_now();
    query("SELECT 'goes on'");
    sync_now();
    take("errors when they are parsed and bound", 11);

    query("INSERT INTO adhoc.piped VALUES (1, 'twice')");
    query("SELECT 'never'");
    sync_now();
    execute("unknown", 0, NULL, 0);
    query("SELECT 'never'");
    sync_now();
    take("a key twice, a statement that is none", 6);

    must(PQsendPrepare(conn, "lost", "SELECT 1", 0, NULL), "prepare");
    query("SELECT 1/0");
    must(PQsendPrepare(conn, "skipped", "SELECT 2", 0, NULL), "prepare");
    sync_now();
    execute("lost", 0, NULL, 0);
    sync_now();
    execute("skipped", 0, NULL, 0);
    sync_now();
    take("what was prepared before an error and after it", 8);
}

static void aborted(void)
{
    query("SELECT 1/0");
    query("SELECT 'aborted'");
    must(PQsendFlushRequest(conn), "flush request");
    take("an aborted pipeline, before its sync", 2);
    printf("  pipeline status %d, transaction %s\n", PQpipelineStatus(conn) == PQ_PIPELINE_ABORTED, transaction());
    query("SELECT 'still aborted'");
    must(PQsendFlushRequest(conn), "flush request");
    sync_now();
    query("SELECT 'well again'");
    sync_now();
    take("and after it", 4);
    printf("  pipeline status %d, transaction %s\n", PQpipelineStatus(conn) == PQ_PIPELINE_ON, transaction());
}

static void flushed(void)
{
    query("SELECT 'one'");
    must(PQsendFlushRequest(conn) && PQflush(conn) == 0, "flush request");
    take("flushed without a sync", 1);
    query("SELECT 'two'");
    query("SELECT 'three'");
    must(PQsendFlushRequest(conn), "flush request");
    must(PQsendFlushRequest(conn), "flush request");
    take("flushed twice", 2);
    must(PQsendFlushRequest(conn), "flush request");
    sync_now();
    take("its sync", 1);
}

static void transactions(void)
{
    query("BEGIN");
    query("INSERT INTO adhoc.piped VALUES (200, 'kept')");
    query("COMMIT");
    query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    query("INSERT INTO adhoc.piped VALUES (201, 'undone')");
    query("ROLLBACK");
    sync_now();
    query("SELECT n, word FROM adhoc.piped WHERE n >= 200 ORDER BY n");
    sync_now();
    take("two transactions in one pipeline", 9);

    query("BEGIN");
    query("SELECT 1/0");
    query("COMMIT");
    sync_now();
    query("SELECT 'in error'");
    sync_now();
    query("ROLLBACK");
    sync_now();
    take("a transaction with an error", 8);

    query("BEGIN");
    query("SAVEPOINT s");
    sync_now();
    query("SELECT 1/0");
    sync_now();
    query("ROLLBACK TO SAVEPOINT s");
    query("INSERT INTO adhoc.piped VALUES (202, 'kept')");
    query("COMMIT");
    sync_now();
    take("a savepoint", 9);

    query("INSERT INTO adhoc.piped VALUES (203, 'kept by COMMIT')");
    query("COMMIT");
    query("SELECT 1/0");
    sync_now();
    query("INSERT INTO adhoc.piped VALUES (204, 'undone')");
    query("ROLLBACK");
    sync_now();
    query("SELECT n FROM adhoc.piped WHERE n >= 200 ORDER BY n");
    sync_now();
    take("COMMIT and ROLLBACK of an implicit transaction", 9);

    query("BEGIN");
    query("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 5) g");
    query("FETCH 2 FROM c");
    query("MOVE 1 FROM c");
    query("FETCH ALL FROM c");
    query("CLOSE c");
    query("COMMIT");
    sync_now();
    take("a cursor", 8);

    query("SET extra_float_digits = 2");
    query("SHOW extra_float_digits");
    query("CREATE TABLE adhoc.made (a int)");
    query("INSERT INTO adhoc.made VALUES (7)");
    query("TABLE adhoc.made");
    query("DROP TABLE adhoc.made");
    query("DROP TABLE IF EXISTS adhoc.made");
    sync_now();
    take("a table that is made and used in one pipeline", 8);
    query("VACUUM adhoc.piped");
    sync_now();
    query("SELECT 1");
    query("VACUUM adhoc.piped");
    sync_now();
    take("VACUUM, alone and behind another", 5);
}

static void single_rows(void)
{
    query("SELECT g FROM generate_series(1, 3) g");
    query("SELECT 10 / (2 - g) FROM generate_series(1, 3) g");
    query("SELECT 'never'");
    sync_now();
    query("SELECT 'whole' FROM generate_series(1, 2)");
    query("SELECT g FROM generate_series(1, 2) g WHERE false");
    sync_now();
    printf("row by row\n");
    /* The mode is set for each query before its first result. */
    for (int n = 0; n < 7; n++) {
        if (n != 2 && n != 3 && n != 4 && n != 6)
            must(PQsetSingleRowMode(conn), "single row mode");
        take(" query", 1);
    }
}

static void prepared(void)
{
    const char *both[] = {"3", "x"}, *one[] = {"1"};
    Oid types[] = {23, 0};
    must(PQsendPrepare(conn, "s", "SELECT n, word FROM adhoc.piped WHERE n < $1 AND word <> $2 ORDER BY n", 2, types), "prepare");
    must(PQsendDescribePrepared(conn, "s"), "describe");
    execute("s", 2, both, 0);
    execute("s", 2, both, 1);
    sync_now();
    must(PQsendPrepare(conn, "i", "INSERT INTO adhoc.piped (word) VALUES ($1)", 0, NULL), "prepare");
    must(PQsendDescribePrepared(conn, "i"), "describe");
    execute("i", 1, one, 0);
    execute("i", 1, one, 0);
    sync_now();
    take("prepared, described and executed in one pipeline", 10);
    must(PQsendPrepare(conn, "s", "SELECT 1", 0, NULL), "prepare");
    sync_now();
    must(PQsendDescribePrepared(conn, "none"), "describe");
    sync_now();
    must(PQsendDescribePortal(conn, "none"), "describe");
    sync_now();
    execute("s", 1, one, 0);
    sync_now();
    take("names that are taken or unknown, and too few parameters", 8);

    query("BEGIN");
    query("DECLARE p CURSOR FOR SELECT n, word FROM adhoc.piped ORDER BY n");
    must(PQsendDescribePortal(conn, "p"), "describe");
    query("FETCH 1 FROM p");
    query("DEALLOCATE s");
    query("COMMIT");
    must(PQsendDescribePortal(conn, "p"), "describe");
    sync_now();
    take("a portal", 8);
    must(PQsendPrepare(conn, "s", "SELECT 'again'", 0, NULL), "prepare");
    execute("s", 0, NULL, 0);
    must(PQsendPrepare(conn, "", "SELECT 'unnamed'", 0, NULL), "prepare");
    execute("", 0, NULL, 0);
    execute("", 0, NULL, 0);
    query("DEALLOCATE ALL");
    sync_now();
    execute("s", 0, NULL, 0);
    sync_now();
    take("a name again, and the unnamed one", 9);
}

static void many(void)
{
    int bad = 0, count = 0;
    char number[16];
    for (int i = 0; i < 2000; i++) {
        snprintf(number, sizeof number, "%d", i);
        query1(i % 500 == 499 ? "SELECT 1 / ($1::int - $1::int)" : "SELECT $1::int, repeat('x', 500)", number, 0);
        if (i % 100 == 99)
            sync_now();
    }
    for (int i = 0; i < 2020; i++) {
        PGresult *result = PQgetResult(conn);
        if (PQresultStatus(result) == PGRES_TUPLES_OK)
            count += atoi(PQgetvalue(result, 0, 0)) % 7;
        else if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
            bad++;
        int ends = PQresultStatus(result) != PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (ends && (result = PQgetResult(conn)) != NULL)
            fail("one result too many");
    }
    printf("two thousand queries: sum %d, %d errors, %s\n", count, bad, transaction());
}

/* A request to cancel, sent while the pipeline's first query runs. */
static void cancelled(void)
{
    char error[256];
    query("SELECT pg_sleep(300)");
    query("SELECT 'aborted'");
    sync_now();
    query("SELECT 'goes on'");
    sync_now();
    must(PQflush(conn) == 0, "flush");
    struct timeval half = {0, 500000};
    PGcancel *cancel = PQgetCancel(conn);
    /* One that comes before the query runs does nothing: ask until there is an answer. */
    int asked = 0;
    while (PQconsumeInput(conn) && PQisBusy(conn)) {
        struct timeval wait = half;
        select(0, NULL, NULL, NULL, &wait);
        if (PQconsumeInput(conn) && PQisBusy(conn))
            must(PQcancel(cancel, error, sizeof error), error);
        if (++asked > 100)
            fail("it is not cancelled");
    }
    PQfreeCancel(cancel);
    take("cancelled", 5);
}

static void left_early(void)
{
    query("SELECT 'unread'");
    printf("leaves while busy: %d\n", PQexitPipelineMode(conn));
    sync_now();
    take("read", 2);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    const char *keywords[] = {"host", "port", "dbname", "user", "password", "sslmode", "client_encoding", NULL};
    const char *values[] = {"127.0.0.1", argv[1], argv[2], argv[3], argv[4], "disable", "UTF8", NULL};
    conn = PQconnectdbParams(keywords, values, 0);
    must(PQstatus(conn) == CONNECTION_OK, "connect");
    PQsetNoticeReceiver(conn, notice, NULL);
    plain("CREATE TABLE adhoc.piped (n int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, word text)");
    must(PQenterPipelineMode(conn), "pipeline mode");
    queries();
    errors();
    aborted();
    flushed();
    transactions();
    single_rows();
    prepared();
    many();
    left_early();
    cancelled();
    must(PQexitPipelineMode(conn), "exit");
    plain("TABLE adhoc.piped ORDER BY n");
    plain("SELECT 'simple again'; SELECT 1/0");
    must(PQenterPipelineMode(conn), "pipeline mode");
    query("SELECT 'and back'");
    sync_now();
    take("pipeline again", 2);
    must(PQexitPipelineMode(conn), "exit");
    plain("DROP TABLE adhoc.piped");
    PQfinish(conn);
    return 0;
}
