//! How many columns with personal data are found, and how many are that are none: on the sample database and three others.

use std::collections::BTreeSet;

use pgveil_policy::Policy;
use pgveil_policy::detect::proposal::{Samples, is_looked_at};
use pgveil_policy::detect::{Proposal, propose, sample};
use pgveil_tests::world::World;

/// Values of each table, as the command takes them.
fn samples(world: &World, database: &str) -> Samples {
    let mut samples = Samples::new();
    for relation in world.catalog(database).relations.values().filter(|relation| is_looked_at(relation)) {
        let Some(query) = sample::query(relation, 0.0) else { continue };
        let names: Vec<String> = (0..query.columns.len()).map(|n| format!("c{n}")).collect();
        let sql = format!("SELECT pg_catalog.to_json(ARRAY[{}]) FROM ({}) AS x ({})", names.join(", "), query.sql, names.join(", "));
        for line in world.cluster().execute(database, &sql).unwrap().lines() {
            let row: Vec<Option<String>> = serde_json::from_str(line).unwrap();
            for (number, value) in query.columns.iter().zip(row) {
                samples.entry((relation.oid, *number)).or_default().extend(value);
            }
        }
    }
    samples
}

fn scan(world: &World, database: &str) -> Proposal {
    propose(&world.catalog(database), None, &samples(world, database))
}

/// Columns with their class, as `schema.table.column class`.
fn proposed(proposal: &Proposal) -> BTreeSet<String> {
    proposal.likely().map(|found| format!("{} {}", found.name.join("."), found.suspect.kind.class())).collect()
}

/// What each database holds, by hand.
const DATABASES: [(&str, &str, &str); 3] = [
    (
        "personal",
        include_str!("scan/personal.sql"),
        "personal.mitarbeiter.vorname person_name
         personal.mitarbeiter.nachname person_name
         personal.mitarbeiter.geburtsdatum birth_date
         personal.mitarbeiter.E-Mail privat email
         personal.mitarbeiter.telefon phone
         personal.mitarbeiter.strasse address
         personal.mitarbeiter.plz postcode
         personal.mitarbeiter.steuer_id national_id
         personal.mitarbeiter.kontonummer bank_account
         personal.mitarbeiter.grundgehalt salary
         personal.mitarbeiter.konfession special_category
         personal.mitarbeiter.bemerkungen free_text
         personal.bewerbung.KandidatName person_name
         personal.bewerbung.EMail email
         personal.bewerbung.Handy phone
         personal.bewerbung.anschreiben free_text",
    ),
    (
        "app",
        include_str!("scan/app.sql"),
        "app.User.emailAddress email
         app.User.displayName person_name
         app.User.passwordHash secret
         app.User.lastLoginIp ip
         app.User.mfaSecret secret
         app.Session.sessionToken secret
         app.Session.ipAddress ip
         app.Tenant.billingEmail email
         app.Event.payload personal_document
         app.AuditLog.actor email
         app.ApiKey.apiSecret secret
         app.Webhook.secret secret
         app.Device.macAddress device
         app.Device.pushToken device",
    ),
    (
        "clinic",
        include_str!("scan/clinic.sql"),
        "clinique.patient.nom person_name
         clinique.patient.prenom person_name
         clinique.patient.date_naissance birth_date
         clinique.patient.num_secu national_id
         clinique.patient.groupe_sanguin special_category
         clinique.patient.telephone phone
         clinique.patient.courriel email
         clinique.patient.adresse address
         clinique.patient.code_postal postcode
         clinique.patient.commentaire free_text
         clinique.consultation.diagnostic special_category
         caja.cuenta.titular person_name
         caja.cuenta.numero bank_account
         caja.cuenta.documento national_id
         caja.pago.tarjeta payment_card
         import.t1.c1 email
         import.t1.c2 phone
         import.t1.c3 payment_card
         import.t1.c6 person_name
         import.t1.c7 location
         import.t1.c10 national_id",
    ),
];

/// Of the sample database, by its policy and its own schema.
const SAMPLE: &str = "shop.customers.email email
     shop.customers.full_name person_name
     shop.customers.phone phone
     shop.customers.ssn national_id
     shop.customers.dob birth_date
     shop.customers.ip ip
     shop.customers.address address
     shop.customers.notes free_text
     shop.employees.name person_name
     shop.employees.email email
     shop.employees.salary salary
     shop.employees.ssn national_id
     shop.orders.ship_email email
     shop.orders.card_number payment_card
     shop.logins.ip ip
     crm.leads.email email
     crm.leads.name person_name";

#[test]
fn nearly_all_is_found_and_nearly_nothing_else() {
    let world = World::get();
    let mut databases: Vec<(&str, String, &str)> =
        DATABASES.iter().map(|(name, sql, truth)| (*name, world.database(sql), *truth)).collect();
    databases.push(("the sample", world.sample(400), SAMPLE));
    let (mut right, mut found_all, mut there_all) = (0, 0, 0);
    for (name, database, truth) in databases {
        let proposal = scan(world, &database);
        let there: BTreeSet<String> = truth.lines().map(|line| line.trim().to_owned()).collect();
        let found = proposed(&proposal);
        let hits = found.intersection(&there).count();
        println!(
            "scan of {name}: {} columns, {} with personal data, {} proposed, {hits} of them right",
            proposal.columns,
            there.len(),
            found.len()
        );
        found.difference(&there).for_each(|column| println!("    wrong: {column}"));
        there.difference(&found).for_each(|column| println!("    missed: {column}"));
        assert!(there.iter().all(|line| line.contains(' ')));
        (right, found_all, there_all) = (right + hits, found_all + found.len(), there_all + there.len());
        // What is proposed is a policy, and fits the database.
        let text = proposal.policy(None);
        let policy = Policy::parse("policy.toml", &text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let fits = pgveil_policy::Engine::new(&policy, world.catalog(&database).into(), "marker0marker0marker0");
        assert!(fits.is_ok(), "{name}: {:?}", fits.err());
        // No value stands in it.
        for values in samples(world, &database).values().flatten().filter(|value| value.len() > 9 && value.contains(['@', '+', '$'])) {
            assert!(!text.contains(values.as_str()), "{name}: {values}");
        }
    }
    println!("scan: precision {right}/{found_all}, recall {right}/{there_all}");
    assert!(right * 100 >= found_all * 95, "precision {right}/{found_all}");
    assert!(right * 100 >= there_all * 95, "recall {right}/{there_all}");
}

#[test]
fn names_alone_find_most() {
    let world = World::get();
    let database = world.sample(400);
    let proposal = propose(&world.catalog(&database), None, &Samples::new());
    let there: BTreeSet<String> = SAMPLE.lines().map(|line| line.trim().to_owned()).collect();
    let found = proposed(&proposal);
    let hits = found.intersection(&there).count();
    println!("names alone, on the sample: {hits} of {} found, {} wrong", there.len(), found.len() - hits);
    assert!(hits * 10 >= there.len() * 8, "missed: {:?}", there.difference(&found));
}
