//! A database written by hand: the relations, functions, operators and types that the cases name.

use std::sync::Arc;

use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::catalog::{
    BaseType, Catalog, Column, ColumnType, Function, FunctionKind, Index, Oid, Operator, Relation, RelationKind, Sequence, Type, Volatility,
};
use pgveil_policy::{Engine, Policy, Subject};

/// Stands for the session's order key while a text is judged; printed as `KEY` in the cases.
pub const MARKER: &str = "0rderKeyMarker0rderKeyMarker";

/// The example policy on the database below, with one role more that writes.
pub fn engine() -> Engine {
    engine_of(&format!("{}\n{}\n{MORE_ROLES}", include_str!("../example.toml"), include_str!("clerk.toml")), catalog())
}

/// Roles that the example has no use for.
const MORE_ROLES: &str = r#"
# Tokens, channels and procedures.
[role.caller]
default = "redact"
functions = ["shop.refresh_totals"]
channels = ["jobs", "dbt_*"]
[role.caller.mask]
email = { token = { prefix = "t_" } }
# It may write nowhere.
[role.reader]
read_only = true
"#;

/// Any policy on any database.
pub fn engine_of(policy: &str, catalog: Catalog) -> Engine {
    let policy = Policy::parse("policy.toml", policy).unwrap();
    Engine::new(&policy, Arc::new(catalog), MARKER).unwrap()
}

/// A role with `search_path = shop`.
pub fn subject(role: &str) -> Subject {
    on_path(role, &["pg_catalog", "shop"])
}

/// A role with an effective search_path.
pub fn on_path(role: &str, path: &[&str]) -> Subject {
    Subject { role: role.to_owned(), search_path: path.iter().map(|s| (*s).to_owned()).collect(), user: None }
}

/// The database.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog { server_version: 150_018, database: "shopdb".to_owned(), ..Catalog::default() };
    for relation in relations() {
        catalog.insert(relation);
    }
    catalog.index_names.entry(131).or_default().push("leads_email".into());
    catalog.index_names.entry(180).or_default().push("scratch_i".into());
    catalog.sequences.insert(140, Sequence { start: 1, descends: false, owner: Some((110, 1)) });
    catalog.sequences.insert(141, Sequence { start: 1000, descends: true, owner: None });
    let of_postgres = of_postgres();
    types(&mut catalog, &of_postgres);
    functions(&mut catalog, &of_postgres);
    catalog.forms = of_postgres.forms;
    for (schema, name, extension) in [("adhoc", "===", None), ("adhoc", "=", None), ("crm", "<=>", Some("pg_trgm"))] {
        let operator = Operator { schema: schema.into(), extension: extension.map(str::to_owned) };
        catalog.foreign_operators.entry(name.into()).or_default().push(operator);
    }
    catalog
}

/// What pg_catalog of PostgreSQL 15 holds, of functions those that the cases name: rows of the queries of `catalog::load`.
fn of_postgres() -> Catalog {
    let mut builder = Builder::new();
    builder.rows("version", vec![vec![Some("150018".to_owned())]]).unwrap();
    for section in include_str!("pg_catalog.tsv").split("== ").skip(1) {
        let mut lines = section.lines();
        let name = lines.next().unwrap();
        let cell = |cell: &str| (cell != "\\N").then(|| cell.to_owned());
        builder.rows(name, lines.map(|line| line.split('\t').map(cell).collect()).collect()).unwrap();
    }
    for (name, sql) in QUERIES {
        if sql.starts_with("SELECT") && !matches!(*name, "version" | "types" | "functions" | "operators" | "casts") {
            builder.rows(name, vec![]).unwrap();
        }
    }
    builder.finish().unwrap()
}

