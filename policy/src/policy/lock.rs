//! `policy.lock`: the columns that were there when somebody last looked at them all, and what class each had.
//!
//! The policy names columns; the lock file knows them. A column that is called otherwise now keeps the class that it had, over restarts too;
//! one that nobody has accepted yet is treated as `unclassified_new` says, until a class names it or somebody accepts it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use toml_edit::{Document, Item, Value};

use super::faults::Faults;
use super::pattern::is_system_schema;
use super::protection::family::Families;
use super::{Policy, PolicyError};
use crate::catalog::{Catalog, Column, Oid, Relation, RelationKind};

/// Schema, relation and column.
pub type Names = [String; 3];

/// A lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    databases: BTreeMap<String, Database>,
}

/// What is known of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Database {
    /// Of the server and the database: OIDs mean something in it only.
    identity: String,
    columns: BTreeMap<Names, Locked>,
}

/// What is known of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Locked {
    relation: Oid,
    attribute: i16,
    data_type: String,
    class: Option<String>,
    /// The name that its class is for, where that is none of its present ones.
    of: Option<Names>,
}

/// What has changed of a database since it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The column, as it is called now; as it was called, where it is gone.
    pub names: Names,
    /// What.
    pub what: What,
    /// The class that it has by the policy, or keeps by the lock file.
    pub class: Option<String>,
}

/// See [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was not there.
    New,
    /// It was called so.
    Renamed(Names),
    /// It is not there any more.
    Vanished,
    /// It had this type.
    Retyped(String),
    /// It had this class, or none.
    Reclassed(Option<String>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(".");
        match &self.what {
            What::New => write!(f, "{names} is new")?,
            What::Renamed(before) => write!(f, "{names} was {}", before.join("."))?,
            What::Vanished => return write!(f, "{names} is gone"),
            What::Retyped(before) => write!(f, "{names} was of type {before}")?,
            What::Reclassed(Some(before)) => write!(f, "{names} had class {before}")?,
            What::Reclassed(None) => write!(f, "{names} had no class")?,
        }
        match &self.class {
            Some(class) => write!(f, "; class {class}"),
            None => write!(f, "; no class"),
        }
    }
}

/// What of a lock file the judgement on one database needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Accepted {
    columns: HashMap<(Oid, i16), Names>,
    relations: HashSet<Oid>,
    names: HashSet<Names>,
    /// Classes that columns keep, with the names that these are for.
    pub(super) classes: HashMap<(Oid, i16), (String, Names)>,
}

impl Accepted {
    /// Nobody has accepted that column. In a relation that is known by its OID the column must be the very one; one that was made anew
    /// under an accepted name is known by its columns' names.
    pub(super) fn is_new(&self, relation: &Relation, column: &Column) -> bool {
        let names = names_of(relation, column);
        match self.relations.contains(&relation.oid) {
            true => self.columns.get(&(relation.oid, column.number)) != Some(&names),
            false => !self.names.contains(&names),
        }
    }
}

