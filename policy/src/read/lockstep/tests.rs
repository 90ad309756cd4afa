use super::*;
use crate::read;

fn compared(client: &str, ours: &str) -> Result<String, Refusal> {
    read::query(client).unwrap().print(&read::query(ours).unwrap().ast)
}

#[test]
fn insertions_are_allowed() {
    for (client, ours) in [
        ("select id from customers", "select id from shop.customers"),
        ("select id from customers", "select customers.id from shop.customers as customers"),
        ("select c.id from customers c", "select c.id from (select id from shop.customers) as c"),
        ("select shop.customers.id from shop.customers", "select pgveil_1.id from shop.customers as pgveil_1"),
        ("select * from t", "select t.a, t.b as \"B\" from shop.t as t"),
        ("select a.*, 1, b.* from a, b", "select a.x, a.y, 1, b.z from s.a as a, s.b as b"),
        ("select lower(x) from t", "select pg_catalog.lower(t.x) as lower from s.t"),
        ("select pg_table_size('t')", "select cast(null as pg_catalog.int8) as pg_table_size"),
        ("select x::mood from t where a = 'b'", "select x::shop.mood from t where a operator(pg_catalog.=) cast('b' as pg_catalog.text)"),
        ("select x from t order by x limit 3", "select x from t order by pg_catalog.sha256(textsend('k' || t.x)), id limit 3"),
        ("select x from t order by 1 desc", "select x from t order by pg_catalog.sha256(textsend(t.x)) desc"),
        ("select x from t order by 1", "select x from t order by t.x, t.id"),
        ("select count(*) from t group by x", "select count(*) from t group by t.x, t.y"),
        ("select array_agg(x) from t", "select array_agg(x order by id) from t"),
        ("select row_number() over (order by x) from t", "select row_number() over (order by x, id) from t"),
        ("select distinct x from t", "select * from (select distinct x from t) as pgveil_q1 order by pg_catalog.sha256(pgveil_q1.x)"),
        (
            "select distinct x from t order by x limit 3",
            "select x from (select distinct x from t) as pgveil_q1 order by pg_catalog.sha256(x) limit 3",
        ),
        ("select x from t union select y from u", "select * from (select x from t union select y from u) pgveil_q order by 1"),
        (
            "select 1 from t where a and 1 / b > 2",
            "select 1 from (select a, b, f is true as pgveil_ok1 from s.t where f) as t where a and case when t.pgveil_ok1 is not false then 1 / b > 2 end",
        ),
        (
            "select 1 from t, u where 1 / a > b",
            "select 1 from t, u where case when t.pgveil_ok1 is not false and u.pgveil_ok2 is not false then 1 / a > b end",
        ),
        ("select 1 from t join u on f(a)", "select 1 from t join u on case when f(a) then true end"),
        ("select 1 from t where a = $1::int", "select 1 from t where a = $1::int and ($1::int is null) is not null"),
        (
            "select 1 from t where a and b",
            "select 1 from t where a and case when t.pgveil_ok1 is not false then b end and ($1::int is null) is not null",
        ),
        ("select $1::int from t", "select $1::int from t where ($1::int is null) is not null"),
        ("select 1 from t where a = 1 / b", "select 1 from t where a = case when t.pgveil_ok1 is not false then 1 / b end"),
        ("select case when t.pgveil_ok1 is not false then b end", "select case when t.pgveil_ok1 is not false then b end"),
        ("select 1 from t having f(a)", "select 1 from t having case when f(a) then true end"),
        ("select g from generate_series(1, 2)", "select g from pg_catalog.generate_series(1, 2) as generate_series"),
        ("select x::mood from t where a = 'b'", "select x::shop.mood from t where a operator(pg_catalog.=) cast('b' as pg_catalog.text)"),
        ("select x::mood from t where a = 'b'", "select x::shop.mood from t where a operator(pg_catalog.=) cast('b' as pg_catalog.text)"),
        ("select c from customers c", "select c.pgveil_row as c from (select 1 as id, row(1) as pgveil_row) as c"),
        ("select f(c.*) from customers c", "select f(c.pgveil_row) from (select row(1) as pgveil_row) as c"),
        ("select (c).city from customers c", "select c.city from (select 1 as city) as c"),
        ("select (c).tags[1] from customers c", "select c.tags[1] from (select 1 as tags) as c"),
        ("select city(c) from customers c", "select c.city from (select 1 as city) as c"),
        ("select c.row_to_json from customers c", "select pg_catalog.row_to_json(c.pgveil_row) from (select 1) as c"),
        ("select row(c.*, 1) from customers c", "select row(c.a, c.b, 1) from (select 1 as a, 2 as b) as c"),
        ("select c.doc from t c group by c.id", "select (pg_catalog.array_agg(c.doc))[1] from (select 1 as id) as c group by c.id"),
    ] {
        assert!(compared(client, ours).is_ok(), "{client}: {:?}", compared(client, ours));
    }
}

