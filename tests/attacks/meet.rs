//! A sealed value beside one that is not, or beside another class, in every position that there is; and what else could tell
//! sealed values apart by more than equality: their order in arrays, minima, windows.

use super::*;

const MEET: &[Attack] = &[
    // Arrays.
    attack("a guess in an array of it", &["SELECT ARRAY[email, '{email}'] FROM shop.leads"], Refused),
    attack("a guess in another dimension", &["SELECT ARRAY[[email], ['{email}']] FROM shop.leads"], Refused),
    attack("two classes in an array", &["SELECT ARRAY[email::text, full_name] FROM shop.customers"], Refused),
    attack("a guess appended", &["SELECT array_append(array_agg(email), '{email}') FROM shop.leads"], Refused),
    attack("a guess prepended", &["SELECT array_prepend('{email}', array_agg(email)) FROM shop.leads"], Refused),
    attack("a guess concatenated", &["SELECT array_agg(email) || '{email}'::text FROM shop.leads"], Refused),
    attack("an array of guesses concatenated", &["SELECT array_agg(email) || ARRAY['{email}'] FROM shop.leads"], Refused),
    attack("array_cat of guesses", &["SELECT array_cat(ARRAY['{email}'], array_agg(email)) FROM shop.leads"], Refused),
    attack("array_remove of a guess", &["SELECT cardinality(array_remove(array_agg(email), '{email}')) FROM shop.leads"], Refused),
    attack("array_replace by a guess", &["SELECT array_replace(array_agg(email), NULL, '{email}') FROM shop.leads"], Refused),
    attack("array_positions of a guess", &["SELECT array_positions(array_agg(email), '{email}') FROM shop.leads"], Refused),
    attack("array_fill", &["SELECT array_fill(email, ARRAY[2]) FROM shop.leads"], Refused),
    attack("an array overlaps guesses", &["SELECT array_agg(email) && ARRAY['{email}'] FROM shop.leads"], Refused),
    attack("guesses contain an array", &["SELECT ARRAY['{email}'] @> array_agg(email) FROM shop.leads"], Refused),
    attack("an array within guesses", &["SELECT array_agg(email) <@ ARRAY['{email}'] FROM shop.leads"], Refused),
    attack("an array equal to guesses", &["SELECT array_agg(email) = '{{email}}' FROM shop.leads"], Refused),
    attack("an array as text", &["SELECT array_agg(email)::text FROM shop.leads"], Refused),
    attack("an array of prefixes", &["SELECT array_agg(email)::varchar(3)[] FROM shop.leads"], Refused),
    attack("a value as an array", &["SELECT email::text[] FROM shop.leads"], Refused),
    attack("an array joined", &["SELECT array_to_string(array_agg(email), ',') FROM shop.leads"], Refused),
    attack("an array as JSON", &["SELECT array_to_json(array_agg(email)) FROM shop.leads"], Refused),
    attack("arrays in order", &["SELECT array_agg(email) < array_agg(email) FROM shop.leads"], Refused),
    attack("the greatest array", &["SELECT max(a) FROM (SELECT array_agg(email) AS a FROM shop.leads GROUP BY score) AS s"], Refused),
    attack("a literal for no array", &["SELECT COALESCE(array_agg(email), '{{email}}') FROM shop.leads"], Refused),
    attack("an array constant for no array", &["SELECT COALESCE(array_agg(email), ARRAY['{email}']) FROM shop.leads"], Refused),
    attack("the empty array for no array", &["SELECT COALESCE(array_agg(email), '{}') FROM shop.leads WHERE false"], Rows("{}")),
    attack("the empty text for no value", &["SELECT COALESCE(email, '{}') FROM shop.leads"], Refused),
    attack("an element of guesses", &["SELECT (ARRAY['{email}', email])[1] FROM shop.leads"], Refused),
    attack("a subscript that is sealed", &["SELECT (ARRAY[1, 2])[account] FROM shop.customers"], Refused),
    attack(
        "unnest beside guesses",
        &["SELECT * FROM unnest(ARRAY(SELECT email FROM shop.leads), ARRAY['{email}']) AS u (a, b) WHERE a = b"],
        Refused,
    ),
    attack(
        "unnest joined with guesses",
        &["SELECT count(*) FROM unnest(ARRAY(SELECT email FROM shop.leads)) AS u (a) JOIN (VALUES ('{email}')) AS g (a) USING (a)"],
        Refused,
    ),
    attack(
        "unnest, then a pattern",
        &["SELECT count(*) FROM unnest(ARRAY(SELECT email FROM shop.leads)) AS u (a) WHERE a LIKE 'l%'"],
        Refused,
    ),
    attack(
        "unnest in the select list, then a pattern",
        &["SELECT count(*) FROM (SELECT unnest(array_agg(email)) AS a FROM shop.leads) AS s WHERE a > 'l'"],
        Refused,
    ),
    attack(
        "= ANY of another class",
        &["SELECT count(*) FROM shop.leads WHERE email = ANY (ARRAY(SELECT full_name FROM shop.customers))"],
        Refused,
    ),
    attack("< ANY", &["SELECT count(*) FROM shop.leads WHERE email < ANY (ARRAY(SELECT email FROM shop.leads))"], Refused),
    attack("LIKE ANY", &["SELECT count(*) FROM shop.leads WHERE email LIKE ANY (ARRAY['l%'])"], Refused),
    attack("a whole row with an array", &["SELECT s FROM (SELECT array_agg(email) AS a FROM shop.leads) AS s"], Refused),
    attack("a row with an array", &["SELECT ROW(array_agg(email)) FROM shop.leads"], Refused),
    // Places of two values.
    attack("CASE operand against a guess", &["SELECT CASE email WHEN '{email}' THEN 1 END FROM shop.leads"], Refused),
    attack("a guess against CASE WHEN sealed", &["SELECT CASE '{email}' WHEN email THEN 1 END FROM shop.leads"], Refused),
    attack(
        "IN a list with a guess",
        &["SELECT count(*) FROM shop.leads l, shop.customers c WHERE l.email IN (c.email, '{email}')"],
        Refused,
    ),
    attack("a guess IN sealed ones", &["SELECT count(*) FROM shop.leads WHERE '{email}' IN (email, NULL)"], Refused),
    attack("rows compared", &["SELECT count(*) FROM shop.leads WHERE (score, email) = (1, '{email}')"], Refused),
    attack("rows in order", &["SELECT count(*) FROM shop.leads a, shop.leads b WHERE (a.score, a.email) < (b.score, b.email)"], Refused),
    attack("rows IN rows", &["SELECT count(*) FROM shop.leads WHERE (score, email) IN ((1, '{email}'))"], Refused),
    attack("row NOT DISTINCT FROM", &["SELECT count(*) FROM shop.leads WHERE (email, 1) IS NOT DISTINCT FROM ('{email}', 1)"], Refused),
    attack(
        "recursion: guess first",
        &["WITH RECURSIVE r (x) AS (SELECT '{email}'::text UNION SELECT email FROM shop.leads, r) SELECT * FROM r"],
        Refused,
    ),
    attack(
        "recursion: NULL first",
        &["WITH RECURSIVE r (x) AS (SELECT NULL::text UNION SELECT email FROM shop.leads, r) SELECT * FROM r"],
        Refused,
    ),
    attack(
        "recursion: guess second",
        &["WITH RECURSIVE r (x) AS (SELECT email FROM shop.leads UNION SELECT '{email}' FROM r) SELECT * FROM r"],
        Refused,
    ),
    attack("INTERSECT ALL", &["SELECT email FROM shop.leads INTERSECT ALL SELECT name FROM shop.products"], Refused),
    attack("EXCEPT ALL", &["VALUES ('{email}') EXCEPT ALL SELECT email FROM shop.leads"], Refused),
    attack("VALUES", &["SELECT v.x FROM shop.leads l, LATERAL (VALUES (l.email), ('{email}')) AS v (x)"], Refused),
    attack(
        "VALUES of two classes",
        &["SELECT v.x FROM shop.customers c, LATERAL (VALUES (c.device), (c.id::text::uuid)) AS v (x)"],
        Refused,
    ),
    attack("lag's default", &["SELECT lag(email, 1, '{email}') OVER (ORDER BY owner) FROM shop.leads"], Refused),
    attack("lead's default of another class", &["SELECT lead(email, 1, full_name) OVER (ORDER BY id) FROM shop.customers"], Refused),
    attack("lag's distance", &["SELECT lag(id, account::int) OVER (ORDER BY id) FROM shop.customers"], Refused),
    attack(
        "COALESCE inside a subquery",
        &["SELECT count(*) FROM (SELECT COALESCE(email, '{email}') AS e FROM shop.leads) AS s GROUP BY e"],
        Refused,
    ),
    attack("greatest of a guess", &["SELECT greatest(email, '{email}') FROM shop.leads"], Refused),
    attack("least of two classes", &["SELECT least(email, full_name) FROM shop.customers"], Refused),
    attack("minimum of a CASE with a guess", &["SELECT min(CASE WHEN score > 2 THEN email ELSE '{email}' END) FROM shop.leads"], Refused),
    attack("maximum within a bound", &["SELECT max(email) FROM shop.leads HAVING max(email) < 'm'"], Refused),
    attack("a piece of the greatest", &["SELECT left(max(email), 1) FROM shop.leads"], Refused),
    attack("the greatest as another type", &["SELECT max(account)::text FROM shop.customers"], Refused),
    attack("percentile", &["SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY email) FROM shop.leads"], Refused),
    attack("rank of a guess", &["SELECT rank('{email}') WITHIN GROUP (ORDER BY email) FROM shop.leads"], Refused),
    attack("dense_rank of a guess", &["SELECT dense_rank('m') WITHIN GROUP (ORDER BY email) FROM shop.leads"], Refused),
    attack("mode of a guess", &["SELECT mode() WITHIN GROUP (ORDER BY COALESCE(email, '{email}')) FROM shop.leads"], Refused),
    attack("a range of e-mails in a window", &["SELECT count(*) OVER (ORDER BY account RANGE 1 PRECEDING) FROM shop.customers"], Nothing),
    attack("a frame as long as a number", &["SELECT count(*) OVER (ORDER BY id ROWS account PRECEDING) FROM shop.customers"], Refused),
    // What may meet, and whose order must not tell.
    attack("smallest and greatest", &["SELECT min(email), max(email) FROM shop.leads"], Pseudonyms),
    attack("smallest of each group", &["SELECT min(email) FROM shop.customers GROUP BY city ORDER BY city"], Pseudonyms),
    attack(
        "greatest in windows",
        &["SELECT max(email) OVER (PARTITION BY source), max(email) OVER (ORDER BY score) FROM shop.leads"],
        Pseudonyms,
    ),
    attack("most frequent", &["SELECT mode() WITHIN GROUP (ORDER BY email) FROM shop.leads GROUP BY source"], Pseudonyms),
    attack("smaller of two", &["SELECT least(l.email, c.email) FROM shop.leads l, shop.contacts c"], Pseudonyms),
    attack(
        "greatest of what a random value leaves",
        &["SELECT max(CASE WHEN gen_random_uuid() > '8' THEN email END) FROM shop.leads WHERE false"],
        Harmless,
    ),
    attack(
        "collected",
        &["SELECT array_agg(email), array_agg(DISTINCT email), array_agg(DISTINCT email ORDER BY email DESC) FROM shop.leads"],
        Harmless,
    ),
    attack(
        "collected, others with them",
        &["SELECT array_agg(DISTINCT device), array_agg(DISTINCT account) FROM shop.customers"],
        Harmless,
    ),
    attack("the first collected", &["SELECT (array_agg(email))[1], (array_agg(DISTINCT email))[1] FROM shop.customers"], Pseudonyms),
    attack("taken apart", &["SELECT unnest(array_agg(email)) FROM shop.leads"], Pseudonyms),
    attack("taken apart, the first", &["SELECT x FROM unnest(ARRAY(SELECT email FROM shop.customers)) AS x LIMIT 3"], Pseudonyms),
    attack(
        "grouped inside a correlated subquery",
        &[
            "SELECT (SELECT x FROM unnest(ARRAY[c.email, o.ship_email]) AS x GROUP BY x LIMIT 1) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id",
        ],
        Pseudonyms,
    ),
    attack(
        "UNION inside a correlated subquery",
        &["SELECT (SELECT c.email UNION SELECT o.ship_email LIMIT 1) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id"],
        Pseudonyms,
    ),
    attack(
        "DISTINCT of VALUES",
        &[
            "SELECT (SELECT DISTINCT x FROM (VALUES (c.email), (o.ship_email)) AS v (x) LIMIT 1) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id",
        ],
        Pseudonyms,
    ),
    attack(
        "row numbers over an array grouped",
        &[
            "SELECT (SELECT string_agg(n::text, ',') FROM (SELECT row_number() OVER () AS n FROM unnest(ARRAY[c.email, o.ship_email]) AS x GROUP BY x) AS s) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id",
        ],
        Harmless,
    ),
    attack("arrays distinct", &["SELECT DISTINCT a FROM (SELECT array_agg(email) AS a FROM shop.leads GROUP BY score) AS s"], Harmless),
    attack(
        "arrays grouped and limited",
        &["SELECT a, count(*) FROM (SELECT ARRAY[email] AS a FROM shop.customers) AS s GROUP BY a LIMIT 5"],
        Harmless,
    ),
    attack(
        "arrays sorted",
        &["SELECT a FROM (SELECT score, array_agg(email) AS a FROM shop.leads GROUP BY score) AS s ORDER BY a DESC"],
        Harmless,
    ),
    attack("UNION of arrays", &["SELECT ARRAY[email] FROM shop.leads UNION SELECT ARRAY[email] FROM shop.contacts LIMIT 7"], Harmless),
    attack(
        "position in an array",
        &["SELECT array_position(array_agg(l.email), c.email) FROM shop.leads l, shop.contacts c GROUP BY c.id, c.email ORDER BY c.id"],
        Harmless,
    ),
    attack("bounds of a slice", &["SELECT (array_agg(email))[2:3], array_dims((array_agg(email))[2:3]) FROM shop.leads"], Harmless),
    attack("ordered by it", &["SELECT string_agg(source, ',' ORDER BY email) FROM shop.leads"], Harmless),
    attack("last of its peers", &["SELECT last_value(email) OVER (PARTITION BY city ORDER BY score) FROM shop.customers"], Pseudonyms),
    attack("second of all", &["SELECT nth_value(email, 2) OVER (PARTITION BY city) FROM shop.customers"], Pseudonyms),
    attack(
        "last by a named window",
        &["SELECT last_value(email) OVER w, lag(email) OVER w FROM shop.customers WINDOW w AS (PARTITION BY city ORDER BY score)"],
        Pseudonyms,
    ),
    attack("collected in a window", &["SELECT array_agg(email) OVER (PARTITION BY source) FROM shop.leads"], Harmless),
    attack("last by e-mail", &["SELECT last_value(owner) OVER (ORDER BY email) FROM shop.leads"], Harmless),
    attack(
        "carried along by recursion",
        &[
            "WITH RECURSIVE r (id, path) AS (SELECT id, ARRAY[email] FROM shop.employees WHERE boss IS NULL UNION ALL SELECT e.id, r.path || e.email FROM shop.employees e JOIN r ON e.boss = r.id WHERE e.email <> ALL (r.path)) SELECT * FROM r",
        ],
        Harmless,
    ),
];

#[test]
fn attacks() {
    run("analyst", MEET);
}
