//! The types, values of each, and the masks that fit it.

use pgveil_policy::mask::seal::{Key, veil_key};

/// A type of columns.
pub struct Kind {
    /// The table's name.
    pub table: &'static str,
    /// The column's type, in SQL.
    pub sql: &'static str,
    /// The type that its masks come out with: that below a domain.
    pub base: &'static str,
    /// The same without a length, for tokens.
    pub unlimited: &'static str,
    /// As literals; NULL is added, and the first again.
    pub values: &'static [&'static str],
    /// Beside `null`, `redact` and `chosen`, which fit all.
    pub fits: &'static [&'static str],
    /// `redact` is a text.
    pub text: bool,
}

/// The name of a mask, and how the policy writes it. `hash` takes 16 digits, so that they fit into twenty characters.
pub const MASKS: [(&str, &str); 22] = [
    ("null", "\"null\""),
    ("redact", "\"redact\""),
    ("keep", "{ keep = { first = 1, last = 1 } }"),
    ("truncate", "{ truncate = \"year\" }"),
    ("bucket", "{ bucket = 10 }"),
    ("network", "{ network = { v4 = 24, v6 = 48 } }"),
    ("json", "{ json = { street = \"null\", zip = { keep = { first = 1 } } } }"),
    ("hash", "{ hash = { length = 16, prefix = \"u_\" } }"),
    ("token", "{ token = { prefix = \"t_\" } }"),
    ("fake", "{ fake = \"first_name\" }"),
    ("email", "{ email = { prefix = \"e_\" } }"),
    ("parts", "{ keep = { first = 1, last = 1, fill = \"+\", separators = true } }"),
    ("sql", "{ sql = \"upper(left({column}, 2)) || '…'\" }"),
    ("most", "{ sql = \"CASE WHEN {column} > 9 THEN 9 ELSE {column} END\" }"),
    ("since", "{ sql = \"CASE WHEN {column} > '1990-01-01' THEN {column} END\" }"),
    ("each", "{ json = { k = { json = { \"*\" = \"null\" } }, \"*\" = { keep = { first = 1 } } } }"),
    ("digits", "{ token = { prefix = \"t_\", digits = true } }"),
    ("shift", "{ shift = { by = \"id\", days = 100 } }"),
    ("amount", "{ noise = { amount = 50 } }"),
    ("chosen", "{ when = \"id > 2\", then = \"redact\", else = \"null\" }"),
    ("fields", "{ fields = { a = { bucket = 10 }, b = { keep = { last = 1 } } } }"),
    ("fraction", "{ noise = { fraction = 0.5 } }"),
];

/// Those that are pseudonyms.
pub const SEALS: [&str; 5] = ["hash", "token", "fake", "email", "digits"];

const KEEP: &str = "CASE WHEN length(x::text) <= 2 THEN repeat('*', length(x::text)) \
                    ELSE left(x::text, 1) || repeat('*', length(x::text) - 2) || right(x::text, 1) END";
const PARTS: &str = "CASE WHEN length(x::text) <= 2 THEN regexp_replace(x::text COLLATE \"C\", '[^-./ @]', '+', 'g') \
                     ELSE left(x::text, 1) || regexp_replace(substr(x::text, 2, length(x::text) - 2) COLLATE \"C\", '[^-./ @]', '+', 'g') || right(x::text, 1) END";

