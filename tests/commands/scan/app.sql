-- An application's database as an object-relational mapper makes it: mixed case, many tenants.
CREATE SCHEMA app;
CREATE FUNCTION pg_temp.pick(list text[], n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT list[1 + n % array_length(list, 1)] $$;
CREATE TABLE app."User" AS
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS "tenantId", 'u' || n || '@example.com' AS "emailAddress",
         pg_temp.pick('{Emma,Liam,Priya,Wei,Noah}', n) || ' ' || pg_temp.pick('{Smith,Patel,Lee,Nguyen}', n / 2) AS "displayName",
         '$2b$12$' || substr(md5(n::text) || md5('x' || n), 1, 53) AS "passwordHash",
         ('198.18.' || n % 200 || '.' || n % 250)::inet AS "lastLoginIp",
         'https://cdn.example.com/a/' || n || '.png' AS "avatarUrl", now() AS "createdAt", n % 3 = 0 AS "isEmailVerified", n % 40 AS "emailCount",
         upper(substr(md5('s' || n), 1, 16)) AS "mfaSecret", 'en' AS locale, pg_temp.pick('{admin,member,guest}', n) AS role, 'daily' AS "emailFrequency"
  FROM generate_series(1, 400) AS n;
CREATE TABLE app."Session" AS
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS "userId", md5(n::text) || md5('t' || n) AS "sessionToken", 'Mozilla/5.0 (X11; Linux x86_64)' AS "userAgent",
         '203.0.113.' || n % 250 AS "ipAddress", now() AS "expiresAt"
  FROM generate_series(1, 200) AS n;
CREATE TABLE app."Tenant" AS
  SELECT gen_random_uuid() AS id, pg_temp.pick('{Acme Ltd,Globex,Initech,Umbrella Corp,Hooli}', n) AS name, 'tenant' || n || '.example.com' AS domain,
         pg_temp.pick('{free,pro,enterprise}', n) AS plan, 'billing' || n || '@example.net' AS "billingEmail", 'EUR' AS currency
  FROM generate_series(1, 60) AS n;
CREATE TABLE app."Event" AS
  SELECT n AS id, pg_temp.pick('{signup,login,invite}', n) AS kind,
         jsonb_build_object('actor', jsonb_build_object('email', 'u' || n || '@example.com', 'plan', 'pro'), 'at', now()) AS payload,
         jsonb_build_object('theme', 'dark', 'columns', 3) AS settings
  FROM generate_series(1, 300) AS n;
CREATE TABLE app."AuditLog" AS
  SELECT n AS id, 'u' || n % 50 || '@example.com' AS actor, 'update' AS action, 'Invoice:' || n AS target FROM generate_series(1, 300) AS n;
CREATE TABLE app."ApiKey" (id uuid, name text, "apiSecret" text, "createdAt" timestamptz);
CREATE TABLE app."Webhook" (id uuid, url text, secret text, "retryCount" int);
CREATE TABLE app."FeatureFlag" AS
  SELECT 'flag_' || n AS name, 'Turns on the new screen number ' || n AS description, true AS enabled FROM generate_series(1, 30) AS n;
CREATE TABLE app."Device" AS
  SELECT n AS id, gen_random_uuid() AS "userId", '02:00:5e:10:' || lpad(to_hex(n % 256), 2, '0') || ':' || lpad(to_hex(n * 7 % 256), 2, '0') AS "macAddress",
         md5('p' || n) AS "pushToken", pg_temp.pick('{Pixel 8,iPhone 15,Galaxy S24}', n) AS model, '17.4.' || n % 9 AS "osVersion"
  FROM generate_series(1, 150) AS n;
CREATE TABLE app."Release" AS
  SELECT n AS id, '1.2.' || n || '.' || n * 3 AS version, 'Fixes and small improvements of build ' || n AS notes, now() AS "releasedAt" FROM generate_series(1, 60) AS n;
CREATE TABLE app."Invoice" AS
  SELECT n AS id, 'INV-' || 2024000 + n AS number, 100000000 + n AS "orderNumber", n * 9.99 AS amount, 'open' AS status, '4006381333' || lpad((n % 1000)::text, 3, '0') AS ean
  FROM generate_series(1, 300) AS n;