fn relations() -> Vec<Relation> {
    use RelationKind::{MaterializedView, Partitioned, Sequence, Table, View};
    let customers = "id int4, full_name text, email text, phone text, ssn char(11), dob date, ip inet, address jsonb, notes text, \
                     country text, city text, created timestamptz, domain text";
    let orders = "id int8, customer_id int4, ship_email varchar, card_number varchar(19), total numeric(10,2), status text, placed date";
    let mut customers = table(101, "shop.customers", Table, customers).key(&[1]).index(&[3]);
    customers.columns[12].generated_from = vec![3];
    let view = |oid, name, columns, definition: &str, reads: &[Oid]| Relation {
        definition: Some(definition.to_owned()),
        reads: reads.to_vec(),
        ..table(oid, name, View, columns)
    };
    let matview = |oid, name, columns, definition: &str, reads: &[Oid]| Relation {
        definition: Some(definition.to_owned()),
        reads: reads.to_vec(),
        ..table(oid, name, MaterializedView, columns)
    };
    let orders_partition = |oid, name| Relation { parents: vec![110], ..table(oid, name, Table, orders).key(&[1, 7]) };
    vec![
        customers,
        table(110, "shop.orders", Partitioned, orders).key(&[1, 7]),
        orders_partition(111, "shop.orders_2024"),
        orders_partition(112, "shop.orders_2025"),
        table(120, "shop.employees", Table, "id int4, name varchar(80), dept int4, salary int4, boss int4").key(&[1]).index(&[3, 4]),
        table(121, "shop.products", Table, "id int4, name text, price numeric(10,2), mood shop.mood").key(&[1]),
        table(130, "crm.customers", Table, "id int4, name text").key(&[1]),
        table(131, "crm.leads", Table, "email text, name text, country text"),
        Relation { parents: vec![131], ..table(132, "adhoc.leads_hot", Table, "email text, name text, country text, score int4") },
        table(180, "pg_temp_3.scratch", Table, "a int4"),
        table(140, "shop.orders_id_seq", Sequence, "last_value int8, log_cnt int8, is_called bool"),
        table(141, "shop.tickets", Sequence, "last_value int8, log_cnt int8, is_called bool"),
        table(142, "shop.unknown_seq", Sequence, "last_value int8, log_cnt int8, is_called bool"),
        view(
            150,
            "shop.germans",
            "id int4, full_name text, email text, city text",
            " SELECT customers.id,\n    customers.full_name,\n    customers.email,\n    customers.city\n   FROM shop.customers\n  WHERE (customers.country = 'DE'::text);",
            &[101],
        ),
        view(
            151,
            "shop.german_names",
            "name text, city text",
            " SELECT germans.full_name AS name,\n    germans.city\n   FROM shop.germans;",
            &[150],
        ),
        view(
            152,
            "shop.mails",
            "mail text, customer int4",
            " SELECT customers.email AS mail,\n    customers.id AS customer\n   FROM shop.customers;",
            &[101],
        ),
        view(
            153,
            "shop.mail_domains",
            "domain text, n int8",
            " SELECT split_part(customers.email, '@'::text, 2) AS domain,\n    count(*) AS n\n   FROM shop.customers\n  GROUP BY (split_part(customers.email, '@'::text, 2));",
            &[101],
        ),
        view(
            154,
            "shop.cheap",
            "id int4, name text",
            " SELECT products.id,\n    products.name\n   FROM shop.products\n  WHERE (products.price < (10)::numeric);",
            &[121],
        ),
        Relation { reads: vec![110], ..table(160, "shop.totals", MaterializedView, "customer_id int4, total numeric") },
        matview(
            162,
            "shop.staff_list",
            "id int4, name varchar(80), called varchar(80), loud text, dept int4, salary int4",
            " SELECT employees.id,\n    employees.name,\n    employees.name AS called,\n    lower((employees.name)::text) AS loud,\n    employees.dept,\n    employees.salary\n   FROM shop.employees;",
            &[120],
        ),
        matview(
            163,
            "shop.depts",
            "dept int4, n int8",
            " SELECT staff_list.dept,\n    count(*) AS n\n   FROM shop.staff_list\n  GROUP BY staff_list.dept;",
            &[162],
        ),
        matview(
            164,
            "shop.well_paid",
            "id int4",
            " SELECT employees.id\n   FROM shop.employees\n  WHERE (employees.salary > 50000);",
            &[120],
        ),
        matview(
            165,
            "shop.sets",
            "dept int4, n int4",
            " SELECT employees.dept,\n    generate_series(1, employees.salary) AS n\n   FROM shop.employees;",
            &[120],
        ),
        matview(
            166,
            "shop.louder",
            "id int4, loud text",
            " SELECT x.id,\n    x.loud\n   FROM ( SELECT staff_list.id,\n            staff_list.loud\n           FROM shop.staff_list) x;",
            &[162],
        ),
        matview(
            161,
            "shop.price_list",
            "name text, price numeric(10,2)",
            " SELECT products.name,\n    products.price\n   FROM shop.products;",
            &[121],
        ),
        matview(167, "shop.called", "x text", " SELECT shop.reveal() AS x;", &[]),
        table(1259, "pg_catalog.pg_class", Table, "oid oid, relname name, relnamespace oid, relpages int4, reltuples float4").key(&[1]),
        table(2615, "pg_catalog.pg_namespace", Table, "oid oid, nspname name").key(&[1]),
        table(1260, "pg_catalog.pg_authid", Table, "oid oid, rolname name, rolpassword text").key(&[1]),
    ]
}

