-- The tables of TPC-H (section 1.4) as views of the sample schema: what analysts see of them is masked.
CREATE SCHEMA tpch;
CREATE VIEW tpch.region AS SELECT n AS r_regionkey, name::char(25) AS r_name, 'none'::varchar(152) AS r_comment FROM (VALUES (0, 'EUROPE'), (1, 'ASIA'), (2, 'AMERICA')) v (n, name);
CREATE VIEW tpch.nation AS
    SELECT ascii(code) * 256 + ascii(substr(code, 2)) AS n_nationkey, CASE code WHEN 'DE' THEN 'GERMANY' WHEN 'FR' THEN 'FRANCE' ELSE upper(name) END::char(25) AS n_name,
           ascii(code) % 3 AS n_regionkey, name::varchar(152) AS n_comment FROM shop.countries;
CREATE VIEW tpch.part AS
    SELECT id AS p_partkey, name::varchar(55) AS p_name, 'Manufacturer#1'::char(25) AS p_mfgr, ('Brand#1' || id % 5)::char(10) AS p_brand,
           (CASE id % 3 WHEN 0 THEN 'PROMO BRASS' WHEN 1 THEN 'ECONOMY ANODIZED STEEL' ELSE 'LARGE TIN' END)::varchar(25) AS p_type, id % 50 AS p_size,
           (CASE id % 2 WHEN 0 THEN 'MED BOX' ELSE 'SM CASE' END)::char(10) AS p_container, price::numeric(15,2) AS p_retailprice, tags[1]::varchar(23) AS p_comment
    FROM shop.products;
CREATE VIEW tpch.supplier AS
    SELECT id AS s_suppkey, name::char(25) AS s_name, title::varchar(40) AS s_address, ascii('D') * 256 + ascii(CASE dept % 2 WHEN 0 THEN 'E' ELSE 'K' END) AS s_nationkey,
           name::char(15) AS s_phone, salary::numeric(15,2) AS s_acctbal, title::varchar(101) AS s_comment FROM shop.employees;
CREATE VIEW tpch.partsupp AS
    SELECT p.id AS ps_partkey, e.id AS ps_suppkey, (p.id * e.id) % 99 AS ps_availqty, p.price::numeric(15,2) AS ps_supplycost, p.name::varchar(199) AS ps_comment
    FROM shop.products p JOIN shop.employees e ON e.id % 8 = p.id % 8;
CREATE VIEW tpch.customer AS
    SELECT id AS c_custkey, full_name::varchar(25) AS c_name, city::varchar(40) AS c_address, ascii(country) * 256 + ascii(substr(country, 2)) AS c_nationkey,
           phone::char(15) AS c_phone, salary::numeric(15,2) AS c_acctbal, (CASE mood WHEN 'low' THEN 'BUILDING' ELSE 'MACHINERY' END)::char(10) AS c_mktsegment,
           notes::varchar(117) AS c_comment FROM shop.customers;
CREATE VIEW tpch.orders AS
    SELECT DISTINCT ON (id) id::bigint AS o_orderkey, customer_id AS o_custkey, (CASE status WHEN 'paid' THEN 'F' ELSE 'O' END)::char(1) AS o_orderstatus,
           amount::numeric(15,2) AS o_totalprice, placed - 365 * 30 AS o_orderdate, (quantity % 5 || '-URGENT')::char(15) AS o_orderpriority,
           'Clerk'::char(15) AS o_clerk, 0 AS o_shippriority, status::varchar(79) AS o_comment FROM shop.orders ORDER BY id, placed;
CREATE VIEW tpch.lineitem AS
    SELECT o.id::bigint AS l_orderkey, coalesce(o.product_id, 1) AS l_partkey, o.customer_id % 40 + 1 AS l_suppkey, n AS l_linenumber,
           o.quantity::numeric(15,2) AS l_quantity, o.amount::numeric(15,2) AS l_extendedprice, (o.quantity % 10 / 100.0)::numeric(15,2) AS l_discount, 0.05::numeric(15,2) AS l_tax,
           (CASE n WHEN 1 THEN 'R' ELSE 'N' END)::char(1) AS l_returnflag, 'O'::char(1) AS l_linestatus, o.placed - 365 * 30 + n AS l_shipdate,
           o.placed - 365 * 30 AS l_commitdate, o.placed - 365 * 30 + 2 * n AS l_receiptdate, 'DELIVER IN PERSON'::char(25) AS l_shipinstruct,
           (CASE n WHEN 1 THEN 'MAIL' ELSE 'AIR' END)::char(10) AS l_shipmode, o.status::varchar(44) AS l_comment
    FROM shop.orders o CROSS JOIN generate_series(1, 2) AS g (n);
