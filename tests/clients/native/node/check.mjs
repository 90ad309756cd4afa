// What programs do with node-postgres (also on libpq), postgres.js, knex and Sequelize. Usage: check.mjs PORT DATABASE USER PASSWORD ROLE
import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import assert from "node:assert/strict";
import pg from "pg";
import Native from "pg-native";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import postgres from "postgres";
import knex from "knex";
import { DataTypes, QueryTypes, Sequelize } from "sequelize";

const [port, database, user, password, role] = process.argv.slice(2);
const masked = role === "analyst";
const options = { host: "127.0.0.1", port: Number(port), database, user, password };
let failed = 0;
// A name that was another table's a moment ago may be stale on another connection.
let tables = 0;

const same = (what, value) => console.log(`${what}: ${JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v))}`);
const mail = (value) => assert(!masked || value === null || /^u_.{32}$/.test(value), "no pseudonym");

async function part(name, act) {
  try {
    await act();
  } catch (error) {
    failed++;
    console.error(`FAILED ${name}: ${error.stack} ${error.detail ?? ""} ${error.hint ?? ""} ${error.original ?? ""} ${error.sql ?? ""}`);
  }
}

async function withClient(act, more = {}) {
  const client = new pg.Client({ ...options, ...more });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}

const pgParts = {
  rows: (client) => async () => {
    for (let round = 0; round < 3; round++) {
      const { rows, fields } = await client.query("SELECT c.id, c.email, c.full_name, c.ssn, c.dob, c.salary, c.device, p.email AS other FROM shop.customers c LEFT JOIN shop.profiles p ON p.email = c.email WHERE c.id <= $1 ORDER BY c.id", [60]);
      assert(rows.length > 10);
      for (const row of rows) {
        mail(row.email);
        assert(row.other === null || row.other === row.email);
        if (masked) assert(row.full_name === "[name]" && row.ssn === null && (row.salary === null || Number(row.salary) % 10000 === 0));
      }
      same("fields", fields.map((f) => [f.name, f.dataTypeID, f.columnID, f.dataTypeModifier, f.format]));
    }
    const named = { name: "by id", text: "SELECT email FROM shop.customers WHERE id = $1" };
    for (const id of [2, 4, 6, 8]) (await client.query({ ...named, values: [id] })).rows.forEach((row) => mail(row.email));
    const { rows } = await client.query({ text: "SELECT email, array_agg(id ORDER BY id), array_agg(email) AS mails FROM shop.customers GROUP BY email ORDER BY count(*) DESC, email LIMIT 5", rowMode: "array" });
    rows.forEach(([one, , all]) => (mail(one), all.forEach(mail)));
    if (masked) await assert.rejects(client.query("SELECT id FROM shop.customers WHERE email LIKE $1", ["a%"]), { code: "42501" });
  },
  types: (client) => async () => {
    const values = [1, "9007199254740993", 1.5, "12345.678", true, "ä'\\\n€", Buffer.from([0, 1, 255]), new Date(Date.UTC(2024, 1, 29, 12)), { a: [1, null] }, [1, null, 3], ["a", 'b,"c', null], "mid", "00112233-4455-6677-8899-aabbccddeeff", "10.0.0.1/8", null];
    const casts = ["int4", "int8", "float8", "numeric", "bool", "text", "bytea", "timestamptz", "jsonb", "int4[]", "text[]", "shop.mood", "uuid", "inet", "date"];
    const { rows } = await client.query(`SELECT ${casts.map((c, n) => `$${n + 1}::${c}`).join(", ")}`.replace(/::(\S+?)(,|$)/g, (m, t, end) => `::${t} AS "${t}"${end}`), values);
    same("types", rows[0]);
  },
  several: (client) => async () => {
    same("several", (await client.query("SELECT 1 AS a; SELECT 2 AS b, 'x' AS c; SELECT 3 WHERE false")).map((r) => [r.command, r.rowCount, r.rows]));
    same("empty", (await client.query("")).command);
    same("queued", await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await client.query("SELECT $1::int + 1 AS n", [n])).rows[0].n)));
  },
  transactions: (client) => async () => {
    const table = `adhoc.pg_${role}`;
    await client.query(`DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (id serial PRIMARY KEY, a int, b text)`);
    await client.query("BEGIN");
    same("inserted", (await client.query(`INSERT INTO ${table} (a, b) VALUES ($1, $2), ($3, $4) RETURNING *`, [1, "x", 2, null])).rows);
    await client.query("SAVEPOINT s");
    await assert.rejects(client.query(`INSERT INTO ${table} (id) VALUES (1)`), { code: "23505" });
    await assert.rejects(client.query("SELECT 1"), { code: "25P02" });
    await client.query("ROLLBACK TO SAVEPOINT s");
    await client.query("COMMIT");
    const into = client.query(copyFrom(`COPY ${table} (a, b) FROM STDIN WITH (FORMAT csv)`));
    await pipeline(Readable.from(["3,three\n", "4,\"fo,ur\"\n", "5,ä\n"]), into);
    same("copied in", into.rowCount);
    const bad = client.query(copyFrom(`COPY ${table} (a) FROM STDIN`));
    await assert.rejects(pipeline(Readable.from(["x\n"]), bad), { code: "22P02" });
    same("after", (await client.query(`SELECT * FROM ${table} ORDER BY id`)).rows);
    await client.query(`DROP TABLE ${table}`);
  },
  cursors: (client) => async () => {
    const cursor = client.query(new Cursor("SELECT id, email FROM shop.customers WHERE id < $1 ORDER BY id", [200]));
    for (let n = 0; n < 3; n++) (await cursor.read(7)).forEach((row) => mail(row.email));
    await cursor.close();
    let count = 0;
    for await (const row of client.query(new QueryStream("SELECT email, score FROM shop.leads", [], { batchSize: 5 }))) (mail(row.email), count++);
    same("streamed", count);
    let text = "";
    await pipeline(client.query(copyTo("COPY (SELECT email FROM shop.leads WHERE email IS NOT NULL) TO STDOUT")), new Writable({ write: (chunk, _, done) => ((text += chunk), done()) }));
    text.trim().split("\n").forEach(mail);
    let bytes = 0;
    await pipeline(client.query(copyTo("COPY shop.products TO STDOUT (FORMAT binary)")), new Writable({ write: (chunk, _, done) => ((bytes += chunk.length), done()) }));
    same("bytes", bytes);
  },
  listen: (client) => async () => {
    if (!masked) return;
    await client.query("LISTEN jobs");
    const heard = once(client, "notification");
    await assert.rejects(client.query("SELECT pg_notify($1, $2)", ["secrets", "hello"]), { code: "42501" });
    await client.query("SELECT pg_notify($1, $2)", ["jobs", "hello"]);
    assert.equal((await heard)[0].payload, "hello");
  },
};

