//! tokio-postgres: prepared statements, binary formats, pipelines, transactions.

use std::net::IpAddr;

use pgveil_tests::recorder::Recorder;
use tokio_postgres::{Client, NoTls};

use crate::twins::stage::Stage;

/// Runs `act` with a connection of the analyst, through a recorder; then looks for canaries.
fn with_client<F: Future<Output = ()>>(act: impl FnOnce(Client) -> F) {
    let stage = Stage::get();
    let recorder = Recorder::before(stage.proxy.addr());
    let login = stage.login("analyst", &stage.both.a);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(recorder.port()).user(&login.user).dbname(&login.database).password(login.password.unwrap());
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        act(client).await;
        driving.await.unwrap().unwrap();
    });
    recorder.assert_clean();
}

#[test]
fn rows_of_many_types_in_binary() {
    with_client(|client| async move {
        let rows = client
            .query(
                "SELECT id, full_name, email, phone, ssn, city, score, active, account, ip FROM shop.customers WHERE id <= $1 ORDER BY id",
                &[&40],
            )
            .await
            .unwrap();
        assert_eq!(rows.len(), 20);
        for row in rows {
            assert_eq!(row.get::<_, &str>("full_name"), "[name]");
            assert!(row.get::<_, Option<&str>>("email").is_none_or(|e| e.starts_with("u_") && e.len() == 34));
            assert!(row.get::<_, &str>("phone").starts_with("****"));
            assert_eq!(row.get::<_, Option<&str>>("ssn"), None);
            assert!(row.get::<_, Option<i64>>("account").is_none_or(|a| a > 0));
            let ip: tokio_postgres::types::Type = row.columns()[9].type_().clone();
            assert_eq!(ip, tokio_postgres::types::Type::INET);
        }
    });
}

#[test]
fn addresses_are_cut_to_their_network() {
    with_client(|client| async move {
        let rows = client.query("SELECT host(ip) FROM shop.customers WHERE ip IS NOT NULL ORDER BY id LIMIT 20", &[]).await.unwrap();
        for row in rows {
            let address: IpAddr = row.get::<_, &str>(0).parse().unwrap();
            assert!(address.to_string().ends_with(".0"), "{address}");
        }
    });
}

#[test]
fn prepared_once_run_often() {
    with_client(|client| async move {
        let statement = client.prepare("SELECT email FROM shop.customers WHERE id = $1").await.unwrap();
        assert_eq!(statement.columns()[0].name(), "email");
        let mut seen = std::collections::HashSet::new();
        for id in (2..60).step_by(2) {
            let row = client.query_one(&statement, &[&id]).await.unwrap();
            seen.extend(row.get::<_, Option<String>>(0));
        }
        assert!(seen.len() > 15);
    });
}

#[test]
fn many_at_once_on_one_connection() {
    with_client(|client| async move {
        let client = std::sync::Arc::new(client);
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    let row =
                        client.query_one("SELECT $1::int, email FROM shop.leads WHERE email IS NOT NULL LIMIT 1", &[&n]).await.unwrap();
                    assert_eq!(row.get::<_, i32>(0), n);
                    assert!(row.get::<_, &str>(1).starts_with("u_"));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_transaction_with_a_portal() {
    with_client(|mut client| async move {
        let transaction = client.transaction().await.unwrap();
        let portal = transaction.bind("SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id", &[]).await.unwrap();
        for _ in 0..3 {
            let rows = transaction.query_portal(&portal, 7).await.unwrap();
            assert_eq!(rows.len(), 7);
            assert!(rows.iter().all(|row| row.get::<_, &str>(0).starts_with("u_")));
        }
        transaction.commit().await.unwrap();
    });
}

#[test]
fn a_refusal_is_an_error_of_the_driver() {
    with_client(|client| async move {
        let error = client.query("SELECT upper(email) FROM shop.customers", &[]).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "42501");
        assert!(error.hint().is_some() && error.position().is_some(), "{error:?}");
        client.query("SELECT 1", &[]).await.unwrap();
    });
}

#[test]
fn simple_queries() {
    with_client(|client| async move {
        client.batch_execute("BEGIN; SELECT 1; COMMIT").await.unwrap();
        let messages = client.simple_query("SELECT full_name FROM shop.customers WHERE id <= 6; SELECT 2").await.unwrap();
        assert!(messages.len() >= 6, "{messages:?}");
    });
}

#[test]
fn arrays_of_pseudonyms_in_binary() {
    with_client(|client| async move {
        let row = client
            .query_one("SELECT array_agg(email), array_agg(DISTINCT account), max(email) FROM shop.customers WHERE id < $1", &[&400])
            .await
            .unwrap();
        let emails: Vec<Option<&str>> = row.get(0);
        assert!(emails.len() > 100 && emails.iter().flatten().all(|e| e.starts_with("u_") && e.len() == 34));
        let accounts: Vec<Option<i64>> = row.get(1);
        assert!(accounts.iter().flatten().all(|a| *a > 1 << 44));
        assert!(emails.contains(&Some(row.get(2))));
    });
}