/// A relation; `columns` as `name type, …`.
pub fn table(oid: Oid, name: &str, kind: RelationKind, columns: &str) -> Relation {
    let (schema, name) = name.split_once('.').unwrap();
    // A comma inside brackets belongs to the type.
    let columns = columns.replace("10,2", "10;2");
    let columns = columns.split(", ").zip(1..).map(|(column, number)| {
        let (name, written) = column.split_once(' ').unwrap();
        let data_type = column_type(&written.replace(';', ","));
        Column { number, name: name.to_owned(), data_type, not_null: false, generated_from: vec![] }
    });
    Relation {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind,
        columns: columns.collect(),
        parents: vec![],
        primary_key: vec![],
        unique: vec![],
        indexes: vec![],
        definition: None,
        reads: vec![],
        row_security: false,
    }
}

trait Indexed {
    fn key(self, columns: &[i16]) -> Self;
    fn index(self, columns: &[i16]) -> Self;
}

impl Indexed for Relation {
    fn key(mut self, columns: &[i16]) -> Self {
        self.primary_key = columns.to_vec();
        self.index(columns)
    }

    fn index(mut self, columns: &[i16]) -> Self {
        self.indexes.push(Index { mentions: columns.to_vec(), returns: columns.to_vec() });
        self
    }
}

fn column_type(written: &str) -> ColumnType {
    let (oid, base, sql) = match written {
        "bool" => (16, BaseType::Bool, "pg_catalog.bool"),
        "name" => (19, BaseType::Other, "pg_catalog.\"name\""),
        "int8" => (20, BaseType::Int8, "pg_catalog.int8"),
        "int4" => (23, BaseType::Int4, "pg_catalog.int4"),
        "text" => (25, BaseType::Text, "pg_catalog.text"),
        "oid" => (26, BaseType::Other, "pg_catalog.oid"),
        "float4" => (700, BaseType::Float4, "pg_catalog.float4"),
        "inet" => (869, BaseType::Inet, "pg_catalog.inet"),
        "char(11)" => (1042, BaseType::Bpchar, "character(11)"),
        "varchar" => (1043, BaseType::Varchar, "pg_catalog.varchar"),
        "varchar(19)" => (1043, BaseType::Varchar, "character varying(19)"),
        "varchar(80)" => (1043, BaseType::Varchar, "character varying(80)"),
        "date" => (1082, BaseType::Date, "pg_catalog.date"),
        "timestamptz" => (1184, BaseType::Timestamptz, "pg_catalog.timestamptz"),
        "numeric" => (1700, BaseType::Numeric, "pg_catalog.\"numeric\""),
        "numeric(10,2)" => (1700, BaseType::Numeric, "numeric(10,2)"),
        "jsonb" => (3802, BaseType::Jsonb, "pg_catalog.jsonb"),
        "shop.mood" => (900, BaseType::Enum, "\"shop\".\"mood\""),
        other => panic!("the fixture has no type {other}"),
    };
    ColumnType {
        oid,
        // Any that is not -1: of one length, of one scale.
        typmod: if written.ends_with(')') { 15 } else { -1 },
        sql: sql.to_owned(),
        base_sql: sql.to_owned(),
        base,
        collation: None,
        nondeterministic: false,
        is_domain: false,
    }
}

