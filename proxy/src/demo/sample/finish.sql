-- Keys, indexes (on protected columns alone, behind others, covering, partial), views, rights, statistics.
DROP SCHEMA gen CASCADE;

ALTER TABLE shop.customers ADD UNIQUE (email);
CREATE INDEX customers_name ON shop.customers (full_name);
CREATE INDEX customers_country_created ON shop.customers (country, created);
CREATE INDEX customers_ssn ON shop.customers (ssn) INCLUDE (id);
CREATE INDEX customers_vip ON shop.customers (id) WHERE notes = 'VIP';
CREATE INDEX customers_lower_email ON shop.customers (lower(email));

ALTER TABLE shop.orders ADD PRIMARY KEY (id, created);
ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.orders (ship_email);
CREATE INDEX ON shop.orders (status, card_number);
ALTER TABLE shop.order_items ADD PRIMARY KEY (order_id, product_id);
ALTER TABLE shop.order_items ADD FOREIGN KEY (product_id) REFERENCES shop.products;

CREATE INDEX employees_dept_salary ON shop.employees (dept, salary);
CREATE UNIQUE INDEX ON shop.employees (email);
ALTER TABLE shop.employees ADD FOREIGN KEY (manager_id) REFERENCES shop.employees;
CREATE INDEX ON shop.logins (customer_id, ip);
ALTER TABLE shop.logins ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
CREATE INDEX ON crm.leads (email);

CREATE VIEW shop.customer_orders AS
  SELECT o.id AS order_id, c.id AS customer_id, c.full_name, c.email, c.country, o.total, o.status, o.created
  FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id;
CREATE VIEW shop.big_spenders AS
  SELECT c.id, c.full_name, c.email, c.country, sum(o.total) AS spent
  FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id
  GROUP BY c.id HAVING sum(o.total) > 5000;
CREATE MATERIALIZED VIEW shop.sales_by_country AS
  SELECT c.country, date_trunc('month', o.created, 'UTC') AS month, count(*) AS orders, sum(o.total) AS revenue
  FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id
  GROUP BY 1, 2;

SELECT format('ALTER %s %I.%I OWNER TO shop_owner',
              CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('shop', 'crm') AND c.relkind IN ('r', 'p', 'v', 'm') \gexec
ALTER FUNCTION shop.fmt_money(numeric) OWNER TO shop_owner;
ALTER TYPE shop.order_status OWNER TO shop_owner;
ALTER SCHEMA shop OWNER TO shop_owner;
ALTER SCHEMA crm OWNER TO shop_owner;
ALTER SCHEMA adhoc OWNER TO shop_owner;
GRANT USAGE ON SCHEMA shop, crm TO pgveil;
GRANT USAGE, CREATE ON SCHEMA adhoc TO pgveil;
GRANT USAGE, CREATE ON SCHEMA adhoc TO shop_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, crm TO pgveil;
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO shop_owner', current_database()) \gexec
-- So that \d and unqualified names find the shop.
SELECT format('ALTER DATABASE %I SET search_path = shop, public', current_database()) \gexec

VACUUM (ANALYZE);