/// The meaning of a mask on the column `x`; `None` for pseudonyms, which have none in SQL.
pub fn meaning(mask: &str, kind: &Kind) -> Option<String> {
    let base = kind.base;
    let keeps = |keep: &str| {
        format!(
            "CASE WHEN x IS NOT NULL THEN ARRAY(SELECT {} FROM unnest(x) WITH ORDINALITY AS u (e, n) ORDER BY n) END",
            keep.replace("x::text", "e::text")
        )
    };
    if kind.is_array() && matches!(mask, "keep" | "parts") {
        return Some(format!("CAST({} AS {base})", keeps(if mask == "keep" { KEEP } else { PARTS })));
    }
    let sql = match mask {
        "null" => "NULL".to_owned(),
        "redact" if kind.text => "'[redacted]'".to_owned(),
        "redact" => "NULL".to_owned(),
        "keep" => KEEP.to_owned(),
        "truncate" if base.starts_with("timestamp") && base.ends_with("with time zone") => {
            "date_trunc('year', x AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'".to_owned()
        }
        "truncate" => "date_trunc('year', x::timestamp)".to_owned(),
        "bucket" => match base {
            "smallint" => "CASE WHEN x IS NOT NULL THEN greatest(x::numeric - mod(mod(x::numeric, 10) + 10, 10), -32768) END".to_owned(),
            "integer" => {
                "CASE WHEN x IS NOT NULL THEN greatest(x::numeric - mod(mod(x::numeric, 10) + 10, 10), -2147483648) END".to_owned()
            }
            "bigint" => {
                "CASE WHEN x IS NOT NULL THEN greatest(x::numeric - mod(mod(x::numeric, 10) + 10, 10), -9223372036854775808) END".to_owned()
            }
            _ if base.starts_with("numeric") => "floor(x / 10) * 10".to_owned(),
            _ => "floor(x::float8 / 10) * 10".to_owned(),
        },
        "network" => "network(set_masklen(x::inet, least(masklen(x), CASE family(x) WHEN 4 THEN 24 ELSE 48 END)))".to_owned(),
        "json" => "CASE WHEN jsonb_typeof(x) = 'object' THEN x \
                   || CASE WHEN x ? 'street' THEN '{\"street\": null}' ELSE '{}' END::jsonb \
                   || CASE WHEN x ? 'zip' THEN jsonb_build_object('zip', left(x ->> 'zip', 1) || repeat('*', length(x ->> 'zip') - 1)) \
                      ELSE '{}' END END"
            .to_owned(),
        "parts" => PARTS.to_owned(),
        "sql" => "upper(left(x::text, 2)) || '…'".to_owned(),
        "shift" => shifted(kind),
        "fields" => "CASE WHEN x IS DISTINCT FROM NULL THEN CAST(ROW((x).a - mod(mod((x).a, 10) + 10, 10), \
                     CASE WHEN length((x).b) <= 1 THEN repeat('*', length((x).b)) ELSE repeat('*', length((x).b) - 1) || right((x).b, 1) END) \
                     AS d.pair) END"
            .to_owned(),
        "chosen" if kind.text => "CASE WHEN id > 2 THEN '[redacted]' END".to_owned(),
        "chosen" => "NULL".to_owned(),
        "amount" | "fraction" => noisy(mask, kind),
        "most" => "CASE WHEN x > 9 THEN 9 ELSE x END".to_owned(),
        "since" => "CASE WHEN x > '1990-01-01' THEN x END".to_owned(),
        "each" => "CASE jsonb_typeof(x) \
                   WHEN 'object' THEN coalesce((SELECT jsonb_object_agg(k, CASE \
                     WHEN k = 'k' THEN CASE jsonb_typeof(v) \
                       WHEN 'array' THEN (SELECT coalesce(jsonb_agg(NULL::jsonb), '[]') FROM jsonb_array_elements(v)) \
                       WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(key, NULL::jsonb), '{}') FROM jsonb_each(v)) ELSE 'null' END \
                     WHEN jsonb_typeof(v) = 'string' THEN to_jsonb(left(v #>> '{}', 1) || repeat('*', length(v #>> '{}') - 1)) ELSE 'null' END) FROM jsonb_each(x) AS e (k, v)), '{}') \
                   WHEN 'array' THEN coalesce((SELECT jsonb_agg(CASE WHEN jsonb_typeof(v) = 'string' \
                     THEN to_jsonb(left(v #>> '{}', 1) || repeat('*', length(v #>> '{}') - 1)) ELSE 'null'::jsonb END ORDER BY n) \
                     FROM jsonb_array_elements(x) WITH ORDINALITY AS e (v, n)), '[]') END"
            .to_owned(),
        _ => return None,
    };
    Some(format!("CAST({sql} AS {base})"))
}

