-- A clinic (French), its bank accounts (Spanish), and a table that somebody imported, with names that say nothing.
CREATE SCHEMA clinique;
CREATE SCHEMA caja;
CREATE SCHEMA import;
CREATE FUNCTION pg_temp.pick(list text[], n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT list[1 + n % array_length(list, 1)] $$;
-- Check digits: of a French NIR, a Spanish DNI, an IBAN (ISO 7064), a payment card (Luhn), a Polish PESEL.
CREATE FUNCTION pg_temp.nir(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT b::text || lpad((97 - b % 97)::text, 2, '0') FROM (SELECT 1550175000000 + n * 10007 AS b) AS x $$;
CREATE FUNCTION pg_temp.dni(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 8, '0') || substr('TRWAGMYFPDXBNJZSQVHLCKE', n % 23 + 1, 1) $$;
CREATE FUNCTION pg_temp.iban(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'ES' || lpad((98 - (b || '142800')::numeric % 97)::text, 2, '0') || b FROM (SELECT '2100041840' || lpad(n::text, 10, '0') AS b) AS x $$;
CREATE FUNCTION pg_temp.card(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT b || ((10 - (SELECT sum(CASE WHEN i % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END) FROM (SELECT i, substr(b, i, 1)::int AS d FROM generate_series(1, 15) AS i) AS y) % 10) % 10)
  FROM (SELECT '40000000' || lpad((n * 7919 % 10000000)::text, 7, '0') AS b) AS x $$;
CREATE FUNCTION pg_temp.pesel(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT b || (10 - (SELECT sum(substr(b, i, 1)::int * (ARRAY[1,3,7,9,1,3,7,9,1,3])[i]) FROM generate_series(1, 10) AS i) % 10) % 10
  FROM (SELECT to_char(date '1950-01-01' + n * 31, 'YYMMDD') || lpad((n * 13 % 10000)::text, 4, '0') AS b) AS x $$;
CREATE TABLE clinique.patient AS
  SELECT n AS id, pg_temp.pick('{Dubois,Lefèvre,Guérin,Benali,Perrin}', n) AS nom, pg_temp.pick('{Camille,Élodie,Hugo,Mohamed,Chloé}', n / 2) AS prenom,
         date '1940-03-01' + n * 53 AS date_naissance, pg_temp.nir(n) AS num_secu, pg_temp.pick('{A+,O-,B+}', n) AS groupe_sanguin,
         '01 99 00 ' || lpad((n % 100)::text, 2, '0') || ' ' || lpad((n * 3 % 100)::text, 2, '0') AS telephone, 'p' || n || '@example.org' AS courriel,
         n || ' rue de la Gare' AS adresse, lpad((13000 + n)::text, 5, '0') AS code_postal, pg_temp.pick('{Lyon,Nantes,Lille}', n) AS ville,
         'À rappeler avant la prochaine visite, très anxieux ' || n AS commentaire
  FROM generate_series(1, 250) AS n;
CREATE TABLE clinique.consultation AS
  SELECT n AS id, n % 250 AS patient_id, pg_temp.pick('{J45,E11,I10}', n) AS diagnostic, n % 60 AS duree_minutes, 25.0 AS tarif, now() AS debut
  FROM generate_series(1, 300) AS n;
CREATE TABLE clinique.produit AS
  SELECT n AS id, 'Produit ' || n AS nom, 'À prendre le matin avec un verre d''eau, boîte ' || n AS description, n * 1.5 AS prix, '3400930' || lpad(n::text, 6, '0') AS code_barre
  FROM generate_series(1, 100) AS n;
CREATE TABLE clinique.salle (id int, nom text, etage int, adresse_ip_version int, capacite int);
CREATE TABLE caja.cuenta AS
  SELECT n AS id, pg_temp.pick('{Lucía,Martín,Begoña,Jordi}', n) || ' ' || pg_temp.pick('{García,López,Muñoz,Puig}', n / 3) AS titular, pg_temp.iban(n) AS numero,
         n * 17.5 AS saldo, pg_temp.dni(10000000 + n * 37) AS documento, date '2015-01-01' + n AS fecha_apertura, 'EUR' AS moneda
  FROM generate_series(1, 200) AS n;
CREATE TABLE caja.pago AS
  SELECT n AS id, pg_temp.card(n) AS tarjeta, n * 3.3 AS importe, 'Pago ' || n AS concepto, n % 200 AS cuenta_id FROM generate_series(1, 200) AS n;
CREATE TABLE import.t1 AS
  SELECT n AS k, 'x' || n || '@example.net' AS c1, '(030) ' || (1000000 + n * 7) AS c2, pg_temp.card(n + 5000) AS c3, pg_temp.pick('{red,green,blue,white}', n) AS c4,
         100000000 + n * 3 AS c5, pg_temp.pick('{Rossi Giulia,Bianchi Marco,Conti Elena,Ricci Paolo,Gallo Chiara,Esposito Luca,Marino Sara}', n) AS c6, (45 + n / 1000.0)::numeric(9,6) || ', ' || (9 + n / 1000.0)::numeric(9,6) AS c7,
         gen_random_uuid()::text AS c8, to_char(date '2024-01-01' + n, 'YYYY-MM-DD') AS c9, pg_temp.pesel(n) AS c10, (9000000000 + n * 17)::bigint AS c11,
         md5(n::text) AS c12, 'SKU-' || n AS c13
  FROM generate_series(1, 300) AS n;
CREATE TABLE import.lieu AS
  SELECT n AS id, 'Entrepôt ' || n AS nom, 45 + n / 100.0 AS latitude, 3 + n / 100.0 AS longitude FROM generate_series(1, 40) AS n;