#[test]
fn nothing_else_is() {
    for (client, ours) in [
        ("select id from customers", "select ssn from customers"),
        ("select id from customers c", "select id from customers d"),
        ("select id from a.customers", "select id from b.customers"),
        ("select id from t where a = 1", "select id from t"),
        ("select id from t where a = 1", "select id from t where a = 2"),
        ("select id from t", "select id from t limit 1"),
        ("select id from t limit 1", "select id from t limit 2"),
        ("select id from t order by a, b", "select id from t order by b, a"),
        ("select id from t order by lower(a)", "select id from t order by pg_catalog.sha256(lower(b))"),
        ("select id from t order by a", "select id from t order by pg_catalog.sha256(a) desc"),
        ("select id from t order by a", "select id from t"),
        ("select a from t where a", "select a from t where case when t.b is not false then a end"),
        ("select a from t where a", "select a from t where case when t.pgveil_ok1 is not true then a end"),
        ("select a from t where a", "select a from t where case when t.pgveil_ok1 is not false then b end"),
        ("select a from t where a", "select a from t where case when t.pgveil_ok1 is not false then a else true end"),
        ("select a from t where a", "select a from t where case when b then true end"),
        ("select a from t where a", "select a from t where case when a then false end"),
        ("select a from t where not a", "select a from t where not case when a then true end"),
        ("select a from t where a and b", "select a from t where a"),
        ("select a from t where a and b", "select a from t where a and ($1::int is null) is not null"),
        ("select a from t where $1 = a", "select a from t where $1 = a and ($1::int is null) is null"),
        ("select a from t where $1 = a", "select a from t where $1 = a and (a is null) is not null"),
        ("select a from t", "select a from t where case when a then true end"),
        ("select id from t order by 2", "select id from t order by 3"),
        ("select count(*) from t group by a", "select count(*) from t"),
        ("select a, b from t", "select a from t"),
        ("select a as x from t", "select a as y from t"),
        ("select * from t", "select lower(a) from t"),
        ("select lower(a) from t", "select upper(a) from t"),
        ("select shop.f(a) from t", "select adhoc.f(a) from t"),
        ("select lower(a) from t", "select cast(null as pg_catalog.text) from t"),
        ("select a = b from t", "select a operator(pg_catalog.<>) b from t"),
        ("select a = b or c from t", "select a = (b or c) from t"),
        ("select a from t union select b from u", "select a from t union all select b from u"),
        ("select a from t", "select x.a from (select a from t) as x"),
        ("select a from t limit 3", "select a from (select a from t) as pgveil_q limit 4"),
        ("select a from t order by a limit 3", "select a from (select a from t limit 3) as pgveil_q order by a"),
        ("select a from t order by a", "select a from (select a from t) as pgveil_q, u order by a"),
        ("select distinct a from t", "select a from (select a from t) as pgveil_q"),
        ("select a from t for update", "select a from t"),
        ("select 1 from t", "select '1'::int from t"),
        ("select $1 from t", "select $2 from t"),
        ("select a from t join u using (a)", "select a from t join u on t.a = u.a"),
        ("select (c).city from t c", "select c.ssn from t c"),
        ("select (f(c)).city from t c", "select c.city from t c"),
        ("select city(c) from t c", "select c.ssn from t c"),
        ("select city(c, 1) from t c", "select c.city from t c"),
        ("select c.row_to_json from t c", "select pg_catalog.row_to_json(d.pgveil_row) from t c"),
        ("select c.row_to_json from t c", "select pg_catalog.to_jsonb(c.pgveil_row) from t c"),
        ("select c.doc from t c", "select (pg_catalog.array_agg(c.ssn))[1] from t c"),
        ("select c.doc from t c", "select (pg_catalog.array_agg(c.doc))[2] from t c"),
        ("select row(c.*, 1) from t c", "select row(c.a, lower(c.b), 1) from t c"),
        ("select row(c.a) from t c", "select row(c.b) from t c"),
    ] {
        let got = match (read::query(client), read::query(ours)) {
            (Ok(client), Ok(ours)) => client.print(&ours.ast),
            (Ok(_), Err(refusal)) => Err(refusal),
            (Err(refusal), _) => panic!("{client}: {refusal:?}"),
        };
        assert_eq!(got.unwrap_err().id, "read.lockstep", "{client} became {ours}");
    }
}
