-- :customers people; everything that belongs to one person is drawn by that person's number.
CREATE TABLE gen.person AS
SELECT i, s.code, s.phone, s.zip, s.cities, s.streets,
       split_part(f, '=', 1) AS first, split_part(l, '=', 1) AS last,
       lower(split_part(f, '=', CASE WHEN f LIKE '%=%' THEN 2 ELSE 1 END)) AS mail_first,
       lower(split_part(l, '=', CASE WHEN l LIKE '%=%' THEN 2 ELSE 1 END)) AS mail_last
FROM generate_series(1, :customers) AS i
JOIN gen.slot s ON s.slot = gen.draw(i, 1, 100),
LATERAL (SELECT gen.pick(i, 2, s.first_names) AS f, gen.pick(i, 3, s.last_names) AS l) AS names;

INSERT INTO shop.customers
SELECT p.i,
       CASE p.code WHEN 'JP' THEN last || ' ' || first ELSE first || ' ' || last END,
       mail.address,
       CASE WHEN gen.draw(i, 4, 20) > 0 THEN gen.digits(i, 5, phone) END,
       CASE WHEN gen.draw(i, 6, 12) > 0 THEN gen.digits(i, 7, '9##-##-####') END,
       CASE WHEN gen.draw(i, 8, 30) > 0 THEN date '1938-01-01' + gen.draw(i, 9, 25500)::int END,
       code,
       gen.pick(i, 10, cities),
       CASE WHEN gen.draw(i, 11, 10) = 0
            THEN (gen.digits(i, 12, '2001:db8:####:####::1'))::inet
            ELSE inet '198.18.0.0' + gen.draw(i, 12, 131072) END,
       jsonb_build_object('street', gen.pick(i, 13, streets) || ' ' || 1 + gen.draw(i, 14, 180),
                          'zip', gen.digits(i, 15, zip), 'city', gen.pick(i, 10, cities), 'country', code),
       CASE gen.draw(i, 16, 9)
         WHEN 0 THEN first || ' called about a late parcel, asked to be called back on ' || gen.digits(i, 5, phone)
         WHEN 1 THEN 'Prefers e-mail: ' || mail.address
         WHEN 2 THEN 'Ms or Mr ' || last || ' moved; new card ends in ' || right(gen.card(i), 4)
         WHEN 3 THEN 'VIP'
         WHEN 4 THEN 'Shares an account with ' || mail_first || '.family@example.org'
       END,
       timestamptz '2019-01-01 00:00+00' + gen.draw(i, 17, 94608000) * interval '1 second'
FROM gen.person p,
LATERAL (SELECT CASE gen.draw(i, 18, 4)
                  WHEN 0 THEN left(mail_first, 1) || '.' || mail_last
                  WHEN 1 THEN mail_last || '.' || mail_first
                  ELSE mail_first || '.' || mail_last END
                || i || '@' || gen.pick(i, 19, '{example.com,example.org,example.net,mail.example.com,post.example.org}') AS address) AS mail;

INSERT INTO shop.employees
SELECT i, first || ' ' || last, mail_first || '.' || mail_last || i || '@shop.example', d.dept, gen.digits(i, 20, '9##-##-####'),
       round((d.base + gen.draw(i, 21, d.spread * 100) / 100.0)::numeric, 2),
       CASE WHEN i > 20 THEN 1 + gen.draw(i, 22, 20) END,
       date '2008-01-01' + gen.draw(i, 23, 6500)::int
FROM gen.person
JOIN (VALUES (0, 'engineering', 52000, 61000), (1, 'sales', 38000, 70000), (2, 'support', 29000, 21000), (3, 'finance', 45000, 58000),
             (4, 'warehouse', 26000, 15000), (5, 'people', 40000, 39000)) AS d(n, dept, base, spread) ON d.n = gen.draw(i, 24, 6)
WHERE i <= greatest(:customers / 40, 50);

INSERT INTO shop.logins
SELECT i, c.id, CASE WHEN gen.draw(i, 31, 3) > 0 THEN c.ip ELSE inet '198.18.0.0' + gen.draw(i, 32, 131072) END,
       gen.pick(i, 33, '{Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0,Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0,Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1}'),
       timestamptz '2025-01-01 00:00+00' + gen.draw(i, 34, 31000000) * interval '1 second'
FROM generate_series(1, :customers) AS i JOIN shop.customers c ON c.id = 1 + gen.draw(i, 30, :customers);

-- Half of the leads are customers.
INSERT INTO crm.leads
SELECT i, CASE WHEN i % 2 = 0 THEN c.email ELSE 'lead' || i || '@example.net' END, CASE WHEN i % 2 = 0 THEN c.full_name END,
       gen.pick(i, 41, '{fair,web,referral,call}'), timestamptz '2024-01-01 00:00+00' + gen.draw(i, 42, 60000000) * interval '1 second'
FROM generate_series(1, :customers / 10) AS i JOIN shop.customers c ON c.id = 1 + gen.draw(i, 40, :customers);
