import java.io.*;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/**
 * What programs do with pgjdbc. Usage: Jdbc PORT DATABASE USER PASSWORD ROLE CA. Prints what must be the same without pgveil; what
 * fails goes to standard error, and the exit status tells.
 */
public class Jdbc {
    static String port, database, user, password, role, ca;
    static int failed = 0;

    interface Act { void run(Connection c) throws Exception; }

    static Connection open(String options) throws Exception {
        Properties p = new Properties();
        p.setProperty("user", user);
        p.setProperty("password", password);
        String url = "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?" + (options.contains("ssl") ? "" : "sslmode=disable&") + options;
        return DriverManager.getConnection(url, p);
    }

    static void part(String name, String options, Act act) {
        try (Connection c = open(options)) {
            act.run(c);
        } catch (Throwable e) {
            failed++;
            System.err.println("FAILED " + name + " [" + options + "]: " + e);
            if (e instanceof SQLException && ((SQLException) e).getNextException() != null) System.err.println("  next: " + ((SQLException) e).getNextException());
            for (StackTraceElement at : e.getStackTrace()) if (at.getClassName().startsWith("Jdbc")) System.err.println("    " + at);
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static void same(String what, Object value) {
        System.out.println(what + ": " + value);
    }

    /** All rows of a result set, sorted: told apart from what pgveil hides by the columns left out. */
    static void print(String what, ResultSet rs, String... without) throws SQLException {
        ResultSetMetaData m = rs.getMetaData();
        List<String> rows = new ArrayList<>();
        List<String> skip = Arrays.asList(without);
        while (rs.next()) {
            StringBuilder row = new StringBuilder();
            for (int n = 1; n <= m.getColumnCount(); n++) if (!skip.contains(m.getColumnLabel(n))) row.append(m.getColumnLabel(n)).append('=').append(rs.getString(n)).append(' ');
            rows.add(row.toString());
        }
        // Of types with one number none is the first.
        if (what.equals("getTypeInfo")) Collections.sort(rows);
        for (String row : rows) same(what, row);
        same(what + " rows", rows.size());
    }

    static boolean masked() {
        return role.equals("analyst");
    }

    static void mail(String value) {
        if (masked() && value != null) check(value.startsWith("u_") && value.length() == 34, "not a pseudonym: " + value.length());
    }

    static String fails(SqlAct act) throws Exception {
        try {
            act.run();
        } catch (SQLException e) {
            return e.getSQLState();
        }
        throw new AssertionError("should have failed");
    }

    interface SqlAct { void run() throws Exception; }

    public static void main(String[] args) throws Exception {
        port = args[0]; database = args[1]; user = args[2]; password = args[3]; role = args[4]; ca = args[5];
        for (String mode : List.of("extended", "simple", "extendedForPrepared", "extendedCacheEverything")) {
            String o = "preferQueryMode=" + mode;
            part("metadata", o, Jdbc::metadata);
            part("masks", o, Jdbc::masks);
            if (!mode.equals("simple")) part("types", o, Jdbc::types);
            part("writes", o + "&reWriteBatchedInserts=true", Jdbc::writes);
            part("writes", o + "&autosave=always", Jdbc::writes);
            part("transactions", o, Jdbc::transactions);
            part("cursors", o, Jdbc::cursors);
            part("updatable", o, Jdbc::updatable);
            part("temporary", o, Jdbc::temporary);
        }
        for (String o : List.of("prepareThreshold=1", "prepareThreshold=-1", "prepareThreshold=0", "binaryTransfer=false", "prepareThreshold=1&autosave=conservative",
                "defaultRowFetchSize=3", "adaptiveFetch=true&defaultRowFetchSize=2&maxResultBuffer=100k", "stringtype=unspecified", "assumeMinServerVersion=12&ApplicationName=report",
                "disableColumnSanitiser=true&databaseMetadataCacheFields=0", "preparedStatementCacheQueries=0", "cleanupSavepoints=true&autosave=always", "logUnclosedConnections=true&tcpKeepAlive=true&socketTimeout=60&connectTimeout=20&loginTimeout=20")) {
            part("masks", o, Jdbc::masks);
            part("types", o, Jdbc::types);
            part("writes", o, Jdbc::writes);
            // The driver itself loses a savepoint of the client's there.
            if (!o.contains("cleanupSavepoints")) part("transactions", o, Jdbc::transactions);
            part("cursors", o, Jdbc::cursors);
        }
        part("copy", "", Jdbc::copy);
        part("notifications", "", Jdbc::notifications);
        part("timeouts", "", Jdbc::timeouts);
        part("calls", "", Jdbc::calls);
        part("calls", "escapeSyntaxCallMode=callIfNoReturn", Jdbc::calls);
        part("read only", "readOnly=true", c -> {
            check(c.isReadOnly(), "read only");
            c.setAutoCommit(false);
            same("read only", fails(() -> c.createStatement().executeUpdate("INSERT INTO adhoc.text VALUES (1)")));
            c.rollback();
        });
        part("read only always", "readOnly=true&readOnlyMode=always", Jdbc::simplest);
        part("primary", "targetServerType=primary&loadBalanceHosts=true", Jdbc::simplest);
        part("primary", "targetServerType=preferSecondary&hostRecheckSeconds=1", Jdbc::simplest);
        part("schema", "currentSchema=adhoc,shop", c -> {
            same("schema", c.getSchema());
            try (ResultSet rs = c.createStatement().executeQuery("SELECT full_name FROM customers WHERE id = 2")) {
                rs.next();
                same("schema's customers", rs.getString(1));
            }
            c.setSchema("shop");
            same("schema", c.getSchema());
            try (ResultSet rs = c.createStatement().executeQuery("SELECT full_name FROM customers WHERE id = 2")) {
                rs.next();
                check(!masked() || rs.getString(1).equals("[name]"), "the other schema's");
            }
        });
        part("options", "options=-c%20statement_timeout=5min%20-c%20search_path=shop", c -> {
            try (ResultSet rs = c.createStatement().executeQuery("SHOW statement_timeout")) {
                rs.next();
                same("timeout", rs.getString(1));
            }
        });
        part("application", "ApplicationName=my%20report", c -> {
            same("application", c.getClientInfo("ApplicationName"));
            c.setClientInfo("ApplicationName", "another");
            try (ResultSet rs = c.createStatement().executeQuery("SHOW application_name")) { rs.next(); same("application", rs.getString(1)); }
        });
        if (!role.equals("direct")) {
            for (String ssl : List.of("sslmode=verify-full&sslrootcert=" + ca, "ssl=true&sslrootcert=" + ca, "sslmode=require", "sslmode=prefer", "sslmode=allow&channelBinding=prefer")) part("tls", ssl, Jdbc::simplest);
        }
        System.err.println(failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void simplest(Connection c) throws Exception {
        try (ResultSet rs = c.createStatement().executeQuery("SELECT 1")) {
            check(rs.next() && rs.getInt(1) == 1, "1");
        }
        check(c.isValid(5), "valid");
    }

    static void metadata(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        print("getTables", m.getTables(null, "shop", "%", null));
        print("getTables", m.getTables(null, null, "cust%", new String[] {"TABLE", "VIEW", "MATERIALIZED VIEW", "PARTITIONED TABLE", "FOREIGN TABLE", "INDEX", "SEQUENCE", "TYPE", "SYSTEM TABLE", "TEMPORARY TABLE"}));
        print("getColumns", m.getColumns(null, "shop", "%", "%"));
        print("getColumns", m.getColumns(null, "pg_catalog", "pg_class", null));
        print("getPrimaryKeys", m.getPrimaryKeys(null, "shop", "orders"));
        print("getPrimaryKeys", m.getPrimaryKeys(null, null, "customers"));
        print("getImportedKeys", m.getImportedKeys(null, "shop", "orders"));
        print("getExportedKeys", m.getExportedKeys(null, "shop", "customers"));
        print("getCrossReference", m.getCrossReference(null, "shop", "customers", null, "shop", "orders"));
        // Sizes and counts of rows are withheld.
        print("getIndexInfo", m.getIndexInfo(null, "shop", "customers", false, true), "CARDINALITY", "PAGES");
        print("getIndexInfo", m.getIndexInfo(null, "shop", "profiles", true, false), "CARDINALITY", "PAGES");
        print("getTypeInfo", m.getTypeInfo());
        print("getProcedures", m.getProcedures(null, "shop", "%"));
        print("getProcedureColumns", m.getProcedureColumns(null, "shop", "%", "%"));
        print("getFunctions", m.getFunctions(null, "shop", "%"));
        print("getFunctionColumns", m.getFunctionColumns(null, "pg_catalog", "lower", "%"));
        print("getSchemas", m.getSchemas(null, "sh%"));
        same("catalogs", m.getCatalogs().next());
        print("getTableTypes", m.getTableTypes());
        print("getBestRowIdentifier", m.getBestRowIdentifier(null, "shop", "customers", DatabaseMetaData.bestRowSession, true));
        print("getVersionColumns", m.getVersionColumns(null, "shop", "customers"));
        print("getTablePrivileges", m.getTablePrivileges(null, "shop", "products"));
        print("getColumnPrivileges", m.getColumnPrivileges(null, "shop", "products", "%"));
        print("getUDTs", m.getUDTs(null, "shop", "%", null));
        print("getClientInfoProperties", m.getClientInfoProperties(), "DEFAULT_VALUE");
        same("product", m.getDatabaseProductName() + m.getDatabaseProductVersion());
        same("keywords", m.getSQLKeywords());
        same("limits", m.getMaxColumnNameLength() + " " + m.getMaxColumnsInIndex() + " " + m.getDefaultTransactionIsolation() + " " + m.getMaxConnections());
        same("transactions", c.getTransactionIsolation() + " " + c.isReadOnly() + " " + c.getCatalog() + " " + c.getHoldability());

        // The driver knows no parameters' types in simple mode.
        if (c.unwrap(PGConnection.class).getPreferQueryMode() == org.postgresql.jdbc.PreferQueryMode.SIMPLE) return;
        try (PreparedStatement s = c.prepareStatement("SELECT id, full_name AS name, email, salary, dob, mood, id + 1 AS next FROM shop.customers WHERE id = ?")) {
            ParameterMetaData p = s.getParameterMetaData();
            same("parameter", p.getParameterCount() + " " + p.getParameterTypeName(1) + " " + p.getParameterClassName(1));
            columns(s.getMetaData());
            s.setInt(1, 2);
            columns(s.executeQuery().getMetaData());
        }
    }

    static void columns(ResultSetMetaData m) throws SQLException {
        for (int n = 1; n <= m.getColumnCount(); n++) {
            same("column", m.getColumnName(n) + " " + m.getColumnLabel(n) + " " + m.getColumnTypeName(n) + " " + m.getColumnType(n) + " " + m.getPrecision(n) + " " + m.getScale(n) + " "
                + m.getColumnDisplaySize(n) + " " + m.getTableName(n) + " " + m.getSchemaName(n) + " " + ((org.postgresql.PGResultSetMetaData) m).getBaseTableName(n) + " "
                + ((org.postgresql.PGResultSetMetaData) m).getBaseColumnName(n) + " " + m.isNullable(n) + " " + m.isAutoIncrement(n) + " " + m.isSearchable(n) + " " + m.isReadOnly(n));
        }
    }

    static void masks(Connection c) throws Exception {
        String joined = "SELECT c.id, c.email, c.full_name, c.ssn, c.dob, c.salary, p.email FROM shop.customers c LEFT JOIN shop.profiles p ON p.email = c.email WHERE c.id <= ? ORDER BY c.id";
        for (int round = 0; round < 7; round++) {
            try (PreparedStatement s = c.prepareStatement(joined)) {
                s.setInt(1, 60);
                int rows = 0;
                try (ResultSet rs = s.executeQuery()) {
                    while (rs.next()) {
                        rows++;
                        mail(rs.getString(2));
                        mail(rs.getString(7));
                        check(rs.getString(7) == null || rs.getString(7).equals(rs.getString(2)), "pseudonyms join");
                        if (masked()) {
                            check(rs.getString(3).equals("[name]") && rs.getString(4) == null, "name, ssn");
                            java.sql.Date dob = rs.getDate(5);
                            check(dob == null || dob.toString().endsWith("-01-01"), "dob " + dob);
                            check(rs.getBigDecimal(6) == null || rs.getBigDecimal(6).remainder(new java.math.BigDecimal(10000)).signum() == 0, "salary");
                        } else if (role.equals("engineer")) check(rs.getString(4) == null, "ssn");
                    }
                }
                check(rows > 10, "rows " + rows);
            }
        }
        try (PreparedStatement s = c.prepareStatement("SELECT email, count(*) FROM shop.leads WHERE email IN (SELECT email FROM shop.leads WHERE score > ?) GROUP BY email ORDER BY 2 DESC, 1 LIMIT ?")) {
            for (int limit = 1; limit < 8; limit++) {
                s.setInt(1, 0);
                s.setInt(2, limit);
                try (ResultSet rs = s.executeQuery()) {
                    while (rs.next()) mail(rs.getString(1));
                }
            }
        }
        if (masked()) {
            try (PreparedStatement s = c.prepareStatement("SELECT id FROM shop.customers WHERE email LIKE ?")) {
                s.setString(1, "a%");
                check("42501".equals(fails(s::executeQuery)), "refused");
            }
            simplest(c);
        }
    }

    static void types(Connection c) throws Exception {
        for (int round = 0; round < 7; round++) {
            try (PreparedStatement s = c.prepareStatement("SELECT ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric, ?::bool, ?::text, ?::bytea, ?::date, ?::time, ?::timestamp, ?::timestamptz, ?::uuid, ?::jsonb, ?::int[], ?::text[], ?::shop.mood, ?::interval, ?::inet, ?::xml, ?::money")) {
                s.setShort(1, (short) -3); s.setInt(2, round); s.setLong(3, 1L << 40); s.setFloat(4, 1.5f); s.setDouble(5, Math.PI); s.setBigDecimal(6, new java.math.BigDecimal("12345678901234567890.123"));
                s.setBoolean(7, true); s.setString(8, "ä'\\\n€"); s.setBytes(9, new byte[] {0, 1, (byte) 255}); s.setDate(10, java.sql.Date.valueOf("2024-02-29")); s.setTime(11, Time.valueOf("23:59:58"));
                s.setTimestamp(12, Timestamp.valueOf("2024-02-29 12:34:56.789012")); s.setObject(13, java.time.OffsetDateTime.parse("2024-02-29T12:34:56Z")); s.setObject(14, UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"));
                org.postgresql.util.PGobject json = new org.postgresql.util.PGobject(); json.setType("jsonb"); json.setValue("{\"a\": [1, null]}");
                s.setObject(15, json); s.setArray(16, c.createArrayOf("int4", new Object[] {1, null, 3})); s.setArray(17, c.createArrayOf("text", new Object[] {"a", "b,\"c", null}));
                s.setObject(18, "mid", Types.OTHER); s.setObject(19, new org.postgresql.util.PGInterval("1 day 02:03:04")); s.setObject(20, "10.0.0.1/8", Types.OTHER); s.setNull(21, Types.SQLXML); s.setObject(22, "3.50", Types.OTHER);
                try (ResultSet rs = s.executeQuery()) {
                    rs.next();
                    StringBuilder row = new StringBuilder();
                    for (int n = 1; n <= rs.getMetaData().getColumnCount(); n++) {
                        Object o = rs.getObject(n);
                        row.append(o instanceof byte[] ? Arrays.toString((byte[]) o) : o).append(" | ");
                    }
                    if (round == 0 || round == 6) same("types", row);
                    same("array", Arrays.toString((Object[]) rs.getArray(16).getArray()) + Arrays.toString((Object[]) rs.getArray(17).getArray()));
                }
            }
            try (ResultSet rs = c.createStatement().executeQuery("SELECT array_agg(email), array_agg(device) FROM shop.leads")) {
                rs.next();
                for (Object one : (Object[]) rs.getArray(1).getArray()) mail((String) one);
                check(((Object[]) rs.getArray(2).getArray()).length > 5, "uuids");
            }
        }
        // A domain, an enum, a composite row, generated columns.
        try (ResultSet rs = c.createStatement().executeQuery("SELECT alt, mood, device, account FROM shop.profiles p JOIN shop.customers c ON c.id = p.customer_id ORDER BY p.id LIMIT 5")) {
            while (rs.next()) {
                mail(rs.getString(1));
                rs.getObject(2);
                check(rs.getObject(3) == null || rs.getObject(3) instanceof UUID, "uuid");
                rs.getLong(4);
            }
        }
    }

    static String own(String stem) {
        return "adhoc." + stem + "_" + role + Long.toHexString(System.nanoTime());
    }

    static void writes(Connection c) throws Exception {
        String t = own("w");
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TABLE " + t + " (id serial PRIMARY KEY, a int, b text, c timestamptz DEFAULT now())");
            try (PreparedStatement p = c.prepareStatement("INSERT INTO " + t + " (a, b) VALUES (?, ?)")) {
                for (int n = 0; n < 300; n++) { p.setInt(1, n); p.setString(2, "b" + n); p.addBatch(); }
                same("batch", p.executeBatch().length);
            }
            try (PreparedStatement p = c.prepareStatement("INSERT INTO " + t + " (a, b) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 0; n < 10; n++) { p.setInt(1, n); p.setString(2, "k" + n); p.addBatch(); }
                p.executeBatch();
                int keys = 0;
                try (ResultSet k = p.getGeneratedKeys()) { while (k.next()) { keys++; check(k.getInt("id") > 300, "id"); } }
                same("keys", keys);
            }
            try (PreparedStatement p = c.prepareStatement("UPDATE " + t + " SET b = ? WHERE a = ?", new String[] {"id", "b"})) {
                p.setString(1, "new"); p.setInt(2, 5);
                same("updated", p.executeUpdate());
                try (ResultSet k = p.getGeneratedKeys()) { check(k.next() && k.getString(2).equals("new"), "returned"); }
            }
            s.addBatch("INSERT INTO " + t + " (a) VALUES (1000)");
            s.addBatch("UPDATE " + t + " SET a = 1001 WHERE a = 1000");
            s.addBatch("DELETE FROM " + t + " WHERE a = 1001");
            same("statements", Arrays.toString(s.executeBatch()));
            s.addBatch("INSERT INTO " + t + " (a) VALUES (1)");
            s.addBatch("INSERT INTO " + t + " (a) VALUES (1/0)");
            s.addBatch("INSERT INTO " + t + " (a) VALUES (2)");
            try { s.executeBatch(); check(false, "batch fails"); } catch (BatchUpdateException e) { same("failed batch", Arrays.toString(e.getUpdateCounts()) + e.getSQLState()); }
            try (ResultSet rs = s.executeQuery("SELECT count(*), sum(a) FROM " + t)) { rs.next(); same("after", rs.getString(1) + " " + rs.getString(2)); }
            same("several", s.execute("SELECT 1; SELECT 2; UPDATE " + t + " SET b = 'x' WHERE a < 3; SELECT 3"));
            same("more", s.getMoreResults() + " " + s.getMoreResults() + " " + s.getUpdateCount() + " " + s.getMoreResults());
            try (PreparedStatement p = c.prepareStatement("INSERT INTO " + t + " (id, b) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET b = excluded.b RETURNING id")) {
                p.setInt(1, 1); p.setString(2, "merged");
                try (ResultSet rs = p.executeQuery()) { check(rs.next() && rs.getInt(1) == 1, "conflict"); }
            }
            // A statement that is prepared on the server, then its table changes.
            try (PreparedStatement p = c.prepareStatement("SELECT * FROM " + t + " WHERE a = ?")) {
                for (int n = 0; n < 8; n++) { p.setInt(1, n); try (ResultSet rs = p.executeQuery()) { check(rs.next(), "row"); } }
                s.execute("ALTER TABLE " + t + " ADD COLUMN d int DEFAULT 4");
                p.setInt(1, 7);
                try (ResultSet rs = p.executeQuery()) { check(rs.next(), "row"); same("columns", rs.getMetaData().getColumnCount()); }
            }
            s.execute("TRUNCATE " + t);
            s.execute("DROP TABLE " + t);
        }
    }

    static void transactions(Connection c) throws Exception {
        String t = own("t");
        c.createStatement().execute("CREATE TABLE " + t + " (a int)");
        c.setAutoCommit(false);
        for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE}) {
            c.setTransactionIsolation(level);
            same("isolation", c.getTransactionIsolation());
            c.commit();
        }
        Statement s = c.createStatement();
        s.executeUpdate("INSERT INTO " + t + " VALUES (1)");
        Savepoint p = c.setSavepoint("p");
        s.executeUpdate("INSERT INTO " + t + " VALUES (2)");
        c.rollback(p);
        Savepoint unnamed = c.setSavepoint();
        s.executeUpdate("INSERT INTO " + t + " VALUES (3)");
        c.releaseSavepoint(unnamed);
        same("fails", fails(() -> s.executeQuery("SELECT * FROM nope")));
        c.rollback();
        s.executeUpdate("INSERT INTO " + t + " VALUES (4)");
        c.commit();
        c.setReadOnly(true);
        s.executeQuery("SELECT 1").next();
        c.commit();
        c.setReadOnly(false);
        try (ResultSet rs = s.executeQuery("SELECT string_agg(a::text, ',' ORDER BY a) FROM " + t)) { rs.next(); same("left", rs.getString(1)); }
        c.commit();
        c.setAutoCommit(true);
        s.execute("DROP TABLE " + t);
        s.execute("DISCARD ALL");
        s.execute("SET extra_float_digits = 3; SET application_name = 'PostgreSQL JDBC Driver'");
        same("warnings", c.getWarnings());
    }

    static void cursors(Connection c) throws Exception {
        c.setAutoCommit(false);
        for (String sql : List.of("SELECT id, email FROM shop.customers WHERE id <= 60 ORDER BY id", "SELECT id, name FROM shop.products ORDER BY id", "SELECT g, 'x' || g FROM generate_series(1, 50) g")) {
            try (PreparedStatement s = c.prepareStatement(sql)) {
                s.setFetchSize(7);
                int rows = 0;
                try (ResultSet rs = s.executeQuery()) { while (rs.next()) { rows++; if (sql.contains("email")) mail(rs.getString(2)); if (rows == 9) rs.setFetchSize(3); } }
                if (!sql.contains("customers")) same("fetched", rows);
                s.setMaxRows(5);
                rows = 0;
                try (ResultSet rs = s.executeQuery()) { while (rs.next()) rows++; }
                // Not kept to in simple mode.
                if (c.unwrap(PGConnection.class).getPreferQueryMode() != org.postgresql.jdbc.PreferQueryMode.SIMPLE) check(rows == 5, "at most " + rows);
            }
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
                ResultSet rs = s.executeQuery(sql);
                rs.last();
                rs.absolute(2);
                rs.previous();
                if (!sql.contains("customers")) same("first", rs.getString(1));
            }
        }
        // Two at once.
        try (Statement one = c.createStatement(); Statement two = c.createStatement()) {
            one.setFetchSize(2);
            two.setFetchSize(3);
            ResultSet a = one.executeQuery("SELECT id FROM shop.products ORDER BY id"), b = two.executeQuery("SELECT email FROM shop.leads ORDER BY score");
            for (int n = 0; n < 12; n++) { check(a.next() && b.next(), "two"); mail(b.getString(1)); }
        }
        c.createStatement().execute("DECLARE held CURSOR WITH HOLD FOR SELECT email FROM shop.leads");
        c.commit();
        try (ResultSet rs = c.createStatement().executeQuery("FETCH 5 FROM held")) { int rows = 0; while (rs.next()) { rows++; mail(rs.getString(1)); } same("held", rows); }
        c.createStatement().execute("CLOSE held");
        c.commit();
    }

    static void updatable(Connection c) throws Exception {
        String t = own("u");
        c.createStatement().execute("CREATE TABLE " + t + " (id int PRIMARY KEY, b text)");
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            s.executeUpdate("INSERT INTO " + t + " VALUES (1, 'a'), (2, 'b'), (3, 'c')");
            ResultSet rs = s.executeQuery("SELECT id, b FROM " + t + " ORDER BY id");
            rs.next();
            rs.updateString("b", "changed");
            rs.updateRow();
            rs.moveToInsertRow();
            rs.updateInt("id", 4);
            rs.updateString("b", "d");
            rs.insertRow();
            rs.moveToCurrentRow();
            rs.next();
            rs.deleteRow();
            rs.refreshRow();
            ResultSet after = c.createStatement().executeQuery("SELECT string_agg(id || b, ',' ORDER BY id) FROM " + t);
            after.next();
            same("updatable", after.getString(1));
        }
        c.createStatement().execute("DROP TABLE " + t);
    }

    static void temporary(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TEMPORARY TABLE mine (id int, email text) ON COMMIT PRESERVE ROWS");
            s.execute("INSERT INTO mine SELECT score, source FROM shop.leads LIMIT 3");
            s.execute("CREATE TEMP TABLE kept AS SELECT email, score FROM shop.leads WHERE email IS NOT NULL");
            ResultSet rs = s.executeQuery("SELECT email FROM kept ORDER BY score LIMIT 3");
            while (rs.next()) mail(rs.getString(1));
            print("temporary", c.getMetaData().getColumns(null, null, "mine", "%"), "TABLE_SCHEM");
            s.execute("DROP TABLE mine, kept");
        }
    }

