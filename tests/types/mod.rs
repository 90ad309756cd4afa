//! Each type under each mask, in each form in which a value can be asked for: what comes is, byte for byte, what Postgres sends for the same
//! text on a database whose tables hold the masks.
//!
//! The masks are read once, as text, and held against their meaning in SQL. Then a second database is filled with them, and asked the
//! same: simple, extended with text and binary results, prepared, by a binary cursor, COPY as text, CSV and binary; columns as they are,
//! in arrays, rows, subqueries.

mod kinds;
mod shapes;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::OnceLock;

use pgveil_policy::{Engine, Policy};
use pgveil_tests::client::{Client, Login};
use pgveil_tests::data::quote;
use pgveil_tests::stage::MARKER;
use pgveil_tests::world::{Proxy, World};

use kinds::{KINDS, Kind, MASKS, SEALS, TYPES, meaning};

struct Matrix {
    proxy: Proxy,
    /// Holds the values.
    raw: String,
    /// Holds the masks, in schema `masked`.
    masked: String,
}

/// `text: mask` are classes, one for each column.
fn policy() -> String {
    let (mut classes, mut masks) = (String::new(), String::new());
    for kind in KINDS {
        for (name, spec) in kind.masks() {
            let class = format!("{}_{name}", kind.table);
            writeln!(classes, "[class.{class}]\ncolumns = [\"m.{}.m_{name}\"]", kind.table).unwrap();
            writeln!(masks, "{class} = {spec}").unwrap();
        }
    }
    format!(
        "version = 1\nunclassified = \"clear\"\n{classes}[role.reader]\nread_only = true\nwritable_schemas = [\"own\"]\ndefault = \"redact\"\n[role.reader.mask]\n{masks}[role.admin]\ndefault = \"clear\"\n"
    )
}

/// Of a value for each row: NULL last but one, the first again last.
fn rows(kind: &Kind) -> Vec<String> {
    let first = quote(kind.values[0]);
    // The only domain that takes no NULL.
    let null = if kind.sql == "d.label" { first.clone() } else { "NULL".to_owned() };
    kind.values.iter().map(|v| quote(v)).chain([null, first]).collect()
}

fn schema() -> String {
    let mut sql = TYPES.to_owned();
    for kind in KINDS {
        let names: Vec<&str> = kind.masks().map(|m| m.0).collect();
        let columns: Vec<String> = names.iter().map(|m| format!("m_{m} {}", kind.sql)).collect();
        write!(sql, "; CREATE TABLE m.{} (id int, plain {}, {})", kind.table, kind.sql, columns.join(", ")).unwrap();
        let values =
            rows(kind).into_iter().enumerate().map(|(id, value)| format!("({}, {})", id + 1, vec![value; names.len() + 1].join(", ")));
        write!(sql, "; INSERT INTO m.{} VALUES {}", kind.table, values.collect::<Vec<_>>().join(", ")).unwrap();
    }
    sql
}

impl Matrix {
    fn get() -> &'static Matrix {
        static MATRIX: OnceLock<Matrix> = OnceLock::new();
        MATRIX.get_or_init(|| {
            let world = World::get();
            let sql = schema();
            let proxy = world.proxy(&policy(), &[("reader", "reader"), ("admin", "admin")]);
            let matrix = Matrix { proxy, raw: world.database(&sql), masked: world.database(&sql) };
            let mut reader = matrix.reader(true);
            let mut script = "CREATE SCHEMA masked; ALTER DOMAIN d.mail DROP CONSTRAINT mail_check; \
                              ALTER DOMAIN d.number DROP CONSTRAINT number_check; ALTER DOMAIN d.small DROP CONSTRAINT small_check"
                .to_owned();
            for kind in KINDS {
                let masks: Vec<&str> = kind.masks().map(|m| m.0).collect();
                let columns = masks.iter().map(|m| format!("m_{m} {}", kind.shown(m)));
                let columns = columns.collect::<Vec<_>>().join(", ");
                write!(script, "; CREATE TABLE masked.{} (id int, plain {}, {columns})", kind.table, kind.sql).unwrap();
                let names: Vec<String> = masks.iter().map(|m| format!("m_{m}")).collect();
                let seen = reader.query(&format!("SELECT id, {} FROM {} ORDER BY id", names.join(", "), kind.table)).ok().rows();
                for (row, value) in seen.iter().zip(rows(kind)) {
                    let cells: Vec<String> = row.iter().map(|c| c.as_deref().map_or("NULL".to_owned(), quote)).collect();
                    let (id, cells) = cells.split_first().unwrap();
                    write!(script, "; INSERT INTO masked.{} VALUES ({id}, {value}, {})", kind.table, cells.join(", ")).unwrap();
                }
            }
            world.cluster().execute(&matrix.masked, &script).unwrap();
            matrix
        })
    }

    /// Through pgveil. `canary`: the values of `plain` are not asked for.
    fn reader(&self, canary: bool) -> Client {
        let login = Login { canary, ..Login::local(self.proxy.addr().port(), &self.raw, "reader", &self.proxy.password("reader")) };
        session(&login, "m")
    }

    /// Straight to Postgres.
    fn plain(&self, database: &str, schema: &str) -> Client {
        let cluster = World::get().cluster();
        session(&Login::local(cluster.port(), database, pgveil::demo::cluster::SUPERUSER, cluster.password()), schema)
    }
}

