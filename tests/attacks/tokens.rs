//! Tokens: they can be searched by, and a value can never be guessed nor a token turned back by whoever sees it.

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, bind};
use postgres_protocol::message::frontend;

use super::*;

const TEXT: u32 = 25;
const INT8: u32 = 20;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;
const NAME: u32 = 19;

fn session() -> Client {
    Stage::get().session("tokens")
}

fn fill(sql: &str) -> String {
    Victim::get().fill(sql)
}

/// The victim's tokens: e-mail, device, account.
fn tokens(session: &mut Client) -> [String; 3] {
    let rows = session.query(&fill("SELECT email, device, account FROM shop.customers WHERE id = {id}")).ok().rows();
    let [email, device, account] = rows[0].clone().map3();
    [email, device, account]
}

trait Map3 {
    fn map3(self) -> [String; 3];
}

impl Map3 for Vec<Option<String>> {
    fn map3(self) -> [String; 3] {
        let cells: Vec<String> = self.into_iter().map(|cell| cell.expect("not NULL")).collect();
        cells.try_into().expect("three cells")
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    assert!(answer.error().is_none(), "{answer:?}");
    answer.rows().into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
}

fn call(sql: &str, types: &[u32], values: &[&[u8]], formats: &[i16]) -> Call {
    Call {
        sql: sql.to_owned(),
        types: types.to_vec(),
        values: values.iter().map(|v| Some(v.to_vec())).collect(),
        formats: formats.to_vec(),
        ..Call::default()
    }
}

#[test]
fn rows_are_found_by_token_and_never_by_value() {
    let mut session = session();
    let [email, device, account] = tokens(&mut session);
    let id = fill("{id}");
    for (condition, token, raw) in [
        ("email = '$'", &email, "{email}"),
        ("email IN ('x', '$')", &email, "{email}"),
        ("email = ANY (ARRAY['$'])", &email, "{email}"),
        ("'$' = email::varchar", &email, "{email}"),
        ("device = '$'", &device, "{device}"),
        ("account = $", &account, "{account}"),
        ("account = '$'", &account, "{account}"),
        ("(id, email) IN (({id}, '$'))", &email, "{email}"),
    ] {
        let by = |value: &str| fill(&format!("SELECT id FROM shop.customers WHERE {} ORDER BY id", condition.replace('$', value)));
        let found = session.query(&by(token));
        assert!(ids(&found).contains(&id), "{}: {found:?}", by(token));
        let guessed = session.query(&by(raw));
        assert!(!ids(&guessed).contains(&id), "{}: {guessed:?}", by(raw));
    }
    let not = session.query(&fill("SELECT count(*) FROM shop.customers WHERE email <> '{email}' AND id = {id}"));
    assert_eq!(ids(&not), ["1"], "what is no token equals nothing, and differs from everything");
}

#[test]
fn parameters_are_turned_back_in_both_formats() {
    let mut session = session();
    let [email, device, account] = tokens(&mut session);
    let id = fill("{id}");
    let number = account.parse::<i64>().expect("a bigint").to_be_bytes();
    let raw = fill("{account}").parse::<i64>().expect("a bigint").to_be_bytes();
    let uuid: Vec<u8> = (0..32).step_by(2).map(|n| u8::from_str_radix(&device.replace('-', "")[n..n + 2], 16).expect("hex")).collect();
    for (sql, types, value, formats, found) in [
        ("SELECT id FROM shop.customers WHERE email = $1", vec![], email.as_bytes(), vec![], true),
        ("SELECT id FROM shop.customers WHERE email = $1", vec![TEXT], email.as_bytes(), vec![1], true),
        ("SELECT id FROM shop.customers WHERE email = $1::text", vec![], email.as_bytes(), vec![0], true),
        ("SELECT id FROM shop.customers WHERE $1 = email", vec![], fill("{email}").as_bytes(), vec![], false),
        ("SELECT id FROM shop.customers WHERE device = $1", vec![], device.as_bytes(), vec![0], true),
        ("SELECT id FROM shop.customers WHERE device = $1", vec![], &uuid, vec![1], true),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![INT8], &number, vec![1], true),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![], account.as_bytes(), vec![], true),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![], &raw, vec![1], false),
    ] {
        let answer = session.call(&call(sql, &types, &[value], &formats));
        assert_eq!(ids(&answer).contains(&id), found, "{sql} {types:?} {formats:?}: {answer:?}");
    }
}

/// `array_send` of one dimension.
fn array(element: u32, values: &[&[u8]]) -> Vec<u8> {
    let length = i32::try_from(values.len()).unwrap();
    let mut out: Vec<u8> = [1, 0, i32::try_from(element).unwrap(), length, 1].iter().flat_map(|n: &i32| n.to_be_bytes()).collect();
    for value in values {
        out.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        out.extend_from_slice(value);
    }
    out
}

