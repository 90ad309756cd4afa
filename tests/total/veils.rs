//! Veils fail for no stored value, give no notice, and show the same whatever a session sets: every mask on every type that it fits, and
//! random expressions of the mask `sql`, as far as they are taken.

use std::collections::{BTreeMap, BTreeSet};

use pgveil_policy::catalog::{BaseType, Catalog, Column, ColumnType, Relation, RelationKind};
use pgveil_policy::mask::fit::{Action, fit, fit_in};
use pgveil_policy::mask::spec::{Constant, JsonMask, Keep, MaskSpec, Noise, Shift, Unit, Width};
use pgveil_policy::mask::veil::sql::SqlMask;

use super::*;

/// A type, and where values of it are.
struct Kind {
    base: BaseType,
    sql: &'static str,
    /// Of a table of the pool.
    from: &'static str,
}

const fn of(base: BaseType, sql: &'static str, from: &'static str) -> Kind {
    Kind { base, sql, from }
}

const KINDS: &[Kind] = &[
    of(BaseType::Text, "pg_catalog.text", "p_text"),
    of(BaseType::Varchar, "character varying(7)", "(SELECT CAST(x AS varchar(7)) AS x FROM p_text)"),
    of(BaseType::Bpchar, "character(9)", "(SELECT CAST(x AS char(9)) AS x FROM p_text)"),
    of(BaseType::Bpchar, "pg_catalog.bpchar", "p_bpchar"),
    of(BaseType::Citext, "\"public\".\"citext\"", "(SELECT CAST(x AS public.citext) AS x FROM p_text)"),
    of(BaseType::Uuid, "pg_catalog.uuid", "p_uuid"),
    of(BaseType::Int2, "pg_catalog.int2", "p_int2"),
    of(BaseType::Int4, "pg_catalog.int4", "p_int4"),
    of(BaseType::Int8, "pg_catalog.int8", "p_int8"),
    of(BaseType::Numeric, "pg_catalog.\"numeric\"", "p_numeric"),
    of(BaseType::Numeric, "numeric(10,2)", "(SELECT CAST(x AS numeric(10,2)) AS x FROM p_short WHERE x = 'NaN' OR abs(x) < 99999999)"),
    of(BaseType::Numeric, "numeric(3,0)", "(SELECT CAST(x AS numeric(3,0)) AS x FROM p_short WHERE x = 'NaN' OR abs(x) < 999)"),
    of(BaseType::Float4, "pg_catalog.float4", "p_float4"),
    of(BaseType::Float8, "double precision", "p_float8"),
    of(BaseType::Bool, "pg_catalog.bool", "p_bool"),
    of(BaseType::Date, "pg_catalog.date", "p_date"),
    of(BaseType::Timestamp, "timestamp without time zone", "p_timestamp"),
    of(
        BaseType::Timestamp,
        "timestamp(0) without time zone",
        "(SELECT CAST(x AS timestamp(0)) AS x FROM p_timestamp WHERE x < '294276-01-01' OR x = 'infinity')",
    ),
    of(BaseType::Timestamptz, "timestamp with time zone", "p_timestamptz"),
    of(BaseType::Inet, "pg_catalog.inet", "p_inet"),
    of(BaseType::Cidr, "pg_catalog.cidr", "(SELECT CAST(x AS cidr) AS x FROM p_inet)"),
    of(BaseType::Json, "pg_catalog.json", "p_json"),
    of(BaseType::Jsonb, "pg_catalog.jsonb", "p_jsonb"),
    of(BaseType::Bytea, "pg_catalog.bytea", "p_bytea"),
    of(BaseType::Array, "pg_catalog.text[]", "p_text_array"),
    of(BaseType::Other, "pg_catalog.\"interval\"", "p_interval"),
];

fn width(decimal: &str) -> MaskSpec {
    MaskSpec::Bucket(Width { decimal: decimal.into(), whole: decimal.parse().ok() })
}