/// A number from 0 to 2^32 - 1, of the key of a domain and a bytea.
fn secret(domain: &str, value: &str) -> String {
    let key = veil_key(&Key::new([0x5e; 32]), domain);
    let byte = |n: usize| format!("get_byte(sha256('{key}'::bytea || {value}), {n})::numeric");
    format!("({} * 16777216 + {} * 65536 + {} * 256 + {})", byte(0), byte(1), byte(2), byte(3))
}

fn shifted(kind: &Kind) -> String {
    let number = format!("{} % 200", secret(&format!("shift of {}_shift", kind.table), "id::text::bytea"));
    let days = format!("((CASE WHEN {number} < 100 THEN {number} - 100 ELSE {number} - 99 END)::int * interval '24 hours')");
    let zone = if kind.base.ends_with("with time zone") { " AT TIME ZONE 'UTC'" } else { "" };
    format!("CASE WHEN isfinite(x) THEN (x{zone} + {days}){zone} ELSE x END").replace("(x + ", "(x::timestamp + ")
}

fn noisy(mask: &str, kind: &Kind) -> String {
    let float = matches!(kind.base, "real" | "double precision");
    let (ty, sent) = if float { ("float8", "float8send(x::float8)") } else { ("numeric", "numeric_send(trim_scale(x::numeric))") };
    let part = format!("({}::{ty} / 2147483648 - 1)", secret(&format!("noise of {}_{mask}", kind.table), sent));
    let moved = match mask {
        "amount" => {
            format!(
                "greatest(x::{ty}, -{limit}::{ty}) + 50 * {part}",
                limit = match kind.base {
                    "smallint" => "32767",
                    "integer" => "2147483647",
                    "bigint" => "9223372036854775807",
                    _ => "1e300",
                }
            )
        }
        _ if float => format!("x::{ty} * (1 + 0.5 * {part})"),
        _ => format!("x::{ty} + x::{ty} * 0.5 * {part}"),
    };
    let (decimals, limits) = match kind.base {
        "smallint" => (0, "32767"),
        "integer" => (0, "2147483647"),
        "bigint" => (0, "9223372036854775807"),
        "numeric(8,2)" => (2, "999999.99"),
        "numeric" => (if mask == "amount" { 0 } else { 6 }, "1e300"),
        _ => (0, "1e300"),
    };
    let moved = if float { moved } else { format!("round({moved}, {decimals})") };
    format!(
        "CASE WHEN x IS NULL OR x::{ty} IN ('NaN', 'Infinity', '-Infinity') THEN x::{ty} ELSE least(greatest({moved}, -{limits}::{ty}), {limits}::{ty}) END"
    )
}

/// What the types need.
pub const TYPES: &str = "\
CREATE EXTENSION citext SCHEMA public; CREATE SCHEMA m; CREATE SCHEMA d; \
CREATE TYPE d.mood AS ENUM ('low', 'mid', 'high'); CREATE TYPE d.pair AS (a int, b text); CREATE TYPE d.nest AS (p d.pair, q int[]); \
CREATE DOMAIN d.mail AS text CHECK (value ~ '@'); CREATE DOMAIN d.label AS varchar(20) NOT NULL DEFAULT 'x'; CREATE DOMAIN d.tag AS d.mail; \
CREATE DOMAIN d.key AS uuid; CREATE DOMAIN d.number AS bigint CHECK (value > 0); CREATE DOMAIN d.small AS int CHECK (value > 10); \
CREATE DOMAIN d.day AS date; CREATE DOMAIN d.money AS numeric(8,2) CHECK (value > 0); CREATE DOMAIN d.words AS text[]; \
CREATE DOMAIN d.folded AS public.citext";

