//! Objects of the user's that shadow Postgres' own.

use super::*;

attacks![
    attack("a function of one's own", &["CREATE FUNCTION adhoc.md5(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"], Refused),
    attack(
        "an operator of one's own",
        &["CREATE OPERATOR adhoc.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textne)"],
        Refused
    ),
    attack(
        "a type of one's own",
        &[
            "CREATE TABLE adhoc.text (x int)",
            "SET search_path = adhoc, shop, pg_catalog",
            "SELECT full_name::text FROM shop.customers WHERE id = {id}"
        ],
        Harmless
    ),
    attack(
        "a temporary table like a protected one",
        &["CREATE TEMP TABLE customers (id int, email text)", "SELECT concat(email) FROM customers"],
        Harmless
    ),
    attack("a temporary table like a catalog", &["CREATE TEMP TABLE pg_class (oid int)", "SELECT count(*) FROM pg_class"], Harmless),
    attack("a cast of one's own", &["CREATE CAST (text AS int) WITH INOUT AS IMPLICIT"], Refused),
    attack("an aggregate of one's own", &["CREATE AGGREGATE adhoc.cat (text) (SFUNC = textcat, STYPE = text)"], Refused),
    attack("a rule", &["CREATE RULE r AS ON SELECT TO adhoc.x DO INSTEAD SELECT * FROM shop.customers"], Refused),
    attack("a trigger", &["CREATE TRIGGER t BEFORE INSERT ON adhoc.x FOR EACH ROW EXECUTE FUNCTION adhoc.f()"], Refused),
    attack("a policy", &["CREATE POLICY p ON shop.customers USING (true)"], Refused),
    attack("an extension", &["CREATE EXTENSION dblink"], Refused),
    attack("a foreign server", &["CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw"], Refused),
    attack("a language", &["CREATE LANGUAGE plpython3u"], Refused),
    attack("a statistics object", &["CREATE STATISTICS shop.s ON country, email FROM shop.customers"], Refused),
    attack("an index that orders rows", &["CREATE INDEX ON shop.customers (email)"], Refused),
    attack("cluster by it", &["CLUSTER shop.customers USING customers_email_idx"], Refused),
    attack("a column renamed", &["ALTER TABLE shop.customers RENAME COLUMN email TO city2"], Refused),
    attack("a table renamed", &["ALTER TABLE shop.customers RENAME TO c2"], Refused),
    attack("a generated copy", &["ALTER TABLE shop.customers ADD COLUMN copy text GENERATED ALWAYS AS (email) STORED"], Refused),
];
