//! COPY: what is copied, which way, and its options, each with PostgreSQL 15's own rules and words.

use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, DefElem, Node, RangeVar};

use super::postgres::Raw;
use super::{Body, Reading, agree, control};
use crate::plan::CopyForm;
use crate::{Refusal, SqlState};

/// A COPY between the server and the client.
#[derive(Debug, Clone)]
pub struct Copy {
    /// What it reads or fills.
    pub what: Copied,
    /// FROM STDIN; else TO STDOUT.
    pub from: bool,
    /// How the data is written.
    pub options: Options,
}

/// What a COPY reads or fills.
#[derive(Debug, Clone)]
pub enum Copied {
    /// A table.
    Table {
        /// As it is named.
        name: Named,
        /// In their order; `None` where they are not listed.
        columns: Option<Vec<String>>,
    },
    /// A query in brackets.
    Query(Reading),
}

/// A relation as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Database, schema and relation, as far as they are given.
    pub parts: Vec<String>,
    /// ONLY.
    pub only: bool,
    /// Where it stands in the statement, in characters, from 1.
    pub place: Option<usize>,
}

/// Options of a COPY, each as it takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// FORMAT and what belongs to it.
    pub form: CopyForm,
    /// HEADER
    pub header: Header,
    /// FREEZE
    pub freeze: bool,
    /// FORCE_QUOTE
    pub force_quote: Columns,
    /// FORCE_NOT_NULL
    pub force_not_null: Vec<String>,
    /// FORCE_NULL
    pub force_null: Vec<String>,
}

/// HEADER
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum Header {
    #[default]
    Off,
    On,
    Match,
}

/// Columns of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// `*`
    All,
    /// By their names.
    Named(Vec<String>),
}

/// Reads a COPY.
pub(super) fn copy(raw: &Raw, statement: &CopyStmt) -> Result<Body, Refusal> {
    if statement.is_program || !statement.filename.is_empty() {
        let what = if statement.is_program { "a program" } else { "a file" };
        let message = format!("COPY to or from {what} of the server is not open to roles with masks");
        return Err(Refusal::new(SqlState::DENIED, "copy.file", message)
            .with_hint("Copy to or from the client: COPY … TO STDOUT, COPY … FROM STDIN, in psql \\copy.")
            .at(Some(1)));
    }
    if statement.where_clause.is_some() {
        return Err(Refusal::new(
            SqlState::UNSUPPORTED,
            "copy.where",
            "WHERE of a COPY FROM cannot be used through pgveil by a role with masks",
        )
        .with_hint("Copy into a temporary table, and insert from there what is wanted.")
        .at(Some(1)));
    }
    let what = match (&statement.relation, statement.query.as_deref().and_then(|q| q.node.as_ref())) {
        (Some(relation), None) => {
            let columns =
                statement.attlist.iter().map(|c| control::word(Some(c)).ok_or_else(|| unknown("a column"))).collect::<Result<_, _>>()?;
            let columns: Vec<String> = columns;
            Copied::Table { name: named(raw, relation), columns: (!columns.is_empty()).then_some(columns) }
        }
        (None, Some(NodeEnum::SelectStmt(select))) if select.into_clause.is_some() => {
            return Err(Refusal::new(SqlState::UNSUPPORTED, "copy.query", "COPY (SELECT INTO) is not supported").at(Some(1)));
        }
        (None, Some(node @ NodeEnum::SelectStmt(_))) => Copied::Query(agree::reading(raw, node)?),
        (None, Some(_)) => {
            return Err(Refusal::new(SqlState::DENIED, "copy.query", "COPY of a statement that writes is not open to roles with masks")
                .with_hint("Run the statement by itself, with RETURNING.")
                .at(Some(1)));
        }
        _ => return Err(unknown("what is copied")),
    };
    let options = options(&statement.options, statement.is_from).map_err(|r| r.at(Some(1)))?;
    Ok(Body::Copy(Copy { what, from: statement.is_from, options }))
}

