//! Which mask fits which column type, and what it then does.

use std::sync::Arc;

use super::fake::{Fake, FakeKind};
use super::seal::{Digits, SealForm, SealSpec, TextStyle, TokenForm};
use super::spec::{Constant, MaskSpec, Unit};
use super::{token, veil};
use crate::catalog::{BaseType, Catalog, Column, ColumnType, Relation};

/// What is done with a column for one role.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The column is replaced, in FROM, by this SQL expression over the column's quoted name. See [`veil`].
    Veil(String),
    /// The column is raw in the database and a pseudonym in the result stream; only equality may show.
    Seal(Arc<SealSpec>),
    /// A statement that uses the column is refused.
    Refuse,
}

/// Why a mask does not fit a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The reason, as the end of "mask m does not fit column c of type t: …".
    pub why: String,
    /// What would fit.
    pub help: String,
}

/// What a mask of a class does with a column of a relation; None for `clear`. `catalog`: for the functions that it knows.
///
/// # Errors
/// [`Misfit`] where the mask cannot be computed on this type, or would show the value whole.
pub fn fit_in(spec: &MaskSpec, class: &str, column: &Column, relation: &Relation, catalog: &Catalog) -> Result<Option<Action>, Misfit> {
    match spec {
        MaskSpec::Sql(sql) => sql.veil(column, relation, catalog).map(|sql| Some(Action::Veil(sql))),
        MaskSpec::Fields(fields) if column.data_type.base == BaseType::Composite => {
            veil::fields::fields(fields, class, column, catalog).map(|sql| Some(Action::Veil(sql)))
        }
        MaskSpec::When(when) => {
            let ty = &column.data_type;
            let branch = |spec: &MaskSpec| match fit_in(spec, class, column, relation, catalog)? {
                None => Ok(veil::clear(&column.name, ty)),
                Some(Action::Veil(sql)) => Ok(sql),
                // The policy's reader takes no such branch.
                Some(Action::Seal(_) | Action::Refuse) => {
                    Err(Misfit { why: format!("`{spec}` cannot hang on a condition"), help: would_fit(ty) })
                }
            };
            let (then, otherwise) = (branch(&when.then)?, branch(&when.otherwise)?);
            when.condition.choose(&then, &otherwise, column, relation, catalog).map(|sql| Some(Action::Veil(sql)))
        }
        MaskSpec::Shift(shift) if is_time(column.data_type.base) => {
            veil::shift::shift(shift, class, column, relation, catalog).map(|sql| Some(Action::Veil(sql)))
        }
        other => fit(other, class, &column.name, &column.data_type),
    }
}

/// The same for masks that need to know no more of the column than its type: all but `sql`, `shift`, `fields` and `when`.
///
/// `column` is the stored name, unquoted.
///
/// # Errors
/// [`Misfit`] where the mask cannot be computed on this type, or would show the value whole.
pub fn fit(spec: &MaskSpec, class: &str, column: &str, ty: &ColumnType) -> Result<Option<Action>, Misfit> {
    if let Some(action) = element_wise(spec, class, column, ty)? {
        return Ok(Some(action));
    }
    let action = match spec {
        MaskSpec::Clear => return Ok(None),
        MaskSpec::Refuse => Action::Refuse,
        MaskSpec::Null => Action::Veil(veil::null(ty)),
        MaskSpec::Redact(constant) => Action::Veil(redact(constant.as_ref(), ty)?),
        MaskSpec::Keep(keep) if is_text(ty.base) => Action::Veil(veil::text::keep(keep, column, ty)),
        MaskSpec::Truncate(unit) if is_time(ty.base) => {
            if ty.base == BaseType::Date && unit.keeps_whole_dates() {
                return Err(Misfit { why: format!("a date cut to the {} is still the whole date", unit.name()), help: coarser_units() });
            }
            Action::Veil(veil::time::truncate(*unit, column, ty))
        }
        MaskSpec::Bucket(width) if is_number(ty.base) => Action::Veil(veil::number::bucket(width, column, ty)?),
        MaskSpec::Noise(noise) if is_number(ty.base) => Action::Veil(veil::noise::noise(noise, class, column, ty)?),
        MaskSpec::Network { v4, v6 } if is_address(ty.base) => Action::Veil(veil::network::network(*v4, *v6, column, ty)),
        MaskSpec::Json(keys) if ty.base == BaseType::Jsonb => Action::Veil(veil::json::json(keys, column, ty)),
        MaskSpec::Hash { prefix, length } => Action::Seal(Arc::new(hash(prefix, *length, class, ty)?)),
        MaskSpec::Email { prefix, length } => {
            let digits = Digits { prefix: prefix.clone(), length: *length };
            Action::Seal(Arc::new(text_seal(TextStyle::Address(digits), spec, class, ty)?))
        }
        MaskSpec::Fake(fake) => {
            let seal = text_seal(TextStyle::Fake(*fake), spec, class, ty)?;
            enough_room(*fake, ty)?;
            Action::Seal(Arc::new(seal))
        }
        MaskSpec::Token { prefix, bucket, digits } => Action::Seal(Arc::new(token(prefix, *bucket, *digits, class, ty)?)),
        MaskSpec::Keep(_)
        | MaskSpec::Truncate(_)
        | MaskSpec::Bucket(_)
        | MaskSpec::Network { .. }
        | MaskSpec::Json(_)
        | MaskSpec::Shift(_)
        | MaskSpec::Noise(_)
        | MaskSpec::Fields(_)
        | MaskSpec::When(_)
        | MaskSpec::Sql(_) => {
            return Err(Misfit { why: format!("it takes {}", takes(spec)), help: would_fit(ty) });
        }
    };
    Ok(Some(action))
}

