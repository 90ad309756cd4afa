//! Forms of SQL that sqlparser's tree has no place for, and what stands for them there.
//!
//! Each is a call or a name whose first identifier is one of the names below. They have more than 63 bytes, so that no name of a
//! client's and none in a catalog can be one: Postgres cuts names there. [`super::decode`] turns them into SQL when a text is
//! printed; a judgement asks [`form`] of a call.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, TableAlias, TableFactor,
    TableWithJoins, Value,
};

use super::normal;

/// What the names end with: longer than a name can be.
pub(super) const TAIL: &str = "!______________________________________________________________";

macro_rules! forms {
    ($($(#[doc = $doc:literal])* $form:ident = $word:literal,)*) => {
        /// A form that is coded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Form { $($(#[doc = $doc])* $form,)* }

        impl Form {
            /// The name that stands for it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Form::$form => concat!($word, "!______________________________________________________________"),)*
                }
            }

            /// The form that a name stands for, and what the name holds behind it.
            pub(super) fn of(name: &str) -> Option<(Form, &str)> {
                let (word, rest) = name.split_once(TAIL)?;
                let form = match word {
                    $($word => Form::$form,)*
                    _ => return None,
                };
                Some((form, rest))
            }
        }
    };
}

forms! {
    /// `ONLY t`: the first part of a relation's name.
    Only = "only",
    /// `ROWS FROM (f(…), …)`: a function in FROM, of calls and [`Form::Columns`].
    RowsFrom = "rows from",
    /// `f(…) AS (a int, …)` in ROWS FROM: the call, then [`Form::Column`]s.
    Columns = "columns",
    /// A column definition: its name, and a cast of NULL to its type.
    Column = "column",
    /// An expression in FROM that is no plain call (`CAST(…)`, `current_date`), or one that sqlparser would read otherwise.
    Item = "item",
    /// `VARIADIC x`
    Variadic = "variadic",
    /// `VARIADIC name => x`: the name, x.
    VariadicNamed = "variadic named",
    /// `x BETWEEN SYMMETRIC a AND b`
    BetweenSymmetric = "between symmetric",
    /// `x NOT BETWEEN SYMMETRIC a AND b`
    NotBetweenSymmetric = "not between symmetric",
    /// `x op ANY (array)`: the operator's schema and name, x, the array.
    Any = "any",
    /// `x op ALL (array)`: as [`Form::Any`].
    All = "all",
    /// `x op ANY (subquery)`: as [`Form::Any`], with a subquery.
    AnyOf = "any of",
    /// `x op ALL (subquery)`
    AllOf = "all of",
    /// An operator that sqlparser does not read as one: its schema and name, the operands.
    Infix = "infix",
    /// A prefix operator: its schema and name, the operand.
    Prefix = "prefix",
    /// `COLLATION FOR (x)`
    CollationFor = "collation for",
    /// `normalize(x, NFC)`: x, and perhaps the form.
    Normalize = "normalize",
    /// `x AT LOCAL`
    AtLocal = "at local",
    /// `xmlexists(path PASSING x)`
    XmlExists = "xmlexists",
    /// `xmlconcat(x, …)`
    XmlConcat = "xmlconcat",
    /// `xmlelement(NAME n, xmlattributes(…), x, …)`: the name, perhaps [`Form::XmlAttributes`], the content.
    XmlElement = "xmlelement",
    /// `xmlattributes(x AS n, …)`
    XmlAttributes = "xmlattributes",
    /// `xmlforest(x AS n, …)`
    XmlForest = "xmlforest",
    /// `x AS n`, in these two.
    Named = "named",
    /// `xmlparse(DOCUMENT x PRESERVE WHITESPACE)`: the words, x.
    XmlParse = "xmlparse",
    /// `xmlpi(NAME n, x)`: the name, perhaps x.
    XmlPi = "xmlpi",
    /// `xmlroot(x, VERSION v, STANDALONE …)`: x, v, the words.
    XmlRoot = "xmlroot",
    /// `xmlserialize(CONTENT x AS type)`: the words, a cast of x to the type.
    XmlSerialize = "xmlserialize",
    /// `x IS DOCUMENT`
    IsDocument = "is document",
    /// A row without the word ROW that holds a star: `(t.*, 1)`.
    Row = "row",
    /// `(x).*` where it is no item of a select list.
    Star = "star",
    /// NOT NULL of a column of XMLTABLE, behind the expression that it follows.
    NotNull = "not null",
    /// `t.*` as one value.
    WholeRow = "whole row",
    /// An alias of a function in FROM that has column definitions and no name.
    NoName = "no name",
    /// `LATERAL XMLTABLE (row …)`: the row's path.
    Lateral = "lateral",
    /// `x USING operator` in ORDER BY: the operator's schema and name, x.
    Using = "using",
    /// GROUP BY DISTINCT: the first item of GROUP BY.
    GroupDistinct = "group distinct",
    /// `ROLLUP (…)` inside GROUPING SETS; a parenthesised list is a row.
    Rollup = "rollup",
    /// `CUBE (…)` inside GROUPING SETS.
    Cube = "cube",
    /// `GROUPING SETS (…)` that hold one of these two, or another.
    Sets = "sets",
    /// `()` in GROUP BY.
    EmptySet = "empty set",
    /// The end of a window's frame with EXCLUDE, and an expression: the expression, the words.
    Exclude = "exclude",
    /// The end of a window's frame with EXCLUDE: all the words.
    ExcludeWords = "exclude words",
    /// `USING (a, b) AS j`: before the names, j.
    UsingAlias = "using alias",
    /// `FOR NO KEY UPDATE OF a, b`: after OF, the words and names.
    Lock = "lock",
    /// A SELECT of nothing from nothing: its only item of FROM.
    Nothing = "nothing",
    /// SEARCH and CYCLE: the last of the column names of a query of WITH; see [`Recursion`].
    Recursion = "recursion",
}

