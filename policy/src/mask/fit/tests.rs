use super::*;
use crate::mask::spec::{Constant, Keep, Width};
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
    let keep = MaskSpec::Keep(Keep { first: 1, last: 0, fill: '*', separators: false });
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
    let long = MaskSpec::Redact(Some(Constant::Text("[name]".into())));
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

#[test]
fn a_constant_is_one_of_the_column_s_type_or_null() {
    let veil = |constant: Constant, base, sql: &str| match fit(&MaskSpec::Redact(Some(constant)), "c", "x", &column_type(base, sql)) {
        Ok(Some(Action::Veil(sql))) => Ok(sql),
        Err(misfit) => Err(misfit.why),
        other => panic!("{other:?}"),
    };
    let (text, number) = (|t: &str| Constant::Text(t.into()), |n: &str| Constant::Number(n.into()));
    let (date, stamptz) = ((BaseType::Date, "pg_catalog.date"), (BaseType::Timestamptz, "timestamp with time zone"));
    let (int2, money) = ((BaseType::Int2, "pg_catalog.int2"), (BaseType::Numeric, "numeric(4,2)"));
    for (constant, (base, sql), wanted) in [
        (text("1970-01-01"), date, Ok("CAST('1970-01-01' AS pg_catalog.date)")),
        (text("1970-01-01"), stamptz, Ok("CAST('1970-01-01+00' AS timestamp with time zone)")),
        (text("1970-01-01 10:00:00+00"), stamptz, Ok("CAST('1970-01-01 10:00:00+00' AS timestamp with time zone)")),
        (text("[name]"), date, Ok("CAST(NULL AS pg_catalog.date)")),
        (text("01/02/1970"), date, Err("the date 01/02/1970 is none of type pg_catalog.date")),
        (text("1970-02-30"), date, Err("the date 1970-02-30 is none of type pg_catalog.date")),
        (number("0"), int2, Ok("CAST('0' AS pg_catalog.int2)")),
        (number("40000"), int2, Err("the number 40000 is none of type pg_catalog.int2")),
        (number("0.5"), int2, Err("the number 0.5 is none of type pg_catalog.int2")),
        (number("-99.99"), money, Ok("CAST('-99.99' AS numeric(4,2))")),
        (number("100"), money, Err("the number 100 is none of type numeric(4,2)")),
        (number("1.005"), money, Err("the number 1.005 is none of type numeric(4,2)")),
        (number("0"), (BaseType::Text, "pg_catalog.text"), Ok("CAST('0' AS pg_catalog.text)")),
        (number("0"), date, Ok("CAST(NULL AS pg_catalog.date)")),
        (Constant::Truth(true), (BaseType::Bool, "pg_catalog.bool"), Ok("CAST('true' AS pg_catalog.bool)")),
        (Constant::Truth(true), int2, Ok("CAST(NULL AS pg_catalog.int2)")),
        (text("x"), (BaseType::Uuid, "pg_catalog.uuid"), Ok("CAST(NULL AS pg_catalog.uuid)")),
    ] {
        let found = veil(constant.clone(), base, sql);
        assert_eq!(found.as_deref().map_err(String::as_str), wanted, "{constant:?} {sql}");
    }
}