    static void copy(Connection c) throws Exception {
        CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
        StringWriter out = new StringWriter();
        long rows = m.copyOut("COPY (SELECT email FROM shop.leads WHERE email IS NOT NULL) TO STDOUT WITH (FORMAT csv)", out);
        check(rows > 10, "copied " + rows);
        for (String line : out.toString().split("\n")) mail(line);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        same("binary", m.copyOut("COPY shop.products TO STDOUT (FORMAT binary)", bytes) + " " + Arrays.hashCode(bytes.toByteArray()));
        m.copyOut("COPY shop.customers TO STDOUT (FORMAT binary)", new ByteArrayOutputStream());
        String t = own("c");
        c.createStatement().execute("CREATE TABLE " + t + " (LIKE shop.products)");
        same("in", m.copyIn("COPY " + t + " FROM STDIN (FORMAT binary)", new ByteArrayInputStream(bytes.toByteArray())));
        same("in", m.copyIn("COPY " + t + " (id, name) FROM STDIN WITH CSV", new StringReader("1000,ä\n1001,\"b,c\"\n")));
        same("bad", fails(() -> m.copyIn("COPY " + t + " (id, name) FROM STDIN WITH CSV", new StringReader("x,y\n"))));
        org.postgresql.copy.CopyIn in = m.copyIn("COPY " + t + " (id, name) FROM STDIN");
        in.writeToCopy("1\tx\n".getBytes(), 0, 4);
        in.cancelCopy();
        try (ResultSet rs = c.createStatement().executeQuery("SELECT count(*), max(name) FROM " + t)) { rs.next(); same("copied", rs.getString(1)); }
        c.createStatement().execute("DROP TABLE " + t);
    }

