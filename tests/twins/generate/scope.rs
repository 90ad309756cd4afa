//! What a generated statement can name: tables, their columns, and what stands in FROM.

use crate::twins::data::Pool;

/// Types as far as the grammar needs them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    Int,
    Num,
    Text,
    Bool,
    Date,
    Stamp,
    Inet,
    Json,
    Uuid,
    Big,
    Mood,
    Texts,
}

/// What an output must be so that two queries can be united: its type, and the class where it is a pseudonymised column.
pub type Want = (Ty, Option<Pool>);

/// A column of something in FROM.
#[derive(Debug, Clone)]
pub struct Col {
    /// As it is written in an expression.
    pub sql: String,
    /// Its bare name.
    pub name: String,
    pub ty: Ty,
    /// Its class, where that is pseudonymised.
    pub seal: Option<Pool>,
    /// Columns with equal links are worth a join.
    pub link: &'static str,
}

/// Something in FROM.
#[derive(Debug, Clone)]
pub struct Source {
    /// As it is referred to as a whole row; empty where it has no name.
    pub alias: String,
    pub cols: Vec<Col>,
    /// More than some hundred rows: joins must be on a key.
    pub large: bool,
    /// A column by which its rows can be limited.
    pub key: Option<String>,
}

impl Source {
    pub fn sealed(&self) -> bool {
        self.cols.iter().any(|c| c.seal.is_some())
    }
}

/// A table or view of the sample schema.
pub struct Table {
    pub name: &'static str,
    pub large: bool,
    pub key: &'static str,
    pub cols: &'static [(&'static str, Ty, Option<Pool>, &'static str)],
}

use Pool::{Account, Device, Email};
use Ty::{Big, Bool, Date, Inet, Int, Json, Mood, Num, Stamp, Text, Texts, Uuid};