fn types(catalog: &mut Catalog, real: &Catalog) {
    let of_postgres = [
        "bool",
        "bytea",
        "date",
        "float4",
        "float8",
        "inet",
        "int2",
        "int4",
        "int8",
        "interval",
        "json",
        "jsonb",
        "name",
        "numeric",
        "oid",
        "regclass",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "varchar",
        "bpchar",
        "xml",
    ];
    let mut oid = 10_000;
    for (schema, name) in of_postgres.map(|name| ("pg_catalog", name)).into_iter().chain([("shop", "mood"), ("adhoc", "text")]) {
        oid += 1;
        let known = real.types.get(schema).and_then(|t| t.get(name)).map(|t| t.oid);
        let made = Type { oid: known.unwrap_or(oid), relation: 0, fields: vec![], columns: vec![] };
        catalog.types.entry(schema.to_owned()).or_default().insert(name.to_owned(), made);
    }
    let rows: Vec<_> = catalog.relations.values().cloned().collect();
    for relation in rows {
        oid += 1;
        let fields = relation.columns.iter().map(|c| c.name.clone()).collect();
        let made = Type { oid, relation: relation.oid, fields, columns: vec![] };
        catalog.types.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), made);
    }
}

/// `name least..most`, by volatility.
const FUNCTIONS: [(Volatility, &str); 3] = [
    (
        Volatility::Immutable,
        "lower 1..1, upper 1..1, length 1..2, left 2..2, right 2..2, repeat 2..2, md5 1..1, split_part 3..3, substring 2..3, floor 1..1, \
         ceil 1..1, round 1..2, mod 2..2, abs 1..1, date_trunc 2..3, timezone 2..2, isfinite 1..1, host 1..1, family 1..1, masklen 1..1, \
         set_masklen 2..2, network 1..1, jsonb_set 3..4, jsonb_typeof 1..1, jsonb_object 1..2, jsonb_build_object 0..0, regexp_replace 3..4, texteq 2..2, \
         overlay 3..4, position 2..2, ltrim 1..2, btrim 1..2, sha256 1..1, textsend 1..1, pg_mcv_list_in 1..1, unnest 1..1, cardinality 1..1, array_position 2..3, \
         generate_subscripts 2..3, coalesce_text 1..1",
    ),
    (
        Volatility::Stable,
        "now 0..0, to_char 2..2, row_to_json 1..2, current_setting 1..2, json_build_object 0..0, pg_get_viewdef 1..2, age 1..2, \
         format_type 2..2, pg_table_is_visible 1..1, query_to_xml 4..4, pg_column_size 1..1, current_query 0..0",
    ),
    (
        Volatility::Volatile,
        "random 0..0, setseed 1..1, clock_timestamp 0..0, set_config 3..3, pg_table_size 1..1, nextval 1..1, lo_get 1..1, \
         txid_current 0..0, pg_read_file 1..4",
    ),
];

const AGGREGATES: &str = "count 0..1, sum 1..1, min 1..1, max 1..1, avg 1..1, array_agg 1..1, string_agg 2..2, json_agg 1..1, \
                          jsonb_object_agg 2..2, jsonb_agg 1..1, percentile_cont 2..2, mode 0..1, bool_or 1..1";

const WINDOWS: &str =
    "row_number 0..0, rank 0..0, dense_rank 0..0, lag 1..3, lead 1..3, first_value 1..1, last_value 1..1, nth_value 2..2, ntile 1..1";