/// A relation's name.
pub(super) fn named(raw: &Raw, relation: &RangeVar) -> Named {
    let given = [&relation.catalogname, &relation.schemaname, &relation.relname];
    let place = relation.location.checked_sub(raw.start).and_then(|at| usize::try_from(at).ok()).and_then(|at| raw.text.get(..at));
    Named {
        parts: given.into_iter().filter(|part| !part.is_empty()).cloned().collect(),
        only: !relation.inh,
        place: place.filter(|_| raw.client).map(|before| before.chars().count() + 1),
    }
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.copy", format!("pgveil does not know {what} of this COPY"))
}

/// In Postgres' words.
fn wrong(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(SqlState(code), "copy.option", message)
}

const SYNTAX: &str = "42601";
const INVALID: &str = "22023";
const UNSUPPORTED: &str = "0A000";

/// Options as they are given.
#[derive(Default)]
struct Given {
    format: Option<String>,
    freeze: Option<bool>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<Columns>,
    force_not_null: Option<Vec<String>>,
    force_null: Option<Vec<String>>,
    encoding: Option<()>,
}

/// As `ProcessCopyOptions` of `src/backend/commands/copy.c` does.
fn options(elements: &[Node], from: bool) -> Result<Options, Refusal> {
    let mut given = Given::default();
    for element in elements {
        let Some(NodeEnum::DefElem(element)) = &element.node else { return Err(unknown("an option")) };
        one(&mut given, element, from)?;
    }
    let form = form(&given)?;
    let csv = matches!(form, CopyForm::Csv { .. });
    let header = given.header.unwrap_or_default();
    if header != Header::Off && form == CopyForm::Binary {
        return Err(wrong(SYNTAX, "cannot specify HEADER in BINARY mode"));
    }
    for (given, name, only_from) in [
        (given.force_quote.is_some(), "force quote", false),
        (given.force_not_null.is_some(), "force not null", true),
        (given.force_null.is_some(), "force null", true),
    ] {
        if given && !csv {
            return Err(wrong(UNSUPPORTED, format!("COPY {name} available only in CSV mode")));
        }
        if given && only_from != from {
            return Err(wrong(UNSUPPORTED, format!("COPY {name} only available using COPY {}", if only_from { "FROM" } else { "TO" })));
        }
    }
    null_is_apart(&form)?;
    Ok(Options {
        form,
        header,
        freeze: given.freeze.unwrap_or_default(),
        force_quote: given.force_quote.unwrap_or(Columns::Named(vec![])),
        force_not_null: given.force_not_null.unwrap_or_default(),
        force_null: given.force_null.unwrap_or_default(),
    })
}

fn one(given: &mut Given, element: &DefElem, from: bool) -> Result<(), Refusal> {
    let text = || match element.arg.as_deref() {
        None => Err(wrong(SYNTAX, format!("{} requires a parameter", element.defname))),
        arg => control::word(arg).ok_or_else(|| unknown(&format!("the value of {}", element.defname.to_ascii_uppercase()))),
    };
    match element.defname.as_str() {
        "format" => put(&mut given.format, text()?),
        "freeze" => put(&mut given.freeze, boolean(element)?),
        "delimiter" => put(&mut given.delimiter, text()?),
        "null" => put(&mut given.null, text()?),
        "header" => put(&mut given.header, header(element, from)?),
        "quote" => put(&mut given.quote, text()?),
        "escape" => put(&mut given.escape, text()?),
        "force_quote" => put(&mut given.force_quote, columns(element)?),
        "force_not_null" => put(&mut given.force_not_null, names(element)?),
        "force_null" => put(&mut given.force_null, names(element)?),
        "encoding" => put(&mut given.encoding, encoding(&text()?)?),
        // Of later versions.
        "default" | "on_error" | "reject_limit" | "log_verbosity" => {
            Err(unknown(&format!("the option {}", element.defname.to_ascii_uppercase())).with_hint("Leave it out."))
        }
        other => Err(wrong(SYNTAX, format!("option \"{other}\" not recognized"))),
    }
}

