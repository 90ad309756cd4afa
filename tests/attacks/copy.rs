//! COPY.

use super::*;

attacks![
    attack("the table", &["COPY shop.customers TO STDOUT"], Refused),
    attack("a column", &["COPY shop.customers (email) TO STDOUT"], Refused),
    attack("a query", &["COPY (SELECT email FROM shop.customers) TO STDOUT"], Refused),
    attack("a query, binary", &["COPY (SELECT ssn FROM shop.customers) TO STDOUT (FORMAT binary)"], Refused),
    attack("a query, csv with header", &["COPY (TABLE shop.customers) TO STDOUT WITH CSV HEADER"], Refused),
    attack("the old syntax", &["COPY shop.customers TO STDOUT WITH DELIMITER ','"], Refused),
    attack("the older syntax", &["COPY BINARY shop.customers TO STDOUT"], Refused),
    attack("to a file", &["COPY shop.customers TO '/tmp/x'"], Refused),
    attack("to a program", &["COPY shop.customers TO PROGRAM 'cat'"], Refused),
    attack("from a program", &["COPY adhoc.t FROM PROGRAM 'id'"], Refused),
    attack("from a file", &["COPY adhoc.t FROM '/etc/passwd'"], Refused),
    attack("from the client, with errors that show rows", &["COPY shop.customers FROM STDIN"], Refused),
    attack("after a SELECT", &["SELECT 1; COPY shop.customers TO STDOUT"], Refused),
    attack("of a writing statement", &["COPY (UPDATE shop.customers SET score = 1 RETURNING email) TO STDOUT"], Refused),
];