/// Of an array whose elements the mask fits: `None` for other types, and masks that take an array as a whole.
fn element_wise(spec: &MaskSpec, class: &str, column: &str, ty: &ColumnType) -> Result<Option<Action>, Misfit> {
    let of_elements =
        matches!(spec, MaskSpec::Keep(_) | MaskSpec::Hash { .. } | MaskSpec::Email { .. } | MaskSpec::Fake(_) | MaskSpec::Token { .. });
    let Some(element) = element(ty).filter(|_| of_elements) else { return Ok(None) };
    match spec {
        MaskSpec::Keep(keep) if is_text(element.base) => Ok(Some(Action::Veil(veil::text::keep_each(keep, column, ty)))),
        MaskSpec::Keep(_) => Ok(None),
        seal => fit(seal, class, column, &element)
            .map_err(|misfit| Misfit { why: format!("of an array's elements: {}", misfit.why), help: misfit.help }),
    }
}

/// The type of an array's elements, where these are of a type that can be a pseudonym or be kept in part.
pub fn element(ty: &ColumnType) -> Option<ColumnType> {
    let sql = ty.base_sql.strip_suffix("[]").filter(|_| ty.base == BaseType::Array)?;
    let bare = sql.strip_prefix("pg_catalog.").unwrap_or(sql).replace('"', "");
    let base = match bare.split_once('(').map_or(bare.as_str(), |(name, _)| name) {
        "text" => BaseType::Text,
        "varchar" | "character varying" => BaseType::Varchar,
        "bpchar" | "character" => BaseType::Bpchar,
        "uuid" => BaseType::Uuid,
        "int4" | "integer" => BaseType::Int4,
        "int8" | "bigint" => BaseType::Int8,
        _ => return None,
    };
    Some(ColumnType { oid: 0, typmod: -1, sql: sql.to_owned(), base_sql: sql.to_owned(), base, is_domain: false, ..ty.clone() })
}

/// text, varchar, bpchar, citext.
pub fn is_text(base: BaseType) -> bool {
    matches!(base, BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext)
}

fn is_time(base: BaseType) -> bool {
    matches!(base, BaseType::Date | BaseType::Timestamp | BaseType::Timestamptz)
}

fn is_number(base: BaseType) -> bool {
    is_integer(base) || matches!(base, BaseType::Numeric | BaseType::Float4 | BaseType::Float8)
}

fn is_integer(base: BaseType) -> bool {
    matches!(base, BaseType::Int2 | BaseType::Int4 | BaseType::Int8)
}

fn is_address(base: BaseType) -> bool {
    matches!(base, BaseType::Inet | BaseType::Cidr)
}

/// The most characters that a varchar(n) or character(n) holds; None where there is no limit.
pub fn character_limit(ty: &ColumnType) -> Option<usize> {
    if !matches!(ty.base, BaseType::Varchar | BaseType::Bpchar) {
        return None;
    }
    // A domain's column has no typmod of its own: the limit stands in the base type's name.
    ty.base_sql.rsplit_once('(').and_then(|(_, tail)| tail.strip_suffix(')')).and_then(|n| n.trim().parse().ok())
}