fn put<T>(place: &mut Option<T>, value: T) -> Result<(), Refusal> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(SYNTAX, "conflicting or redundant options")),
    }
}

/// As `defGetBoolean`: an option without a value is on.
fn boolean(element: &DefElem) -> Result<bool, Refusal> {
    match word(element).as_deref() {
        None if element.arg.is_none() => Ok(true),
        Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        _ => Err(wrong(SYNTAX, format!("{} requires a Boolean value", element.defname))),
    }
}

fn header(element: &DefElem, from: bool) -> Result<Header, Refusal> {
    match word(element).as_deref() {
        Some("match") if from => Ok(Header::Match),
        Some("match") => Err(wrong(UNSUPPORTED, "cannot use \"match\" with HEADER in COPY TO")),
        _ => match boolean(element) {
            Ok(true) => Ok(Header::On),
            Ok(false) => Ok(Header::Off),
            Err(_) => Err(wrong(SYNTAX, "header requires a Boolean value or \"match\"")),
        },
    }
}

fn word(element: &DefElem) -> Option<String> {
    control::word(element.arg.as_deref()).map(|word| word.to_ascii_lowercase())
}

fn columns(element: &DefElem) -> Result<Columns, Refusal> {
    match element.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::AStar(_)) => Ok(Columns::All),
        _ => names(element).map(Columns::Named),
    }
}

fn names(element: &DefElem) -> Result<Vec<String>, Refusal> {
    let not_a_list = || wrong(INVALID, format!("argument to option \"{}\" must be a list of column names", element.defname));
    match element.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::List(list)) => list.items.iter().map(|item| control::word(Some(item)).ok_or_else(not_a_list)).collect(),
        _ => Err(not_a_list()),
    }
}

/// Values are read and hashed as UTF-8.
fn encoding(name: &str) -> Result<(), Refusal> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if matches!(plain.as_str(), "utf8" | "unicode") {
        return Ok(());
    }
    Err(Refusal::new(SqlState::UNSUPPORTED, "copy.encoding", format!("COPY with ENCODING \"{name}\" cannot be used by a role with masks"))
        .with_hint("Leave ENCODING out, or say UTF8, and convert the file."))
}

/// What stands for NULL holds nothing that ends a value.
fn null_is_apart(form: &CopyForm) -> Result<(), Refusal> {
    let (delimiter, quote, null) = match form {
        CopyForm::Text { delimiter, null } => (delimiter, None, null),
        CopyForm::Csv { delimiter, quote, null, .. } => (delimiter, Some(quote), null),
        CopyForm::Binary => return Ok(()),
    };
    if null.as_bytes().contains(delimiter) {
        return Err(wrong(UNSUPPORTED, "COPY delimiter must not appear in the NULL specification"));
    }
    if quote.is_some_and(|quote| null.as_bytes().contains(quote)) {
        return Err(wrong(UNSUPPORTED, "CSV quote character must not appear in the NULL specification"));
    }
    Ok(())
}

/// The one byte of a text.
fn byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] => Some(*byte),
        _ => None,
    }
}