impl Lock {
    /// Reads a lock file. `file` is only a name for errors.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(file: &str, text: &str) -> Result<Lock, Vec<PolicyError>> {
        let mut faults = Faults::new(file, text);
        let help = "make it anew with `pgveil lock --accept`, or bring the last good one back";
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                faults.add(error.span().or(Some(0..0)), format!("this is not TOML: {}", error.message().replace('\n', "; ")), help);
                return Err(faults.into_errors());
            }
        };
        let mut lock = Lock::default();
        for (key, item) in document.as_table().iter() {
            let read = match (key, item) {
                ("version", item) => (item.as_integer() == Some(1)).then_some(()),
                ("database", Item::Table(all)) => all.iter().try_for_each(|(name, item)| {
                    lock.databases.insert(name.to_owned(), database(item)?);
                    Some(())
                }),
                _ => None,
            };
            if read.is_none() {
                faults.add(item.span().or(Some(0..0)), format!("`{key}` is not what a lock file of version 1 holds"), help);
            }
        }
        if !document.as_table().contains_key("version") {
            faults.add(Some(0..0), "the lock file has no version", help);
        }
        if faults.is_empty() { Ok(lock) } else { Err(faults.into_errors()) }
    }

    /// As the file holds it: one line for each column.
    pub fn render(&self) -> String {
        let mut out = "# Columns that were accepted, each with OID, attribute number, type and class: written by `pgveil lock --accept`.\nversion = 1\n".to_owned();
        let text = |text: &str| Value::from(text).to_string();
        for (name, database) in &self.databases {
            let key = toml_edit::Key::new(name).to_string();
            out.push_str(&format!("\n[database.{key}]\nidentity = {}\ncolumns = [\n", text(&database.identity)));
            for (names, column) in &database.columns {
                let mut cells: Vec<String> = names.iter().map(|name| text(name)).collect();
                cells.extend([column.relation.to_string(), column.attribute.to_string(), text(&column.data_type)]);
                cells.push(text(column.class.as_deref().unwrap_or_default()));
                cells.extend(column.of.iter().flatten().map(|name| text(name)));
                out.push_str(&format!("  [{}],\n", cells.join(", ")));
            }
            out.push_str("]\n");
        }
        out
    }

    /// Whether that database was ever accepted.
    pub fn knows(&self, database: &str) -> bool {
        self.databases.contains_key(database)
    }

    /// The databases in it.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }

    /// With a database as it is now. A column that was renamed, and has no class by its present name, keeps the one that it had.
    #[must_use]
    pub fn accepting(&self, identity: &str, catalog: &Catalog, policy: &Policy) -> Lock {
        let before = self.databases.get(&catalog.database).map(|before| before.by_oid(identity)).unwrap_or_default();
        let columns = Present::of(catalog, policy).columns;
        let columns = columns.into_iter().map(|(names, now)| {
            let kept = kept(&before, &names, &now);
            let (class, of) = match (now.class, kept) {
                (Some(class), _) => (Some(class), None),
                (None, Some((class, of))) => (Some(class), Some(of)),
                (None, None) => (None, None),
            };
            (names, Locked { relation: now.relation, attribute: now.attribute, data_type: now.data_type, class, of })
        });
        let database = Database { identity: identity.to_owned(), columns: columns.collect() };
        let mut lock = self.clone();
        lock.databases.insert(catalog.database.clone(), database);
        lock
    }

    /// What the judgement needs of it.
    pub(super) fn accepted(&self, identity: &str, database: &str) -> Accepted {
        let Some(database) = self.databases.get(database) else { return Accepted::default() };
        let mut accepted = Accepted { names: database.columns.keys().cloned().collect(), ..Accepted::default() };
        // A copy has other OIDs, or the same ones for something else.
        if database.identity == identity {
            for (names, column) in &database.columns {
                let key = (column.relation, column.attribute);
                accepted.relations.insert(column.relation);
                accepted.columns.insert(key, names.clone());
                if let Some(class) = &column.class {
                    accepted.classes.insert(key, (class.clone(), column.of.clone().unwrap_or_else(|| names.clone())));
                }
            }
        }
        accepted
    }
}

/// Columns by OID and attribute number.
type ByOid<'a> = HashMap<(Oid, i16), (&'a Names, &'a Locked)>;

impl Database {
    /// Empty where OIDs mean something else.
    fn by_oid(&self, identity: &str) -> ByOid<'_> {
        let own = self.columns.iter().filter(|_| self.identity == identity);
        own.map(|(names, column)| ((column.relation, column.attribute), (names, column))).collect()
    }
}

/// The class that a column keeps, which is called `names` now, and the name that it is for.
fn kept(before: &ByOid<'_>, names: &Names, now: &Now) -> Option<(String, Names)> {
    let (then, column) = before.get(&(now.relation, now.attribute))?;
    let of = column.of.clone().or_else(|| (*then != names).then(|| (*then).clone()))?;
    Some((column.class.clone()?, of))
}

