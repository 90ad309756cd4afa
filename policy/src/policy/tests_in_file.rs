//! `[[test]]`: what the policy's authors expect of it, in the file or beside it. `pgveil check` runs them on a live database.

use toml_edit::{Document, Item, TableLike, Value};

use super::PolicyError;
use super::attributes::{self, Attributes};
use super::faults::{Faults, suggest};
use super::parse::{article, key_span, known_keys, string, table, tables};
use super::user::User;

/// Keys of a test.
pub(crate) const KEYS: [&str; 6] = ["name", "role", "user", "attributes", "sql", "expect"];
/// Words that say what a column looks like, beside the masks' names.
pub(crate) const WORDS: [&str; 1] = ["computed"];

/// A statement, and what it must come to for a role.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyTest {
    /// What it shows, in words.
    pub name: Option<String>,
    /// Who asks.
    pub role: String,
    /// As whom, for row filters that ask for it; `None`: any user of the role.
    pub user: Option<User>,
    /// What is asked: one statement.
    pub sql: String,
    /// What must come of it.
    pub expect: Expect,
    /// The file as it was named to us.
    pub file: String,
    /// Of `expect`; from 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// What must come of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// It is not refused.
    Answered,
    /// It is refused, by the rule of that id where one is named.
    Refused(Option<String>),
    /// Result columns by name, and the mask that each has; others may be there.
    Columns(Vec<(String, String)>),
    /// Its rows in order, as text; `None` for NULL.
    Rows(Vec<Vec<Option<String>>>),
}

impl PolicyTest {
    /// Reads the file beside a policy, `policy.tests.toml`: nothing but tests. `roles`: those of the policy.
    ///
    /// # Errors
    /// All faults, in the order of the file.
    pub fn parse_file(file: &str, text: &str, roles: &[&str]) -> Result<Vec<PolicyTest>, Vec<PolicyError>> {
        let mut faults = Faults::new(file, text);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let message = format!("this is not TOML: {}", error.message().trim().replace('\n', "; "));
                faults.add(error.span().or(Some(0..0)), message, "write `[[test]]` and below it role, sql and expect");
                return Err(faults.into_errors());
            }
        };
        known_keys(&mut faults, document.as_table(), &["test"], "in a file of tests");
        let found = tests(&mut faults, document.as_table(), file, roles);
        if faults.is_empty() { Ok(found) } else { Err(faults.into_errors()) }
    }
}

pub(super) fn tests(faults: &mut Faults<'_>, root: &dyn TableLike, file: &str, roles: &[&str]) -> Vec<PolicyTest> {
    const HELP: &str = "write [[test]] for each test, and below it role, sql and expect";
    tables(faults, root, "test", HELP).into_iter().filter_map(|test| one(faults, test, file, roles)).collect()
}

fn one(faults: &mut Faults<'_>, test: &dyn TableLike, file: &str, roles: &[&str]) -> Option<PolicyTest> {
    known_keys(faults, test, &KEYS, "in a test");
    // A table without a place of its own: that of its first key.
    let place = test.iter().next().and_then(|(key, _)| key_span(test, key)).or(Some(0..0));
    let mut needed = |key: &str, help: &str| {
        let found = test.get(key);
        if found.is_none() {
            faults.add(place.clone(), format!("a test has no `{key}`"), help);
        }
        found
    };
    let role = needed("role", "write `role = \"analyst\"`: who asks");
    let sql = needed("sql", "write `sql = \"SELECT …\"`: what is asked");
    let expect = needed("expect", EXPECT);
    let name = test.get("name").and_then(|item| string(faults, item, "`name` of a test")).map(str::to_owned);
    let role_name = role.and_then(|item| string(faults, item, "`role` of a test"));
    if let (Some(item), Some(role)) = (role, role_name)
        && !roles.contains(&role)
    {
        faults.add(item.span(), format!("a test asks as role `{role}`, which is not defined"), suggest(role, roles.iter().copied()));
    }
    let sql = sql.and_then(|item| string(faults, item, "`sql` of a test"));
    let user = user(faults, test);
    let (line, column) = faults.place(expect.and_then(Item::span));
    let expect = expect.and_then(|item| expected(faults, item));
    Some(PolicyTest { name, role: role_name?.to_owned(), user, sql: sql?.to_owned(), expect: expect?, file: file.to_owned(), line, column })
}

/// What a user is called whom a test does not name.
pub const USER: &str = "pgveil_test";

