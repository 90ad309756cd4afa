-- What the statements of these files were sent to.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE customers (
    id serial PRIMARY KEY, name text NOT NULL, email varchar(120) UNIQUE, ssn char(11), mood mood, tags text[], data jsonb,
    created timestamptz DEFAULT now(), bal numeric(10,2), age int, c text COLLATE "C", gen text GENERATED ALWAYS AS (upper(name)) STORED
);
CREATE TABLE child (extra int) INHERITS (customers);
CREATE TABLE events (id int, at timestamptz, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_def PARTITION OF events DEFAULT;
CREATE VIEW v_cust AS SELECT id, name FROM customers;
CREATE MATERIALIZED VIEW mv_cust AS SELECT mood, count(*) AS n FROM customers GROUP BY mood;
CREATE SEQUENCE s1;
CREATE TYPE frange AS RANGE (subtype = float8);
-- In the place of an extension's type and of a foreign table.
CREATE DOMAIN hstore AS text;
CREATE TABLE ft1 (id int, name text);
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id serial PRIMARY KEY, customer_id int, amount numeric, placed date, note text);
-- Something of each kind that clients introspect.
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE addr AS (street text, zip char(5));
CREATE FUNCTION fmt(amount numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT to_char(amount, 'FM999990.00') $$;
CREATE VIEW v_customers AS SELECT id, mood, created, email FROM customers WHERE age > 17;
CREATE INDEX customers_created ON customers (created DESC) WHERE mood IS NOT NULL;
ALTER TABLE sales.orders ADD FOREIGN KEY (customer_id) REFERENCES customers, ADD CHECK (amount >= 0);
COMMENT ON TABLE customers IS 'who buys';
COMMENT ON COLUMN customers.email IS 'where bills go';
INSERT INTO customers (name, email, ssn, mood, tags, data, bal, age) VALUES
    ('Ada', 'ada@example.org', '123-45-6789', 'ok', '{a,b}', '{"k": 1}', 1234.56, 36), ('Bo', NULL, NULL, 'sad', NULL, NULL, -1, 17);
INSERT INTO events VALUES (1, '2024-03-01 12:00+00', 'login'), (2, '2023-01-01', 'logout');
INSERT INTO sales.orders (customer_id, amount, placed, note) VALUES (1, 10, '2024-01-02', 'first'), (2, 5.5, '2024-01-03', NULL);
-- TPC-H, section 1.4.
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name char(25), r_comment varchar(152));
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name char(25), n_regionkey int, n_comment varchar(152));
CREATE TABLE part (
    p_partkey int PRIMARY KEY, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size int,
    p_container char(10), p_retailprice numeric(15,2), p_comment varchar(23)
);
CREATE TABLE supplier (
    s_suppkey int PRIMARY KEY, s_name char(25), s_address varchar(40), s_nationkey int, s_phone char(15), s_acctbal numeric(15,2),
    s_comment varchar(101)
);
CREATE TABLE partsupp (
    ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost numeric(15,2), ps_comment varchar(199), PRIMARY KEY (ps_partkey, ps_suppkey)
);
CREATE TABLE customer (
    c_custkey int PRIMARY KEY, c_name varchar(25), c_address varchar(40), c_nationkey int, c_phone char(15), c_acctbal numeric(15,2),
    c_mktsegment char(10), c_comment varchar(117)
);
CREATE TABLE orders (
    o_orderkey bigint PRIMARY KEY, o_custkey int, o_orderstatus char(1), o_totalprice numeric(15,2), o_orderdate date,
    o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79)
);
CREATE TABLE lineitem (
    l_orderkey bigint, l_partkey int, l_suppkey int, l_linenumber int, l_quantity numeric(15,2), l_extendedprice numeric(15,2),
    l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date,
    l_receiptdate date, l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44), PRIMARY KEY (l_orderkey, l_linenumber)
);
