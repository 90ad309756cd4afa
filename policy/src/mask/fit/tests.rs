use super::*;
use crate::mask::spec::{Keep, Width};
use crate::mask::veil::tests::column_type;

fn hash(length: usize) -> MaskSpec {
    MaskSpec::Hash { prefix: "u_".into(), length }
}

fn digits(length: usize) -> TextStyle {
    TextStyle::Digits(Digits { prefix: "u_".into(), length })
}

fn token() -> MaskSpec {
    MaskSpec::Token { prefix: "t_".into(), bucket: 32, digits: false }
}

fn bucket(decimal: &str) -> MaskSpec {
    MaskSpec::Bucket(Width { decimal: decimal.into(), whole: decimal.parse().ok() })
}

fn misfit(mask: &MaskSpec, base: BaseType, sql: &str) -> Misfit {
    fit(mask, "c", "x", &column_type(base, sql)).unwrap_err()
}

#[test]
fn a_mask_of_another_type_is_told_what_would_fit() {
    let misfit = misfit(&MaskSpec::Truncate(Unit::Year), BaseType::Text, "pg_catalog.text");
    assert_eq!(misfit.why, "it takes date, timestamp and timestamp with time zone");
    assert_eq!(misfit.help, "what fits this type: `keep`, `hash`, `token`, `fake`, `email`, `redact`, `null`, `refuse`");
    let keep = MaskSpec::Keep(Keep { first: 1, last: 0, fill: '*' });
    for (mask, base) in [
        (&keep, BaseType::Date),
        (&bucket("10"), BaseType::Text),
        (&MaskSpec::Network { v4: 24, v6: 48 }, BaseType::Text),
        (&MaskSpec::Json([].into()), BaseType::Text),
        (&MaskSpec::Json([].into()), BaseType::Json),
        (&hash(32), BaseType::Date),
        (&hash(32), BaseType::Int4),
        (&hash(32), BaseType::Numeric),
        (&hash(32), BaseType::Array),
        (&token(), BaseType::Int2),
        (&token(), BaseType::Numeric),
        (&token(), BaseType::Citext),
        (&token(), BaseType::Date),
    ] {
        assert!(fit(mask, "c", "x", &column_type(base, "t")).is_err(), "{mask} {base:?}");
    }
}

#[test]
fn a_hash_needs_equal_bytes_for_equal_values_and_room() {
    let mut text = column_type(BaseType::Text, "pg_catalog.text");
    assert!(matches!(fit(&hash(32), "c", "x", &text), Ok(Some(Action::Seal(_)))));
    text.nondeterministic = true;
    assert!(!fit(&hash(32), "c", "x", &text).unwrap_err().help.contains("`hash`"));
    let narrow = misfit(&hash(32), BaseType::Varchar, "character varying(33)");
    assert_eq!(narrow.why, "its pseudonyms have 34 characters, the column holds 33");
    assert_eq!(narrow.help, "write a length of at most 31");
    assert!(fit(&hash(32), "c", "x", &column_type(BaseType::Varchar, "character varying(34)")).is_ok());
    assert!(!misfit(&hash(16), BaseType::Bpchar, "character(11)").help.contains("length"));
}

#[test]
fn bpchar_is_trimmed_and_other_text_is_not() {
    for (base, trimmed) in [(BaseType::Bpchar, true), (BaseType::Varchar, false), (BaseType::Citext, false), (BaseType::Text, false)] {
        let Ok(Some(Action::Seal(spec))) = fit(&hash(20), "mail", "x", &column_type(base, "t")) else { panic!("{base:?}") };
        assert_eq!(spec.class, "mail");
        assert_eq!(spec.form, SealForm::Text { style: digits(20), trim: trimmed, pad: 0 });
    }
}

#[test]
fn the_pseudonyms_of_a_character_n_are_padded_to_n() {
    let Ok(Some(Action::Seal(spec))) = fit(&hash(20), "mail", "x", &column_type(BaseType::Bpchar, "character(25)")) else { panic!() };
    assert_eq!(spec.form, SealForm::Text { style: digits(20), trim: true, pad: 25 });
}

#[test]
fn an_explicit_redaction_must_fit_and_the_default_is_cut() {
    let narrow = column_type(BaseType::Varchar, "character varying(5)");
    assert!(fit(&MaskSpec::Redact(None), "c", "x", &narrow).is_ok());
    let long = MaskSpec::Redact(Some("[name]".into()));
    assert_eq!(fit(&long, "c", "x", &narrow).unwrap_err().why, "the text \"[name]\" has 6 characters, the column holds 5");
    assert!(fit(&long, "c", "x", &column_type(BaseType::Int4, "pg_catalog.int4")).is_ok());
}

#[test]
fn what_would_show_the_value_whole_is_a_misfit() {
    for unit in [Unit::Minute, Unit::Hour, Unit::Day] {
        assert!(misfit(&MaskSpec::Truncate(unit), BaseType::Date, "pg_catalog.date").help.contains("`week`"));
    }
    for (width, base, sql) in [
        ("1", BaseType::Int4, "pg_catalog.int4"),
        ("0.5", BaseType::Int8, "pg_catalog.int8"),
        ("0.01", BaseType::Numeric, "numeric(10,2)"),
        ("0.003", BaseType::Numeric, "numeric(10,2)"),
        ("100", BaseType::Numeric, "numeric(5,-2)"),
    ] {
        misfit(&bucket(width), base, sql);
    }
    assert!(fit(&bucket("0.05"), "c", "x", &column_type(BaseType::Numeric, "numeric(10,2)")).is_ok());
    assert!(fit(&bucket("0.001"), "c", "x", &column_type(BaseType::Numeric, "pg_catalog.\"numeric\"")).is_ok());
}