fn masks() -> Vec<(String, MaskSpec)> {
    let keep = |first, last, fill, separators| Keep { first, last, fill, separators };
    let text = |text: &str| Some(Constant::Text(text.to_owned()));
    let bucket = JsonMask::Bucket(Width { decimal: "0.5".into(), whole: None });
    let inner = [("*".to_owned(), JsonMask::Keep(keep(1, 0, '*', true))), ("a".to_owned(), bucket.clone())].into();
    let json: BTreeMap<String, JsonMask> = [
        ("a".to_owned(), JsonMask::Object(inner)),
        ("b".to_owned(), bucket.clone()),
        ("*".to_owned(), JsonMask::Redact(Some(Constant::Truth(true)))),
    ]
    .into();
    let wild: BTreeMap<String, JsonMask> = [("*".to_owned(), JsonMask::Object([("*".to_owned(), bucket)].into()))].into();
    let mut all = vec![
        MaskSpec::Null,
        MaskSpec::Redact(None),
        MaskSpec::Redact(text("it's")),
        MaskSpec::Redact(text("1970-01-01")),
        MaskSpec::Redact(Some(Constant::Number("7".into()))),
        MaskSpec::Redact(Some(Constant::Truth(false))),
        width("10"),
        width("0.5"),
        width("1000000000000000"),
        MaskSpec::Network { v4: 24, v6: 48 },
        MaskSpec::Network { v4: 0, v6: 0 },
        MaskSpec::Json(json),
        MaskSpec::Json(wild),
        MaskSpec::Noise(Noise::Amount(Width { decimal: "10".into(), whole: Some(10) })),
        MaskSpec::Noise(Noise::Amount(Width { decimal: "1000000000000000".into(), whole: Some(1_000_000_000_000_000) })),
        MaskSpec::Noise(Noise::Fraction(Width { decimal: "0.001".into(), whole: None })),
        MaskSpec::Noise(Noise::Fraction(Width { decimal: "0.9".into(), whole: None })),
    ];
    all.extend([(0, 0), (1, 2), (1000, 1000)].into_iter().flat_map(|(first, last)| {
        [('*', false), ('😀', true), ('\\', true), ('&', true)]
            .map(|(fill, separators)| MaskSpec::Keep(keep(first, last, fill, separators)))
    }));
    all.extend(Unit::ALL.map(MaskSpec::Truncate));
    all.into_iter().map(|mask| (format!("{mask:?}"), mask)).collect()
}

fn column(kind: &Kind, collation: &str) -> Column {
    let text = matches!(kind.base, BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext);
    let data_type = ColumnType {
        oid: 0,
        typmod: -1,
        sql: kind.sql.into(),
        base_sql: kind.sql.into(),
        base: kind.base,
        collation: (text && collation != "default").then(|| format!("pg_catalog.\"{collation}\"")),
        nondeterministic: false,
        is_domain: false,
    };
    Column { number: 1, name: "x".into(), data_type, not_null: false, generated_from: vec![] }
}

fn relation(column: &Column) -> Relation {
    Relation {
        oid: 4_000_000_000,
        schema: "public".into(),
        name: "veils".into(),
        kind: RelationKind::Table,
        columns: vec![column.clone()],
        parents: vec![],
        primary_key: vec![],
        unique: vec![],
        indexes: vec![],
        definition: None,
        reads: vec![],
        row_security: false,
    }
}

/// Random SQL over `{column}`, much of which is not taken.
struct Expressions<'a> {
    rng: &'a mut Rng,
    base: BaseType,
}