fn session(login: &Login, schema: &str) -> Client {
    let mut client = Client::connect(login).unwrap_or_else(|e| panic!("{e:?}"));
    client.query(&format!("SET search_path = {schema}, public; SET TimeZone = 'America/New_York'")).ok();
    client
}

#[test]
fn masks_mean_what_the_policy_says() {
    let matrix = Matrix::get();
    let (mut reader, mut raw, mut copy) = (matrix.reader(true), matrix.plain(&matrix.raw, "m"), matrix.plain(&matrix.masked, "masked"));
    for kind in KINDS {
        for (mask, _) in kind.masks() {
            let what = format!("{} of {}", mask, kind.sql);
            let select = format!("SELECT id, m_{mask} AS x FROM {} ORDER BY id", kind.table);
            let seen = reader.query(&select).ok().rows();
            // What was read is what the masked database gives back: nothing is lost on the way into it.
            assert_eq!(seen, copy.query(&select).ok().rows(), "{what}");
            match meaning(mask, kind) {
                Some(sql) => {
                    let meant =
                        raw.query(&format!("SELECT id, {sql} FROM (SELECT id, m_{mask} AS x FROM {}) AS s ORDER BY id", kind.table));
                    assert_eq!(seen, meant.ok().rows(), "{what}");
                }
                None => pseudonyms(&what, kind, mask, &seen),
            }
        }
    }
}

/// NULL where the value is NULL, of the pseudonym's shape, equal where and only where values are.
fn pseudonyms(what: &str, kind: &Kind, mask: &str, seen: &[Vec<Option<String>>]) {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut back: HashMap<String, String> = HashMap::new();
    for (row, value) in seen.iter().zip(rows(kind)) {
        let Some(pseudonym) = &row[1] else {
            assert_eq!(value, "NULL", "{what}");
            continue;
        };
        assert_ne!(value, "NULL", "{what}");
        // char's padding is no part of a value, citext's case neither.
        let mut value = value;
        if kind.base.contains("char") && !kind.base.contains("var") {
            value = format!("'{}'", value.trim_matches('\'').trim_end_matches(' '));
        }
        if kind.base == "public.citext" {
            value = value.to_lowercase();
        }
        assert_eq!(known.entry(value.clone()).or_insert_with(|| pseudonym.clone()), pseudonym, "{what}: {value}");
        // Two values may have one fake name.
        if mask != "fake" {
            assert_eq!(back.entry(pseudonym.clone()).or_insert_with(|| value.clone()), &value, "{what}: {pseudonym}");
        }
        if kind.is_array() {
            // As many elements, NULL where they are; none of them as it is.
            let parts = |text: &str| text.trim_matches(['\'', '{', '}']).split(',').map(str::to_owned).collect::<Vec<_>>();
            let (shown, stored) = (parts(pseudonym), parts(&value));
            assert_eq!(shown.len(), stored.len(), "{what}: {value} → {pseudonym}");
            for (shown, stored) in shown.iter().zip(&stored) {
                assert!(
                    stored == "NULL" && shown == "NULL" || stored.len() < 4 || !shown.contains(stored.as_str()),
                    "{what}: {value} → {pseudonym}"
                );
            }
            continue;
        }
        let bare = pseudonym.trim_end_matches(' ');
        let shape_of_digits = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        let shape = match (mask, kind.text, kind.base) {
            ("hash", true, _) => bare.len() == 18 && bare.starts_with("u_"),
            ("token", true, _) => bare.len() >= 66 && bare.starts_with("t_"),
            ("digits", true, _) if value.matches(|c: char| c.is_ascii_digit()).count() >= 6 => {
                format!("'{}'", shape_of_digits(bare)) == shape_of_digits(&value)
            }
            ("digits", true, _) => bare.len() >= 66 && bare.starts_with("t_"),
            ("fake", true, _) => bare.len() >= 3 && bare.chars().all(char::is_alphabetic),
            ("email", true, _) => {
                let domain = if value.ends_with(".example'") { &value[value.find('@').unwrap()..value.len() - 1] } else { "" };
                bare.starts_with("e_") && bare.len() == 18 + domain.len() && bare.ends_with(domain)
            }
            (_, _, "uuid") => pseudonym.len() == 36,
            ("hash", _, _) => pseudonym.parse::<i64>().is_ok_and(|n| n >= 0),
            (_, _, "integer") => pseudonym.parse::<i32>().is_ok(),
            _ => pseudonym.parse::<i64>().is_ok(),
        };
        assert!(shape && !value.contains(bare), "{what}: {value} → {pseudonym}");
    }
    assert!(known.len() >= 3 || kind.is_array(), "{what}");
}