/// The form that a call stands for; `None` for a real call.
pub(crate) fn form(f: &Function) -> Option<Form> {
    form_of_name(&f.name)
}

/// The form that a call of that name stands for.
pub(crate) fn form_of_name(name: &ObjectName) -> Option<Form> {
    match name.0.as_slice() {
        [part] => Form::of(&part.as_ident()?.value).map(|(form, _)| form),
        _ => None,
    }
}

/// The form that an expression stands for.
pub(crate) fn form_of(e: &Expr) -> Option<Form> {
    match e {
        Expr::Function(f) => form(f),
        _ => None,
    }
}

/// Whether a relation's name begins with ONLY.
pub(crate) fn is_only(name: &ObjectName) -> bool {
    name.0.first().and_then(|part| part.as_ident()).is_some_and(|first| first.value == Form::Only.name())
}

/// The name and the cast of NULL of a [`Form::Column`].
pub(crate) fn column(argument: &mut FunctionArg) -> (Option<&str>, Option<&mut Expr>) {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(f))) = argument else { return (None, None) };
    match (form(f), &mut f.args) {
        (Some(Form::Column), FunctionArguments::List(list)) => match list.args.as_mut_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(name)), FunctionArg::Unnamed(FunctionArgExpr::Expr(null))] => {
                (as_word(name), Some(null))
            }
            _ => (None, None),
        },
        _ => (None, None),
    }
}

/// The operand of [`Form::Using`].
pub(crate) fn using_operand(e: &Expr) -> Option<&Expr> {
    match e {
        Expr::Function(f) if form(f) == Some(Form::Using) => match &f.args {
            FunctionArguments::List(list) => match list.args.last() {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(operand))) => Some(operand),
                _ => None,
            },
            FunctionArguments::None | FunctionArguments::Subquery(_) => None,
        },
        _ => None,
    }
}

/// The argument of [`Form::Lateral`], the path of an XMLTABLE.
pub(crate) fn lateral_path(row: &mut Expr) -> Option<&mut Expr> {
    match row {
        Expr::Function(f) if form(f) == Some(Form::Lateral) => match &mut f.args {
            FunctionArguments::List(list) => match list.args.as_mut_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(path))] => Some(path),
                _ => None,
            },
            FunctionArguments::None | FunctionArguments::Subquery(_) => None,
        },
        _ => None,
    }
}

/// The alias has column definitions only.
pub(crate) fn is_nameless(alias: &TableAlias) -> bool {
    alias.name.value == Form::NoName.name()
}

/// What stands in FROM of a SELECT of nothing, which sqlparser only reads where there is one.
pub(super) fn nothing() -> TableWithJoins {
    let name = ObjectName::from(vec![Ident::with_quote('"', Form::Nothing.name())]);
    TableWithJoins { relation: normal::table(name, None, None, false, None), joins: Vec::new() }
}

/// Whether an item of FROM is none.
pub(crate) fn is_nothing(tree: &TableWithJoins) -> bool {
    match &tree.relation {
        TableFactor::Table { name, .. } => tree.joins.is_empty() && form_of_name(name) == Some(Form::Nothing),
        _ => false,
    }
}

