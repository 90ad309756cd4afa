-- What psql does beyond sending what was typed. The answers are the same without pgveil.
\pset null '~'
\echo -- gdesc
SELECT id, full_name, email AS mail, dob FROM shop.customers \gdesc
SELECT 1 AS one, 'x' AS t, now() AS n \gdesc
INSERT INTO adhoc.text VALUES (1) \gdesc
BEGIN \gdesc
ROLLBACK;
SELECT 1/0 \gdesc
SELEC \gdesc
\echo -- gexec
SELECT format('SELECT %s AS n, count(*) FROM shop.customers WHERE id = %s', g, g) FROM generate_series(1,3) g \gexec
SELECT 'SELECT 1', NULL, 'SELEC', 'SELECT 2' \gexec
\echo -- gset
SELECT count(*) AS cnt, max(id) AS top FROM shop.products \gset p_
\echo :p_cnt :p_top
SELECT :'p_cnt'::int + 1;
SELECT 1 WHERE false \gset x_
SELECT 1 UNION SELECT 2 \gset x_
\echo -- crosstab
SELECT country, active, count(*) FROM shop.customers WHERE active IS NOT NULL GROUP BY 1,2 ORDER BY 1,2 \crosstabview
SELECT status, quantity%3, count(*) FROM shop.orders GROUP BY 1,2 ORDER BY 1,2 \crosstabview 1 2 3
\echo -- if
SELECT EXISTS(SELECT FROM pg_class WHERE relname='customers') AS has \gset
\if :has
\echo yes
\elif 1
\else
\echo no
\endif
\echo -- errverbose
SELECT * FROM nope;
\errverbose
SELECT upper( FROM x;
\errverbose
\echo :ERROR :SQLSTATE :LAST_ERROR_MESSAGE :LAST_ERROR_SQLSTATE :ROW_COUNT
\echo -- FETCH_COUNT
\set FETCH_COUNT 3
SELECT id, name FROM shop.products ORDER BY id LIMIT 8;
WITH x AS (SELECT 1 a) SELECT * FROM x;
SELECT 1/(3-g) FROM generate_series(1,5) g;
VALUES (1),(2),(3),(4),(5);
SELECT count(*) FROM shop.customers;
SELECT id FROM shop.products ORDER BY id LIMIT 5 \g /dev/null
SELECT id FROM shop.products ORDER BY id LIMIT 5 \gx
BEGIN;
SELECT id FROM shop.products ORDER BY id LIMIT 5;
SELECT nope;
SELECT 1;
ROLLBACK;
\unset FETCH_COUNT
\echo -- ON_ERROR_ROLLBACK
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO adhoc.text VALUES (10);
SELECT nope;
INSERT INTO adhoc.text VALUES (11);
SAVEPOINT mine;
INSERT INTO adhoc.text VALUES ('x');
RELEASE mine;
SELECT * FROM adhoc.text ORDER BY 1;
COMMIT;
\set ON_ERROR_ROLLBACK interactive
\echo -- AUTOCOMMIT
\set AUTOCOMMIT off
INSERT INTO adhoc.text VALUES (20);
ROLLBACK;
SELECT x FROM adhoc.text ORDER BY 1;
CREATE TABLE adhoc.ac (a int);
COMMIT;
VACUUM adhoc.text;
ROLLBACK;
\set AUTOCOMMIT on
\d adhoc.ac
DROP TABLE adhoc.ac;
VACUUM adhoc.text;
ANALYZE adhoc.text;
\echo -- combined
SELECT 1\; SELECT 2\; SELECT 3;
\set SHOW_ALL_RESULTS off
SELECT 1\; SELECT 2\; SELECT 3;
\set SHOW_ALL_RESULTS on
BEGIN\; INSERT INTO adhoc.text VALUES (30)\; COMMIT;
SELECT 1\; SELECT 1/0\; SELECT 3;
\echo -- SINGLELINE
\set SINGLELINE on
SELECT 5
\set SINGLELINE off
\echo -- copy
\copy shop.products TO 'prod.csv' CSV HEADER
\copy (SELECT id, name FROM shop.products ORDER BY id LIMIT 3) TO STDOUT WITH (FORMAT csv, DELIMITER ';', FORCE_QUOTE *)
\copy (SELECT id, name FROM shop.products ORDER BY id LIMIT 3) TO STDOUT
\copy (SELECT 1/0) TO STDOUT
\copy (SELECT 1 AS x) TO 'one.bin' BINARY
\copy (SELECT 1 AS x) TO PROGRAM 'cat | od -c | head -3' BINARY
\copy adhoc.text FROM 'one.bin' WITH (FORMAT binary)
\copy adhoc.text FROM STDIN
41
42
\.
COPY adhoc.text (x) FROM STDIN WITH (FORMAT csv, HEADER);
x
43
\.
COPY adhoc.text FROM STDIN;
abc
\.
\errverbose
\copy adhoc.text FROM PROGRAM 'seq 50 52'
\copy adhoc.text FROM '/nonexistent'
\copy nope FROM STDIN
1
\.
COPY adhoc.text TO STDOUT;
COPY (SELECT x FROM adhoc.text ORDER BY 1) TO STDOUT (FORMAT csv, HEADER, QUOTE '"', NULL 'N');
SELECT x FROM adhoc.text ORDER BY 1;
\copy (TABLE adhoc.text) TO STDOUT
\copy (VALUES (1,2)) TO STDOUT DELIMITER ','
TRUNCATE adhoc.text;
SELECT count(*) FROM adhoc.text;
DELETE FROM adhoc.text;
\echo -- sf ef
\sf shop.reveal
\sf+ shop.reveal
\setenv EDITOR true
\ef shop.reveal
\r
\ev shop.staff
\r
\sv shop.staff
\echo -- misc
\timing on
\timing off
\c
SELECT current_database() = :'DBNAME' AS same;
\c - - - -
SELECT 6;
SELECT pg_sleep(0.01);
SELECT 7 \g
SELECT 8 \g (format=csv)
SELECT 8 \gx
\o /dev/null
SELECT 1;
\o
\echo :SERVER_VERSION_NAME :SERVER_VERSION_NUM :ENCODING
\lo_list
SELECT E'a\nb' AS "Über";
PREPARE q(int) AS SELECT id, name FROM shop.products WHERE id=$1;
EXECUTE q(1);
DEALLOCATE q;
SHOW search_path;
SET search_path = adhoc;
\d
\d customers
SELECT * FROM customers;
RESET search_path;
DISCARD ALL;
CREATE TEMP TABLE tt AS SELECT id, name FROM shop.products LIMIT 3;
SELECT * FROM tt ORDER BY 1;
DROP TABLE tt;
DROP TABLE IF EXISTS nope;
CREATE TABLE adhoc.z (a int primary key, b text default 'x');
INSERT INTO adhoc.z VALUES (1) RETURNING *;
INSERT INTO adhoc.z VALUES (1);
\errverbose
UPDATE adhoc.z SET b = 'y' WHERE a = 1 RETURNING a, b;
\d+ adhoc.z
DROP TABLE adhoc.z;
SELECT version() LIKE 'PostgreSQL 15%';
SELECT txid_current() > 0;
SELECT pg_backend_pid() = :'BACKEND_PID';
