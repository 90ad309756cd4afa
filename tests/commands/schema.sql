CREATE SCHEMA shop; CREATE SCHEMA adhoc;
CREATE TABLE shop.customers (
  id int PRIMARY KEY, full_name text, email varchar(120), phone text, salary int, country text, iban text,
  initials text GENERATED ALWAYS AS (left(full_name, 1)) STORED);
CREATE TABLE shop.orders (id int, customer_id int, total numeric(10,2), made date, PRIMARY KEY (id, made)) PARTITION BY RANGE (made);
CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW shop.names AS SELECT id, full_name, upper(email) AS shouted FROM shop.customers;
CREATE MATERIALIZED VIEW shop.lengths AS SELECT id, email, length(full_name) AS letters FROM shop.customers;
CREATE FUNCTION shop.cents(numeric) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT ($1 * 100)::int';
INSERT INTO shop.customers VALUES (1, 'Ana Kovač', 'ana@example.com', '+49 30 1234', 51234, 'DE', 'DE02'),
  (2, 'Bo Lund', 'bo@example.com', '+46 8 5678', 61234, 'SE', 'SE03'), (3, 'Cy Roth', NULL, NULL, NULL, 'DE', NULL);
INSERT INTO shop.orders VALUES (10, 1, 12.50, '2024-05-06'), (11, 2, 7, '2024-06-07');
REFRESH MATERIALIZED VIEW shop.lengths;