/// A relation's name without ONLY.
pub(crate) fn without_only(name: &ObjectName) -> ObjectName {
    ObjectName(name.0.iter().skip(usize::from(is_only(name))).cloned().collect())
}

/// A relation's name with ONLY before it.
pub(crate) fn with_only(mut name: ObjectName) -> ObjectName {
    name.0.insert(0, sqlparser::ast::ObjectNamePart::Identifier(Ident::with_quote('"', Form::Only.name())));
    name
}

/// A call that stands for a form.
pub(super) fn call(form: Form, args: Vec<Expr>) -> Expr {
    call_of(form, args.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect())
}

/// As [`call`], of any arguments.
pub(super) fn call_of(form: Form, args: Vec<FunctionArg>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', form.name())]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A word or name among the arguments of a form.
pub(super) fn word(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).with_empty_span())
}

/// The word or name that an argument is.
pub(crate) fn as_word(e: &Expr) -> Option<&str> {
    match e {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// SEARCH and CYCLE of a recursive query (PostgreSQL documentation, 7.8.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Recursion {
    /// SEARCH, where there is one.
    pub search: Option<Search>,
    /// CYCLE, where there is one.
    pub cycle: Option<Cycle>,
}

/// SEARCH … FIRST BY columns SET sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// BREADTH, else DEPTH.
    pub breadth: bool,
    /// What the rows are ordered by.
    pub by: Vec<String>,
    /// The column that it adds.
    pub sequence: String,
}

/// CYCLE columns SET mark TO value DEFAULT default USING path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// The columns that tell rows apart.
    pub by: Vec<String>,
    /// The column that it adds for the mark.
    pub mark: String,
    /// The mark's two values, as SQL constants; none for TRUE and FALSE.
    pub values: Option<(String, String)>,
    /// The column that it adds for the path: an array of rows of `by`.
    pub path: String,
}

/// Between the parts of a [`Recursion`] in a name. Were it in a column's name, the decoded text would not be the client's.
const PART: char = '\u{1f}';

impl Recursion {
    /// As a column's name.
    pub(super) fn to_ident(&self) -> Ident {
        let mut parts: Vec<String> = Vec::new();
        let mut names = |names: &[String]| {
            parts.push(names.len().to_string());
            parts.extend(names.iter().cloned());
        };
        match &self.search {
            Some(search) => {
                names(&search.by);
                names(&[search.sequence.clone(), search.breadth.to_string()]);
            }
            None => names(&[]),
        }
        match &self.cycle {
            Some(cycle) => {
                names(&cycle.by);
                names(&[cycle.mark.clone(), cycle.path.clone()]);
                let values: Vec<String> = cycle.values.iter().flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
                names(&values);
            }
            None => names(&[]),
        }
        Ident::with_quote('"', format!("{}{}", Form::Recursion.name(), parts.join(&PART.to_string())))
    }

    /// The clauses that an alias of WITH holds, and the alias without them. `None` where they are not as they were made.
    pub(crate) fn of(alias: &TableAlias) -> Option<(Option<Recursion>, TableAlias)> {
        let mut plain = alias.clone();
        match alias.columns.last().and_then(|column| Form::of(&column.name.value)) {
            Some((Form::Recursion, parts)) => {
                plain.columns.pop();
                Some((Some(Recursion::of_parts(parts)?), plain))
            }
            Some(_) => None,
            None => Some((None, plain)),
        }
    }

    pub(super) fn of_parts(text: &str) -> Option<Recursion> {
        let mut parts = text.split(PART);
        let mut names = || -> Option<Vec<String>> {
            let count: usize = parts.next()?.parse().ok()?;
            (0..count).map(|_| parts.next().map(str::to_owned)).collect()
        };
        let by = names()?;
        let search = match by.as_slice() {
            [] => None,
            _ => {
                let [sequence, breadth] = <[String; 2]>::try_from(names()?).ok()?;
                Some(Search { breadth: breadth == "true", by, sequence })
            }
        };
        let by = names()?;
        let cycle = match by.as_slice() {
            [] => None,
            _ => {
                let [mark, path] = <[String; 2]>::try_from(names()?).ok()?;
                let values = match names()?.as_slice() {
                    [] => None,
                    [value, default] => Some((value.clone(), default.clone())),
                    _ => return None,
                };
                Some(Cycle { by, mark, values, path })
            }
        };
        Some(Recursion { search, cycle })
    }
}