#[test]
fn tokens_find_their_rows_in_every_format() {
    let matrix = Matrix::get();
    let mut reader = matrix.reader(true);
    let mut raw = matrix.plain(&matrix.raw, "m");
    let tokens = |kind: &'static Kind| {
        kind.masks().filter(|m| matches!(m.0, "token" | "digits") && !kind.is_array()).map(move |m| (kind, format!("m_{}", m.0)))
    };
    for (kind, column) in KINDS.iter().flat_map(tokens) {
        let all = format!("SELECT id, {column} FROM {} ORDER BY id", kind.table);
        let read = |format| pgveil_tests::client::Call { sql: all.clone(), results: vec![format], ..Default::default() };
        let tokens = [0, 1].map(|format| reader.call(&read(format)).ok());
        let [texts, binaries] = tokens.map(|answer| answer.raw_rows().map(|row| row[1].clone()).collect::<Vec<_>>());
        for (n, (text, binary)) in texts.iter().zip(&binaries).enumerate() {
            let Some(text) = text else { continue };
            let twins =
                format!("SELECT id FROM {0} WHERE {column} = (SELECT {column} FROM {0} WHERE id = {1}) ORDER BY id", kind.table, n + 1);
            let expected = raw.query(&twins).ok().table();
            let what = format!("{}.{column} row {}", kind.table, n + 1);
            let literal = quote(std::str::from_utf8(text).unwrap());
            let found = reader.query(&format!("SELECT id FROM {} WHERE {column} = {literal} ORDER BY id", kind.table)).ok();
            assert_eq!(found.table(), expected, "{what}: as a literal");
            for (format, value) in [(0, Some(text.clone())), (1, binary.clone())] {
                let call = pgveil_tests::client::Call {
                    sql: format!("SELECT id FROM {} WHERE {column} = $1 ORDER BY id", kind.table),
                    formats: vec![format],
                    values: vec![value],
                    ..Default::default()
                };
                assert_eq!(reader.call(&call).ok().table(), expected, "{what}: as a parameter in format {format}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_no_policy() {
    let matrix = Matrix::get();
    let catalog = World::get().catalog(&matrix.raw);
    let catalog = std::sync::Arc::new(catalog);
    let mut refused = BTreeMap::new();
    for kind in KINDS {
        // That a constant is none of a number, say, only the server finds out.
        let temporal_or_text = kind.fit("since");
        for (mask, spec) in MASKS.into_iter().filter(|(mask, _)| *mask != "since" || temporal_or_text) {
            let text = format!(
                "version = 1\nunclassified = \"clear\"\n[class.c]\ncolumns = [\"m.{}.plain\"]\n[role.r]\nread_only = true\n[role.r.mask]\nc = {spec}\n",
                kind.table
            );
            let policy = Policy::parse("policy.toml", &text).unwrap_or_else(|e| panic!("{e:?}"));
            let engine = Engine::new(&policy, std::sync::Arc::clone(&catalog), MARKER);
            // What only concerns texts says nothing of other tokens.
            let fits = kind.fit(mask) || mask == "digits" && kind.fit("token");
            assert_eq!(engine.is_ok(), fits, "{mask} on {}: {:?}", kind.sql, engine.err());
            if let Err(why) = engine {
                let why = why.iter().map(ToString::to_string).collect::<String>();
                assert!(why.contains("does not fit"), "{why}");
                *refused.entry(mask).or_insert(0) += 1;
            }
        }
    }
    println!("types: {} types; masks that do not fit: {refused:?}", KINDS.len());
}

/// No element of a pseudonymised array shows, and no guess of one is answered.
#[test]
fn elements_of_arrays_are_sealed_as_values_are() {
    let matrix = Matrix::get();
    let mut reader = matrix.reader(true);
    for refused in [
        "SELECT array_to_string({a}, ',') FROM {t}",
        "SELECT {a}::text FROM {t}",
        "SELECT {a}::varchar(2)[] FROM {t}",
        "SELECT to_json({a}) FROM {t}",
        "SELECT length({a}[1]) FROM {t}",
        "SELECT upper(u) FROM {t}, unnest({a}) AS u",
        "SELECT u FROM {t}, unnest({a}) AS u WHERE u LIKE 'l%'",
        "SELECT {a} || 'liouli' FROM {t}",
        "SELECT array_append({a}, 'liouli') FROM {t}",
        "SELECT ARRAY['liouli'] || {a} FROM {t}",
        "SELECT id FROM {t} WHERE 'liouli' = ANY ({a})",
        "SELECT id FROM {t} WHERE {a} @> ARRAY['liouli']",
        "SELECT id FROM {t} WHERE {a} = '{liouli}'",
        "SELECT id FROM {t} WHERE {a}[1] = 'liouli'",
        "SELECT id FROM {t} WHERE {a} < ARRAY['m']",
        "SELECT array_position({a}, 'liouli') FROM {t}",
        "SELECT array_replace({a}, 'liouli', 'x') FROM {t}",
        "SELECT coalesce({a}, ARRAY['liouli']) FROM {t}",
        "SELECT {a} FROM {t} UNION ALL SELECT ARRAY['liouli']",
        "SELECT ROW({a}) FROM {t}",
        "SELECT t FROM {t} AS t",
        "UPDATE {t} SET plain = {a}",
        "UPDATE {t} SET {a} = ARRAY['x']",
        "INSERT INTO {t} (id, {a}) VALUES (99, ARRAY['x'])",
        "INSERT INTO {t} (id, plain) SELECT id, {a} FROM {t}",
    ] {
        for (table, column) in [("text_array", "m_hash"), ("text_array", "m_token"), ("words", "m_fake"), ("text_array", "m_digits")] {
            let sql = refused.replace("{a}", column).replace("{t}", table);
            let answer = reader.query(&sql);
            // A text that is no token is none of its values.
            let is_no_token = matches!(column, "m_token" | "m_digits") && sql.ends_with("[1] = 'liouli'") && answer.error().is_none();
            let refused = matches!(answer.sqlstate(), "42501" | "0A000") || is_no_token && answer.rows().is_empty();
            assert!(refused, "{sql}: {} {}", answer.sqlstate(), answer.message());
        }
    }
    for fine in [
        "SELECT id, {a}[1], {a}[1:2], cardinality({a}), array_length({a}, 1) FROM {t} ORDER BY id",
        "SELECT id, u FROM {t}, unnest({a}) AS u ORDER BY id, u",
        "SELECT count(*), count(DISTINCT {a}) FROM {t}",
        "SELECT x.id FROM {t} x JOIN {t} y ON x.{a} = y.{a} ORDER BY 1",
        "SELECT x.id FROM {t} x JOIN {t} y ON x.{a}[1] = ANY (y.{a}) ORDER BY 1",
        "SELECT {a}, count(*) FROM {t} GROUP BY {a} ORDER BY {a}",
        "SELECT array_remove({a}, {a}[1]) FROM {t} WHERE array_length({a}, 2) IS NULL ORDER BY id",
        "CREATE TEMP TABLE kept AS SELECT id, {a} FROM {t}; SELECT * FROM kept ORDER BY id; DROP TABLE kept",
    ] {
        for (table, column) in [("text_array", "m_hash"), ("text_array", "m_email"), ("uuid_array", "m_token"), ("bigint_array", "m_hash")]
        {
            for sql in fine.split("; ") {
                reader.query(&sql.replace("{a}", column).replace("{t}", table)).ok();
            }
        }
    }
}