// What does not read what the driver on libpq is not told: types' modifiers and where columns come from.
const natives = {
  ...pgParts,
  rows: (client) => async () => {
    const { rows, fields } = await client.query("SELECT id, email, full_name, ssn FROM shop.customers WHERE id <= $1 ORDER BY id", [60]);
    assert(rows.length > 10);
    rows.forEach((row) => (mail(row.email), assert(!masked || (row.full_name === "[name]" && row.ssn === null))));
    same("native fields", fields.map((f) => [f.name, f.dataTypeID]));
    if (masked) await assert.rejects(client.query("SELECT upper(email) FROM shop.customers"), { code: "42501" });
  },
};

for (const more of [{}, { binary: true }, { statement_timeout: 60000, application_name: "report", options: "-c search_path=shop" }, { query_timeout: 60000, lock_timeout: 60000, idle_in_transaction_session_timeout: 60000 }]) {
  for (const [name, act] of Object.entries(pgParts)) {
    // The driver cannot read every type in binary.
    if (!(more.binary && name === "types")) await part(`pg ${name} ${JSON.stringify(more)}`, () => withClient((client) => act(client)(), more));
  }
}
await part("pg pool", async () => {
  const pool = new pg.Pool({ ...options, max: 4 });
  same("pool", await Promise.all([...Array(20).keys()].map(async (n) => (await pool.query("SELECT $1::int AS n", [n])).rows[0].n)));
  await pool.end();
});

