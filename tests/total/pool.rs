//! Values of every type that the list names: the extremes, and some at random.

use pgveil_policy::builtin::total::{Condition, Kind, signatures};
use pgveil_tests::rng::Rng;
use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

const INT2: &[&str] = &["0", "1", "-1", "2", "7", "-32768", "32767", "100"];
const INT4: &[&str] = &["0", "1", "-1", "2", "3", "10", "1000", "-2147483648", "2147483647", "2147483646", "-2147483647", "1073741824"];
const INT8: &[&str] =
    &["0", "1", "-1", "2", "-9223372036854775808", "9223372036854775807", "4294967296", "-2147483649", "9223372036854775806"];
const FLOAT: &[&str] =
    &["0", "-0", "1", "-1", "NaN", "Infinity", "-Infinity", "1e30", "-1e30", "1e-37", "0.1", "123456.789", "2147483648", "1e-45"];
const FLOAT8: &[&str] = &["1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "1e300", "-1e-300"];
const NUMERIC: &[&str] =
    &["0", "1", "-1", "0.00", "1.10", "1.1", "NaN", "Infinity", "-Infinity", "1e131071", "-1e131071", "1e-16383", "99999.99999"];
const SHORT: &[&str] = &["0", "1", "-1", "0.00", "1.10", "NaN", "123456.789", "-0.5", "1e999", "-1e999", "1e-1000", "9.99e998"];
const TEXT: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "abc",
    "%",
    "_",
    "\\",
    "\\\\",
    "a\\",
    "Straße",
    "İstanbul ıI",
    "ﬁ ﬀ",
    "日本語",
    "👩‍👩‍👧‍👦",
    "e\u{301}",
    "\u{1}\u{7f}",
    "'",
    "''",
    "\"",
    "\\x",
    "\\u0000",
    "[",
    "{",
    "{}",
    "{a,b}",
    "null",
    "NaN",
    "infinity",
    "-1",
    "2024-02-30",
    "12345678901234567890",
    "a,b,,c",
    "x  ",
    "\t\n",
    "\u{10FFFF}",
    "ὈΔΥΣΣΕΎΣ",
];
const PATTERN: &[&str] = &[
    "",
    "%",
    "_",
    "%%",
    "a%",
    "%a",
    "_%_",
    "\\%",
    "\\\\",
    "a\\b",
    "%\\_%",
    "日%",
    "%👩%",
    "Straße",
    "İ%",
    "[a-z]",
    "%a%b%c%d%",
    "\\a\\b",
    "%_\\%",
];
const BYTEA: &[&str] = &["", "\\x00", "\\xff", "\\x61626300", "\\x5c5c", "\\xdeadbeef"];
const DATE: &[&str] = &[
    "4714-11-24 BC",
    "4713-01-01 BC",
    "0001-01-01 BC",
    "0001-01-01",
    "1582-10-15",
    "1970-01-01",
    "2000-02-29",
    "2024-12-30",
    "5874897-12-31",
    "294276-12-31",
    "294277-01-01",
    "infinity",
    "-infinity",
];
const TIMESTAMP: &[&str] = &[
    "4714-11-24 00:00:00 BC",
    "4714-11-24 00:00:00.000001 BC",
    "4713-01-01 BC",
    "0001-01-01 BC",
    "0001-01-01",
    "1970-01-01",
    "2000-02-29 23:59:59.999999",
    "2024-03-31 02:30:00",
    "294276-12-31 23:59:59.999999",
    "infinity",
    "-infinity",
    "1883-11-18 12:03:58",
];
const TIME: &[&str] = &["00:00:00", "23:59:59.999999", "24:00:00", "12:34:56.789", "00:00:00.000001"];
const TIMETZ: &[&str] = &["00:00:00+15:59:59", "24:00:00-15:59:59", "12:00:00+00", "23:59:59.999999-08"];
/// Not read before version 15.
const INTERVAL_OF_15: &[&str] = &[
    "-2147483648:59:59",
    "2147483647 mons 2147483647 days 2562047787:59:59.999999",
    "-178956970 years -8 mons -2147483648 days -2562047787:59:59",
];
const INTERVAL: &[&str] = &[
    "0",
    "1 day",
    "-1 day",
    "1 month",
    "178000000 years",
    "-178000000 years",
    "2147483647 days",
    "-2147483648 days",
    "1 mon -1 day 00:00:00.000001",
    "2147483647:59:59",
    "-2147483648:59:59",
    "2147483647 mons 2147483647 days 2562047787:59:59.999999",
    "-178956970 years -8 mons -2147483648 days -2562047787:59:59",
];
const UUID: &[&str] =
    &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"];
