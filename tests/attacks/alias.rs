//! A protected column under other names.

use super::*;

attacks![
    attack("the address under another name", &["SELECT email AS city FROM shop.customers WHERE id = {id}"], Pseudonyms),
    attack("a name that looks like another class", &["SELECT email AS salary FROM shop.customers WHERE id = {id}"], Pseudonyms),
    attack("renamed columns of a table alias", &["SELECT t.c FROM shop.customers AS t (a, b, c) WHERE a = {id}"], Pseudonyms),
    attack("renamed veiled column", &["SELECT t.b FROM shop.customers AS t (a, b) WHERE a = {id}"], Rows("[name]")),
    attack(
        "renamed twice",
        &["SELECT z FROM (SELECT y AS z FROM (SELECT ssn AS y FROM shop.customers WHERE id = {id}) AS a) AS b"],
        Rows("∅")
    ),
    attack(
        "names of a subquery's columns",
        &["SELECT s.city FROM (SELECT email FROM shop.customers WHERE id = {id}) AS s (city)"],
        Pseudonyms
    ),
    attack("two columns of one name", &["SELECT email AS e, ssn AS e FROM shop.customers WHERE id = {id}"], Harmless),
    attack(
        "t1.*, t2.* mixed up (bytebase#19156)",
        &["SELECT c.*, l.* FROM shop.customers c, shop.leads l WHERE c.id = {id} LIMIT 1"],
        Harmless
    ),
    attack(
        "a table alias like another table",
        &["SELECT countries.ssn FROM shop.customers AS countries WHERE countries.id = {id}"],
        Rows("∅")
    ),
    attack(
        "swapped aliases",
        &["SELECT customers.email FROM shop.leads AS customers, shop.customers AS leads WHERE leads.id = {id} LIMIT 1"],
        Harmless
    ),
    attack(
        "quoted, upper case alias",
        &["SELECT \"C\".\"full_name\" AS \"Full Name\" FROM shop.customers \"C\" WHERE \"C\".id = {id}"],
        Rows("[name]")
    ),
    attack("merged column of USING", &["SELECT DISTINCT email FROM shop.customers JOIN shop.employees USING (email)"], Harmless),
    attack(
        "merged column by its own alias",
        &["SELECT u.email FROM shop.customers JOIN shop.employees USING (email) AS u LIMIT 1"],
        Harmless
    ),
    attack(
        "alias of a join",
        &["SELECT j.full_name FROM (shop.customers NATURAL JOIN (SELECT 1 AS one) AS x) AS j WHERE j.id = {id}"],
        Harmless
    ),
    attack(
        "columns renamed by a join's alias",
        &["SELECT j.k FROM (shop.customers CROSS JOIN (SELECT 1) AS x) AS j (i, k) WHERE j.i = {id}"],
        Harmless
    ),
];