// The same driver on libpq: no cursors, streams, COPY or binary formats.
await part("pg-native", async () => {
  const client = new pg.native.Client(options);
  await client.connect();
  try {
    for (const name of ["rows", "types", "several", "listen"]) await part(`pg-native ${name}`, natives[name](client));
    await client.query("BEGIN");
    await assert.rejects(client.query("SELECT 1 / $1::int", [0]), { code: "22012" });
    await assert.rejects(client.query("SELECT 1"), { code: "25P02" });
    await client.query("ROLLBACK");
    const prepared = { name: "by number", text: "SELECT $1::int * 2 AS n" };
    for (const n of [1, 2, 3]) same("prepared", (await client.query({ ...prepared, values: [n] })).rows);
    const slow = client.query("SELECT pg_sleep(100)");
    setTimeout(() => client.native.cancel(() => {}), 300);
    await assert.rejects(slow, { code: "57014" });
    const native = new Native();
    native.connectSync(`host=127.0.0.1 port=${port} dbname=${database} user=${user} password=${password}`);
    native.querySync("SELECT email FROM shop.customers WHERE id <= $1", ["60"]).forEach((row) => mail(row.email));
    native.prepareSync("by id", "SELECT email FROM shop.customers WHERE id = $1::int", 1);
    for (const id of ["2", "4", "6"]) native.executeSync("by id", [id]).forEach((row) => mail(row.email));
    assert.throws(() => native.querySync("SELECT nope"), /nope/);
    same("sync", native.querySync("SELECT 5 AS five"));
    native.end();
  } finally {
    await client.end();
  }
});

async function js(more, act) {
  const sql = postgres({ ...options, max: 3, onnotice: () => {}, ...more });
  try {
    await act(sql);
  } finally {
    await sql.end({ timeout: 20 });
  }
}