const INET: &[&str] = &[
    "0.0.0.0",
    "255.255.255.255",
    "10.0.0.0/8",
    "10.1.2.3/0",
    "::",
    "::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "::ffff:1.2.3.4/96",
    "2001:db8::/32",
];
const MACADDR: &[&str] = &["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"];
const OID: &[&str] = &["0", "1", "4294967295", "2147483648"];
const JSON: &[&str] = &[
    "null",
    "true",
    "0",
    "-1e1000",
    "1.50",
    "\"\"",
    "\"a\"",
    "\"日本語\"",
    "[]",
    "{}",
    "[1, null, \"a\", [2], {\"a\": 1}]",
    "{\"a\": {\"b\": [1, {\"c\": null}]}}",
    "{\"\": 1}",
    "{\"a\": 1, \"a\": 2}",
    "[[[[[[]]]]]]",
    "\"\\n\\t\\\\\"",
];
/// Text form of arrays of anything: nothing, NULL, several dimensions, other lower bounds.
fn arrays(elements: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = elements.iter().map(|e| format!("\"{}\"", e.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    let pick = |n: usize| quoted[n % quoted.len()].clone();
    vec![
        "{}".to_owned(),
        "{NULL}".to_owned(),
        format!("{{{}}}", quoted.join(",")),
        format!("{{{},NULL,{}}}", pick(0), pick(1)),
        format!("{{{{{},{}}},{{NULL,{}}}}}", pick(0), pick(1), pick(2)),
        format!("{{{{{{{}}}}}}}", pick(1)),
        format!("[-5:-4]={{{},{}}}", pick(1), pick(2)),
        format!("[2147483646:2147483646]={{{}}}", pick(0)),
        format!("[-2147483648:-2147483648]={{{}}}", pick(0)),
    ]
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

fn random_text(rng: &mut Rng) -> String {
    const PIECES: &[&str] = &[
        "a", "Z", "0", " ", "%", "_", "\\", "'", "\"", "ß", "İ", "σ", "日", "👩", "\u{301}", ",", "{", "}", "(", "\n", "-", "\u{200d}", "é",
    ];
    (0..rng.below(24)).map(|_| *rng.pick(PIECES)).collect()
}

/// Name of the type, as the list has it, and its values in text form.
fn values(rng: &mut Rng) -> Vec<(&'static str, Vec<String>)> {
    let ints = |rng: &mut Rng, low: i64, high: i64| -> Vec<String> {
        (0..6)
            .map(|_| {
                let shift = rng.below(63);
                (rng.next() as i64 >> shift).clamp(low, high).to_string()
            })
            .collect()
    };
    let floats: Vec<String> = (0..6).map(|_| f32::from_bits(rng.next() as u32).to_string()).collect();
    let doubles: Vec<String> = (0..6).map(|_| format!("{:e}", f64::from_bits(rng.next()))).map(|t| t.replace("inf", "Infinity")).collect();
    let texts: Vec<String> = (0..12).map(|_| random_text(rng)).collect();
    let long = ["x".repeat(3000), "日".repeat(2000), "aB%".repeat(1000)];
    let patterns: Vec<String> = (0..8)
        .map(|_| random_text(rng))
        .map(|t| {
            let odd = t.len() - t.trim_end_matches('\\').len();
            if odd % 2 == 1 { format!("{t}\\") } else { t }
        })
        .collect();
    let stamps: Vec<String> = (0..8)
        .map(|_| {
            let year = rng.range(1, 294_276);
            format!(
                "{year:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
                rng.range(1, 12),
                rng.range(1, 28),
                rng.range(0, 23),
                rng.range(0, 59),
                rng.range(0, 59),
                rng.range(0, 999_999)
            )
        })
        .collect();
    let numerics: Vec<String> = (0..6)
        .map(|_| {
            let digits: String = (0..rng.range(1, 300)).map(|_| char::from(b'0' + rng.below(10) as u8)).collect();
            format!("{digits}.{}", rng.next())
        })
        .collect();
    let with = |fixed: &[&str], more: Vec<String>| {
        let mut all = owned(fixed);
        all.extend(more);
        all
    };
    let ints4 = ints(rng, i32::MIN.into(), i32::MAX.into());
    let text = with(TEXT, texts.iter().cloned().chain(long.clone()).collect());
    vec![
        ("int2", with(INT2, ints(rng, i16::MIN.into(), i16::MAX.into()))),
        ("int4", with(INT4, ints4)),
        ("int8", with(INT8, ints(rng, i64::MIN, i64::MAX))),
        ("float4", with(FLOAT, floats)),
        ("float8", with(FLOAT, with(FLOAT8, doubles))),
        ("numeric", with(NUMERIC, numerics.clone())),
        ("short", with(SHORT, numerics)),
        ("text", text.clone()),
        ("pattern", with(PATTERN, patterns)),
        ("name", text.iter().map(|t| t.chars().take(15).collect()).collect()),
        ("bpchar", text),
        ("bytea", owned(BYTEA)),
        ("bool", owned(&["true", "false"])),
        ("date", with(DATE, stamps.iter().map(|s| s[..s.find(' ').unwrap()].to_owned()).collect())),
        ("timestamp", with(TIMESTAMP, stamps.clone())),
        (
            "timestamptz",
            with(
                &[
                    "4714-11-24 00:00:00+00 BC",
                    "294276-12-31 23:59:59.999999+00",
                    "infinity",
                    "-infinity",
                    "1970-01-01 00:00+00",
                    "2024-03-31 02:30+01",
                ],
                stamps.iter().map(|s| format!("{s}+00")).collect(),
            ),
        ),
        ("time", owned(TIME)),
        ("timetz", owned(TIMETZ)),
        (
            "interval",
            owned(INTERVAL)
                .into_iter()
                .filter(|v| World::get().has(Feature::IntervalsOf15) || !INTERVAL_OF_15.contains(&v.as_str()))
                .collect(),
        ),
        ("uuid", owned(UUID)),
        ("inet", owned(INET)),
        ("macaddr", owned(MACADDR)),
        ("oid", owned(OID)),
        ("json", with(JSON, owned(&["\"\\u0000\"", "{\"a\": \"\\u0000\"}"]))),
        ("jsonb", owned(JSON)),
        ("anyenum", owned(&["low", "mid", "high"])),
        ("any", owned(&["1", "2"])),
        ("int2[]", arrays(INT2)),
        ("int4[]", arrays(INT4)),
        ("int8[]", arrays(INT8)),
        ("float8[]", arrays(FLOAT)),
        ("numeric[]", arrays(NUMERIC)),
        ("text[]", arrays(TEXT)),
        ("bool[]", arrays(&["true", "false"])),
        ("date[]", arrays(DATE)),
        ("timestamp[]", arrays(TIMESTAMP)),
        ("timestamptz[]", arrays(&["infinity", "1970-01-01 00:00+00", "2024-03-31 02:30+01"])),
        ("uuid[]", arrays(UUID)),
    ]
}

/// SQL that makes a table `p_<type>` of one column `x` for every type, NULL among its rows.
pub fn tables(rng: &mut Rng, collations: &[&str]) -> Vec<String> {
    let collation = *rng.pick(collations);
    let mut all = Vec::new();
    for (name, values) in values(rng) {
        let sql_type = match name {
            "short" => "numeric".to_owned(),
            "pattern" => "text".to_owned(),
            "anyenum" => "mood".to_owned(),
            "any" => "int4".to_owned(),
            other => other.to_owned(),
        };
        let collated = matches!(name, "text" | "bpchar" | "name");
        let collate = if collated { format!(" COLLATE \"{collation}\"") } else { String::new() };
        let table = format!("p_{}", name.replace("[]", "_array"));
        let rows: Vec<String> = values.iter().map(|v| format!("('{}')", v.replace('\'', "''"))).collect();
        all.push(format!("DROP TABLE IF EXISTS {table}"));
        all.push(format!("CREATE TEMP TABLE {table} (x {sql_type}{collate})"));
        all.push(format!("INSERT INTO {table} SELECT CAST(v.x AS {sql_type}) FROM (VALUES (NULL), {}) AS v (x)", rows.join(", ")));
    }
    all
}

/// Pairs of types that `=` is on the list for.
pub fn compared() -> Vec<(&'static str, &'static str)> {
    signatures()
        .iter()
        .filter(|s| s.kind == Kind::Operator && s.name == "=")
        .filter_map(|s| match s.arguments.as_slice() {
            [(a, Condition::None), (b, Condition::None)] => Some((*a, *b)),
            _ => None,
        })
        .collect()
}