#[test]
fn arrays_of_tokens_are_turned_back_in_both_formats() {
    const TEXTS: u32 = 1009;
    const INT8S: u32 = 1016;
    let mut session = session();
    let [email, _, account] = tokens(&mut session);
    let id = fill("{id}");
    let number = account.parse::<i64>().expect("a bigint").to_be_bytes();
    let by_email = "SELECT id FROM shop.customers WHERE email = ANY ($1)";
    let by_account = "SELECT id FROM shop.customers WHERE account = ANY ($1)";
    for (sql, types, value, formats, found) in [
        (by_email, vec![], format!("{{{email}}}").into_bytes(), vec![], true),
        (by_email, vec![TEXTS], format!("{{NULL, \"{email}\" }}").into_bytes(), vec![0], true),
        (by_email, vec![TEXTS], array(TEXT, &[email.as_bytes()]), vec![1], true),
        (by_account, vec![], format!("{{{account},{account}}}").into_bytes(), vec![], true),
        (by_account, vec![INT8S], array(INT8, &[&number]), vec![1], true),
    ] {
        let answer = session.call(&call(sql, &types, &[&value], &formats));
        assert_eq!(ids(&answer).contains(&id), found, "{sql} {types:?} {formats:?}: {answer:?}");
    }
    let raw = fill("{email}");
    for value in [format!("{{{raw}}}"), format!("{{\"{raw}\"}}"), format!("[2:2]={{{raw}}}"), format!("{{{{{raw}}}}}"), raw.clone()] {
        let answer = session.call(&call(by_email, &[], &[value.as_bytes()], &[]));
        assert!(answer.error().is_some() || !ids(&answer).contains(&id), "{value}: {answer:?}");
    }
    let answer = session.call(&call(by_email, &[TEXTS], &[&array(TEXT, &[raw.as_bytes()])], &[1]));
    assert!(answer.error().is_some() || !ids(&answer).contains(&id), "{answer:?}");
}

#[test]
fn a_parameter_of_another_type_is_no_way_around() {
    let mut session = session();
    let account = fill("{account}");
    let float = account.parse::<f64>().expect("a number").to_be_bytes();
    for (sql, types, value, formats) in [
        ("SELECT id FROM shop.customers WHERE account = $1", vec![FLOAT8], &float[..], vec![1]),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![NUMERIC], account.as_bytes(), vec![0]),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![INT8], b" 0x1F", vec![0]),
        ("SELECT id FROM shop.customers WHERE account = $1", vec![INT8], b"12.0", vec![0]),
        ("SELECT id FROM shop.customers WHERE email = $1", vec![NAME], fill("{email}").as_bytes(), vec![0]),
        ("SELECT id FROM shop.customers WHERE email = $1::varchar(3)", vec![], b"ana", vec![0]),
        ("SELECT $1::text FROM shop.customers WHERE email = $1", vec![], b"t_x", vec![0]),
        ("SELECT id FROM shop.customers WHERE account = $1 + 0", vec![INT8], account.as_bytes(), vec![0]),
        ("SELECT id FROM shop.customers WHERE device = $1", vec![], fill("{device}").replace('-', "").as_bytes(), vec![0]),
    ] {
        let answer = session.call(&call(sql, &types, &[value], &formats));
        assert!(answer.error().is_some() && answer.raw_rows().next().is_none(), "{sql} {types:?}: {answer:?}");
    }
    for sql in [
        "SELECT id FROM shop.customers WHERE account = {account}.0",
        "SELECT id FROM shop.customers WHERE account = {account}e0",
        "SELECT id FROM shop.customers WHERE account = '{account}'::numeric",
        "SELECT id FROM shop.customers WHERE device = replace('{device}', '-', '')::uuid",
        "SELECT id FROM shop.customers WHERE email = lower('{email}')",
        "SELECT id FROM shop.customers WHERE email = (SELECT '{email}')",
        "SELECT c.id FROM shop.customers c JOIN (VALUES ('{email}')) AS g (e) ON g.e = c.email",
        "SELECT email FROM shop.customers UNION SELECT '{email}'",
    ] {
        let answer = session.query(&fill(sql));
        assert!(answer.error().is_some() && answer.raw_rows().next().is_none(), "{sql}: {answer:?}");
    }
}

/// A token is turned back for the statement that it is bound to, and for no other of that name.
#[test]
fn a_statement_that_was_never_made_turns_nothing_back() {
    let mut session = session();
    let [email, ..] = tokens(&mut session);
    let bound = |out: &mut BytesMut, value: &str| {
        let with = Call { values: vec![Some(value.as_bytes().to_vec())], ..Call::default() };
        bind("", "s", &with, out);
        frontend::execute("", 0, out).expect("a message");
        frontend::sync(out);
    };
    session.pipeline(|out| {
        frontend::parse("s", "SELECT $1::text", [], out).expect("a message");
        frontend::sync(out);
        // Fails, for there is one of that name: the first stays.
        frontend::parse("s", "SELECT id FROM shop.customers WHERE email = $1", [], out).expect("a message");
        frontend::sync(out);
        bound(out, &email);
    });
    let answers = [session.answer(), session.answer(), session.answer()];
    let cells: Vec<_> = answers[2].rows();
    assert_eq!(cells, [[Some(email.clone())]], "as it was sent: {answers:?}");

    // The other way round: a value that is not turned back would be a guess.
    let mut session = self::session();
    session.pipeline(|out| {
        frontend::parse("s", "SELECT id FROM shop.customers WHERE email = $1", [], out).expect("a message");
        frontend::sync(out);
        frontend::parse("s", "SELECT $1::text", [], out).expect("a message");
        frontend::sync(out);
        bound(out, &fill("{email}"));
    });
    let answers = [session.answer(), session.answer(), session.answer()];
    assert!(answers[2].error().is_none() && answers[2].rows().is_empty(), "{answers:?}");
}

#[test]
fn otherwise_shows_the_redaction() {
    let mut session = session();
    let upper = session.query(&fill("SELECT upper(full_name) FROM shop.customers WHERE id = {id}")).ok().rows();
    assert_eq!(upper, [[Some("[REDACTED]".to_owned())]]);
    let plain = session.query(&fill("SELECT full_name FROM shop.customers WHERE id = {id}")).ok().rows();
    assert!(plain[0][0].as_deref().is_some_and(|name| name.starts_with("n_")), "{plain:?}");
    let guessed = session.query(&fill("SELECT id FROM shop.customers WHERE full_name = '{name}'"));
    assert!(ids(&guessed).is_empty());
}
