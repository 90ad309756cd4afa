CREATE SCHEMA shop;
CREATE SCHEMA adhoc;
CREATE TYPE shop.mood AS ENUM ('low', 'mid', 'high');
CREATE TABLE shop.countries (code char(2) PRIMARY KEY, name text NOT NULL, eu boolean NOT NULL);
CREATE TABLE shop.products (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), tags text[]);
CREATE TABLE shop.customers (
    id int PRIMARY KEY, full_name text, email text, phone varchar(20), ssn char(11), dob date, salary numeric(10,2), ip inet,
    address jsonb, notes text, device uuid, account bigint,
    country char(2) NOT NULL, city text, mood shop.mood, score int, active boolean, created timestamptz NOT NULL
);
CREATE TABLE shop.orders (
    id int, customer_id int NOT NULL, ship_email text, card_number varchar(24), amount numeric(10,2), quantity int,
    status text NOT NULL, product_id int, placed date NOT NULL, PRIMARY KEY (id, placed)
) PARTITION BY RANGE (placed);
CREATE TABLE shop.orders_q1 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01') TO ('2024-04-01');
CREATE TABLE shop.orders_q2 PARTITION OF shop.orders FOR VALUES FROM ('2024-04-01') TO ('2024-09-01');
CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
CREATE TABLE shop.employees (
    id int PRIMARY KEY, name text, email text, dept int NOT NULL, salary numeric(10,2), boss int, hired date, title varchar(30)
);
CREATE TABLE shop.leads (email text, source text, score int, device uuid, owner int, seen timestamp);
CREATE TABLE shop.contacts (id int, label text, email text);
CREATE TABLE shop.contacts_old () INHERITS (shop.contacts);
CREATE VIEW shop.customer_orders AS
    SELECT c.id AS customer_id, c.email, c.full_name, c.salary, c.country, o.id AS order_id, o.amount, o.status, o.placed
    FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id;
CREATE VIEW shop.big_orders AS SELECT customer_id, email, order_id, amount, status FROM shop.customer_orders WHERE amount > 900;
CREATE VIEW shop.staff AS SELECT dept, count(*) AS people, sum(salary) AS payroll, max(hired) AS latest FROM shop.employees GROUP BY dept;
CREATE MATERIALIZED VIEW shop.staff_list AS
    SELECT id, name, email, email AS mail, dept, salary AS pay, upper(name) AS loud, name IS NULL AS nameless FROM shop.employees;
CREATE MATERIALIZED VIEW shop.by_salary AS SELECT id, dept FROM shop.employees ORDER BY salary;
CREATE MATERIALIZED VIEW shop.well_paid AS SELECT id FROM shop.employees WHERE salary > 50000;
CREATE MATERIALIZED VIEW shop.dept_ids AS SELECT dept, count(*) AS people, array_agg(id) AS ids FROM shop.employees GROUP BY dept;
CREATE MATERIALIZED VIEW shop.depts AS SELECT dept, count(*) AS people FROM shop.staff_list GROUP BY dept;
CREATE FUNCTION shop.reveal() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM shop.employees';
CREATE MATERIALIZED VIEW shop.revealed AS SELECT reveal AS x FROM shop.reveal();
CREATE VIEW shop.loud_staff AS SELECT id, loud FROM shop.staff_list;
CREATE INDEX ON shop.customers (email);
CREATE INDEX ON shop.customers (country, salary);
CREATE INDEX ON shop.customers (city, dob);
CREATE INDEX ON shop.customers (ssn) INCLUDE (id);
CREATE INDEX ON shop.customers (score) WHERE salary > 50000;
CREATE INDEX ON shop.customers (lower(full_name));
CREATE INDEX ON shop.customers (score, phone);
CREATE INDEX ON shop.customers (device);
CREATE INDEX ON shop.orders (ship_email);
CREATE INDEX ON shop.orders (status, card_number);
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.employees (dept, salary);
CREATE INDEX ON shop.employees (salary);
CREATE INDEX ON shop.employees (email, id);
CREATE INDEX ON shop.employees ((dept % 3), salary);
CREATE INDEX ON shop.employees (title) INCLUDE (dept);
CREATE INDEX ON shop.employees (hired);
CREATE INDEX ON shop.employees (boss) WHERE salary > 40000;
CREATE INDEX ON shop.leads (seen) WHERE seen IS NOT NULL;
CREATE INDEX ON shop.orders (quantity);
CREATE INDEX ON shop.leads (email);
CREATE INDEX ON shop.leads (score, email);
CREATE INDEX ON shop.contacts (email) INCLUDE (id);
CREATE TABLE shop.pool (person int PRIMARY KEY, email text, device uuid, account bigint);
CREATE TABLE adhoc.customers (id int PRIMARY KEY, full_name text, email text);
INSERT INTO adhoc.customers VALUES (2, 'decoy', 'decoy');
CREATE TABLE adhoc.text (x int);
CREATE OPERATOR adhoc.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_catalog.int4eq);
CREATE DOMAIN shop.mail AS text CHECK (VALUE <> '');
CREATE TABLE shop.profiles (
    id int PRIMARY KEY, customer_id int, email text, email_key text GENERATED ALWAYS AS (lower(email)) STORED, alt shop.mail,
    nick varchar(40), salary numeric(12,2), yearly numeric GENERATED ALWAYS AS (salary * 12) STORED,
    tags text[], marks int[], doc jsonb, level smallint, seen timestamp, UNIQUE (customer_id, id)
);
CREATE INDEX ON shop.profiles (alt, level);
CREATE INDEX ON shop.profiles (level) INCLUDE (nick);
CREATE INDEX ON shop.profiles ((salary / 7)) WHERE level > 2;
CREATE INDEX ON shop.profiles (level, customer_id);
CREATE INDEX ON shop.profiles USING gin (tags);
CREATE INDEX ON shop.profiles USING hash (email);
CREATE INDEX ON shop.products (name, price);
CREATE INDEX ON shop.products (lower(name)) WHERE price > 100;
CREATE MATERIALIZED VIEW shop.lead_stats AS SELECT source, count(*) AS leads, max(score) AS best FROM shop.leads GROUP BY source;
CREATE MATERIALIZED VIEW shop.mails AS SELECT email, source, score FROM shop.leads WHERE email IS NOT NULL;
CREATE VIEW shop.profile_levels AS
    SELECT p.level, p.nick, p.email AS mail, c.city, c.dob FROM shop.profiles p LEFT JOIN shop.customers c ON c.id = p.customer_id WHERE p.level > 0;
CREATE VIEW shop.product_tags (product, tag, place) AS
    SELECT p.id, t.tag, t.n FROM shop.products p CROSS JOIN LATERAL unnest(p.tags) WITH ORDINALITY AS t (tag, n);
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE shop.partners (id int, name text, email text, city text) SERVER files OPTIONS (program 'true', format 'csv');