/// The sample schema, as `schema.sql` makes it.
pub const TABLES: &[Table] = &[
    Table {
        name: "customers",
        large: true,
        key: "id",
        cols: &[
            ("id", Int, None, "customer"),
            ("full_name", Text, None, ""),
            ("email", Text, Some(Email), "email"),
            ("phone", Text, None, ""),
            ("ssn", Text, None, ""),
            ("dob", Date, None, ""),
            ("salary", Num, None, ""),
            ("ip", Inet, None, ""),
            ("address", Json, None, ""),
            ("notes", Text, None, ""),
            ("device", Uuid, Some(Device), "device"),
            ("account", Big, Some(Account), "account"),
            ("country", Text, None, "country"),
            ("city", Text, None, ""),
            ("mood", Mood, None, ""),
            ("score", Int, None, ""),
            ("active", Bool, None, ""),
            ("created", Stamp, None, ""),
        ],
    },
    Table {
        name: "orders",
        large: true,
        key: "id",
        cols: &[
            ("id", Int, None, "order"),
            ("customer_id", Int, None, "customer"),
            ("ship_email", Text, Some(Email), "email"),
            ("card_number", Text, None, ""),
            ("amount", Num, None, ""),
            ("quantity", Int, None, ""),
            ("status", Text, None, ""),
            ("product_id", Int, None, "product"),
            ("placed", Date, None, ""),
        ],
    },
    Table {
        name: "employees",
        large: false,
        key: "id",
        cols: &[
            ("id", Int, None, "employee"),
            ("name", Text, None, ""),
            ("email", Text, Some(Email), "email"),
            ("dept", Int, None, "dept"),
            ("salary", Num, None, ""),
            ("boss", Int, None, "employee"),
            ("hired", Date, None, ""),
            ("title", Text, None, ""),
        ],
    },
    Table {
        name: "leads",
        large: false,
        key: "owner",
        cols: &[
            ("email", Text, Some(Email), "email"),
            ("source", Text, None, ""),
            ("score", Int, None, ""),
            ("device", Uuid, Some(Device), "device"),
            ("owner", Int, None, "customer"),
            ("seen", Stamp, None, ""),
        ],
    },
    Table {
        name: "contacts",
        large: false,
        key: "id",
        cols: &[("id", Int, None, ""), ("label", Text, None, ""), ("email", Text, Some(Email), "email")],
    },
    Table {
        name: "products",
        large: false,
        key: "id",
        cols: &[("id", Int, None, "product"), ("name", Text, None, ""), ("price", Num, None, ""), ("tags", Texts, None, "")],
    },
    Table {
        name: "countries",
        large: false,
        key: "",
        cols: &[("code", Text, None, "country"), ("name", Text, None, ""), ("eu", Bool, None, "")],
    },
    Table {
        name: "customer_orders",
        large: true,
        key: "customer_id",
        cols: &[
            ("customer_id", Int, None, "customer"),
            ("email", Text, Some(Email), "email"),
            ("full_name", Text, None, ""),
            ("salary", Num, None, ""),
            ("country", Text, None, "country"),
            ("order_id", Int, None, "order"),
            ("amount", Num, None, ""),
            ("status", Text, None, ""),
            ("placed", Date, None, ""),
        ],
    },
    Table {
        name: "big_orders",
        large: true,
        key: "customer_id",
        cols: &[
            ("customer_id", Int, None, "customer"),
            ("email", Text, Some(Email), "email"),
            ("order_id", Int, None, "order"),
            ("amount", Num, None, ""),
            ("status", Text, None, ""),
        ],
    },
    Table {
        name: "profiles",
        large: false,
        key: "id",
        cols: &[
            ("id", Int, None, ""),
            ("customer_id", Int, None, "customer"),
            ("email", Text, Some(Email), "email"),
            ("email_key", Text, Some(Email), "email"),
            ("alt", Text, Some(Email), "email"),
            ("nick", Text, None, ""),
            ("salary", Num, None, ""),
            ("yearly", Num, None, ""),
            ("tags", Texts, None, ""),
            ("doc", Json, None, ""),
            ("level", Int, None, "dept"),
        ],
    },
    Table {
        name: "mails",
        large: false,
        key: "",
        cols: &[("email", Text, Some(Email), "email"), ("source", Text, None, ""), ("score", Int, None, "")],
    },
    Table {
        name: "lead_stats",
        large: false,
        key: "",
        cols: &[("source", Text, None, ""), ("leads", Int, None, ""), ("best", Int, None, "")],
    },
    Table {
        name: "partners",
        large: false,
        key: "id",
        cols: &[("id", Int, None, ""), ("name", Text, None, ""), ("email", Text, Some(Email), "email"), ("city", Text, None, "")],
    },
    Table {
        name: "product_tags",
        large: false,
        key: "product",
        cols: &[("product", Int, None, "product"), ("tag", Text, None, ""), ("place", Int, None, "")],
    },
    Table {
        name: "profile_levels",
        large: false,
        key: "level",
        cols: &[
            ("level", Int, None, "dept"),
            ("nick", Text, None, ""),
            ("mail", Text, Some(Email), "email"),
            ("city", Text, None, ""),
            ("dob", Date, None, ""),
        ],
    },
    Table {
        name: "staff",
        large: false,
        key: "dept",
        cols: &[("dept", Int, None, "dept"), ("people", Int, None, ""), ("payroll", Num, None, ""), ("latest", Date, None, "")],
    },
];

/// What an expression may refer to.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// In FROM of this level.
    pub sources: Vec<Source>,
    /// Of the levels around, for correlated subqueries.
    pub outer: Vec<Col>,
    /// Grouped: outside aggregates only these may be named; aggregates read `sources`.
    pub keys: Option<Vec<Col>>,
}

impl Scope {
    /// The columns an expression may name here.
    pub fn cols(&self) -> Vec<&Col> {
        match &self.keys {
            Some(keys) => keys.iter().collect(),
            None => self.sources.iter().flat_map(|s| &s.cols).collect(),
        }
    }

    /// The rows that aggregates see.
    pub fn ungrouped(&self) -> Scope {
        Scope { keys: None, ..self.clone() }
    }

    /// For a subquery in an expression: what it may correlate with.
    pub fn as_outer(&self) -> Vec<Col> {
        self.cols().into_iter().cloned().collect()
    }
}
