//! What an expression holds where it cannot fail: its type, as far as the list of total functions needs it.
//!
//! `None` means that it may fail, or that too little is known of it. Judged expressions are looked at: names of functions and
//! types are qualified by then. The list is [`total`]; what is said here beside it is grammar.

mod infer;
mod words;

pub(crate) use words::{Place, place};

use crate::builtin::total::{Kind, SHORT, named};
use crate::catalog::{BaseType, ColumnType, Oid};

/// The type of an expression that cannot fail.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holds {
    of: Of,
    /// At most so many digits before and after the point, of a number.
    digits: Option<u32>,
    /// The collation is deterministic.
    deterministic: bool,
    /// A collation that is not the type's default.
    collation: Option<String>,
    /// A parameter: its type is the client's to say when it sends the text.
    parameter: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    /// As the list names it.
    Named(&'static str),
    Enum(Oid),
    /// A string constant, NULL or parameter: Postgres gives it the type that fits.
    Undecided,
}

const UNDECIDED: Holds = Holds { of: Of::Undecided, digits: None, deterministic: true, collation: None, parameter: false };
const COMPARISONS: [&str; 6] = ["=", "<>", "<", ">", "<=", ">="];

impl Holds {
    pub fn named(name: &'static str) -> Self {
        let digits = matches!(name, "int2" | "int4" | "int8").then_some(19);
        Holds { of: Of::Named(name), digits, deterministic: true, collation: None, parameter: false }
    }

    /// What a column of that type holds; `None` for types that the list does not know.
    pub fn column(t: &ColumnType) -> Option<Self> {
        let of = match t.base {
            BaseType::Enum if !t.is_domain => Of::Enum(t.oid),
            base => Of::Named(named_base(base).or_else(|| named_oid(t.oid))?),
        };
        let number = match of {
            Of::Named(name) => Holds::named(name).digits,
            Of::Enum(_) | Of::Undecided => None,
        };
        // numeric(p, s): PostgreSQL's numerictypmodin.
        let declared = (of == Of::Named("numeric") && !t.is_domain && t.typmod >= 4).then(|| {
            let packed = t.typmod.saturating_sub(4);
            let precision = u32::try_from((packed >> 16) & 0xffff).unwrap_or(u32::MAX);
            let scale = ((packed & 0x7ff) ^ 1024).saturating_sub(1024);
            precision.saturating_add(scale.unsigned_abs())
        });
        Some(Holds {
            of,
            digits: declared.or(number),
            deterministic: !t.nondeterministic,
            collation: t.collation.clone(),
            parameter: false,
        })
    }

    /// A value of a type of pg_catalog.
    pub fn of_type(oid: Oid, deterministic: bool) -> Option<Self> {
        let name = match oid {
            16 => "bool",
            17 => "bytea",
            20 => "int8",
            21 => "int2",
            23 => "int4",
            25 | 1043 => "text",
            114 => "json",
            650 | 869 => "inet",
            700 => "float4",
            701 => "float8",
            1042 => "bpchar",
            1082 => "date",
            1114 => "timestamp",
            1184 => "timestamptz",
            1700 => "numeric",
            2950 => "uuid",
            3802 => "jsonb",
            other => named_oid(other)?,
        };
        Some(Holds { deterministic, ..Holds::named(name) })
    }

    /// The same type, of any length.
    pub fn unbounded(self) -> Self {
        match self.of {
            Of::Named("numeric") => Holds { digits: None, ..self },
            _ => self,
        }
    }

    /// As the policy's own expressions are told.
    pub fn alone(&self) -> super::alone::Held {
        match self.of {
            Of::Named(name) => super::alone::Held::Type(name),
            Of::Enum(oid) => super::alone::Held::Enum(oid),
            Of::Undecided => super::alone::Held::Undecided,
        }
    }

    fn name(&self) -> Option<&'static str> {
        match self.of {
            Of::Named(name) => Some(name),
            Of::Enum(_) | Of::Undecided => None,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.of, Of::Named("text" | "bpchar" | "name"))
    }

    fn is_bool(&self) -> bool {
        matches!(self.of, Of::Named("bool") | Of::Undecided)
    }

    fn short(&self) -> bool {
        self.digits.is_some_and(|d| d <= SHORT)
    }
}

fn named_base(base: BaseType) -> Option<&'static str> {
    Some(match base {
        BaseType::Text | BaseType::Varchar => "text",
        BaseType::Bpchar => "bpchar",
        BaseType::Uuid => "uuid",
        BaseType::Int2 => "int2",
        BaseType::Int4 => "int4",
        BaseType::Int8 => "int8",
        BaseType::Numeric => "numeric",
        BaseType::Float4 => "float4",
        BaseType::Float8 => "float8",
        BaseType::Bool => "bool",
        BaseType::Date => "date",
        BaseType::Timestamp => "timestamp",
        BaseType::Timestamptz => "timestamptz",
        BaseType::Inet | BaseType::Cidr => "inet",
        BaseType::Json => "json",
        BaseType::Jsonb => "jsonb",
        BaseType::Bytea => "bytea",
        BaseType::Citext | BaseType::Array | BaseType::Enum | BaseType::Composite | BaseType::Other => return None,
    })
}