fn user(faults: &mut Faults<'_>, test: &dyn TableLike) -> Option<User> {
    const NAME: &str = "write `user = \"ana\"`: what `{user}` in row filters stands for";
    const ATTRIBUTES: &str = "write `attributes = { region = \"eu\", teams = [\"a\", \"b\"] }`, as in the users file";
    let name = test.get("user").map(|item| {
        let name = string(faults, item, "`user` of a test");
        if name.is_some_and(|name| name.is_empty() || name.contains('\0')) {
            faults.add(item.span(), "nobody is called that", NAME);
        }
        name.unwrap_or_default()
    });
    let attributes = test.get("attributes").map(|item| {
        attributes::of_toml(item).unwrap_or_else(|(which, why)| {
            let key = item.as_table_like().zip(which.strip_prefix('.')).and_then(|(table, key)| key_span(table, key));
            faults.add(key.or_else(|| item.span()), format!("`attributes{which}` of a test {why}"), ATTRIBUTES);
            Attributes::new()
        })
    });
    (name.is_some() || attributes.is_some())
        .then(|| User { name: name.unwrap_or(USER).to_owned(), attributes: attributes.unwrap_or_default() })
}

const EXPECT: &str = "write `expect = \"refused\"`, `\"answered\"`, `{ refused = \"seal.use\" }`, `{ columns = { email = \"hash\" } }` or \
                      `{ rows = [[1, \"a\"]] }`";

fn expected(faults: &mut Faults<'_>, item: &Item) -> Option<Expect> {
    if let Some(word) = item.as_str() {
        return match word {
            "refused" => Some(Expect::Refused(None)),
            "answered" => Some(Expect::Answered),
            other => {
                faults.add(item.span(), format!("a test cannot expect `{other}`"), suggest(other, ["refused", "answered"]));
                None
            }
        };
    }
    let Some(expect) = item.as_table_like() else {
        faults.add(item.span(), format!("`expect` must be a string or a table, not {}", article(item.type_name())), EXPECT);
        return None;
    };
    let mut keys = expect.iter();
    match (keys.next(), keys.next()) {
        (Some(("refused", id)), None) => refused(faults, id),
        (Some(("columns", masks)), None) => columns(faults, masks, key_span(expect, "columns")),
        (Some(("rows", rows)), None) => self::rows(faults, rows),
        (Some((other, _)), None) => {
            let help = suggest(other, ["refused", "columns", "rows"]);
            faults.add(key_span(expect, other), format!("a test cannot expect `{other}`"), help);
            None
        }
        _ => {
            faults.add(item.span(), "a test expects one thing", EXPECT);
            None
        }
    }
}

fn refused(faults: &mut Faults<'_>, id: &Item) -> Option<Expect> {
    let name = string(faults, id, "the id of a refusal")?;
    if crate::refusal::kinds::kind(name).is_none() {
        let known = crate::refusal::kinds::kinds().map(|kind| kind.id);
        let near = suggest(name, known);
        let help = if near.starts_with("did") { near } else { "docs/refusals.md lists them all".to_owned() };
        faults.add(id.span(), format!("there is no refusal `{name}`"), help);
        return None;
    }
    Some(Expect::Refused(Some(name.to_owned())))
}

fn columns(faults: &mut Faults<'_>, item: &Item, at: Option<std::ops::Range<usize>>) -> Option<Expect> {
    let masks = table(faults, item, at, "`columns` of a test", "write `{ columns = { email = \"hash\", id = \"clear\" } }`")?;
    let mut out = Vec::new();
    let [_, _, _, known] = super::Policy::keys();
    for (column, item) in masks.iter() {
        let mask = string(faults, item, &format!("the mask of column {column}"))?;
        let known = || known.iter().chain(&WORDS).copied();
        if known().all(|k| k != mask) {
            faults.add(item.span(), format!("unknown mask `{mask}`"), suggest(mask, known()));
            return None;
        }
        out.push((column.to_owned(), mask.to_owned()));
    }
    Some(Expect::Columns(out))
}

fn rows(faults: &mut Faults<'_>, item: &Item) -> Option<Expect> {
    const HELP: &str = "write `{ rows = [[1, \"a\"], [2, {}]] }`: an array for each row; `{}` stands for NULL";
    let Some(rows) = item.as_array() else {
        faults.add(item.span(), format!("`rows` of a test must be an array, not {}", article(item.type_name())), HELP);
        return None;
    };
    let mut out = Vec::new();
    for row in rows {
        let Some(cells) = row.as_array() else {
            faults.add(row.span(), format!("a row of a test must be an array, not {}", article(row.type_name())), HELP);
            return None;
        };
        let mut values = Vec::new();
        for cell in cells {
            values.push(match cell {
                Value::String(text) => Some(text.value().clone()),
                Value::Integer(number) => Some(number.value().to_string()),
                Value::Boolean(truth) => Some(if *truth.value() { "t" } else { "f" }.to_owned()),
                Value::Float(_) | Value::Datetime(_) => Some(faults.written(cell.span())),
                Value::InlineTable(table) if table.is_empty() => None,
                Value::InlineTable(_) | Value::Array(_) => {
                    faults.add(cell.span(), "a value in a row of a test is a string, a number, true, false, or `{}` for NULL", HELP);
                    return None;
                }
            });
        }
        out.push(values);
    }
    Some(Expect::Rows(out))
}