const TEXTS: &[&str] = &[
    "liouliou ulio",
    "",
    "l",
    "lo",
    "030 23125-017",
    "x@y.example",
    "Iloui\"\\lou,{li}ou",
    "äöü€😀 louiliou",
    "iloui\tloui\nlouil\\.",
    "'ilouil'",
    "NULL",
    "\\N",
];
const SHORTER: &[&str] =
    &["liouliou ulio", "", "l", "ILOUIL ", "0123456789012345", "a@mail.example", "ä€😀liouli", "\\N", "NULL", "il,ou\"ou"];
const PADDED: &[&str] =
    &["liouliou ulio", "liouliou ulio  ", "4111 1111 1111", "a@mail.example", "l", " iloui ", "ä€😀liouli", "\\N", "NULL"];
const MAILS: &[&str] = &["liouli@mail.example", "ILOUI@LOUI", "@", "a@\"\\,"];
const UUIDS: &[&str] =
    &["2f1c9a8e-7777-4777-9777-77a7b7c7d7e7", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
const BIGINTS: &[&str] = &["15", "-15", "0", "-9223372036854775808", "9223372036854775807", "9", "-1"];
const DATES: &[&str] = &["1987-06-05", "infinity", "-infinity", "0044-03-15 BC", "2000-01-01", "9999-12-31"];
const TIMES: &[&str] =
    &["1987-06-05 04:03:02.123456", "infinity", "-infinity", "0044-03-15 01:00 BC", "2000-01-01 00:30", "1999-12-31 23:30"];
const ADDRESSES: &[&str] = &["10.1.2.3", "10.1.2.3/16", "2001:db8:1:2::3", "2001:db8:1:2::3/32", "0.0.0.0/0"];

const fn of(table: &'static str, sql: &'static str, values: &'static [&'static str], fits: &'static [&'static str]) -> Kind {
    Kind { table, sql, base: sql, unlimited: sql, values, fits, text: false }
}

const fn text(
    table: &'static str,
    sql: &'static str,
    base: &'static str,
    unlimited: &'static str,
    values: &'static [&'static str],
    fits: &'static [&'static str],
) -> Kind {
    Kind { table, sql, base, unlimited, values, fits, text: true }
}

const fn domain(
    table: &'static str,
    sql: &'static str,
    base: &'static str,
    values: &'static [&'static str],
    fits: &'static [&'static str],
) -> Kind {
    Kind { table, sql, base, unlimited: base, values, fits, text: false }
}

const STRINGS: &[&str] = &["keep", "parts", "sql", "since", "hash", "token", "fake", "email", "digits"];
const FOLDED: &[&str] = &["keep", "parts", "sql", "since", "hash", "fake", "email"];
const ARRAYS: &[&str] = &["keep", "parts", "hash", "token", "fake", "email", "digits"];
const KEYS: &[&str] = &["hash", "token"];

/// A length that tokens do not keep to.
const fn lengthless(
    table: &'static str,
    sql: &'static str,
    unlimited: &'static str,
    values: &'static [&'static str],
    fits: &'static [&'static str],
) -> Kind {
    Kind { table, sql, base: sql, unlimited, values, fits, text: false }
}

