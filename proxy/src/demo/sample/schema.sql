-- The sample database: a shop. Owned by shop_owner, read by pgveil's service account.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_owner') AS new \gset
\if :new
CREATE ROLE shop_owner LOGIN;
CREATE ROLE pgveil LOGIN;
\endif
ALTER ROLE shop_owner PASSWORD :'owner_password';
ALTER ROLE pgveil PASSWORD :'service_password';

CREATE SCHEMA shop;
CREATE SCHEMA crm;
CREATE SCHEMA adhoc;

CREATE TYPE shop.order_status AS ENUM ('cart', 'paid', 'shipped', 'delivered', 'returned');

CREATE TABLE shop.customers (
  id        bigint PRIMARY KEY,
  full_name text NOT NULL,
  email     varchar(120) NOT NULL,
  phone     text,
  ssn       char(11),
  dob       date,
  country   char(2) NOT NULL,
  city      text,
  ip        inet,
  address   jsonb,
  notes     text,
  created   timestamptz NOT NULL
);

CREATE TABLE shop.orders (
  id          bigint NOT NULL,
  customer_id bigint NOT NULL,
  ship_email  varchar(120),
  card_number text,
  total       numeric(10,2) NOT NULL,
  status      shop.order_status NOT NULL,
  created     timestamptz NOT NULL
) PARTITION BY RANGE (created);
CREATE TABLE shop.orders_2022 PARTITION OF shop.orders FOR VALUES FROM ('2022-01-01 00:00+00') TO ('2023-01-01 00:00+00');
CREATE TABLE shop.orders_2023 PARTITION OF shop.orders FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00');
CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE shop.orders_later PARTITION OF shop.orders DEFAULT;

CREATE TABLE shop.products (
  id    int PRIMARY KEY,
  name  text NOT NULL,
  price numeric(10,2) NOT NULL
);

CREATE TABLE shop.order_items (
  order_id   bigint NOT NULL,
  product_id int NOT NULL,
  quantity   int NOT NULL
);

CREATE TABLE shop.employees (
  id         int PRIMARY KEY,
  name       text NOT NULL,
  email      varchar(120) NOT NULL,
  dept       text NOT NULL,
  ssn        char(11),
  salary     numeric(10,2) NOT NULL,
  manager_id int,
  hired      date NOT NULL
);

CREATE TABLE shop.logins (
  id          bigint PRIMARY KEY,
  customer_id bigint NOT NULL,
  ip          inet NOT NULL,
  user_agent  text,
  at          timestamptz NOT NULL
);

CREATE TABLE crm.leads (
  id      bigint PRIMARY KEY,
  email   varchar(120) NOT NULL,
  name    text,
  source  text,
  created timestamptz NOT NULL
);

CREATE FUNCTION shop.fmt_money(amount numeric) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT pg_catalog.to_char(amount, 'FM999G999G990D00') OPERATOR(pg_catalog.||) ' EUR' $$;
