//! Quotes, escapes and comments that two readers read differently.

use super::*;

attacks![
    attack("a quote that ends early", &[r"SELECT '\'', full_name FROM shop.customers WHERE id = {id} --'"], Harmless),
    attack("reprinted as live SQL", &[r"SELECT '\'' || ' FROM shop.countries UNION SELECT email FROM shop.customers --'"], Harmless),
    attack("escape string", &[r"SELECT E'\'', full_name FROM shop.customers WHERE id = {id}"], Rows("'|[name]")),
    attack("escape string, hexadecimal", &[r"SELECT E'\x27', full_name FROM shop.customers WHERE id = {id}"], Rows("'|[name]")),
    attack("Unicode escape", &[r"SELECT U&'\0027', full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("Unicode identifier", &[r#"SELECT U&"\0065mail" FROM shop.customers WHERE id = {id}"#], Harmless),
    attack("Unicode identifier, own escape", &[r#"SELECT U&"!0065mail" UESCAPE '!' FROM shop.customers WHERE id = {id}"#], Harmless),
    attack("dollar quotes", &["SELECT $$'$$, full_name FROM shop.customers WHERE id = {id}"], Rows("'|[name]")),
    attack("tagged dollar quotes", &["SELECT $a$ $b$ ' $a$, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("nested comments", &["SELECT /* /* */ ssn, */ full_name FROM shop.customers WHERE id = {id}"], Rows("[name]")),
    attack("a comment that does not end", &["SELECT full_name FROM shop.customers WHERE id = {id} /* "], Harmless),
    attack("minus minus", &["SELECT 1 - -1, full_name FROM shop.customers WHERE id = {id}"], Rows("2|[name]")),
    attack("minus minus prints as a comment", &["SELECT - -id, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("operator then comment", &["SELECT 'a' ||-- x\n full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("operator then C comment", &["SELECT 'a' ||/* x */ full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("strings joined over a line end", &["SELECT 'a'\n'b', full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("strings beside each other", &["SELECT 'a' 'b', full_name FROM shop.customers WHERE id = {id}"], Error("42601")),
    attack("a carriage return ends a comment", &["SELECT full_name --\r, ssn\n FROM shop.customers WHERE id = {id}"], Harmless),
    attack("a form feed is a blank", &["SELECT\x0cfull_name\x0bFROM shop.customers WHERE id = {id}"], Harmless),
    attack("a no-break space is a letter", &["SELECT\u{a0}full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("names folded outside ASCII", &["SELECT \"İd\" FROM shop.customers WHERE id = {id}"], Error("42703")),
    attack("a Kelvin sign is no k", &["SELECT 1 FROM shop.customers WHERE \u{212a} = 1"], Error("42703")),
    attack(
        "names cut at 63 bytes",
        &[
            "SELECT aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg FROM (SELECT email AS aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggghhh FROM shop.customers WHERE id = {id}) AS x"
        ],
        Harmless
    ),
    attack(
        "quotes in a name",
        &["SELECT \"a\"\"b\" FROM (SELECT email AS \"a\"\"b\" FROM shop.customers WHERE id = {id}) AS x"],
        Pseudonyms
    ),
    attack("a backslash in a plain string", &[r"SELECT 'a\', full_name FROM shop.customers WHERE id = {id}"], Rows(r"a\|[name]")),
    attack(
        "standard_conforming_strings off",
        &["SET standard_conforming_strings = off", r"SELECT '\', ssn, '\'' FROM shop.customers WHERE id = {id}"],
        Harmless
    ),
    attack("backslash_quote", &["SET backslash_quote = on"], Harmless),
    attack("national string", &["SELECT N'x', full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("bit strings", &["SELECT B'01', X'1F', full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("octal", &["SELECT 0o17, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("hexadecimal number", &["SELECT 0x1F, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("number with underscores", &["SELECT 1_000, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("ISNULL", &["SELECT ssn ISNULL FROM shop.customers WHERE id = {id}"], Harmless),
    attack("NOTNULL", &["SELECT ssn NOTNULL FROM shop.customers WHERE id = {id}"], Harmless),
    attack("a zero byte cannot be sent", &["SELECT U&'\\0000'"], Harmless),
    attack("interval with precision", &["SELECT interval(2) '1.237 s', full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("type before a string", &["SELECT text 'x', full_name FROM shop.customers WHERE id = {id}"], Rows("x|[name]")),
    attack("another type before a string", &["SELECT int '42' + id, full_name FROM shop.customers WHERE id = 2"], Rows("44|[name]")),
    attack("hash comment is none", &["SELECT 1 # 1, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("backtick", &["SELECT `email` FROM shop.customers"], Harmless),
    attack("brackets", &["SELECT [email] FROM shop.customers"], Harmless),
    attack("double colon in a string", &["SELECT '::' || full_name FROM shop.customers WHERE id = {id}"], Rows("::[name]")),
    attack("a parameter that is none", &["SELECT $1"], Harmless),
    attack("semicolon in a string", &["SELECT ';' || full_name FROM shop.customers WHERE id = {id}"], Rows(";[name]")),
    attack("a hint comment", &["/*+ SeqScan(c) */ SELECT full_name FROM shop.customers c WHERE id = {id}"], Rows("[name]")),
    attack(
        "a version comment of another database",
        &["SELECT full_name /*!50000 , ssn */ FROM shop.customers WHERE id = {id}"],
        Rows("[name]")
    ),
];
