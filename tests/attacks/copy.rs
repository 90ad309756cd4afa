//! COPY to the client: cells cut at the wrong place, values that pass for NULL, rows in an order that tells. From the client: errors
//! that show what is stored.

use super::*;

attacks![
    attack("the table", &["COPY shop.customers TO STDOUT"], Harmless),
    attack("a column", &["COPY shop.customers (email) TO STDOUT"], Harmless),
    attack("a column, twice", &["COPY shop.customers (email, email) TO STDOUT"], Error("42701")),
    attack("columns in another order", &["COPY shop.customers (city, email, id, device) TO STDOUT"], Harmless),
    attack("a generated column", &["COPY shop.profiles (email_key) TO STDOUT"], Error("42P10")),
    attack("a table with generated columns", &["COPY shop.profiles TO STDOUT"], Harmless),
    attack("a system column", &["COPY shop.customers (ctid) TO STDOUT"], Error("42703")),
    attack("a query", &["COPY (SELECT email FROM shop.customers) TO STDOUT"], Harmless),
    attack("a query, binary", &["COPY (SELECT ssn, email FROM shop.customers) TO STDOUT (FORMAT binary)"], Harmless),
    attack("a query, csv with header", &["COPY (TABLE shop.customers) TO STDOUT WITH CSV HEADER"], Harmless),
    attack(
        "a header that looks like a row",
        &["COPY (SELECT email AS \"x\ty\n\\N\", id FROM shop.customers) TO STDOUT (HEADER)"],
        Harmless
    ),
    attack("a header that ends the data", &["COPY (SELECT email AS \"\\.\" FROM shop.customers) TO STDOUT (FORMAT csv, HEADER)"], Harmless,),
    attack("the old syntax", &["COPY shop.customers TO STDOUT WITH DELIMITER ','"], Harmless),
    attack("the older syntax", &["COPY BINARY shop.employees TO STDOUT"], Harmless),
    attack("USING DELIMITERS", &["COPY shop.customers (email, id) TO STDOUT USING DELIMITERS '@' WITH NULL AS 'x'"], Harmless),
    attack("cells cut at a letter of the value", &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (DELIMITER '@')"], Harmless),
    attack("cells cut at a point", &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (DELIMITER '.')"], Error("22023")),
    attack(
        "csv cut at a letter of the value",
        &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (FORMAT csv, DELIMITER 'i')"],
        Harmless
    ),
    attack("quotes that stand in the value", &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (FORMAT csv, QUOTE 'l')"], Harmless),
    attack(
        "escapes that stand in the value",
        &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (FORMAT csv, QUOTE 'o', ESCAPE 'u', FORCE_QUOTE *)"],
        Harmless,
    ),
    attack("a delimiter that is the escape", &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (FORMAT csv, ESCAPE ',')"], Harmless),
    attack("a quote that ends lines", &["COPY (SELECT email, id FROM shop.customers) TO STDOUT (FORMAT csv, QUOTE E'\\n')"], Harmless),
    attack(
        "the value as the NULL string: it would pass for NULL",
        &["COPY (SELECT email FROM shop.customers WHERE id = {id}) TO STDOUT (NULL '{email}')"],
        Harmless,
    ),
    attack(
        "the value as the NULL string of csv",
        &["COPY (SELECT email FROM shop.customers WHERE id = {id}) TO STDOUT (FORMAT csv, NULL '{email}')"],
        Harmless,
    ),
    attack("a delimiter of several bytes", &["COPY shop.customers TO STDOUT (DELIMITER '||')"], Error("0A000")),
    attack("another encoding", &["COPY shop.customers TO STDOUT (ENCODING 'LATIN1')"], Refused),
    attack("another encoding, by its number", &["COPY shop.customers TO STDOUT (ENCODING 'SQL_ASCII')"], Refused),
    attack("arrays", &["COPY (SELECT country, array_agg(email) FROM shop.customers GROUP BY country) TO STDOUT CSV"], Harmless),
    attack("arrays, binary", &["COPY (SELECT array_agg(email) FROM shop.customers) TO STDOUT BINARY"], Harmless),
    attack("a view", &["COPY shop.customer_orders TO STDOUT"], Error("42809")),
    attack("a partitioned table", &["COPY shop.orders TO STDOUT"], Error("42809")),
    attack("a partition", &["COPY shop.orders_q1 TO STDOUT"], Harmless),
    attack("a materialised view, which PostgreSQL copies from 18 on", &["COPY shop.staff_list TO STDOUT"], Harmless),
    attack("a parent", &["COPY shop.contacts TO STDOUT"], Harmless),
    attack("a child", &["COPY shop.contacts_old TO STDOUT"], Harmless),
    attack("a catalog", &["COPY pg_catalog.pg_statistic TO STDOUT"], Refused),
    attack("passwords", &["COPY pg_catalog.pg_authid TO STDOUT"], Refused),
    attack("another table by the search_path", &["SET search_path = adhoc, shop", "COPY customers TO STDOUT"], Harmless),
    attack("what may not be used, in a COPY", &["COPY (SELECT lower(email) FROM shop.customers) TO STDOUT"], Refused),
    attack("a guess, in a COPY", &["COPY (SELECT id FROM shop.customers WHERE email = '{email}') TO STDOUT"], Refused),
    attack(
        "rows as an index over a masked column has them",
        &["COPY (SELECT id FROM shop.employees WHERE dept = 3 LIMIT 3) TO STDOUT"],
        Harmless
    ),
    attack("rows as groups of a masked column come", &["COPY (SELECT email FROM shop.leads GROUP BY email) TO STDOUT"], Harmless),
    attack("a row that fails", &["COPY (SELECT 1 / (id - {id}) FROM shop.customers) TO STDOUT"], Harmless),
    attack("to a file", &["COPY shop.customers TO '/tmp/x'"], Refused),
    attack("to a program", &["COPY shop.customers TO PROGRAM 'cat'"], Refused),
    attack("from a program", &["COPY adhoc.t FROM PROGRAM 'id'"], Refused),
    attack("from a file", &["COPY adhoc.t FROM '/etc/passwd'"], Refused),
    attack("after a SELECT", &["SELECT 1; COPY shop.employees (id, email) TO STDOUT"], Harmless),
    attack("of a writing statement", &["COPY (UPDATE shop.customers SET score = 1 RETURNING email) TO STDOUT"], Refused),
    attack("of a writing WITH", &["COPY (WITH d AS (DELETE FROM shop.leads RETURNING email) TABLE d) TO STDOUT"], Refused),
    attack("of SELECT INTO", &["COPY (SELECT * INTO adhoc.x FROM shop.customers) TO STDOUT"], Refused),
    attack("with a parameter", &["COPY (SELECT $1::text) TO STDOUT"], Error("42P02")),
    attack("prepared", &["PREPARE c AS COPY shop.customers TO STDOUT"], Error("42601")),
    attack("explained", &["EXPLAIN COPY shop.customers TO STDOUT"], Error("42601")),
    attack("in a cursor", &["DECLARE c CURSOR FOR COPY shop.customers TO STDOUT"], Error("42601")),
    attack("only clear columns", &["COPY (SELECT id, dept FROM shop.employees WHERE id < 3 ORDER BY id) TO STDOUT"], Harmless),
];

#[test]
fn a_value_does_not_pass_for_null() {
    let attack = attack(
        "the first customer's e-mail as the NULL string",
        &[
            "COPY (SELECT email IS NULL, count(*) FROM shop.customers WHERE id = {id} AND email IS NOT NULL GROUP BY 1) TO STDOUT (NULL '{email}')",
        ],
        Copied("f\t1\n"),
    );
    run("analyst", &[attack]);
}

/// Sends COPY FROM and its data, whether or not the server has asked for it.
fn fill(session: &mut Client, sql: &str, data: &str) -> Answer {
    session.pipeline(|out| {
        use postgres_protocol::message::frontend;
        frontend::query(sql, out).unwrap();
        frontend::CopyData::new(data.as_bytes()).unwrap().write(out);
        frontend::copy_done(out);
    });
    session.answer()
}

/// A writer from whom something is masked: the engineer.
#[test]
fn errors_of_a_copy_from_show_nothing_that_is_stored() {
    let _one_at_a_time = WRITES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let answers = both("engineer", |session| {
        let mut answers = Vec::new();
        for (sql, data) in [
            ("COPY shop.customers FROM STDIN", ""),
            ("COPY shop.customers (id, ssn) FROM STDIN", "1\tx\n"),
            ("COPY shop.orders (id, card_number) FROM STDIN", "1\tx\n"),
            // Whether a key is taken is declared; by whom is not told.
            ("COPY shop.products (id, name) FROM STDIN", "1\tx\n"),
            ("COPY shop.products (id, name) FROM STDIN", "1000000\t\\N\n"),
            ("COPY shop.products (id, price) FROM STDIN", "x\ty\n"),
            ("COPY shop.products (id, price) FROM STDIN", "1\n"),
            ("COPY shop.products (id, name) FROM STDIN WHERE id > 1", "1\tx\n"),
        ] {
            let answer = fill(session, sql, data);
            let fields = answer.error().unwrap_or_else(|| panic!("{sql}: {answer:?}")).clone();
            let told: String = fields.values().map(String::as_str).collect();
            assert!(!told.contains("Key (") && !told.contains("Failing row") && !told.contains("\"x\""), "{sql}: {fields:?}");
            answers.push(answer);
        }
        answers
    });
    answers.unwrap();
}

static WRITES: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn data_that_nobody_asked_for_is_ignored() {
    both("analyst", |session| {
        session.pipeline(|out| {
            use postgres_protocol::message::frontend;
            frontend::query("COPY (SELECT id, email FROM shop.employees ORDER BY id LIMIT 5) TO STDOUT", out).unwrap();
            frontend::CopyData::new(&b"1\tx\n"[..]).unwrap().write(out);
            frontend::copy_done(out);
            frontend::copy_fail("no", out).unwrap();
        });
        let copy = session.answer();
        assert_eq!(copy.messages.iter().filter(|m| matches!(m, Message::CopyData(_))).count(), 5, "{copy:?}");
        vec![copy, session.query("SELECT id, email FROM shop.employees ORDER BY id LIMIT 2")]
    })
    .unwrap();
}

#[test]
fn in_a_pipeline_with_errors_masks_stay_with_their_copy() {
    use pgveil_tests::client::{Call, bind};
    use postgres_protocol::message::frontend;
    both("analyst", |session| {
        session.pipeline(|out| {
            let texts = [
                "COPY (SELECT id, email FROM shop.employees ORDER BY id LIMIT 3) TO STDOUT",
                "COPY (SELECT email, id FROM shop.employees ORDER BY id LIMIT 3) TO STDOUT CSV",
            ];
            for (name, text) in ["a", "b"].iter().zip(texts) {
                frontend::parse(name, text, [], out).unwrap();
            }
            frontend::sync(out);
            for names in [["a", "b"], ["b", "a"], ["a", "nothing"], ["b", "b"]] {
                for name in names {
                    bind("", name, &Call::default(), out);
                    frontend::describe(b'P', "", out).unwrap();
                    frontend::execute("", 0, out).unwrap();
                }
                frontend::sync(out);
            }
        });
        (0..5).map(|_| session.answer()).collect()
    })
    .unwrap();
}