/// Types of pg_catalog have fixed OIDs.
fn named_oid(oid: Oid) -> Option<&'static str> {
    Some(match oid {
        19 => "name",
        26 => "oid",
        829 => "macaddr",
        1083 => "time",
        1186 => "interval",
        1266 => "timetz",
        1000 => "bool[]",
        1005 => "int2[]",
        1007 => "int4[]",
        1009 | 1015 => "text[]",
        1016 => "int8[]",
        1022 => "float8[]",
        1115 => "timestamp[]",
        1182 => "date[]",
        1185 => "timestamptz[]",
        1231 => "numeric[]",
        2951 => "uuid[]",
        _ => return None,
    })
}

fn element(array: &str) -> Option<&'static str> {
    let name = array.strip_suffix("[]")?;
    ["bool", "int2", "int4", "int8", "text", "float8", "timestamp", "date", "timestamptz", "numeric", "uuid"]
        .into_iter()
        .find(|n| *n == name)
}

fn array_of(element: &str) -> Option<&'static str> {
    ["bool[]", "int2[]", "int4[]", "int8[]", "text[]", "float8[]", "timestamp[]", "date[]", "timestamptz[]", "numeric[]", "uuid[]"]
        .into_iter()
        .find(|n| n.strip_suffix("[]") == Some(element))
}

/// Whether values of the two can be compared, sorted and hashed together without failing.
pub(crate) fn comparable(a: &Holds, b: &Holds) -> bool {
    if overflows(a, b) {
        return false;
    }
    if a.collation.is_some() && b.collation.is_some() && a.collation != b.collation {
        return false;
    }
    match (&a.of, &b.of) {
        (Of::Undecided, Of::Undecided) => true,
        (Of::Undecided, Of::Named(n)) | (Of::Named(n), Of::Undecided) => has_equality(n),
        (Of::Enum(_), Of::Undecided) | (Of::Undecided, Of::Enum(_)) => true,
        (Of::Enum(x), Of::Enum(y)) => x == y,
        (Of::Named(x), Of::Named(y)) => {
            let integer = |n: &str| matches!(n, "int2" | "int4" | "int8");
            let text = |n: &str| matches!(n, "text" | "bpchar" | "name");
            let listed = named(Kind::Operator, "=").iter().any(|s| matches!(s.arguments.as_slice(), [(l, _), (r, _)] if l == x && r == y));
            listed
                || text(x) && text(y)
                || integer(x) && matches!(*y, "numeric" | "float4" | "float8")
                || integer(y) && matches!(*x, "numeric" | "float4" | "float8")
        }
        (Of::Enum(_), Of::Named(_)) | (Of::Named(_), Of::Enum(_)) => false,
    }
}

/// A parameter declared as a float turns a numeric beside it into one, which may be too large for it.
fn overflows(a: &Holds, b: &Holds) -> bool {
    let large = |h: &Holds| matches!(h.of, Of::Named("numeric" | "numeric[]")) && h.digits.is_none_or(|d| d > 300);
    a.parameter && large(b) || b.parameter && large(a)
}

fn has_equality(name: &str) -> bool {
    named(Kind::Operator, "=").iter().any(|s| s.arguments.iter().all(|(n, _)| *n == name))
}

/// The type of a place that both share.
pub(crate) fn unify(a: Holds, b: Holds) -> Option<Holds> {
    if a.collation.is_some() && b.collation.is_some() && a.collation != b.collation || overflows(&a, &b) {
        return None;
    }
    let deterministic = a.deterministic && b.deterministic;
    let digits = a.digits.zip(b.digits).map(|(x, y)| x.max(y));
    let of = match (a.of, b.of) {
        (Of::Undecided, other) | (other, Of::Undecided) => {
            let (digits, collation) = (a.digits.or(b.digits), a.collation.or(b.collation));
            return Some(Holds { of: other, digits, deterministic, collation, parameter: a.parameter || b.parameter });
        }
        (x, y) if x == y => x,
        (Of::Named(x), Of::Named(y)) => {
            let rank = |n: &str| ["int2", "int4", "int8", "numeric"].iter().position(|m| *m == n);
            match (rank(x), rank(y)) {
                (Some(i), Some(j)) => Of::Named(if i > j { x } else { y }),
                _ if matches!((x, y), ("text", "bpchar" | "name") | ("bpchar" | "name", "text")) => Of::Named("text"),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Holds { of, digits, deterministic, collation: a.collation.or(b.collation), parameter: false })
}
