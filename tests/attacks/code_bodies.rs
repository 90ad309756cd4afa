//! Code that the database would run with the rights of the account that pgveil uses.

use super::*;

const ATTACKS: &[Attack] = &[
    attack("DO", &["DO $$ BEGIN RAISE EXCEPTION '%', (SELECT ssn FROM shop.customers LIMIT 1); END $$"], Refused),
    attack("a function", &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM shop.customers LIMIT 1'"], Refused),
    attack(
        "a function with a body of SQL",
        &["CREATE FUNCTION adhoc.f() RETURNS text BEGIN ATOMIC SELECT ssn FROM shop.customers LIMIT 1; END"],
        Nothing,
    ),
    attack("a procedure", &["CREATE PROCEDURE adhoc.p() LANGUAGE sql AS 'DELETE FROM shop.leads'"], Refused),
    attack(
        "a trigger",
        &["CREATE TRIGGER t BEFORE INSERT ON adhoc.customers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"],
        Refused,
    ),
    attack("a rule", &["CREATE RULE r AS ON INSERT TO adhoc.customers DO ALSO SELECT ssn FROM shop.customers"], Refused),
    attack(
        "a rule makes a table a view",
        &["CREATE RULE \"_RETURN\" AS ON SELECT TO adhoc.customers DO INSTEAD SELECT id, full_name, ssn FROM shop.customers"],
        Refused,
    ),
    attack("an operator", &["CREATE OPERATOR adhoc.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)"], Refused),
    attack("an aggregate", &["CREATE AGGREGATE adhoc.a (text) (SFUNC = textcat, STYPE = text)"], Refused),
    attack("a cast", &["CREATE CAST (text AS int) WITH INOUT AS IMPLICIT"], Refused),
    attack("an event trigger", &["CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()"], Refused),
    attack("an extension", &["CREATE EXTENSION dblink"], Refused),
    attack("a server", &["CREATE SERVER s FOREIGN DATA WRAPPER file_fdw"], Refused),
    attack("a foreign table", &["CREATE FOREIGN TABLE adhoc.ft (x text) SERVER files OPTIONS (program 'id')"], Refused),
    attack("the program of a foreign table", &["ALTER FOREIGN TABLE shop.partners OPTIONS (SET program 'id')"], Refused),
    attack("the same by ALTER TABLE", &["ALTER TABLE shop.partners OPTIONS (SET program 'id')"], Nothing),
    attack("a type with functions", &["CREATE TYPE adhoc.ty (INPUT = textin, OUTPUT = textout)"], Refused),
    attack("a range with a function", &["CREATE TYPE adhoc.r AS RANGE (subtype = float8, subtype_diff = float8mi)"], Refused),
    attack("a function's owner", &["ALTER FUNCTION shop.reveal() OWNER TO pgveil"], Refused),
    attack("a function as a default", &["CREATE TABLE adhoc.d (x text DEFAULT shop.reveal())"], Refused),
    attack("a function in an index", &["CREATE INDEX ON shop.leads (shop.reveal())"], Refused),
    attack("a language", &["CREATE LANGUAGE plperlu"], Refused),
    attack("ALTER SYSTEM", &["ALTER SYSTEM SET archive_command = 'id'"], Refused),
    attack("a tablespace", &["CREATE TABLESPACE t LOCATION '/tmp'"], Refused),
];

#[test]
fn attacks() {
    run_writing("engineer", ATTACKS);
}