/// One table for each.
pub const KINDS: &[Kind] = &[
    text("text", "text", "text", "text", TEXTS, STRINGS),
    text("text_c", "text COLLATE \"C\"", "text", "text", TEXTS, STRINGS),
    text("varchar", "varchar", "varchar", "varchar", TEXTS, STRINGS),
    text("varchar20", "varchar(20)", "varchar(20)", "varchar", SHORTER, STRINGS),
    text("bpchar20", "char(20)", "char(20)", "bpchar", PADDED, STRINGS),
    text("bpchar", "bpchar", "bpchar", "bpchar", PADDED, STRINGS),
    text("citext", "public.citext", "public.citext", "public.citext", SHORTER, FOLDED),
    text("mail", "d.mail", "text", "text", MAILS, STRINGS),
    text("tag", "d.tag", "text", "text", MAILS, STRINGS),
    text("label", "d.label", "varchar(20)", "varchar", SHORTER, STRINGS),
    text("folded", "d.folded", "public.citext", "public.citext", SHORTER, FOLDED),
    of("char1", "\"char\"", &["l", "", "\\303"], &[]),
    of("name", "name", &["liouliou", "", "l i\"o"], &[]),
    of("smallint", "smallint", &["15", "-15", "0", "-32768", "32767", "9"], &["bucket", "most", "amount", "fraction"]),
    of("int", "integer", &["15", "-15", "0", "-2147483648", "2147483647", "9"], &["bucket", "most", "amount", "fraction", "token"]),
    of("bigint", "bigint", BIGINTS, &["bucket", "most", "amount", "fraction", "hash", "token"]),
    of("uuid", "uuid", UUIDS, KEYS),
    domain("key", "d.key", "uuid", UUIDS, KEYS),
    domain("number", "d.number", "bigint", &["15", "9223372036854775807", "9"], &["bucket", "most", "amount", "fraction", "hash", "token"]),
    domain("small", "d.small", "integer", &["15", "2147483647", "19"], &["bucket", "most", "amount", "fraction", "token"]),
    domain("day", "d.day", "date", DATES, &["truncate", "since", "shift"]),
    domain("money", "d.money", "numeric(8,2)", &["15.55", "999999.99", "0.01"], &["bucket", "most", "amount", "fraction"]),
    domain("words", "d.words", "text[]", &["{liouli,NULL}", "{}"], ARRAYS),
    of("date", "date", DATES, &["truncate", "since", "shift"]),
    of("timestamp", "timestamp without time zone", TIMES, &["truncate", "since", "shift"]),
    of("timestamp3", "timestamp(3) without time zone", TIMES, &["truncate", "since", "shift"]),
    of("timestamptz", "timestamp with time zone", TIMES, &["truncate", "shift"]),
    of("timestamptz0", "timestamp(0) with time zone", TIMES, &["truncate", "shift"]),
    of("time", "time", &["01:02:03.456", "24:00"], &[]),
    of("timetz", "timetz", &["01:02:03.456+02"], &[]),
    of("interval", "interval", &["1 year 2 days 03:04:05", "-1 mon"], &[]),
    of("interval3", "interval(3)", &["1 year 2 days 03:04:05.6789"], &[]),
    of("interval_day", "interval day to second(2)", &["1 year 2 days 03:04:05.6789"], &[]),
    of(
        "numeric",
        "numeric",
        &["15.55", "-15.55", "NaN", "Infinity", "-Infinity", "0.000", "123456789012345678901234567890.5"],
        &["bucket", "most", "amount", "fraction"],
    ),
    of("numeric8_2", "numeric(8,2)", &["15.55", "-15.55", "NaN", "999999.99", "0"], &["bucket", "most", "amount", "fraction"]),
    of("real", "real", &["15.5", "-15.5", "NaN", "Infinity", "-Infinity", "9.99"], &["bucket", "amount", "fraction"]),
    of("double", "double precision", &["15.5", "-15.5", "NaN", "Infinity", "-Infinity", "123456.789"], &["bucket", "amount", "fraction"]),
    of("bool", "boolean", &["t", "f"], &[]),
    of("bytea", "bytea", &["\\x00ff", ""], &[]),
    of("inet", "inet", ADDRESSES, &["network"]),
    of("cidr", "cidr", &["10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "2001:db8:1:2::3/128"], &["network"]),
    of("macaddr", "macaddr", &["08:00:2b:01:02:03"], &[]),
    of("macaddr8", "macaddr8", &["08:00:2b:01:02:03:04:05"], &[]),
    of("json", "json", &["{\"street\" : \"liouliou\"}", "[1, null]"], &[]),
    of(
        "jsonb",
        "jsonb",
        &[
            "{\"street\": \"liouliou\", \"zip\": \"liouil\", \"k\": [1, {\"x\": null}]}",
            "[\"liouil\"]",
            "\"liouil\"",
            "{}",
            "null",
            "{\"street\": {\"a\": 1}}",
        ],
        &["json", "each"],
    ),
    of("xml", "xml", &["<a>liouliou</a>"], &[]),
    of("mood", "d.mood", &["low", "high"], &[]),
    of("bit8", "bit(8)", &["10101010"], &[]),
    of("varbit", "bit varying(9)", &["1", ""], &[]),
    of("oid", "oid", &["17", "4294967295"], &[]),
    of("point", "point", &["(1,2.5)"], &[]),
    of("tsvector", "tsvector", &["'liouli':1 'x':2A"], &[]),
    of("cash", "money", &["$12.34"], &[]),
    of("int4range", "int4range", &["[1,5)", "empty", "(,7)"], &[]),
    of("numrange", "numrange", &["[1.5,5)", "(,)"], &[]),
    of("tstzrange", "tstzrange", &["[2020-01-01 00:00+00,2021-01-01 00:00+00)"], &[]),
    of("int4multirange", "int4multirange", &["{[1,3),[5,7)}", "{}"], &[]),
    of("text_array", "text[]", &["{liouli,\"lo u\",NULL,\"NULL\",\"\"}", "{}", "{{liouli,b},{c,d}}", "[0:1]={liouil,uoli}"], ARRAYS),
    lengthless(
        "varchar_array",
        "varchar(9)[]",
        "varchar[]",
        &["{liouli,b}", "{}", "{NULL}"],
        &["keep", "parts", "token", "email", "digits"],
    ),
    of("int_array", "integer[]", &["{1,NULL,3}", "[-1:0][2:3]={{1,2},{3,4}}"], &["token"]),
    of("bigint_array", "bigint[]", &["{1,NULL,3}", "{}"], KEYS),
    of("uuid_array", "uuid[]", &["{2f1c9a8e-7777-4777-9777-77a7b7c7d7e7,NULL}", "{}"], KEYS),
    of("date_array", "date[]", &["{1987-06-05,infinity}"], &[]),
    of("mood_array", "d.mood[]", &["{low,high}"], &[]),
    of("range_array", "int4range[]", &["{\"[1,5)\",empty}"], &[]),
    of("pair", "d.pair", &["(1,liouli)", "(,)", "(2,\"l \"\"o,\")"], &["fields"]),
    of("nest", "d.nest", &["(\"(1,liouli)\",\"{1,2}\")"], &[]),
    of("pair_array", "d.pair[]", &["{\"(1,liouli)\",\"(2,)\",NULL}"], &[]),
];

impl Kind {
    /// All masks that fit.
    pub fn masks(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        // No column of a domain of twenty characters would hold a token: nothing to compare with.
        let too_long = |name: &str| self.table == "label" && matches!(name, "token" | "email" | "digits");
        // What texts are shown by it holds canaries.
        let shows = |name: &str| self.text && name == "since";
        MASKS.into_iter().filter(move |(name, _)| self.fit(name) && !too_long(name) && !shows(name))
    }

    /// Its values are arrays.
    pub fn is_array(&self) -> bool {
        self.base.ends_with("[]")
    }

    /// Whether that mask does.
    pub fn fit(&self, mask: &str) -> bool {
        matches!(mask, "null" | "redact" | "chosen") || self.fits.contains(&mask)
    }

    /// The type of the column of that mask, as a client sees it: what is veiled has that below a domain, a pseudonym its own, whose
    /// constraints it need not satisfy; a token may be longer.
    pub fn shown(&self, mask: &str) -> &'static str {
        match mask {
            // Computed in small letters.
            "hash" | "fake" | "email" if self.base == "public.citext" => self.base,
            "clear" | "hash" | "fake" => self.sql,
            "token" | "email" | "digits" if self.sql == self.base => self.unlimited,
            "token" | "email" | "digits" => self.sql,
            _ => self.base,
        }
    }
}