fn redact(constant: Option<&Constant>, ty: &ColumnType) -> Result<String, Misfit> {
    let text = constant.map(Constant::text);
    if !is_text(ty.base) {
        return match constant {
            Some(constant) => veil::constant_of(constant, ty),
            None => Ok(veil::null(ty)),
        };
    }
    if let (Some(text), Some(limit)) = (text, character_limit(ty)) {
        let length = text.chars().count();
        if length > limit {
            return Err(Misfit {
                why: format!("the text {text:?} has {length} characters, the column holds {limit}"),
                help: format!("write a text of at most {limit} characters, or `redact` without one, which is cut where it does not fit"),
            });
        }
    }
    Ok(veil::text::redact(text, ty))
}

fn hash(prefix: &str, length: usize, class: &str, ty: &ColumnType) -> Result<SealSpec, Misfit> {
    let no = |why: &str, help: String| Err(Misfit { why: why.to_owned(), help });
    let form = match ty.base {
        BaseType::Uuid => SealForm::Uuid,
        BaseType::Int8 => SealForm::Int8,
        BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext => {
            let style = TextStyle::Digits(Digits { prefix: prefix.to_owned(), length });
            let seal = text_seal(style, &MaskSpec::Hash { prefix: prefix.to_owned(), length }, class, ty)?;
            let total = prefix.chars().count() + length;
            if let Some(limit) = character_limit(ty).filter(|limit| *limit < total) {
                let digits = limit.saturating_sub(prefix.chars().count());
                let help = if digits >= super::seal::MIN_DIGITS {
                    format!("write a length of at most {digits}")
                } else {
                    "write `null`, `redact`, `keep` or `refuse`".to_owned()
                };
                return no(&format!("its pseudonyms have {total} characters, the column holds {limit}"), help);
            }
            return Ok(seal);
        }
        BaseType::Numeric => return no("equal numeric values (1.0 and 1.00) have different bytes", would_fit(ty)),
        BaseType::Int2 | BaseType::Int4 => {
            return no("so few values are possible that pseudonyms of this type would collide", would_fit(ty));
        }
        BaseType::Float4
        | BaseType::Float8
        | BaseType::Bool
        | BaseType::Date
        | BaseType::Timestamp
        | BaseType::Timestamptz
        | BaseType::Inet
        | BaseType::Cidr
        | BaseType::Json
        | BaseType::Jsonb
        | BaseType::Bytea
        | BaseType::Array
        | BaseType::Enum
        | BaseType::Composite
        | BaseType::Other => return no(&format!("it takes {}", HASHABLE), would_fit(ty)),
    };
    Ok(SealSpec::of(class, form))
}

/// Of a text type.
fn text_seal(style: TextStyle, spec: &MaskSpec, class: &str, ty: &ColumnType) -> Result<SealSpec, Misfit> {
    if !is_text(ty.base) {
        return Err(Misfit { why: format!("it takes {}", takes(spec)), help: would_fit(ty) });
    }
    if ty.nondeterministic {
        let why = "under its nondeterministic collation equal values may have different bytes, and their pseudonyms would differ";
        return Err(Misfit { why: why.to_owned(), help: would_fit(ty) });
    }
    let is_padded = ty.base == BaseType::Bpchar && !matches!(style, TextStyle::Address(_));
    let pad = character_limit(ty).filter(|_| is_padded).unwrap_or(0);
    Ok(SealSpec::of(class, SealForm::Text { style, trim: ty.base == BaseType::Bpchar, pad }))
}

fn enough_room(fake: Fake, ty: &ColumnType) -> Result<(), Misfit> {
    let Some(limit) = character_limit(ty).filter(|limit| *limit < fake.longest()) else { return Ok(()) };
    let why = format!("a fake {} has up to {} characters, the column holds {limit}", fake.kind.name(), fake.longest());
    let fits =
        FakeKind::ALL.into_iter().filter(|kind| Fake { kind: *kind, ..fake }.longest() <= limit).map(|kind| format!("`{}`", kind.name()));
    let fits: Vec<String> = fits.collect();
    let help = match fits.is_empty() {
        true => would_fit(ty),
        false => format!("kinds that fit: {}", fits.join(", ")),
    };
    Err(Misfit { why, help })
}