fn form(given: &Given) -> Result<CopyForm, Refusal> {
    let (csv, binary) = match given.format.as_deref() {
        None | Some("text") => (false, false),
        Some("csv") => (true, false),
        Some("binary") => (false, true),
        Some(other) => return Err(wrong(INVALID, format!("COPY format \"{other}\" not recognized"))),
    };
    for (given, name) in [(given.delimiter.is_some(), "DELIMITER"), (given.null.is_some(), "NULL")] {
        if given && binary {
            return Err(wrong(SYNTAX, format!("cannot specify {name} in BINARY mode")));
        }
    }
    let only_csv = || {
        let given = [(given.quote.is_some(), "quote"), (given.escape.is_some(), "escape")].into_iter().find(|(given, _)| *given && !csv);
        given.map_or(Ok(()), |(_, name)| Err(wrong(UNSUPPORTED, format!("COPY {name} available only in CSV mode"))))
    };
    if binary {
        only_csv()?;
        return Ok(CopyForm::Binary);
    }
    let delimiter = given.delimiter.as_deref().unwrap_or(if csv { "," } else { "\t" });
    let null = given.null.as_deref().unwrap_or(if csv { "" } else { "\\N" });
    let delimiter = byte(delimiter).ok_or_else(|| wrong(UNSUPPORTED, "COPY delimiter must be a single one-byte character"))?;
    if matches!(delimiter, b'\r' | b'\n') {
        return Err(wrong(INVALID, "COPY delimiter cannot be newline or carriage return"));
    }
    if null.contains(['\r', '\n']) {
        return Err(wrong(INVALID, "COPY null representation cannot use newline or carriage return"));
    }
    if !csv && matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') {
        return Err(wrong(INVALID, format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
    }
    only_csv()?;
    if !csv {
        return Ok(CopyForm::Text { delimiter, null: null.to_owned() });
    }
    let quote = given.quote.as_deref().unwrap_or("\"");
    let quote = byte(quote).ok_or_else(|| wrong(UNSUPPORTED, "COPY quote must be a single one-byte character"))?;
    if quote == delimiter {
        return Err(wrong(INVALID, "COPY delimiter and quote must be different"));
    }
    let escape = match given.escape.as_deref() {
        None => quote,
        Some(escape) => byte(escape).ok_or_else(|| wrong(UNSUPPORTED, "COPY escape must be a single one-byte character"))?,
    };
    Ok(CopyForm::Csv { delimiter, quote, escape, null: null.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{self, Statement};

    fn read(sql: &str) -> Copy {
        match read::read(sql).unwrap().pop() {
            Some(Statement { body: Body::Copy(copy), .. }) => copy,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn text(delimiter: u8, null: &str) -> CopyForm {
        CopyForm::Text { delimiter, null: null.to_owned() }
    }

    fn csv(delimiter: u8, quote: u8, escape: u8, null: &str) -> CopyForm {
        CopyForm::Csv { delimiter, quote, escape, null: null.to_owned() }
    }

    #[test]
    fn forms_of_every_syntax() {
        for (sql, form, header) in [
            ("COPY t TO STDOUT", text(b'\t', "\\N"), Header::Off),
            ("COPY t TO STDIN", text(b'\t', "\\N"), Header::Off),
            ("COPY t TO STDOUT (FORMAT text, DELIMITER '|', NULL 'x', HEADER)", text(b'|', "x"), Header::On),
            ("COPY t TO STDOUT WITH DELIMITER AS ';' NULL AS ''", text(b';', ""), Header::Off),
            ("COPY t TO STDOUT USING DELIMITERS '|'", text(b'|', "\\N"), Header::Off),
            ("COPY t TO STDOUT (HEADER false)", text(b'\t', "\\N"), Header::Off),
            ("COPY t TO STDOUT WITH CSV HEADER", csv(b',', b'"', b'"', ""), Header::On),
            ("COPY t TO STDOUT (FORMAT 'csv', HEADER 1, QUOTE '''', NULL 'n')", csv(b',', b'\'', b'\'', "n"), Header::On),
            ("COPY t TO STDOUT CSV QUOTE AS '\"' ESCAPE AS '\\' FORCE QUOTE *", csv(b',', b'"', b'\\', ""), Header::Off),
            ("COPY BINARY t TO STDOUT", CopyForm::Binary, Header::Off),
            ("COPY t TO STDOUT WITH BINARY", CopyForm::Binary, Header::Off),
            ("COPY t FROM STDIN (FORMAT csv, HEADER match, ENCODING 'utf-8')", csv(b',', b'"', b'"', ""), Header::Match),
        ] {
            let copy = read(sql);
            assert_eq!((copy.options.form, copy.options.header), (form, header), "{sql}");
        }
        assert_eq!(read("COPY t TO STDOUT CSV FORCE QUOTE *").options.force_quote, Columns::All);
        let copy = read("COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE (a, \"B\"))");
        assert_eq!(copy.options.force_quote, Columns::Named(vec!["a".to_owned(), "B".to_owned()]));
    }

    #[test]
    fn what_postgres_refuses_is_refused_in_its_words_and_what_later_versions_take_in_ours() {
        for (sql, code, message) in [
            ("COPY t TO STDOUT (FORMAT 'xml')", "22023", "COPY format \"xml\" not recognized"),
            ("COPY t TO STDOUT (DELIMITER '||')", "0A000", "COPY delimiter must be a single one-byte character"),
            ("COPY t TO STDOUT (DELIMITER 'ä')", "0A000", "COPY delimiter must be a single one-byte character"),
            ("COPY t TO STDOUT (DELIMITER 'a')", "22023", "COPY delimiter cannot be \"a\""),
            ("COPY t TO STDOUT (DELIMITER E'\\n')", "22023", "COPY delimiter cannot be newline or carriage return"),
            ("COPY t TO STDOUT (NULL E'a\\nb')", "22023", "COPY null representation cannot use newline or carriage return"),
            ("COPY t TO STDOUT (DELIMITER 'N')", "0A000", "COPY delimiter must not appear in the NULL specification"),
            ("COPY t TO STDOUT (FORMAT csv, NULL 'a\"b')", "0A000", "CSV quote character must not appear in the NULL specification"),
            ("COPY t TO STDOUT (FORMAT csv, QUOTE ',')", "22023", "COPY delimiter and quote must be different"),
            ("COPY t TO STDOUT (QUOTE '|')", "0A000", "COPY quote available only in CSV mode"),
            ("COPY t TO STDOUT (FORMAT binary, HEADER)", "42601", "cannot specify HEADER in BINARY mode"),
            ("COPY t TO STDOUT (FORMAT binary, NULL '')", "42601", "cannot specify NULL in BINARY mode"),
            ("COPY t TO STDOUT (HEADER match)", "0A000", "cannot use \"match\" with HEADER in COPY TO"),
            ("COPY t TO STDOUT (FORMAT csv, FORMAT csv)", "42601", "conflicting or redundant options"),
            ("COPY t TO STDOUT (FORMAT csv, FORCE_NULL (a))", "0A000", "COPY force null only available using COPY FROM"),
            ("COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE (a))", "0A000", "COPY force quote only available using COPY TO"),
            ("COPY t FROM STDIN (DEFAULT 'x')", "0A000", "pgveil does not know the option DEFAULT of this COPY"),
            ("COPY t FROM STDIN (ON_ERROR ignore)", "0A000", "pgveil does not know the option ON_ERROR of this COPY"),
            ("COPY t FROM STDIN (CONVERT_SELECTIVELY (a))", "42601", "option \"convert_selectively\" not recognized"),
        ] {
            let refusal = read::read(sql).map(|read| panic!("{sql}: {read:?}")).unwrap_err();
            assert_eq!((refusal.code.0, refusal.message.as_str()), (code, message), "{sql}");
        }
        for (sql, id) in [
            ("COPY t TO '/tmp/x'", "copy.file"),
            ("COPY t FROM PROGRAM 'id'", "copy.file"),
            ("COPY t TO STDOUT (ENCODING 'latin1')", "copy.encoding"),
            ("COPY t FROM STDIN WHERE a > 1", "copy.where"),
            ("COPY (DELETE FROM t RETURNING *) TO STDOUT", "copy.query"),
            ("COPY (SELECT 1 INTO x) TO STDOUT", "copy.query"),
        ] {
            assert_eq!(read::read(sql).map(|read| panic!("{sql}: {read:?}")).unwrap_err().id, id, "{sql}");
        }
    }
}
