-- Five orders for each customer on average; a few buy much more than others.
CREATE TABLE gen.wallet AS SELECT id, email, gen.card(id) AS card FROM shop.customers;

CREATE TABLE gen.ordered AS
SELECT i, 1 + CASE WHEN gen.draw(i, 50, 4) = 0 THEN gen.draw(i, 51, greatest(:customers / 100, 1)) * 97 % :customers
                   ELSE gen.draw(i, 52, :customers) END AS customer
FROM generate_series(1, :customers * 5) AS i;

INSERT INTO shop.orders
SELECT o.i, w.id, CASE WHEN gen.draw(i, 53, 25) > 0 THEN w.email END, CASE WHEN gen.draw(i, 54, 10) > 0 THEN w.card END,
       round((5 + gen.draw(i, 55, 1000) * gen.draw(i, 56, 1000) / 1000.0)::numeric + gen.draw(i, 57, 100) / 100.0, 2),
       (enum_range(NULL::shop.order_status))[1 + gen.draw(i, 58, 5)],
       timestamptz '2022-01-01 00:00+00' + gen.draw(i, 59, 126230400) * interval '1 second'
FROM gen.ordered o JOIN gen.wallet w ON w.id = o.customer;

INSERT INTO shop.products
SELECT i, gen.pick(i, 60, '{Oak,Linen,Copper,Wool,Glass,Cork,Felt,Steel}') || ' ' || gen.pick(i, 61, '{lamp,chair,kettle,blanket,vase,board,basket,shelf}') || ' ' || i,
       (5 + gen.draw(i, 62, 20000) / 100.0)::numeric(10, 2)
FROM generate_series(1, 200) AS i;

INSERT INTO shop.order_items
SELECT i, 1 + gen.draw(i, 63, 200), 1 + gen.draw(i, 64, 4) FROM generate_series(1, :customers * 5) AS i;