/// A token may be longer than a character(n) or varchar(n) column allows: the client is told the type without a length.
fn token(prefix: &str, bucket: usize, digits: bool, class: &str, ty: &ColumnType) -> Result<SealSpec, Misfit> {
    let no = |why: &str| Err(Misfit { why: why.to_owned(), help: would_fit(ty) });
    let kind = match ty.base {
        BaseType::Uuid => token::Kind::Uuid,
        BaseType::Int4 => token::Kind::Int4,
        BaseType::Int8 => token::Kind::Int8,
        BaseType::Text | BaseType::Varchar | BaseType::Bpchar if ty.nondeterministic => {
            return no("under its nondeterministic collation equal values may have different bytes, and their tokens would differ");
        }
        BaseType::Text | BaseType::Varchar | BaseType::Bpchar => token::Kind::Text,
        BaseType::Citext => return no("equal citext values may have different bytes, and their tokens would differ"),
        BaseType::Int2 => {
            return no("it has only 65,536 values: whoever sees some tokens knows them all (NIST SP 800-38G asks for a million)");
        }
        BaseType::Numeric => return no("equal numeric values (1.0 and 1.00) have different bytes"),
        BaseType::Float4
        | BaseType::Float8
        | BaseType::Bool
        | BaseType::Date
        | BaseType::Timestamp
        | BaseType::Timestamptz
        | BaseType::Inet
        | BaseType::Cidr
        | BaseType::Json
        | BaseType::Jsonb
        | BaseType::Bytea
        | BaseType::Array
        | BaseType::Enum
        | BaseType::Composite
        | BaseType::Other => return no(&format!("it takes {TOKENS}")),
    };
    let text = kind == token::Kind::Text;
    let form = TokenForm {
        kind,
        prefix: if text { prefix.to_owned() } else { String::new() },
        bucket: if text { bucket } else { 0 },
        digits: text && digits,
        trim: ty.base == BaseType::Bpchar,
    };
    Ok(SealSpec::of(class, SealForm::Token(form)))
}

const HASHABLE: &str = "text, character varying, character, citext, uuid or bigint";
const TOKENS: &str = "text, character varying, character, uuid, integer or bigint";

fn takes(spec: &MaskSpec) -> &'static str {
    match spec {
        MaskSpec::Keep(_) | MaskSpec::Email { .. } | MaskSpec::Fake(_) => "text types",
        MaskSpec::Truncate(_) | MaskSpec::Shift(_) => "date, timestamp and timestamp with time zone",
        MaskSpec::Bucket(_) | MaskSpec::Noise(_) => "integers, numeric, real and double precision",
        MaskSpec::Network { .. } => "inet and cidr",
        MaskSpec::Json(_) => "jsonb",
        MaskSpec::Fields(_) => "columns of a composite type that is no table's",
        MaskSpec::Hash { .. } => HASHABLE,
        MaskSpec::Token { .. } => TOKENS,
        MaskSpec::Sql(_) | MaskSpec::When(_) => "a column of a table",
        MaskSpec::Clear | MaskSpec::Null | MaskSpec::Redact(_) | MaskSpec::Refuse => "every type",
    }
}

/// The masks that a type takes, as help.
fn would_fit(ty: &ColumnType) -> String {
    let mut names = Vec::new();
    let element = element(ty);
    let ty = element.as_ref().unwrap_or(ty);
    if is_text(ty.base) {
        names.push("`keep`");
    }
    if is_text(ty.base) && !ty.nondeterministic || matches!(ty.base, BaseType::Uuid | BaseType::Int8) {
        names.extend(["`hash`", "`token`"]);
    }
    if is_text(ty.base) && !ty.nondeterministic {
        names.extend(["`fake`", "`email`"]);
    }
    if ty.base == BaseType::Int4 {
        names.push("`token`");
    }
    if is_time(ty.base) {
        names.extend(["`truncate`", "`shift`"]);
    }
    if is_number(ty.base) {
        names.extend(["`bucket`", "`noise`"]);
    }
    if is_address(ty.base) {
        names.push("`network`");
    }
    if ty.base == BaseType::Jsonb {
        names.push("`json`");
    }
    if ty.base == BaseType::Composite {
        names.push("`fields`");
    }
    names.extend(["`redact`", "`null`", "`refuse`"]);
    let own_class = if names.len() > 3 { "" } else { "; a column of another type may need a class of its own" };
    format!("what fits this type: {}{own_class}", names.join(", "))
}

fn coarser_units() -> String {
    let units: Vec<_> = Unit::ALL.iter().filter(|u| !u.keeps_whole_dates()).map(|u| format!("`{}`", u.name())).collect();
    format!("units that cut a date: {}", units.join(", "))
}

#[cfg(test)]
mod tests;
