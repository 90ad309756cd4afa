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
    let mut pair = twins::run::Pair::new(login("twin_a"), login("twin_b"), login("twin_a"));
    let mut report = twins::run::Report::default();
    let mut g = twins::generate::Generator::new(args.get(1).map_or(1, |s| s.parse().unwrap()), &values);
    for _ in 0..args.get(2).map_or(500, |s| s.parse().unwrap()) {
        pair.note(&g.statement(), &mut report);
        if report.differences.len() > 3 { break; }
    }
    println!("{}", report.show("direct"));
    for d in report.differences { println!("{}", d.chars().take(2500).collect::<String>()); }
}
