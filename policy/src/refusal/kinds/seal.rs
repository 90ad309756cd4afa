//! Pseudonyms.

use super::Kind;

#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind {
        id: "seal.class",
        meaning: "Pseudonymised columns of different classes meet.",
        why: "Their pseudonyms do not correspond.",
        instead: "Give columns that are to be compared one class and type in the policy.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "seal.mix",
        meaning: "A pseudonymised column meets something that is not of its class. So does one that meets a NULL that is cast to a domain, or to a type of texts or numbers other than `text`, `varchar` and integers: the place of both would have that type, in which other values may be equal.",
        why: "With literals, parameters or other columns every pseudonym could be guessed.",
        instead: "Write NULL without such a type. Find rows by another column, or by a join with a column of the class. With the mask `token`, pseudonyms can be written as literals. A table that keeps pseudonyms can be joined with others that keep them.",
        example: Some("SELECT id FROM customers WHERE email = 'ana@example.org'"),
        of_postgres: false,
    },
    Kind {
        id: "seal.parameter",
        meaning: "A parameter is compared with tokens and used for something else too.",
        why: "It would be a token in one place and a text in another.",
        instead: "Use two parameters.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "seal.token",
        meaning: "A literal cannot be a token of the column it is compared with.",
        why: "A token is text, uuid or an integer, as its column.",
        instead: "Copy a token as it was shown.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "seal.use",
        meaning: "A pseudonymised column is used where more than equality could show.",
        why: "Inside the database the value is raw.",
        instead: "Pseudonymised columns can be selected, joined, grouped, counted, sorted, compared with columns of the same class and tested for NULL. With `otherwise = \"redact\"` the policy can have them redacted elsewhere.",
        example: Some("SELECT upper(email) FROM customers"),
        of_postgres: false,
    },
];