/// What has changed since a database was accepted, by name. `identity`: of server and database, as the lock file has it. Tables that come
/// and go in schemas where read-only roles make their own are no changes.
pub fn compare(lock: &Lock, identity: &str, catalog: &Catalog, policy: &Policy) -> Vec<Change> {
    let nothing = Database::default();
    let before = lock.databases.get(&catalog.database).unwrap_or(&nothing);
    let by_oid = before.by_oid(identity);
    let relations: HashSet<Oid> = by_oid.keys().map(|(relation, _)| *relation).collect();
    let mut seen: BTreeSet<&Names> = BTreeSet::new();
    let mut changes = Vec::new();
    for (names, now) in &Present::of(catalog, policy).columns {
        let by_name = || before.columns.get_key_value(names).filter(|_| !relations.contains(&now.relation));
        let known = by_oid.get(&(now.relation, now.attribute)).copied().or_else(by_name);
        let class = now.class.clone().or_else(|| kept(&by_oid, names, now).map(|(class, _)| class));
        let mut add = |what| changes.push(Change { names: names.clone(), what, class: class.clone() });
        let Some((then, column)) = known else {
            if !is_scratch(policy, names) {
                add(What::New);
            }
            continue;
        };
        seen.insert(then);
        if then != names {
            add(What::Renamed(then.clone()));
        }
        if column.data_type != now.data_type {
            add(What::Retyped(column.data_type.clone()));
        }
        if column.class != class {
            add(What::Reclassed(column.class.clone()));
        }
    }
    let gone = before.columns.iter().filter(|(names, _)| !seen.contains(names) && !is_scratch(policy, names));
    changes.extend(gone.map(|(names, c)| Change { names: names.clone(), what: What::Vanished, class: c.class.clone() }));
    changes.sort();
    changes
}

fn is_scratch(policy: &Policy, [schema, ..]: &Names) -> bool {
    policy.roles.values().any(|role| role.owns(schema))
}

/// The columns of a database that are accepted by name.
struct Present {
    columns: BTreeMap<Names, Now>,
}

struct Now {
    relation: Oid,
    attribute: i16,
    data_type: String,
    class: Option<String>,
}

impl Present {
    fn of(catalog: &Catalog, policy: &Policy) -> Present {
        let families = Families::of(catalog);
        let mut names_by_head: HashMap<(Oid, i16), Vec<Names>> = HashMap::new();
        for relation in catalog.relations.values() {
            for column in &relation.columns {
                names_by_head.entry(families.head(relation, column)).or_default().push(names_of(relation, column));
            }
        }
        let mut columns = BTreeMap::new();
        for relation in catalog.relations.values().filter(|r| holds_data(r)) {
            for column in &relation.columns {
                let family: Vec<&Names> = names_by_head.get(&families.head(relation, column)).into_iter().flatten().collect();
                let class = policy.class_of(&family).map(|class| class.name.clone());
                let data_type = column.data_type.sql.clone();
                columns.insert(names_of(relation, column), Now { relation: relation.oid, attribute: column.number, data_type, class });
            }
        }
        Present { columns }
    }
}

/// It holds rows of its own, and for all: views show those of others, and what a session keeps to itself nobody accepts.
pub(super) fn holds_data(relation: &Relation) -> bool {
    let kind = match relation.kind {
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => true,
        RelationKind::View | RelationKind::MaterializedView | RelationKind::Sequence => false,
    };
    kind && !is_system_schema(&relation.schema) && !relation.schema.starts_with("pg_temp")
}

fn names_of(relation: &Relation, column: &Column) -> Names {
    [relation.schema.clone(), relation.name.clone(), column.name.clone()]
}

