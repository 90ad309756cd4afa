//! Masks that the policy writes as SQL: an expression over `{column}`.
//!
//! The policy's author is trusted, but a mistake of theirs must not become a leak. So the expression is read by both readers; it
//! may name nothing but the column; what it is made of can neither fail on a stored value (it is made of what is on the list of
//! [`crate::builtin::total`]) nor change its meaning with a setting of the session ([`still`]: a client that could turn a setting could see the value
//! through many different masks); and the cast of its result to the column's type cannot fail.

mod still;

pub(super) use still::{is_fixed_time, is_readable};

use super::number::precision_and_scale;
use super::{NUMERIC, constant, finish, identifier, op};
use crate::catalog::{BaseType, Catalog, Column, ColumnType, Relation, RelationKind};
use crate::judge::alone::{Held, held_over};
use crate::mask::fit::{Misfit, is_text};
use crate::read;

/// An expression over [`COLUMN`], as the policy writes it; read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlMask {
    text: String,
}

/// Stands for the column.
pub const COLUMN: &str = "{column}";

/// A name that stands for the column while its real one is not known.
const PLACE: &str = "pgveil_column";

impl SqlMask {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`Misfit`] where both readers do not read it as one expression over the column, or a setting of the session could enter it.
    pub fn read(text: &str) -> Result<SqlMask, Misfit> {
        let help = || "write an expression such as `left({column}, 3) || '…'`".to_owned();
        let named = text.matches(COLUMN).count();
        if named == 0 {
            let help = "write `{column}` where the value stands; a constant is `redact`".to_owned();
            return Err(Misfit { why: "it does not name `{column}`".to_owned(), help });
        }
        if text.contains('\0') {
            return Err(Misfit { why: "it holds U+0000".to_owned(), help: help() });
        }
        let written = with_column(text, &identifier(PLACE));
        read::deep(|| {
            let e = read::expression(&written)
                .map_err(|r| Misfit { why: format!("it cannot be read: {}", r.message.replace(PLACE, COLUMN)), help: help() })?;
            let mut look = still::Look::new(&[PLACE]);
            look.at(&e).map_err(|why| Misfit {
                why: why.replace(&identifier(PLACE), COLUMN).replace(PLACE, COLUMN),
                help: still::ALLOWED.to_owned(),
            })?;
            if look.references != named {
                let why = "`{column}` stands in a string or comment there, where it is no value".to_owned();
                return Err(Misfit { why, help: help() });
            }
            if look.is_bare {
                return Err(Misfit { why: "it shows the value as it is".to_owned(), help: "write `clear`".to_owned() });
            }
            Ok(SqlMask { text: text.to_owned() })
        })
    }

    /// The mask's SQL for a column of a relation.
    ///
    /// # Errors
    /// [`Misfit`] where it could fail on a value of the column's type, or its result is none of that type.
    pub fn veil(&self, column: &Column, relation: &Relation, catalog: &Catalog) -> Result<String, Misfit> {
        let ty = &column.data_type;
        let own = match (ty.base, ty.is_domain) {
            (BaseType::Citext, _) => format!("CAST({} AS pg_catalog.text)", identifier(&column.name)),
            (_, true) => format!("CAST({} AS {})", identifier(&column.name), ty.base_sql),
            (_, false) => identifier(&column.name),
        };
        let expression = format!("({}\n)", with_column(&self.text, &own));
        let held = sound(&with_column(&self.text, &identifier(&column.name)), &[column.name.as_str()], relation, catalog)?;
        fitted(&expression, held, ty)
    }
}

/// A condition over the columns of a row, as the policy writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    text: String,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`Misfit`] where both readers do not read it as one expression.
    pub fn read(text: &str) -> Result<Condition, Misfit> {
        let help = || "write what could stand after WHERE, over columns of the same row, such as `country = 'DE'`".to_owned();
        if text.contains('\0') {
            return Err(Misfit { why: "it holds U+0000".to_owned(), help: help() });
        }
        let read = read::deep(|| read::expression(text).map(|_| ()));
        read.map_err(|r| Misfit { why: format!("it cannot be read: {}", r.message), help: help() })?;
        Ok(Condition { text: text.to_owned() })
    }

    /// As the policy writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first where the condition is true, the other where it is false or NULL: both of the column's type.
    ///
    /// # Errors
    /// [`Misfit`] where it could fail on a stored value, where a setting of the session could enter it, and where it is no condition.
    pub fn choose(&self, then: &str, otherwise: &str, column: &Column, relation: &Relation, catalog: &Catalog) -> Result<String, Misfit> {
        let plain = relation.columns.iter().filter(|c| c.data_type.base != BaseType::Citext).map(|c| c.name.as_str());
        let about = |misfit: Misfit| Misfit { why: format!("its condition `{}`: {}", self.text, misfit.why), help: misfit.help };
        let held = sound(&self.text, &plain.collect::<Vec<_>>(), relation, catalog).map_err(about)?;
        if held != Held::Type("bool") {
            let help = "write a comparison, such as `country = 'DE'`".to_owned();
            return Err(about(Misfit { why: "it is neither true nor false".to_owned(), help }));
        }
        let ty = &column.data_type;
        Ok(finish(&format!("CASE WHEN (\n{}\n) THEN {then} ELSE {otherwise} END", self.text), ty))
    }
}

/// Blanks around it, so that no letter before it makes it another token.
fn with_column(text: &str, name: &str) -> String {
    text.replace(COLUMN, &format!(" {name} "))
}