impl Expressions<'_> {
    fn own(&mut self, depth: usize) -> String {
        match self.base {
            BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext => self.text(depth),
            BaseType::Int2 | BaseType::Int4 | BaseType::Int8 | BaseType::Numeric | BaseType::Float4 | BaseType::Float8 => {
                self.number(depth)
            }
            BaseType::Bool => self.truth(depth),
            BaseType::Date | BaseType::Timestamp | BaseType::Timestamptz => self.time(depth),
            _ => self.any(depth),
        }
    }

    fn pick(&mut self, all: &[&str], depth: usize) -> String {
        let template = if depth == 0 { all[0] } else { *self.rng.pick(all) };
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('#') {
            out.push_str(before);
            let inner = depth.saturating_sub(1);
            out.push_str(&match after.as_bytes()[0] {
                b'T' => self.text(inner),
                b'N' => self.number(inner),
                b'B' => self.truth(inner),
                b'D' => self.time(inner),
                b'C' => "{column}".to_owned(),
                _ => self.own(inner),
            });
            rest = &after[1..];
        }
        out + rest
    }

    fn text(&mut self, depth: usize) -> String {
        let text = matches!(self.base, BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext);
        self.pick(
            &[
                if text { "#C" } else { "'ab'" },
                "#C::text",
                "left(#T, 2)",
                "upper(#T)",
                "(#T || #T)",
                "substr(#T, 2, 3)",
                "substr(#T, #N)",
                "split_part(#T, 'a', 1)",
                "CASE WHEN #B THEN #T ELSE #T END",
                "coalesce(#T, 'x')",
                "(#T COLLATE \"C\")",
                "nullif(#T, #T)",
                "to_char(#C, 'YYYY')",
                "md5(#T)",
                "lpad(#T, 5, '*')",
                "regexp_replace(#T, 'a', 'b')",
                "greatest(#T, #T)",
                "translate(#T, 'a', 'b')",
                "trim(#T)",
                "left(#T, #N)",
                "(#N)::text",
                "(#D)::text",
                "(#B)::text",
                "#T::varchar(3)",
                "#T::char(3)",
                "reverse(initcap(#T))",
                "quote_literal(#T)",
                "host(#C)",
                "(#C ->> 'a')",
                "jsonb_typeof(#C)",
                "current_user",
                "current_setting('x')",
                "repeat(#T, 3)",
                "overlay(#T placing 'x' from 1)",
            ],
            depth,
        )
    }

    fn number(&mut self, depth: usize) -> String {
        let number =
            matches!(self.base, BaseType::Int2 | BaseType::Int4 | BaseType::Int8 | BaseType::Numeric | BaseType::Float4 | BaseType::Float8);
        self.pick(
            &[
                if number { "#C" } else { "7" },
                "1",
                "-3",
                "2.5",
                "length(#T)",
                "(#N % 10)",
                "(#N / 2)",
                "(#N)::int8",
                "(#N)::numeric",
                "CASE WHEN #B THEN #N ELSE #N END",
                "(#N + #N)",
                "(#N * 2)",
                "extract(year FROM #C)",
                "extract(epoch FROM #C)",
                "strpos(#T, #T)",
                "coalesce(#N, 0)",
                "abs(#N)",
                "round(#N)",
                "floor(#N)",
                "least(#N, #N)",
                "greatest(#N, 5)",
                "sign(#N)",
                "(#N)::float8",
                "ascii(#T)",
                "masklen(#C)",
                "(#T)::int",
                "nullif(#N, #N)",
                "sqrt(#N)",
                "random()",
                "octet_length(#T)",
                "(#N)::smallint",
                "trunc(#N)",
            ],
            depth,
        )
    }

    fn truth(&mut self, depth: usize) -> String {
        let own = self.base == BaseType::Bool;
        self.pick(
            &[
                if own { "#C" } else { "#C IS NULL" },
                "(#T = #T)",
                "(#N > #N)",
                "#C IS NOT NULL",
                "(#T LIKE 'a%')",
                "(#B AND #B)",
                "(NOT #B)",
                "(#O < #O)",
                "(#O IN (#O, #O))",
                "(#O BETWEEN #O AND #O)",
                "(#T ~ 'a')",
                "(#T ILIKE '%b%')",
                "(#O IS DISTINCT FROM #O)",
                "(#B IS TRUE)",
                "(#B OR #B)",
                "starts_with(#T, 'a')",
                "isfinite(#C)",
                "(#N)::bool",
                "(#D < #D)",
                "(#C < now())",
                "(#C << inet '10.0.0.0/8')",
                "(#C ? 'a')",
                "(#T < 'm')",
            ],
            depth,
        )
    }

    fn time(&mut self, depth: usize) -> String {
        let time = matches!(self.base, BaseType::Date | BaseType::Timestamp | BaseType::Timestamptz);
        self.pick(
            &[
                if time { "#C" } else { "date '2020-01-01'" },
                "'2020-01-01'",
                "'2020-01-01 10:00:00'",
                "'2020-01-01 10:00:00+00'",
                "date '1999-12-31'",
                "timestamp '1999-12-31'",
                "timestamptz '1999-12-31 00:00:00+00'",
                "timestamptz '1999-12-31'",
                "date_trunc('day', #C)",
                "date_trunc('year', #C)",
                "CASE WHEN #B THEN #D ELSE #D END",
                "#C::date",
                "#C::timestamp",
                "#C::timestamptz",
                "'now'",
                "now()",
                "current_date",
                "(#C + interval '1 day')",
                "(#C + 1)",
                "coalesce(#D, #D)",
                "greatest(#D, #D)",
                "(#C AT TIME ZONE 'UTC')",
                "nullif(#D, #D)",
            ],
            depth,
        )
    }

    fn any(&mut self, depth: usize) -> String {
        self.pick(
            &[
                "#C",
                "CASE WHEN #B THEN #C END",
                "coalesce(#C, #C)",
                "nullif(#C, #C)",
                "CASE WHEN #B THEN #C ELSE #C END",
                "(#C -> 'a')",
                "(#C #> '{a}')",
                "greatest(#C, #C)",
            ],
            depth,
        )
    }
}