fn database(item: &Item) -> Option<Database> {
    let table = item.as_table()?;
    if table.iter().any(|(key, _)| !matches!(key, "identity" | "columns")) {
        return None;
    }
    let mut database = Database { identity: table.get("identity")?.as_str()?.to_owned(), columns: BTreeMap::new() };
    for row in table.get("columns")?.as_array()? {
        let row = row.as_array()?;
        let text = |at: usize| row.get(at).and_then(Value::as_str).map(str::to_owned);
        let three = |at: usize| Some([text(at)?, text(at.checked_add(1)?)?, text(at.checked_add(2)?)?]);
        let number = |at: usize| row.get(at).and_then(Value::as_integer);
        let of = match row.len() {
            7 => None,
            10 => Some(three(7)?),
            _ => return None,
        };
        let column = Locked {
            relation: number(3)?.try_into().ok()?,
            attribute: number(4)?.try_into().ok()?,
            data_type: text(5)?,
            class: text(6).map(|class| Some(class).filter(|c| !c.is_empty()))?,
            of,
        };
        database.columns.insert(three(0)?, column);
    }
    Some(database)
}

#[cfg(test)]
mod tests {
    use super::super::protection::tests::{catalog, people, relation};
    use super::*;
    use crate::policy::{Known, Protection};

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", &format!("version = 1\n{text}[role.r]\ndefault = \"clear\"\n[role.r.mask]\nemail = \"null\"\n"))
            .unwrap()
    }

    const EMAIL: &str = "[class.email]\ncolumns = [\"shop.people.email\"]\n";

    fn named(relations: impl IntoIterator<Item = Relation>) -> Catalog {
        Catalog { database: "shop".into(), ..catalog(relations) }
    }

    /// What is protected after a restart: attribute numbers of relation 1, or of another one.
    fn protected(lock: &Lock, identity: &str, catalog: &Catalog, policy: &Policy, relation: Oid) -> Vec<(i16, Option<String>)> {
        let known = Known::default().locked(lock, false, identity, catalog, policy);
        let protection = Protection::derive_on(policy, catalog, "r", &known).unwrap();
        let columns = protection.guard(relation).into_iter().flat_map(|guard| &guard.columns);
        columns.map(|(number, t)| (*number, t.class.clone())).collect()
    }

    fn told(changes: &[Change]) -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_lock_file_is_what_it_was_written_as() {
        let odd = relation(7, "my \"schema\".t'able", &["a\nb", "c.d"]);
        let lock = Lock::default().accepting("1.2", &named([people(), odd]), &policy(EMAIL));
        let text = lock.render();
        assert!(text.contains("\n[database.shop]\nidentity = \"1.2\"\n"), "{text}");
        assert!(text.contains("\n  [\"shop\", \"people\", \"email\", 1, 2, \"pg_catalog.text\", \"email\"],\n"), "{text}");
        assert_eq!(Lock::parse("policy.lock", &text).unwrap(), lock);
        for bad in [
            "",
            "version = 2",
            "version = 1\ndatabase = 3",
            "version = 1\n[database.x]\ncolumns = []",
            &text.replace("1, 2,", "1,"),
            text.split_once("people").unwrap().0,
        ] {
            assert!(Lock::parse("policy.lock", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_new_is_redacted_until_it_is_accepted_or_has_a_class() {
        let (before, policy_1) = (named([people()]), policy(EMAIL));
        let lock = Lock::default().accepting("1.2", &before, &policy_1);
        assert!(compare(&lock, "1.2", &before, &policy_1).is_empty());
        let email = [(2, Some("email".to_owned()))];
        assert_eq!(protected(&lock, "1.2", &before, &policy_1, 1), email);
        let wider = || relation(1, "shop.people", &["id", "email", "name", "phone"]);
        let after = named([wider(), relation(9, "shop.fresh", &["x"])]);
        assert_eq!(protected(&lock, "1.2", &after, &policy_1, 1), [email[0].clone(), (4, None)]);
        assert_eq!(protected(&lock, "1.2", &after, &policy_1, 9), [(1, None)]);
        assert_eq!(
            told(&compare(&lock, "1.2", &after, &policy_1)),
            ["shop.fresh.x is new; no class", "shop.people.phone is new; no class"]
        );
        let classed = policy(&format!("{EMAIL}[class.open]\ncolumns = [\"*.*.phone\", \"shop.fresh.*\"]\n"));
        assert_eq!(protected(&lock, "1.2", &after, &classed, 1), email);
        let accepted = lock.accepting("1.2", &after, &policy_1);
        assert_eq!(protected(&accepted, "1.2", &after, &policy_1, 1), email);
        for (word, seen) in [("clear", email.to_vec()), ("refuse", vec![email[0].clone(), (4, None)])] {
            let other = policy(&format!("unclassified_new = \"{word}\"\n{EMAIL}"));
            assert_eq!(protected(&lock, "1.2", &after, &other, 1), seen);
        }
        // A database that nobody has accepted, and a partition of a table that somebody has.
        assert_eq!(protected(&Lock::default(), "1.2", &before, &policy_1, 1).len(), 3);
        let part = Relation { parents: vec![1], ..relation(5, "shop.people_2", &["id", "email", "name", "x"]) };
        assert_eq!(protected(&lock, "1.2", &named([people(), part]), &policy_1, 5), [(2, Some("email".to_owned())), (4, None)]);
    }

    #[test]
    fn a_renamed_column_keeps_its_class_over_restarts_and_acceptances() {
        let policy_1 = policy(EMAIL);
        let lock = Lock::default().accepting("1.2", &named([people()]), &policy_1);
        let renamed = named([relation(1, "shop.people", &["ident", "mail", "name"])]);
        let kept = [(1, None), (2, Some("email".to_owned()))];
        assert_eq!(protected(&lock, "1.2", &renamed, &policy_1, 1), kept);
        assert_eq!(
            told(&compare(&lock, "1.2", &renamed, &policy_1)),
            ["shop.people.ident was shop.people.id; no class", "shop.people.mail was shop.people.email; class email"]
        );
        // Accepted without a class by its name: it has the one that it had, and goes on to.
        let mut again = lock.accepting("1.2", &renamed, &policy_1);
        for _ in 0..2 {
            again = Lock::parse("policy.lock", &again.render()).unwrap();
            assert_eq!(protected(&again, "1.2", &renamed, &policy_1, 1), kept[1..]);
            assert!(compare(&again, "1.2", &renamed, &policy_1).is_empty());
            again = again.accepting("1.2", &renamed, &policy_1);
        }
        // With one, it has that.
        let named_now = policy("[class.email]\ncolumns = []\n[class.open]\ncolumns = [\"shop.people.mail\"]\n");
        assert!(protected(&lock.accepting("1.2", &renamed, &named_now), "1.2", &renamed, &named_now, 1).is_empty());
        // Taken away from a column that is called what it was.
        let without = policy("[class.email]\ncolumns = []\n");
        assert!(protected(&lock, "1.2", &named([people()]), &without, 1).is_empty());
        assert_eq!(told(&compare(&lock, "1.2", &named([people()]), &without)), ["shop.people.email had class email; no class"]);
        // Swapped: neither becomes clear.
        let swapped = named([relation(1, "shop.people", &["email", "id", "name"])]);
        let numbers: Vec<i16> = protected(&lock, "1.2", &swapped, &policy_1, 1).iter().map(|(n, _)| *n).collect();
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn a_copy_of_a_database_is_known_by_names() {
        let policy_1 = policy(EMAIL);
        let lock = Lock::default().accepting("1.2", &named([people(), relation(2, "shop.other", &["x", "y", "z"])]), &policy_1);
        let copy = named([relation(2, "shop.people", &["id", "email", "name"]), relation(1, "shop.other", &["x", "y", "z", "w"])]);
        assert_eq!(protected(&lock, "3.4", &copy, &policy_1, 2), [(2, Some("email".to_owned()))]);
        assert_eq!(protected(&lock, "3.4", &copy, &policy_1, 1), [(4, None)]);
        assert_eq!(told(&compare(&lock, "3.4", &copy, &policy_1)), ["shop.other.w is new; no class"]);
        // A table that is made anew under its name, as builds do.
        let anew = named([relation(50, "shop.people", &["id", "email", "name"])]);
        assert_eq!(protected(&lock, "1.2", &anew, &policy_1, 50), [(2, Some("email".to_owned()))]);
    }
}