/// What an expression over these columns of a relation holds.
///
/// # Errors
/// [`Misfit`] where it could fail on a stored value, or a setting of the session could enter it.
fn sound(sql: &str, names: &[&str], relation: &Relation, catalog: &Catalog) -> Result<Held, Misfit> {
    let help = || still::ALLOWED.to_owned();
    let unread = |r: crate::Refusal| Misfit { why: format!("its SQL cannot be used: {}", r.message), help: help() };
    read::deep(|| {
        let e = read::expression(sql).map_err(unread)?;
        let mut look = still::Look::new(names);
        look.at(&e).map_err(|why| Misfit { why, help: help() })?;
        let mut expressions = vec![sql.to_owned()];
        expressions.extend(look.turned_to_text.iter().cloned());
        // A view's own columns hold what their types hold, however they are computed.
        let mut as_table = Relation { kind: RelationKind::Table, definition: None, reads: vec![], ..relation.clone() };
        // What is made of a citext is made of its text: see `SqlMask::veil`.
        for column in as_table.columns.iter_mut().filter(|c| c.data_type.base == BaseType::Citext) {
            column.data_type.base = BaseType::Text;
        }
        let held = held_over(catalog, as_table, &expressions).map_err(unread)?;
        let mut held = held.into_iter();
        let Some(Some(whole)) = held.next() else {
            return Err(Misfit { why: "it could fail on a stored value, and the error would show the value".to_owned(), help: help() });
        };
        let any = |of: fn(BaseType) -> bool| look.named.iter().filter_map(|n| relation.column(n)).any(|c| of(c.data_type.base));
        let unzoned = any(|base| matches!(base, BaseType::Date | BaseType::Timestamp));
        look.constants(unzoned, any(|base| base == BaseType::Other), any(|base| base == BaseType::Timestamptz))
            .map_err(|why| Misfit { why, help: help() })?;
        for (inner, sql) in held.zip(&look.turned_to_text) {
            if !inner.is_some_and(|held| still::has_one_text(&held)) {
                return Err(Misfit {
                    why: format!("as text, {sql} is written as a setting of the session says"),
                    help: "compare it, or take a part of it by extract() or date_trunc(), instead of making it a text".to_owned(),
                });
            }
        }
        Ok(whole)
    })
}

/// The expression as a value of the column's type: by a cast that takes every value that it can have.
fn fitted(e: &str, held: Held, ty: &ColumnType) -> Result<String, Misfit> {
    let no = |what: &str| {
        let help = format!("write an expression of type {}", ty.base_sql);
        Err(Misfit { why: format!("it gives {what}, which cannot become the column's type {} for every value", ty.base_sql), help })
    };
    let name = match held {
        Held::Undecided if is_text(ty.base) => return Ok(finish(&format!("CAST({e} AS pg_catalog.text)"), ty)),
        Held::Undecided => return no("nothing but constants without a type"),
        Held::Enum(oid) if oid == ty.oid && ty.base == BaseType::Enum => return Ok(finish(e, ty)),
        Held::Enum(_) => return no("an enum"),
        Held::Type(name) => name,
    };
    let rank = |name: &str| ["int2", "int4", "int8"].iter().position(|n| *n == name);
    let limits = match ty.base {
        BaseType::Int2 => Some((0, i64::from(i16::MIN), i64::from(i16::MAX))),
        BaseType::Int4 => Some((1, i64::from(i32::MIN), i64::from(i32::MAX))),
        BaseType::Int8 => Some((2, i64::MIN, i64::MAX)),
        _ => None,
    };
    match (limits, rank(name)) {
        (Some((own, ..)), Some(given)) if given <= own => return Ok(finish(e, ty)),
        (Some((_, low, high)), Some(_)) => {
            let bound = |n: i64| constant(&n.to_string(), "int8");
            return Ok(finish(&clamped(&format!("CAST({e} AS pg_catalog.int8)"), &bound(low), &bound(high)), ty));
        }
        _ => {}
    }
    let fits = match ty.base {
        BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext if matches!(name, "text" | "bpchar" | "name") => {
            return Ok(finish(&format!("CAST({e} AS pg_catalog.text)"), ty));
        }
        BaseType::Numeric if name == "numeric" || rank(name).is_some() => {
            let value = format!("CAST({e} AS pg_catalog.{NUMERIC})");
            let Some((precision, scale)) = precision_and_scale(ty) else { return Ok(finish(&value, ty)) };
            let bound = |sign: &str| constant(&format!("{sign}{}e{}", "9".repeat(usize::from(precision)), -i32::from(scale)), NUMERIC);
            return Ok(finish(&clamped(&value, &bound("-"), &bound("")), ty));
        }
        BaseType::Float8 => matches!(name, "float4" | "float8") || rank(name).is_some(),
        BaseType::Float4 => name == "float4" || rank(name).is_some(),
        BaseType::Inet | BaseType::Cidr => name == "inet",
        BaseType::Bool => name == "bool",
        BaseType::Uuid => name == "uuid",
        BaseType::Date => name == "date",
        BaseType::Timestamp => name == "timestamp",
        BaseType::Timestamptz => name == "timestamptz",
        BaseType::Json => name == "json",
        BaseType::Jsonb => name == "jsonb",
        BaseType::Bytea => name == "bytea",
        BaseType::Text
        | BaseType::Varchar
        | BaseType::Bpchar
        | BaseType::Citext
        | BaseType::Int2
        | BaseType::Int4
        | BaseType::Int8
        | BaseType::Numeric
        | BaseType::Array
        | BaseType::Enum
        | BaseType::Composite
        | BaseType::Other => false,
    };
    if fits { Ok(finish(e, ty)) } else { no(&format!("a value of type {name}")) }
}

fn clamped(value: &str, low: &str, high: &str) -> String {
    format!("CASE WHEN {} THEN {low} WHEN {} THEN {high} ELSE {value} END", op(value, "<", low), op(value, ">", high))
}