    static void notifications(Connection c) throws Exception {
        if (!masked()) return;
        c.createStatement().execute("LISTEN jobs");
        try (Connection other = open("")) { other.createStatement().execute("NOTIFY jobs, 'hello'"); }
        org.postgresql.PGNotification[] all = c.unwrap(PGConnection.class).getNotifications(20000);
        check(all != null && all.length == 1 && all[0].getParameter().equals("hello"), "notification");
        c.createStatement().execute("UNLISTEN *");
    }

    static void timeouts(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("SET statement_timeout = 0");
            s.setQueryTimeout(1);
            check("57014".equals(fails(() -> s.executeQuery("SELECT pg_sleep(120)"))), "timeout");
            s.setQueryTimeout(0);
            Thread canceller = new Thread(() -> { try { Thread.sleep(500); s.cancel(); } catch (Exception e) { System.err.println(e); } });
            canceller.start();
            check("57014".equals(fails(() -> s.executeQuery("SELECT pg_sleep(120)"))), "cancelled");
            canceller.join();
            s.executeQuery("SELECT 1").next();
        }
        simplest(c);
    }

    static void calls(Connection c) throws Exception {
        try (CallableStatement s = c.prepareCall("{? = call upper(?)}")) {
            s.registerOutParameter(1, Types.VARCHAR);
            s.setString(2, "abc");
            s.execute();
            same("call", s.getString(1));
        }
        try (CallableStatement s = c.prepareCall("{call lower(?)}")) {
            s.setString(1, "ABC");
            try { s.execute(); check(true, "done"); } catch (SQLException e) { check(!e.getSQLState().isEmpty(), "a function is no procedure"); }
        }
        try (PreparedStatement s = c.prepareStatement("SELECT {fn ucase('a')}, {fn now()} IS NOT NULL, {d '2024-01-01'}, {fn concat('a', 'b')}, {fn week({d '2024-03-03'})}")) {
            ResultSet rs = s.executeQuery();
            rs.next();
            same("escapes", rs.getString(1) + rs.getString(2) + rs.getString(3) + rs.getString(4) + rs.getString(5));
        }
    }
}