fn functions(catalog: &mut Catalog, real: &Catalog) {
    for (volatility, list) in FUNCTIONS {
        declare(catalog, list, volatility, FunctionKind::Plain);
    }
    declare(catalog, AGGREGATES, Volatility::Immutable, FunctionKind::Aggregate);
    declare(catalog, WINDOWS, Volatility::Immutable, FunctionKind::Window);
    declare(catalog, "generate_series 2..3", Volatility::Immutable, FunctionKind::Plain);
    for f in catalog.functions.get_mut("generate_series").into_iter().flatten() {
        f.returns_set = true;
    }
    for (name, declared) in catalog.functions.iter_mut() {
        if let Some(real) = real.functions.get(name) {
            declared.clone_from(real);
        }
    }
    for name in ["jsonb_build_object", "json_build_object"] {
        for f in catalog.functions.get_mut(name).unwrap() {
            f.variadic = true;
        }
    }
    let keywords = Function {
        output_names: ["word", "catcode", "barelabel"].map(str::to_owned).to_vec(),
        returns_set: true,
        ..function("pg_catalog", (0, 0), Volatility::Stable, FunctionKind::Plain)
    };
    catalog.functions.insert("pg_get_keywords".into(), vec![keywords]);
    for (name, outputs) in [("jsonb_each", &["key", "value"][..]), ("jsonb_array_elements", &["value"])] {
        let of_json = Function {
            output_names: outputs.iter().map(|o| (*o).to_owned()).collect(),
            returns_set: true,
            ..function("pg_catalog", (1, 1), Volatility::Immutable, FunctionKind::Plain)
        };
        catalog.functions.insert(name.into(), vec![of_json]);
    }
    let foreign = |schema, arguments, volatility| Function {
        trusted_language: false,
        ..function(schema, arguments, volatility, FunctionKind::Plain)
    };
    catalog.functions.insert("fmt_money".into(), vec![foreign("shop", (1, 1), Volatility::Stable)]);
    let of_postgres = function("pg_catalog", (2, 2), Volatility::Volatile, FunctionKind::Plain);
    catalog.functions.insert("pg_notify".into(), vec![of_postgres]);
    let procedure = |arguments| Function { kind: FunctionKind::Procedure, ..foreign("shop", arguments, Volatility::Volatile) };
    catalog.functions.insert("refresh_totals".into(), vec![procedure((0, 2))]);
    catalog.functions.insert("purge".into(), vec![procedure((1, 1))]);
    catalog.functions.insert("peek".into(), vec![foreign("shop", (1, 1), Volatility::Volatile)]);
    catalog.functions.insert("twice".into(), vec![foreign("shop", (1, 1), Volatility::Stable), foreign("crm", (1, 1), Volatility::Stable)]);
    catalog.functions.entry("lower".into()).or_default().push(foreign("adhoc", (1, 1), Volatility::Volatile));
    for name in ["ceil", "substring"] {
        let arguments = if name == "ceil" { (1, 1) } else { (3, 3) };
        catalog.functions.entry(name.into()).or_default().push(foreign("crm", arguments, Volatility::Volatile));
    }
    // Of an extension, immutable and in C: allowed without being named.
    let of_extension = function("crm", (1, 1), Volatility::Immutable, FunctionKind::Plain);
    catalog.functions.insert("unaccent".into(), vec![of_extension.clone()]);
    catalog.functions.entry("count".into()).or_default().push(of_extension);
}

fn declare(catalog: &mut Catalog, list: &str, volatility: Volatility, kind: FunctionKind) {
    for entry in list.split(", ") {
        let (name, range) = entry.trim().split_once(' ').unwrap();
        let (least, most) = range.split_once("..").unwrap();
        let made = function("pg_catalog", (least.parse().unwrap(), most.parse().unwrap()), volatility, kind);
        catalog.functions.entry(name.to_owned()).or_default().push(made);
    }
}

fn function(schema: &str, arguments: (u16, u16), volatility: Volatility, kind: FunctionKind) -> Function {
    Function {
        schema: schema.to_owned(),
        volatility,
        kind,
        arguments,
        variadic: false,
        returns_set: false,
        trusted_language: true,
        output_names: vec![],
        result: 0,
        argument_types: vec![],
        output_types: vec![],
        variadic_type: 0,
        leakproof: false,
    }
}
