//! Materialised views: raw copies, of which only the definition tells what they hold.

use super::*;

attacks![
    attack("a copied column", &["SELECT id, name FROM shop.staff_list WHERE id < 4 ORDER BY id"], Harmless),
    attack("a copied sealed column", &["SELECT email FROM shop.staff_list WHERE email IS NOT NULL"], Pseudonyms),
    attack("a sealed column by another name", &["SELECT mail FROM shop.staff_list WHERE mail IS NOT NULL LIMIT 5"], Pseudonyms),
    attack(
        "the same pseudonyms as in the table",
        &["SELECT count(*) > 0 FROM shop.staff_list s JOIN shop.employees e ON e.email = s.email AND e.id = s.id"],
        Rows("t")
    ),
    attack("a guess in it", &["SELECT id FROM shop.staff_list WHERE email = '{email}'"], Refused),
    attack("a column by another name", &["SELECT id, pay FROM shop.staff_list ORDER BY pay, id"], Harmless),
    attack("a computed column", &["SELECT DISTINCT loud FROM shop.staff_list"], Rows("[redacted]")),
    attack("whether it is NULL", &["SELECT DISTINCT nameless FROM shop.staff_list"], Rows("∅")),
    attack("through a view over it", &["SELECT DISTINCT loud FROM shop.loud_staff"], Rows("[redacted]")),
    attack("its rows", &["SELECT s::text FROM shop.staff_list s WHERE id = 1"], Refused),
    attack("a field of its rows", &["SELECT (s).loud FROM shop.staff_list s WHERE id = 1"], Rows("[redacted]")),
    attack("the order in which it lies", &["SELECT id FROM shop.by_salary"], Refused),
    attack("the order in which it lies, by LIMIT", &["SELECT id FROM shop.staff_list LIMIT 5"], Harmless),
    attack("rows chosen by salary", &["SELECT id FROM shop.well_paid"], Refused),
    attack("how many they are", &["SELECT count(*) FROM shop.well_paid"], Refused),
    attack("an array in the server's order", &["SELECT ids FROM shop.dept_ids ORDER BY dept"], Harmless),
    attack("what is clear is clear", &["SELECT sum(people) > 0 FROM shop.dept_ids"], Rows("t")),
    attack("a chain", &["SELECT sum(people) > 0 FROM shop.depts"], Rows("t")),
    attack("what a function had read", &["SELECT x FROM shop.revealed LIMIT 1"], Refused),
    attack("places of rows", &["SELECT ctid FROM shop.depts"], Refused),
    attack("COPY of it", &["COPY shop.staff_list TO STDOUT"], Harmless),
];
