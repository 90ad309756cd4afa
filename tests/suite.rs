mod twins;
fn main() {
    let values = twins::data::Values::new();
    let login = |db: &str| pgveil_tests::client::Login { host: "127.0.0.1".into(), port: 54999, database: db.into(), user: "postgres".into(), password: None, settings: vec![], canary: false };
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|a| a == "load") {
        let mut c = pgveil_tests::client::Client::connect(&login("postgres")).unwrap();
        for (db, twin) in [("twin_a", twins::data::Twin::A), ("twin_b", twins::data::Twin::B)] {
            c.query(&format!("DROP DATABASE IF EXISTS {db}")).ok();
            c.query(&format!("CREATE DATABASE {db}")).ok();
            c.query(&format!("ALTER DATABASE {db} SET search_path = shop, public")).ok();
            c.query(&format!("ALTER DATABASE {db} SET statement_timeout = '4s'")).ok();
            let mut d = pgveil_tests::client::Client::connect(&login(db)).unwrap();
            for s in twins::data::script(twin, twins::data::Differ { values: true, rows: true }, &values) {
                d.query(&s).ok();
            }
        }
        return;
    }
    let mut c = pgveil_tests::client::Client::connect(&login("twin_a")).unwrap();
    let mut g = twins::generate::Generator::new(args.get(1).map_or(1, |s| s.parse().unwrap()), &values);
    let mut counts = std::collections::BTreeMap::new();
    let mut rows = 0;
    for _ in 0..args.get(2).map_or(500, |s| s.parse().unwrap()) {
        let s = g.statement();
        let t = std::time::Instant::now();
        let a = match &s.extended {
            None => c.query(&s.sql),
            Some(e) => c.call(&pgveil_tests::client::Call { sql: s.sql.clone(), values: e.values.iter().map(|v| v.clone().map(String::into_bytes)).collect(), results: vec![i16::from(e.binary)], ..Default::default() }),
        };
        rows += a.raw_rows().count();
        if t.elapsed().as_millis() > 800 { println!("SLOW {:?} {}", t.elapsed(), s.sql); }
        *counts.entry(a.sqlstate().to_owned()).or_insert(0) += 1;
        if a.sqlstate() != "00000" { println!("{} {} || {}", a.sqlstate(), a.message(), s.sql); }
    }
    println!("{counts:?} rows {rows}");
}
