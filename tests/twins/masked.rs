//! The masked database: what the promise speaks of, made real. Its tables hold what a role sees of a twin's.

use pgveil_tests::client::{Answer, Client};
use pgveil_tests::rng::Rng;
use pgveil_tests::world::World;

use super::compare::Renaming;
use super::data::quote;
use super::stage::{self, Stage};

/// Tables in the order in which they are filled, and what is read of each: children of an inheritance are filled by themselves.
const FILLED: &[(&str, &str)] = &[
    ("countries", "shop.countries"),
    ("products", "shop.products"),
    ("customers", "shop.customers"),
    ("orders", "shop.orders"),
    ("employees", "shop.employees"),
    ("leads", "shop.leads"),
    ("contacts", "shop.contacts WHERE id < 1000"),
    ("contacts_old", "shop.contacts WHERE id >= 1000"),
    ("profiles", "shop.profiles"),
    ("partners", "shop.partners"),
    ("lead_stats", "shop.lead_stats"),
    ("mails", "shop.mails"),
];

/// What is no plain table, or computes its columns, becomes a plain one: it holds what it was seen to hold. A masked column of a
/// domain has the type below it.
const PLAIN: &str = "
    ALTER TABLE shop.profiles ALTER email_key DROP EXPRESSION, ALTER yearly DROP EXPRESSION, ALTER alt TYPE text;
    CREATE TABLE shop.plain1 (LIKE shop.partners); DROP FOREIGN TABLE shop.partners; ALTER TABLE shop.plain1 RENAME TO partners;
    CREATE TABLE shop.plain2 AS SELECT * FROM shop.lead_stats WITH NO DATA; DROP MATERIALIZED VIEW shop.lead_stats;
    ALTER TABLE shop.plain2 RENAME TO lead_stats;
    CREATE TABLE shop.plain3 AS SELECT * FROM shop.mails WITH NO DATA; DROP MATERIALIZED VIEW shop.mails;
    ALTER TABLE shop.plain3 RENAME TO mails;";

/// Masked databases for a role. All that SQL leaves open, and the order of the pseudonyms, is another in each.
#[derive(Debug, Clone)]
pub struct Masked {
    /// The first is twin A's, in the order of the keys; the second twin B's, backwards. The others are twin A's in any order, and
    /// pseudonyms stand for each other in them.
    pub databases: Vec<String>,
    /// What a pseudonym of each is in twin A.
    pub renamings: Vec<Renaming>,
    /// Tables that could not be read: whatever names one is not compared.
    pub missing: Vec<&'static str>,
}

/// Databases besides those of the twins: an order of two pseudonyms is the same in all by chance only.
const SHUFFLED: usize = 9;

impl Masked {
    /// Reads all tables through pgveil.
    pub fn make(stage: &Stage, role: &str) -> Masked {
        let world = World::get();
        let twins = stage.twins_of(role);
        let mut sessions = [&twins.a, &twins.b].map(|twin| Client::connect(&stage.login(role, twin)).unwrap_or_else(|e| panic!("{e:?}")));
        let mut renaming = Renaming::default();
        let mut missing = Vec::new();
        let mut contents = Vec::new();
        for (table, from) in FILLED {
            let answers = sessions.each_mut().map(|session| session.query(&format!("SELECT * FROM {from}")));
            renaming.same(&answers[0], &answers[1]).unwrap_or_else(|what| panic!("{table} as {role}: {what}"));
            if answers[0].error().is_some() {
                missing.push(*table);
            } else {
                contents.push((*table, answers));
            }
        }
        let mut rng = Rng::for_thing("masked", 0);
        let mut renamings = vec![Renaming::default(), renaming.clone()];
        // Without pseudonyms there is nothing more to vary.
        renamings.extend((0..if renaming.len() > 0 { SHUFFLED } else { 0 }).map(|_| renaming.shuffled(&mut rng)));
        let mut databases = Vec::new();
        for (n, renaming) in renamings.iter().enumerate() {
            let mut script = PLAIN.to_owned();
            for (table, [a, b]) in &contents {
                let mut rows = match n {
                    0 => tuples(a, None),
                    1 => tuples(b, None),
                    _ => tuples(a, Some(renaming)),
                };
                match n {
                    0 => {}
                    1 => rows.reverse(),
                    _ => rng.shuffle(&mut rows),
                }
                for some in rows.chunks(400) {
                    script.push_str(&format!("INSERT INTO shop.{table} VALUES {};\n", some.join(", ")));
                }
            }
            let database = world.database(stage.schema);
            world.cluster().execute(&database, &script).unwrap();
            stage::configure(world, &database);
            databases.push(database);
        }
        Masked { databases, renamings, missing }
    }

    /// Whether all that the text may name is there.
    pub fn covers(&self, sql: &str) -> bool {
        !self.missing.iter().any(|table| sql.contains(table))
    }
}

/// `renaming`: turned around, so that it is undone by reading with it.
fn tuples(answer: &Answer, renaming: Option<&Renaming>) -> Vec<String> {
    let fields = answer.columns();
    let cell = |(n, cell): (usize, &Option<Vec<u8>>)| match cell {
        None => "NULL".to_owned(),
        Some(cell) => quote(&String::from_utf8_lossy(&renaming.map_or(cell.clone(), |r| r.applied(cell, fields.get(n))))),
    };
    answer.raw_rows().map(|row| format!("({})", row.iter().enumerate().map(cell).collect::<Vec<_>>().join(", "))).collect()
}
