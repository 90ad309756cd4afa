//! Each mask, by type.

use pgveil_tests::client::Call;

use super::*;
use crate::twins::stage::Stage;

#[test]
fn each_mask_of_the_analyst() {
    same(
        "analyst",
        "SELECT id, full_name, phone, ssn, dob, salary, ip, address, notes, country FROM shop.customers WHERE id <= 40 ORDER BY id",
        "SELECT id, '[name]', repeat('*', length(phone) - 2) || right(phone, 2), NULL, date_trunc('year', dob)::date, \
         (floor(salary / 10000) * 10000)::numeric(10,2), network(set_masklen(ip, 24)), NULL, '[redacted]', country \
         FROM shop.customers WHERE id <= 40 AND id % 2 = 0 ORDER BY id",
    );
}

#[test]
fn columns_keep_names_types_and_origins() {
    let stage = Stage::get();
    let sql = "SELECT * FROM shop.customers WHERE id = 2";
    let masked = stage.session("analyst").query(sql).ok();
    let plain = Client::connect(&stage.plain(&stage.both.a)).unwrap().query(sql).ok();
    assert_eq!(masked.columns(), plain.columns());
}

#[test]
fn masks_in_binary_are_masks_of_the_same_type() {
    let sql = "SELECT dob, salary, ip, phone, full_name, ssn FROM shop.customers WHERE id = 4";
    let call = |results| Call { sql: sql.to_owned(), results, ..Call::default() };
    let mut session = Stage::get().session("analyst");
    let text = session.call(&call(vec![0])).ok();
    let binary = session.call(&call(vec![1])).ok();
    let row = binary.raw_rows().next().unwrap();
    let year: i32 = text.rows()[0][0].as_ref().unwrap()[..4].parse().unwrap();
    // Days since 2000-01-01: about 365.2425 for each year.
    let days = i32::from_be_bytes(row[0].as_deref().unwrap().try_into().unwrap());
    assert_eq!((f64::from(days) / 365.2425).round() as i32, year - 2000);
    // inet_send: family, bits, is_cidr, length, address.
    assert_eq!(row[2].as_ref().unwrap()[1], 24);
    assert_eq!(row[4].as_deref(), Some(&b"[name]"[..]));
    assert_eq!(row[5], None);
}

#[test]
fn masks_are_what_predicates_see() {
    same(
        "analyst",
        "SELECT count(*) FROM shop.customers WHERE full_name = '[name]' AND ssn IS NULL AND notes = '[redacted]'",
        "SELECT count(*) FROM shop.customers WHERE id % 2 = 0",
    );
    same(
        "analyst",
        "SELECT count(*) FROM shop.customers WHERE phone LIKE '%42'",
        "SELECT count(*) FROM shop.customers WHERE phone LIKE '%42' AND id % 2 = 0",
    );
    same(
        "analyst",
        "SELECT id FROM shop.customers WHERE dob = '1970-01-01' ORDER BY id",
        "SELECT id FROM shop.customers WHERE extract(year FROM dob) = 1970 AND id % 2 = 0 ORDER BY id",
    );
    same(
        "analyst",
        "SELECT count(*) FROM shop.customers WHERE ip << '10.1.0.0/16'",
        "SELECT count(*) FROM shop.customers WHERE ip << '10.1.0.0/16' AND id % 2 = 0",
    );
}

#[test]
fn masks_are_what_aggregates_see() {
    same(
        "analyst",
        "SELECT dept, count(*), min(salary), max(salary), sum(salary) FROM shop.employees GROUP BY dept ORDER BY dept",
        "SELECT dept, count(*), min(m), max(m), sum(m) FROM (SELECT dept, (floor(salary / 10000) * 10000)::numeric(10,2) AS m FROM shop.employees) AS x GROUP BY dept ORDER BY dept",
    );
    same(
        "analyst",
        "SELECT extract(year FROM dob) AS born, count(*) FROM shop.customers GROUP BY 1 HAVING count(*) > 20 ORDER BY 2 DESC, 1",
        "SELECT extract(year FROM dob) AS born, count(*) FROM shop.customers WHERE id % 2 = 0 GROUP BY 1 HAVING count(*) > 20 ORDER BY 2 DESC, 1",
    );
}

#[test]
fn masks_in_whole_rows_and_json() {
    same(
        "veiled",
        "SELECT row_to_json(e) ->> 'name', to_jsonb(e) ->> 'salary' FROM shop.employees e WHERE id <= 5 ORDER BY id",
        "SELECT '[name]', (floor(salary / 10000) * 10000)::numeric(10,2)::text FROM shop.employees e WHERE id <= 5 ORDER BY id",
    );
}
