//! Parameters of Bind: guesses that are not in the text, types and formats that the text does not say.

use pgveil_tests::client::Call;

use super::*;

fn guess(sql: &str, values: &[&str], results: &[i16]) -> [Answer; 2] {
    let call = Call {
        sql: sql.to_owned(),
        values: values.iter().map(|v| Some(Victim::get().fill(v).into_bytes())).collect(),
        results: results.to_vec(),
        ..Call::default()
    };
    both("analyst", |session| vec![session.call(&call)]).unwrap_or_else(|why| panic!("{sql}: {why}"))
}

#[test]
fn a_sealed_column_is_not_compared_with_a_parameter() {
    for sql in [
        "SELECT id FROM shop.customers WHERE email = $1",
        "SELECT id FROM shop.customers WHERE $1 = email",
        "SELECT id FROM shop.customers WHERE email = $1::text",
        "SELECT id FROM shop.customers WHERE email LIKE $1",
        "SELECT id FROM shop.customers WHERE email IN ($1, $1)",
        "SELECT id FROM shop.customers WHERE email = ANY (ARRAY[$1])",
        "SELECT id FROM shop.customers WHERE email IS NOT DISTINCT FROM $1",
        "SELECT COALESCE(email, $1) FROM shop.customers LIMIT 1",
        "SELECT email FROM shop.customers UNION ALL SELECT $1",
        "SELECT CASE WHEN id = 2 THEN email ELSE $1 END FROM shop.customers",
        "SELECT NULLIF(email, $1) FROM shop.customers LIMIT 1",
        "SELECT id FROM shop.customers WHERE (email, id) = ($1, 2)",
        "SELECT c.id FROM shop.customers c JOIN (VALUES ($1)) AS g (e) ON g.e = c.email",
    ] {
        for answer in guess(sql, &["{email}"], &[]) {
            assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{sql}: {answer:?}");
            assert_eq!(answer.raw_rows().count(), 0, "{sql}");
        }
    }
}

#[test]
fn a_veiled_column_is_compared_as_its_mask() {
    for (sql, value) in [
        ("SELECT id FROM shop.customers WHERE full_name = $1", "{name}"),
        ("SELECT id FROM shop.customers WHERE ssn = $1", "{ssn}"),
        ("SELECT id FROM shop.customers WHERE phone = $1", "{phone}"),
        ("SELECT id FROM shop.customers WHERE salary = $1", "{salary}"),
    ] {
        for answer in guess(sql, &[value], &[]) {
            assert!(answer.error().is_none() && answer.raw_rows().count() == 0, "{sql}: {answer:?}");
        }
    }
}

#[test]
fn pseudonyms_in_binary() {
    let [a, b] = guess("SELECT email, id FROM shop.customers WHERE id = $1 AND email IS NOT NULL", &["{id}"], &[1]);
    for answer in [a, b] {
        assert!(is_pseudonym(answer.raw_rows().next().unwrap()[0].as_ref().unwrap()), "{answer:?}");
    }
}

#[test]
fn mixed_formats() {
    let [a, _] = guess("SELECT email, device, account, full_name, ssn FROM shop.customers WHERE id = $1", &["{id}"], &[1, 0, 1, 1, 0]);
    let row = a.raw_rows().next().unwrap();
    assert!(is_pseudonym(row[0].as_ref().unwrap()));
    assert_eq!(row[1].as_ref().unwrap()[14], b'8');
    assert!(i64::from_be_bytes(row[2].as_deref().unwrap().try_into().unwrap()) >= 1 << 44);
    assert_eq!((row[3].as_deref(), row[4].as_deref()), (Some(&b"[name]"[..]), None));
}

#[test]
fn an_array_of_pseudonyms_in_binary() {
    let [a, b] = guess("SELECT array_agg(email ORDER BY id) FROM shop.customers WHERE id <= $1::int", &["20"], &[1]);
    assert_eq!(a.error().is_some(), b.error().is_some());
}

#[test]
fn formats_that_postgres_refuses() {
    for results in [&[1, 1, 1][..], &[0, 0, 0]] {
        let [a, _] = guess("SELECT email, id FROM shop.customers WHERE id = $1", &["{id}"], results);
        assert!(a.error().is_some() && a.raw_rows().count() == 0, "{results:?}: {a:?}");
    }
}

#[test]
fn a_declared_type_changes_nothing() {
    // text, varchar, "char", unknown, bytea, and a type that is not there.
    for type_oid in [25, 1043, 18, 705, 17, 999_999] {
        let call = Call {
            sql: "SELECT id FROM shop.customers WHERE email = $1".to_owned(),
            types: vec![type_oid],
            values: vec![Some(Victim::get().fill("{email}").into_bytes())],
            ..Call::default()
        };
        let [a, _] = both("analyst", |session| vec![session.call(&call)]).unwrap();
        assert!(a.error().is_some() && a.raw_rows().count() == 0, "{type_oid}: {a:?}");
    }
}

#[test]
fn a_format_that_does_not_exist_ends_the_session() {
    for format in [2, -1, 256] {
        let call = Call { sql: "SELECT email FROM shop.customers".to_owned(), results: vec![format], ..Call::default() };
        let answer = Stage::get().session("analyst").call(&call);
        assert!(answer.error().is_some() && answer.raw_rows().count() == 0, "{answer:?}");
    }
}

/// What ORMs bind to columns of a new row that were not given.
#[test]
fn a_protected_column_of_a_new_row_takes_null_and_nothing_else() {
    for sql in [
        "INSERT INTO shop.leads (email, source) VALUES ($1, $2) RETURNING email",
        "INSERT INTO shop.leads (email, source) VALUES ($1::varchar, $2)",
        "INSERT INTO shop.leads (email, source) VALUES ($1, $2 || $1)",
        "WITH n AS (INSERT INTO shop.leads (email, source) VALUES (CAST($1 AS text), $2) RETURNING source) SELECT source FROM n",
    ] {
        for (value, code) in [(None, None), (Some("{email}"), Some("42501")), (Some(""), Some("42501"))] {
            let value = value.map(|v| Victim::get().fill(v).into_bytes());
            let call = Call { sql: sql.to_owned(), values: vec![value, Some(b"web".to_vec())], ..Call::default() };
            let answers = both("analyst", |session| {
                session.query("BEGIN").ok();
                // It is rolled back when the session ends.
                vec![session.call(&call)]
            });
            for told in answers.unwrap_or_else(|why| panic!("{sql}: {why}")) {
                assert_eq!(told.error().map(|_| told.sqlstate()), code, "{sql}: {told:?}");
            }
        }
    }
}
