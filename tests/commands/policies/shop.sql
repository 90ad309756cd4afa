CREATE SCHEMA shop; CREATE SCHEMA adhoc;
CREATE TABLE shop.customers (id bigint PRIMARY KEY, full_name text, email varchar(120), phone text, birth_date date, country char(2), address jsonb, notes text, created timestamptz);
CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES shop.customers, ship_email varchar(120), ship_name text, total numeric(10,2), gift_message text);
CREATE TABLE shop.payments (id bigint PRIMARY KEY, order_id bigint REFERENCES shop.orders, card_number text, paid date);
CREATE TABLE shop.logins (customer_id bigint, at timestamptz, ip inet);
CREATE TABLE shop.newsletter (email text PRIMARY KEY, since date);
CREATE FUNCTION shop.net_price(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 1.19';
INSERT INTO shop.customers VALUES (1, 'Ana Kovač', 'ana@example.com', '+49 30 1234', '1980-02-03', 'DE', '{"street": "Am Kanal 1", "zip": "10115"}', 'calls often', now()),
  (2, 'Bo Lund', 'bo@example.com', '+46 8 1234', '1990-05-06', 'SE', '{"street": "Gatan 2", "zip": "11122"}', NULL, now());
INSERT INTO shop.orders VALUES (10, 1, 'ana@example.com', 'Ana Kovač', 12.50, NULL), (11, 2, 'bo@example.com', 'Bo Lund', 7, 'for Eva');