for (const more of [{}, { prepare: false }, { fetch_types: false, max: 1 }, { max_pipeline: 1, connection: { application_name: "report", statement_timeout: 60000 } }, { idle_timeout: 30, max_lifetime: 600, transform: postgres.camel, types: { bigint: postgres.BigInt } }]) {
  await part(`postgres.js ${JSON.stringify(Object.keys(more))}`, () =>
    js(more, async (sql) => {
      const own = more.transform ? "fullName" : "full_name";
      for (let round = 0; round < 3; round++) {
        const rows = await sql`SELECT id, email, full_name, salary, device FROM shop.customers WHERE id <= ${60} ORDER BY id`;
        assert(rows.length > 10);
        rows.forEach((row) => (mail(row.email), assert(!masked || row[own] === "[name]")));
        same("columns", rows.columns.map((c) => [c.name, c.type]));
      }
      same("pipelined", await Promise.all([...Array(60).keys()].map(async (n) => (await sql`SELECT ${n}::int + 1 AS n`)[0].n)));
      const mixed = await Promise.allSettled([...Array(30).keys()].map((n) => (n % 3 === 1 ? sql`SELECT 1 / ${0}::int` : n % 3 === 2 && masked ? sql`SELECT upper(email) FROM shop.customers` : sql`SELECT email FROM shop.leads LIMIT ${n + 1}`)));
      same("mixed", mixed.map((r, n) => (n % 3 === 2 ? "-" : r.status === "rejected" ? r.reason.code : "ok")));
      if (masked) assert(mixed.every((r, n) => n % 3 !== 2 || r.reason.code === "42501"));
      const table = sql(`adhoc.js_${role}_${tables++}`);
      await sql`DROP TABLE IF EXISTS ${table}`;
      await sql`CREATE TABLE ${table} (id serial PRIMARY KEY, a int, b text, c jsonb, d text[])`;
      same("inserted", await sql`INSERT INTO ${table} ${sql([{ a: 1, b: "x", c: { k: 1 }, d: ["p", "q"] }, { a: 2, b: "ä", c: null, d: [] }].map(({ d, ...rest }) => (more.fetch_types === false ? rest : { ...rest, d })))} RETURNING id, a, b, c, d`);
      same("transaction", await sql.begin(async (tx) => {
        await tx`UPDATE ${table} SET b = ${"new"} WHERE a = ${1}`;
        await tx.savepoint(async (inner) => { await inner`DELETE FROM ${table}`; throw new Error("back"); }).catch(() => {});
        return [...(await tx`SELECT b FROM ${table} ORDER BY id`)];
      }));
      await assert.rejects(sql.begin(async (tx) => { await tx`SELECT * FROM nope`; }), { code: "42P01" });
      same("read only", await sql.begin("read only", (tx) => tx`INSERT INTO ${table} (a) VALUES (1)`.catch((e) => e.code)).catch((e) => e.code));
      const copy = await sql`COPY ${table} (a, b) FROM STDIN`.writable();
      await pipeline(Readable.from(["7\tseven\n", "8\teight\n"]), copy);
      let out = "";
      await pipeline(await sql`COPY (SELECT email FROM shop.leads WHERE email IS NOT NULL) TO STDOUT`.readable(), new Writable({ write: (chunk, _, done) => ((out += chunk), done()) }));
      out.trim().split("\n").forEach(mail);
      let seen = 0;
      await sql`SELECT email FROM shop.leads`.cursor(7, (rows) => { rows.forEach((row) => mail(row.email)); seen += rows.length; });
      for await (const [row] of sql`SELECT email FROM shop.leads`.cursor()) { mail(row.email); if (++seen > 50) break; }
      await sql`SELECT email FROM shop.leads`.forEach((row) => mail(row.email));
      same("left", await sql`SELECT count(*)::int AS n FROM ${table}`);
      same("simple", (await sql`SELECT 1 AS a; SELECT 2 AS b`.simple()).map((r) => [...r]));
      same("described", (await sql`SELECT id, name, price FROM shop.products WHERE id = ${1}`.describe()).columns.map((c) => [c.name, c.type, c.number]));
      same("values", await sql`SELECT * FROM shop.products WHERE id IN ${sql([1, 2])} ORDER BY id`.values());
      same("unsafe", [...(await sql.unsafe("SELECT $1::text AS t", ["x"]))]);
      if (more.fetch_types !== false) same("array", [...(await sql`SELECT ${sql.array([1, 2, 3])}::int[] AS a, ${sql.json({ x: 1 })}::jsonb AS j, ${new Date(0)}::timestamptz AS t, ${Buffer.from([1, 2])}::bytea AS y`)]);
      const slow = sql`SELECT pg_sleep(60)`;
      setTimeout(() => slow.cancel(), 300);
      await assert.rejects(slow.execute(), { code: "57014" });
      await sql`DROP TABLE ${table}`;
      if (masked) {
        let got;
        const heard = new Promise((done) => (got = done));
        const { unlisten } = await sql.listen("jobs", got);
        await assert.rejects((async () => sql.notify("secrets", "hello"))(), { code: "42501" });
        await sql.notify("jobs", "hello");
        assert.equal(await heard, "hello");
        await unlisten();
      }
    }),
  );
}

