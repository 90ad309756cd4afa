-- TPC-H's tables (section 1.4 of the specification, 3.0.1) with data drawn by a hash: the same in every run, of scale factor 0.01. Keys,
-- ranges and words follow section 4.2; texts are short. Some parts and orders are made so that every query finds something.
CREATE FUNCTION draw(i bigint, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE
  AS $$ SELECT ((hashint8extended(i, salt) & 4611686018427387903) % n)::int $$;
CREATE FUNCTION pick(i bigint, salt int, words text[]) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT words[1 + draw(i, salt, cardinality(words))] $$;
CREATE FUNCTION phone(i bigint, nation int) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT format('%s-%s-%s-%s', 10 + nation, 100 + draw(i, 71, 900), 100 + draw(i, 72, 900), 1000 + draw(i, 73, 9000)) $$;

CREATE TABLE region AS
  SELECT (n - 1)::int AS r_regionkey, name::char(25) AS r_name, 'comment'::varchar(152) AS r_comment
  FROM unnest('{AFRICA,AMERICA,ASIA,EUROPE,MIDDLE EAST}'::text[]) WITH ORDINALITY u(name, n);
CREATE TABLE nation AS
  SELECT (n - 1)::int AS n_nationkey, split_part(name, '=', 1)::char(25) AS n_name, split_part(name, '=', 2)::int AS n_regionkey,
    'comment'::varchar(152) AS n_comment
  FROM unnest('{ALGERIA=0,ARGENTINA=1,BRAZIL=1,CANADA=1,EGYPT=4,ETHIOPIA=0,FRANCE=3,GERMANY=3,INDIA=2,INDONESIA=2,IRAN=4,IRAQ=4,JAPAN=2,JORDAN=4,KENYA=0,MOROCCO=0,MOZAMBIQUE=0,PERU=1,CHINA=2,ROMANIA=3,SAUDI ARABIA=4,VIETNAM=2,RUSSIA=3,UNITED KINGDOM=3,UNITED STATES=1}'::text[])
    WITH ORDINALITY u(name, n);
CREATE TABLE supplier AS
  SELECT i::int AS s_suppkey, ('Supplier#' || lpad(i::text, 9, '0'))::char(25) AS s_name, md5('s' || i)::varchar(40) AS s_address,
    nation AS s_nationkey, phone(i, nation)::char(15) AS s_phone, (draw(i, 2, 1099999) / 100.0 - 1000)::numeric(15,2) AS s_acctbal,
    CASE WHEN i % 20 = 0 THEN 'the Customer filed Complaints' ELSE 'quick deliveries ' || i END::varchar(101) AS s_comment
  FROM generate_series(1, 100) i, LATERAL (SELECT draw(i, 1, 25)) d(nation);
CREATE TABLE part AS
  SELECT i::int AS p_partkey,
    concat_ws(' ', CASE WHEN i % 40 = 0 THEN 'forest' ELSE pick(i, 10, '{almond,azure,black,coral,ivory}') END, pick(i, 11, '{green,lime,rose,plum}'))::varchar(55) AS p_name,
    ('Manufacturer#' || 1 + draw(i, 12, 5))::char(25) AS p_mfgr,
    CASE WHEN i % 50 = 0 THEN 'Brand#12' WHEN i % 50 = 1 THEN 'Brand#23' ELSE 'Brand#' || 1 + draw(i, 12, 5) || 1 + draw(i, 13, 5) END::char(10) AS p_brand,
    concat_ws(' ', pick(i, 14, '{STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO}'), pick(i, 15, '{ANODIZED,BURNISHED,PLATED,POLISHED,BRUSHED}'), pick(i, 16, '{TIN,NICKEL,BRASS,STEEL,COPPER}'))::varchar(25) AS p_type,
    CASE WHEN i % 50 = 0 THEN 3 ELSE 1 + draw(i, 17, 50) END AS p_size,
    CASE WHEN i % 50 = 0 THEN 'SM CASE' WHEN i % 50 = 1 THEN 'MED BOX' ELSE concat_ws(' ', pick(i, 18, '{SM,LG,MED,JUMBO,WRAP}'), pick(i, 19, '{CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM}')) END::char(10) AS p_container,
    ((90000 + (i / 10) % 20001 + 100 * (i % 1000)) / 100.0)::numeric(15,2) AS p_retailprice, 'comment'::varchar(23) AS p_comment
  FROM generate_series(1, 2000) i;
CREATE TABLE partsupp AS
  SELECT i::int AS ps_partkey, (1 + (i + n * 25 + i / 100) % 100)::int AS ps_suppkey, 1 + draw(i * 4 + n, 20, 9999) AS ps_availqty,
    ((100 + draw(i * 4 + n, 21, 99901)) / 100.0)::numeric(15,2) AS ps_supplycost, 'comment'::varchar(199) AS ps_comment
  FROM generate_series(1, 2000) i, generate_series(0, 3) n;
CREATE TABLE customer AS
  SELECT i::int AS c_custkey, ('Customer#' || lpad(i::text, 9, '0'))::varchar(25) AS c_name, md5('c' || i)::varchar(40) AS c_address,
    nation AS c_nationkey, phone(i + 1000, nation)::char(15) AS c_phone, (draw(i, 31, 1099999) / 100.0 - 1000)::numeric(15,2) AS c_acctbal,
    pick(i, 32, '{AUTOMOBILE,BUILDING,FURNITURE,MACHINERY,HOUSEHOLD}')::char(10) AS c_mktsegment, ('says little ' || i)::varchar(117) AS c_comment
  FROM generate_series(1, 1500) i, LATERAL (SELECT draw(i, 30, 25)) d(nation);
-- A third of the customers orders nothing.
CREATE TABLE orders AS
  SELECT (i * 4)::bigint AS o_orderkey, (1 + 3 * draw(i, 40, 500) + draw(i, 41, 2))::int AS o_custkey,
    CASE WHEN day < '1995-03-01' THEN 'F' WHEN day > '1995-06-17' THEN 'O' ELSE 'P' END::char(1) AS o_orderstatus,
    (1000 + draw(i, 43, 40000000) / 100.0)::numeric(15,2) AS o_totalprice, day AS o_orderdate,
    pick(i, 44, '{1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW}')::char(15) AS o_orderpriority,
    ('Clerk#' || lpad((1 + draw(i, 45, 10))::text, 9, '0'))::char(15) AS o_clerk, 0 AS o_shippriority,
    CASE WHEN i % 30 = 0 THEN 'special packages and requests' ELSE 'ironic deposits' END::varchar(79) AS o_comment
  FROM generate_series(1, 15000) i, LATERAL (SELECT date '1992-01-01' + draw(i, 42, 2406)) d(day);
CREATE TABLE lineitem AS
  SELECT o_orderkey AS l_orderkey, part AS l_partkey, (1 + (part + draw(k, 53, 4) * 25 + part / 100) % 100)::int AS l_suppkey, n::int AS l_linenumber,
    quantity::numeric(15,2) AS l_quantity, (quantity * (90000 + (part / 10) % 20001 + 100 * (part % 1000)) / 100.0)::numeric(15,2) AS l_extendedprice,
    (draw(k, 55, 11) / 100.0)::numeric(15,2) AS l_discount, (draw(k, 56, 9) / 100.0)::numeric(15,2) AS l_tax,
    CASE WHEN received > '1995-06-17' THEN 'N' ELSE pick(k, 57, '{R,A}') END::char(1) AS l_returnflag,
    CASE WHEN shipped > '1995-06-17' THEN 'O' ELSE 'F' END::char(1) AS l_linestatus,
    shipped AS l_shipdate, o_orderdate + 30 + draw(k, 58, 61) AS l_commitdate, received AS l_receiptdate,
    pick(k, 59, '{DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN}')::char(25) AS l_shipinstruct,
    pick(k, 60, '{REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB}')::char(10) AS l_shipmode, 'comment'::varchar(44) AS l_comment
  FROM orders, generate_series(1, CASE WHEN o_orderkey % 4000 = 0 THEN 7 ELSE 1 + draw(o_orderkey, 50, 7) END) n,
    LATERAL (SELECT o_orderkey * 8 + n) a(k), LATERAL (SELECT 1 + draw(k, 51, 2000)) b(part),
    LATERAL (SELECT CASE WHEN o_orderkey % 4000 = 0 THEN 45 + draw(k, 52, 6) ELSE 1 + draw(k, 52, 50) END) c(quantity),
    LATERAL (SELECT o_orderdate + 1 + draw(k, 54, 121)) d(shipped), LATERAL (SELECT shipped + 1 + draw(k, 61, 30)) e(received);

ALTER TABLE region ADD PRIMARY KEY (r_regionkey);
ALTER TABLE nation ADD PRIMARY KEY (n_nationkey);
ALTER TABLE supplier ADD PRIMARY KEY (s_suppkey);
ALTER TABLE part ADD PRIMARY KEY (p_partkey);
ALTER TABLE partsupp ADD PRIMARY KEY (ps_partkey, ps_suppkey);
ALTER TABLE customer ADD PRIMARY KEY (c_custkey);
ALTER TABLE orders ADD PRIMARY KEY (o_orderkey);
ALTER TABLE lineitem ADD PRIMARY KEY (l_orderkey, l_linenumber);
CREATE INDEX ON orders (o_custkey);
CREATE INDEX ON lineitem (l_partkey, l_suppkey);
ANALYZE;
