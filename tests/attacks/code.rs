//! Code that runs later, or in somebody else's statement.

use super::*;

attacks![
    attack("DO", &["DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM shop.customers WHERE id = {id}); END $$"], Refused),
    attack("DO in another language", &["DO LANGUAGE plpgsql 'BEGIN END'"], Refused),
    attack(
        "a function in SQL",
        &["CREATE FUNCTION adhoc.f() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM shop.customers'"],
        Refused
    ),
    attack(
        "a function with a body that is parsed",
        &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT max(email) FROM shop.customers; END"],
        Refused
    ),
    attack("a function of the session's own", &["CREATE FUNCTION pg_temp.f(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"], Refused),
    attack("a function in C", &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE c AS 'x', 'y'"], Refused),
    attack(
        "another function behind a name",
        &["CREATE OR REPLACE FUNCTION shop.reveal() RETURNS SETOF text LANGUAGE sql AS 'SELECT 1::text'"],
        Refused
    ),
    attack("a procedure", &["CREATE PROCEDURE adhoc.p() LANGUAGE sql AS 'SELECT 1'"], Refused),
    attack("an aggregate", &["CREATE AGGREGATE adhoc.a (text) (SFUNC = textcat, STYPE = text)"], Refused),
    attack("an operator", &["CREATE OPERATOR adhoc.~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)"], Refused),
    attack("an operator class", &["CREATE OPERATOR CLASS adhoc.c FOR TYPE text USING btree AS OPERATOR 1 <"], Refused),
    attack("a cast", &["CREATE CAST (text AS int) WITH INOUT AS IMPLICIT"], Refused),
    attack("a cast without a function", &["CREATE CAST (shop.mail AS int) WITHOUT FUNCTION"], Refused),
    attack(
        "a rule",
        &["CREATE RULE r AS ON SELECT TO adhoc.customers DO INSTEAD SELECT id, full_name, email FROM shop.customers"],
        Refused
    ),
    attack(
        "a rule that also writes",
        &["CREATE RULE r AS ON UPDATE TO shop.customers DO ALSO INSERT INTO adhoc.customers VALUES (NEW.id)"],
        Refused
    ),
    attack(
        "a trigger",
        &["CREATE TRIGGER t AFTER UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"],
        Refused
    ),
    attack("an event trigger", &["CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION adhoc.f()"], Refused),
    attack("a policy", &["CREATE POLICY p ON shop.customers USING (email LIKE 'l%')"], Refused),
    attack("a language", &["CREATE LANGUAGE plperlu"], Refused),
    attack("a transform", &["CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION f(internal))"], Refused),
    attack("a conversion", &["CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1"], Refused),
    attack("a text search dictionary", &["CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, STOPWORDS = x)"], Refused),
    attack("statistics of values", &["CREATE STATISTICS s (mcv) ON email, city FROM shop.customers"], Refused),
    attack(
        "a domain whose check raises",
        &["CREATE DOMAIN adhoc.d AS text CHECK (VALUE !~ 'l')", "SELECT email::adhoc.d FROM shop.customers WHERE id = {id}"],
        Nothing
    ),
    attack(
        "a domain whose check calls a function",
        &["CREATE DOMAIN adhoc.d AS text CHECK (set_config('application_name', VALUE, false) IS NOT NULL)"],
        Refused
    ),
    attack("a check on a column that is protected", &["ALTER TABLE shop.customers ADD CONSTRAINT c CHECK (email !~ 'l')"], Refused),
    attack("a default that reads", &["ALTER TABLE shop.customers ALTER city SET DEFAULT (SELECT max(email) FROM shop.leads)"], Nothing),
    attack("a generated column", &["ALTER TABLE shop.customers ADD shown text GENERATED ALWAYS AS (email || '') STORED"], Refused),
    attack("another type by USING", &["ALTER TABLE shop.customers ALTER city TYPE text USING email"], Refused),
    attack("an index that fails on a value", &["CREATE INDEX ON shop.customers ((1 / (salary - {salary})))"], Refused),
    attack("an index with a condition", &["CREATE UNIQUE INDEX ON shop.customers ((1)) WHERE email = '{email}'"], Refused),
    attack("a unique index tells of pairs", &["CREATE UNIQUE INDEX ON shop.customers (left(email, 1))"], Refused),
    attack(
        "a foreign key tells of values",
        &["ALTER TABLE adhoc.customers ADD FOREIGN KEY (email) REFERENCES shop.customers (email)"],
        Nothing
    ),
    attack(
        "a view that the owner reads",
        &["CREATE VIEW adhoc.v WITH (security_invoker = off) AS TABLE shop.customers", "SELECT email FROM adhoc.v WHERE id = {id}"],
        Harmless
    ),
    attack("a rename swaps protection", &["ALTER TABLE shop.customers RENAME email TO city2"], Harmless),
];