/// What it shows is the same under both settings; or what is wrong.
fn same(session: &mut Client, kind: &Kind, veil: &str, settings: &[Vec<String>; 2]) -> Result<(), String> {
    // These types have no equality.
    let plain = matches!(kind.base, BaseType::Json);
    let shown = if plain { format!("CAST({veil} AS text)") } else { veil.to_owned() };
    // Says that there was none, the first time.
    session.query("DROP TABLE IF EXISTS shown");
    let mut run = |sql: &str| {
        let answer = session.query(sql);
        let notices = answer.notices();
        match (answer.error().is_some(), notices.is_empty()) {
            (false, true) => Ok(answer),
            _ => Err(format!("{} {notices:?}", answer.message())),
        }
    };
    for set in &settings[0] {
        run(set)?;
    }
    run(&format!("CREATE TEMP TABLE shown AS SELECT {shown} AS m FROM {} AS veils", kind.from))?;
    for set in &settings[1] {
        run(set)?;
    }
    let differ = format!("SELECT count(*) FROM (SELECT {shown} FROM {} AS veils EXCEPT ALL SELECT m FROM shown) AS s", kind.from);
    match run(&differ)?.value().as_deref() {
        Some("0") => Ok(()),
        other => Err(format!("{other:?} values are shown otherwise under {:?} than under {:?}", settings[1], settings[0])),
    }
}

/// By every kind of text. `None`: it does not fit.
fn shifted(
    session: &mut Client,
    kind: &Kind,
    column: &Column,
    catalog: &Catalog,
    settings: &[Vec<String>; 2],
) -> Option<Result<(), String>> {
    let text = KINDS.first().map(|text| self::column(text, "default"))?;
    let others = ["b", "c"].into_iter().zip(2..).map(|(name, number)| Column { name: name.into(), number, ..text.clone() });
    let relation = Relation { columns: std::iter::once(column.clone()).chain(others).collect(), ..relation(column) };
    for by in [vec!["b"], vec!["c", "b"]] {
        let by = vec![(None, by.into_iter().map(str::to_owned).collect())];
        let mask = MaskSpec::Shift(Shift { by, days: 36_500 });
        let Ok(Some(Action::Veil(veil))) = fit_in(&mask, "c", column, &relation, catalog) else { return None };
        let from = format!("(SELECT s.x, t.x AS b, 'x\\' || t.x AS c FROM {} AS s, (SELECT x FROM p_text LIMIT 60) AS t)", kind.from);
        let kind = Kind { from: from.leak(), ..*kind };
        if let Err(why) = same(session, &kind, &veil, settings) {
            return Some(Err(format!("shift of {}: {why}\n  {veil}", kind.sql)));
        }
    }
    Some(Ok(()))
}

#[test]
fn veils_are_total_and_the_same_under_every_setting() {
    let world = World::get();
    let database = world.database("CREATE EXTENSION citext SCHEMA public; CREATE TYPE mood AS ENUM ('low', 'mid', 'high');");
    let catalog: Catalog = world.catalog(&database);
    let seed = std::env::var("PGVEIL_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    println!("veils: seed {seed}");
    let mut session = client(&database);
    let mut rng = Rng::new(seed);
    let collation = *rng.pick(COLLATIONS);
    let unreadable: Vec<String> = pool::tables(&mut rng, &[collation])
        .iter()
        .filter_map(|sql| Some(format!("{:.60}: {}", sql, session.query(sql).error()?.get(&'M')?)))
        .collect();
    assert!(unreadable.is_empty(), "{unreadable:#?}");
    let settings = |rng: &mut Rng| SETTINGS.iter().map(|(name, values)| format!("SET {name} = '{}'", rng.pick(values))).collect::<Vec<_>>();
    let (mut faults, mut tried, mut taken, mut made) = (BTreeSet::new(), 0, 0, 0);
    for kind in KINDS {
        let column = column(kind, collation);
        for (name, mask) in masks() {
            let Ok(Some(Action::Veil(veil))) = fit(&mask, "c", "x", &column.data_type) else { continue };
            tried += 1;
            if let Err(why) = same(&mut session, kind, &veil, &[settings(&mut rng), settings(&mut rng)]) {
                faults.insert(format!("{name} of {}: {why}\n  {veil}", kind.sql));
            }
        }
        let relation = relation(&column);
        if let Some(why) = shifted(&mut session, kind, &column, &catalog, &[settings(&mut rng), settings(&mut rng)]) {
            tried += 1;
            faults.extend(why.err());
        }
        for n in 0..120 {
            let text = Expressions { rng: &mut rng, base: kind.base }.own(1 + n % 4);
            made += 1;
            let Ok(Ok(veil)) = SqlMask::read(&text).map(|mask| mask.veil(&column, &relation, &catalog)) else { continue };
            taken += 1;
            if let Err(why) = same(&mut session, kind, &veil, &[settings(&mut rng), settings(&mut rng)]) {
                faults.insert(format!("{text} of {}: {why}\n  {veil}", kind.sql));
            }
        }
    }
    println!("veils: {tried} masks; {taken} of {made} random expressions taken, collation {collation}");
    assert!(faults.is_empty(), "PGVEIL_SEED={seed}: {} faults:\n{}", faults.len(), faults.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(tried > 200 && taken > 200, "too little was tried: {tried} masks, {taken} expressions");
}