await part("knex", async () => {
  const k = knex({ client: "pg", connection: options, searchPath: ["shop", "adhoc"], pool: { min: 0, max: 2 } });
  try {
    const rows = await k("customers").select("id", "email", "full_name").where("id", "<=", 40).orderBy("id");
    rows.forEach((row) => mail(row.email));
    (await k("customers as c").leftJoin("profiles as p", "p.email", "c.email").countDistinct("c.email as n").groupBy("c.city").orderBy("n")).length;
    same("has", [await k.schema.hasTable("customers"), await k.schema.hasTable("nope"), await k.schema.hasColumn("customers", "email")]);
    same("columns", await k("customers").columnInfo());
    const table = `knex_${role}`;
    await k.schema.withSchema("adhoc").dropTableIfExists(table);
    await k.schema.withSchema("adhoc").createTable(table, (t) => { t.increments(); t.string("name", 40).index(); t.jsonb("doc"); t.timestamps(true, true); });
    same("inserted", await k.withSchema("adhoc").table(table).insert([{ name: "a", doc: { x: 1 } }, { name: "b" }]).returning("id"));
    same("upserted", await k.withSchema("adhoc").table(table).insert({ id: 1, name: "c" }).onConflict("id").merge(["name"]).returning(["id", "name"]));
    await k.transaction(async (tx) => { await tx.withSchema("adhoc").table(table).where({ id: 2 }).del(); await tx.transaction(async (inner) => inner.raw("SELECT 1")); });
    await k.schema.withSchema("adhoc").alterTable(table, (t) => { t.integer("more").defaultTo(3); t.renameColumn("name", "title"); });
    same("left", await k.withSchema("adhoc").table(table).select("id", "title", "more"));
    for await (const row of k("leads").select("email").stream()) mail(row.email);
    await k.schema.withSchema("adhoc").dropTable(table);
  } finally {
    await k.destroy();
  }
});

await part("Sequelize", async () => {
  const sequelize = new Sequelize(database, user, password, { host: "127.0.0.1", port: Number(port), dialect: "postgres", logging: false });
  try {
    await sequelize.authenticate();
    const q = sequelize.getQueryInterface();
    same("schemas", (await q.showAllSchemas()).map(String).filter((s) => s === "shop" || s === "adhoc").sort());
    same("tables", (await q.showAllTables()).length > 0);
    same("described", await q.describeTable("customers", { schema: "shop" }));
    same("indexes", (await q.showIndex({ tableName: "countries", schema: "shop" })).map((i) => [i.name, i.fields.map((f) => f.attribute)]));
    same("references", await q.getForeignKeyReferencesForTable({ tableName: "orders", schema: "shop" }));
    same("constraints", (await q.showConstraint({ tableName: "customers", schema: "shop" })).length);
    const Customer = sequelize.define("customer", { id: { type: DataTypes.INTEGER, primaryKey: true }, email: DataTypes.TEXT, full_name: DataTypes.TEXT, city: DataTypes.TEXT }, { schema: "shop", tableName: "customers", timestamps: false });
    (await Customer.findAll({ where: { id: { [Sequelize.Op.lte]: 40 } }, order: [["id", "ASC"]] })).forEach((row) => mail(row.email));
    const { count, rows } = await Customer.findAndCountAll({ where: { city: "Ulm" }, limit: 5, order: ["id"] });
    assert(count >= rows.length);
    const Thing = sequelize.define("thing", { name: { type: DataTypes.STRING, unique: true }, kind: DataTypes.STRING(1), doc: DataTypes.JSONB, tags: DataTypes.ARRAY(DataTypes.TEXT) }, { schema: "adhoc", tableName: `seq_${role}` });
    await Thing.sync({ force: true });
    await Thing.bulkCreate([{ name: "x", kind: "a", doc: { k: 1 }, tags: ["p"] }, { name: "y", kind: "b" }]);
    await Thing.upsert({ name: "x", kind: "b" });
    // Not here: enums and findOrCreate, for which Sequelize sends code (DO, a function in pg_temp).
    const thing = await Thing.create({ name: "z" });
    thing.kind = "a";
    await thing.save();
    await sequelize.transaction(async (transaction) => Thing.increment({ id: 0 }, { where: { name: "x" }, transaction }));
    await Thing.sync({ alter: true });
    same("things", (await Thing.findAll({ attributes: ["name", "kind", "doc"], order: ["name"], raw: true })));
    await assert.rejects(Thing.create({ name: "x" }), { name: "SequelizeUniqueConstraintError" });
    await Thing.destroy({ where: { name: "y" } });
    await Thing.drop();
    same("version", (await sequelize.query("SELECT 1 AS one", { type: QueryTypes.SELECT })));
  } finally {
    await sequelize.close();
  }
});

console.error(failed, "failed");
process.exit(failed ? 1 : 0);
