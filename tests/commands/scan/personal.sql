-- A personnel department's database, with German names.
CREATE SCHEMA personal;
CREATE FUNCTION pg_temp.pick(list text[], n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT list[1 + n % array_length(list, 1)] $$;
CREATE TABLE personal.mitarbeiter AS
  SELECT n AS id,
         'P-' || (10000 + n) AS personalnummer,
         pg_temp.pick('{Anna,Lukas,Marie,Jürgen,Katharina,Tobias,Heike,Stefan,Ayşe,Wolfgang,Ingrid}', n) AS vorname,
         pg_temp.pick('{Müller,Schmidt,Weber,Schäfer,Krüger,Yılmaz,Groß,Vogel,Neumann,Öztürk}', n / 3) AS nachname,
         date '1958-01-01' + n * 61 AS geburtsdatum,
         'm' || n || '@example.org' AS "E-Mail privat",
         '+49 30 23125 ' || lpad((n % 1000)::text, 3, '0') AS telefon,
         pg_temp.pick('{Hauptstraße,Gartenweg,Lindenallee,Am Ring}', n) || ' ' || n AS strasse,
         lpad((10000 + n * 37 % 89999)::text, 5, '0') AS plz,
         pg_temp.pick('{Berlin,Hamburg,Köln,Kiel}', n) AS ort,
         (10000000000 + n * 7919::bigint)::text AS steuer_id,
         (1000000000 + n * 104729::bigint)::text AS kontonummer,
         2500.00 + n * 13 AS grundgehalt,
         pg_temp.pick('{ev,rk,ohne}', n) AS konfession,
         date '2010-01-01' + n * 9 AS eintritt,
         n % 9 AS abteilung_id,
         'K' || n % 30 AS kostenstelle,
         n % 7 <> 0 AS aktiv,
         CASE n % 5 WHEN 0 THEN 'Bitte vor dem nächsten Gespräch mit der Leitung reden.' WHEN 1 THEN 'Erreichbar unter m' || n || '@example.net, abends.' END AS bemerkungen
  FROM generate_series(1, 300) AS n;
CREATE TABLE personal.abteilung AS
  SELECT n AS id, pg_temp.pick('{Einkauf,Vertrieb,Technik,Finanzen,Lager}', n) AS name, n * 7 AS leiter_id, 'Gebäude ' || n AS standort, n * 100000.0 AS budget
  FROM generate_series(1, 9) AS n;
CREATE TABLE personal.bewerbung AS
  SELECT n AS id,
         pg_temp.pick('{Sophie,Hugo,Zofia,Emre}', n) || ' ' || pg_temp.pick('{Becker,Martin,Nowak,Kaya}', n / 2) AS "KandidatName",
         'b' || n || '@example.com' AS "EMail",
         '0170 ' || (1000000 + n * 13) AS "Handy",
         'Sehr geehrte Damen und Herren, gern arbeite ich bei Ihnen. Sie erreichen mich unter b' || n || '@example.com.' AS anschreiben,
         pg_temp.pick('{neu,eingeladen,abgelehnt}', n) AS status,
         now() - n * interval '1 day' AS eingang,
         pg_temp.pick('{Messe,Web,Empfehlung}', n) AS quelle
  FROM generate_series(1, 120) AS n;
CREATE TABLE personal.zeiterfassung AS
  SELECT n AS id, n % 300 AS mitarbeiter_id, now() AS beginn, now() + interval '8 hours' AS ende, 'Projekt ' || n % 12 AS projekt, 8 AS stunden
  FROM generate_series(1, 500) AS n;
CREATE TABLE personal.gehaltsband (id int, stufe text, von numeric, bis numeric);
CREATE TABLE personal.dokument AS
  SELECT n AS id, 'vertrag_' || n || '.pdf' AS dateiname, n * 1000 AS groesse, 'application/pdf' AS mime_type, md5(n::text) AS pruefsumme
  FROM generate_series(1, 50) AS n;
