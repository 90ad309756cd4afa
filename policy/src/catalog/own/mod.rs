//! The catalog as one session sees it: tables that it has made and not committed, and its temporary ones.
//!
//! The session itself is asked what differs from a snapshot that many share ([`Asking`]), in as few steps as will do: what is newer
//! than the snapshot, and what is gone; the rows of those relations and types alone; all, where functions, operators, casts or schemas
//! are others, or types that a snapshot's relations may be made of. What is the same stays shared.

mod questions;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::load::queries::{self, CODE, PARTS, QUERIES};
use super::load::{Builder, LoadError};
use super::{Catalog, Oid, Type};

/// Rows of one question, cells in text format.
pub type Rows = Vec<Vec<Option<String>>>;

/// A session's own catalog.
#[derive(Debug, Clone)]
pub struct Own {
    /// All that the session sees.
    pub catalog: Arc<Catalog>,
    /// Relations that are, or may be, others than in the snapshot, with all that inherit from them or they from; `None`: all.
    pub changed: Option<HashSet<Oid>>,
}

/// How a session's catalog is found out.
#[derive(Debug)]
pub struct Asking {
    base: Arc<Catalog>,
    stage: Stage,
    questions: Vec<String>,
}

#[derive(Debug)]
enum Stage {
    Survey,
    Lists(Box<Found>),
    Part { given: HashSet<Oid>, gone: HashSet<Oid>, gone_types: HashSet<Oid> },
    Full,
}

/// What comes of answers.
#[derive(Debug)]
pub enum Next {
    /// There is more to ask.
    Ask(Box<Asking>),
    /// The session sees what the snapshot shows.
    Same,
    /// It sees another catalog.
    Differs(Own),
}

/// What the survey found.
#[derive(Debug, Default)]
struct Found {
    relations: HashSet<Oid>,
    own: HashSet<Oid>,
    changed: HashSet<Oid>,
    indexes: HashMap<Oid, Oid>,
    children: HashSet<(Oid, Oid)>,
    own_children: HashSet<(Oid, Oid)>,
    types: HashSet<Oid>,
    own_types: HashSet<Oid>,
    sums: HashMap<char, i64>,
}

impl Asking {
    /// What differs from `base`, a snapshot of the session's database.
    pub fn new(base: Arc<Catalog>) -> Self {
        let questions = match base.basis.horizon {
            Some(horizon) => vec![CODE.to_owned(), questions::changes(horizon)],
            None => full(),
        };
        let stage = if base.basis.horizon.is_some() { Stage::Survey } else { Stage::Full };
        Asking { base, stage, questions: dressed(questions) }
    }

    /// What is to be asked now, in this order, in one transaction: rows of each are the answer.
    pub fn questions(&self) -> &[String] {
        &self.questions
    }

    /// Takes the rows of each of [`Asking::questions`].
    ///
    /// # Errors
    /// Rows that do not make a catalog: nothing is known then.
    pub fn answered(self, mut answers: Vec<Rows>) -> Result<Next, LoadError> {
        // The first and the last are settings.
        let expected = self.questions.len();
        let answered = answers.len() == expected && answers.pop().is_some();
        if !answered {
            return Err(LoadError::Missing { query: "own" });
        }
        let mut answers = answers.into_iter().skip(1);
        match self.stage {
            Stage::Survey => {
                let (code, changes) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
                if code.into_iter().flatten().flatten().next() != self.base.basis.code {
                    return Ok(Next::Ask(Box::new(Asking { questions: dressed(full()), stage: Stage::Full, base: self.base })));
                }
                let found = Found::read(changes)?;
                if found.all_there(&self.base) {
                    return Ok(part(self.base, &found, Gone::default()));
                }
                Ok(Next::Ask(Box::new(Asking {
                    questions: dressed(vec![questions::LISTS.to_owned()]),
                    stage: Stage::Lists(Box::new(found)),
                    base: self.base,
                })))
            }
            Stage::Lists(found) => {
                let gone = found.gone(&self.base, answers.next().unwrap_or_default())?;
                Ok(part(self.base, &found, gone))
            }
            Stage::Part { given, gone, gone_types } => {
                let mut builder = Builder::upon(&self.base, &given, &gone, &gone_types);
                for (name, rows) in PARTS.iter().zip(answers) {
                    builder.rows(name, rows)?;
                }
                if builder.changes_types_of(&self.base) {
                    return Ok(Next::Ask(Box::new(Asking { questions: dressed(full()), stage: Stage::Full, base: self.base })));
                }
                let catalog = builder.assemble()?;
                let same = gone.is_empty()
                    && gone_types.is_empty()
                    && catalog.forms.types.len() == self.base.forms.types.len()
                    && given.iter().all(|oid| catalog.relations.get(oid) == self.base.relations.get(oid))
                    && given.iter().all(|oid| catalog.sequences.get(oid) == self.base.sequences.get(oid))
                    && row_types(&catalog, &given) == row_types(&self.base, &given);
                if same {
                    return Ok(Next::Same);
                }
                Ok(Next::Differs(Own { catalog: Arc::new(catalog), changed: Some(given.union(&gone).copied().collect()) }))
            }
            Stage::Full => {
                let mut builder = Builder::new();
                for ((name, _), rows) in QUERIES.iter().filter(|(name, _)| !queries::is_control(name)).zip(answers) {
                    builder.rows(name, rows)?;
                }
                Ok(Next::Differs(Own { catalog: Arc::new(builder.finish()?), changed: None }))
            }
        }
    }
}

/// What the snapshot has and the session does not see.
#[derive(Debug, Default)]
struct Gone {
    relations: HashSet<Oid>,
    types: HashSet<Oid>,
    /// Tables that have lost an index, a parent or a child.
    touched: HashSet<Oid>,
}

fn dressed(questions: Vec<String>) -> Vec<String> {
    std::iter::once(questions::save()).chain(questions).chain(std::iter::once(questions::restore())).collect()
}

fn full() -> Vec<String> {
    QUERIES.iter().filter(|(name, _)| !queries::is_control(name)).map(|(_, sql)| (*sql).to_owned()).collect()
}

/// Asks for the rows of what was found, of all that shares columns with it by inheritance, and of the views that read it.
fn part(base: Arc<Catalog>, found: &Found, gone: Gone) -> Next {
    let seeds = found.relations.iter().chain(&found.own).chain(&found.changed).chain(found.indexes.values()).chain(&gone.touched);
    let mut given = relatives(&base, seeds.copied().collect(), found);
    let reads = |oid: &Oid| given.contains(oid) || gone.relations.contains(oid);
    let views: Vec<Oid> = base.relations.values().filter(|r| r.reads.iter().any(reads)).map(|r| r.oid).collect();
    given.extend(views);
    given.retain(|oid| !gone.relations.contains(oid));
    if given.is_empty() && gone.relations.is_empty() && gone.types.is_empty() && found.types.is_empty() && found.own_types.is_empty() {
        return Next::Same;
    }
    let row_types = base.forms.types.iter().filter(|(_, t)| t.relation != 0 && given.contains(&t.relation)).map(|(oid, _)| *oid);
    let types: HashSet<Oid> = found.types.iter().chain(&found.own_types).copied().chain(row_types).collect();
    let (relations, types) = (list(&given), list(&types));
    let questions = PARTS.iter().filter_map(|name| queries::part(name, if *name == "types" { &types } else { &relations }));
    Next::Ask(Box::new(Asking {
        questions: dressed(questions.collect()),
        stage: Stage::Part { given, gone: gone.relations, gone_types: gone.types },
        base,
    }))
}

/// These and all that they inherit from or that inherits from them, now or in the snapshot.
fn relatives(base: &Catalog, seeds: HashSet<Oid>, found: &Found) -> HashSet<Oid> {
    let mut near: HashMap<Oid, Vec<Oid>> = HashMap::new();
    let before = base.relations.values().flat_map(|r| r.parents.iter().map(|parent| (r.oid, *parent)));
    for (child, parent) in before.chain(found.children.iter().copied()).chain(found.own_children.iter().copied()) {
        near.entry(child).or_default().push(parent);
        near.entry(parent).or_default().push(child);
    }
    let mut all = seeds;
    all.extend(found.children.iter().chain(&found.own_children).flat_map(|(child, parent)| [*child, *parent]));
    let mut open: Vec<Oid> = all.iter().copied().collect();
    while let Some(next) = open.pop() {
        for other in near.get(&next).into_iter().flatten() {
            if all.insert(*other) {
                open.push(*other);
            }
        }
    }
    all
}

fn list(oids: &HashSet<Oid>) -> String {
    let mut sorted: Vec<Oid> = oids.iter().copied().collect();
    sorted.sort_unstable();
    sorted.iter().map(Oid::to_string).collect::<Vec<_>>().join(",")
}

impl Found {
    fn read(rows: Rows) -> Result<Self, LoadError> {
        let fault = || LoadError::Cell { query: "own".to_owned(), cell: 0, expected: "a change" };
        let mut found = Found::default();
        for row in rows {
            let [Some(what), Some(first), Some(second)] = row.as_slice() else { return Err(fault()) };
            let oid = |text: &str| text.parse::<Oid>().map_err(|_| fault());
            match what.as_str() {
                "r" => drop(found.relations.insert(oid(first)?)),
                "s" => drop(found.own.insert(oid(first)?)),
                "c" => drop(found.changed.insert(oid(first)?)),
                "i" => drop(found.indexes.insert(oid(first)?, oid(second)?)),
                "h" => drop(found.children.insert((oid(first)?, oid(second)?))),
                "m" => drop(found.own_children.insert((oid(first)?, oid(second)?))),
                "t" => drop(found.types.insert(oid(first)?)),
                "u" => drop(found.own_types.insert(oid(first)?)),
                "R" | "I" | "H" | "T" => {
                    let letter = what.chars().next().ok_or_else(fault)?;
                    found.sums.insert(letter, first.parse().map_err(|_| fault())?);
                }
                _ => return Err(fault()),
            }
        }
        Ok(found)
    }

    /// Nothing of the snapshot's is gone: the sum of what it has and of what is new is the sum of what there is.
    fn all_there(&self, base: &Catalog) -> bool {
        let is = |letter, before: HashSet<Oid>, new: Vec<Oid>| {
            let added = new.into_iter().filter(|oid| !before.contains(oid)).map(i64::from);
            self.sums.get(&letter).copied() == before.iter().copied().map(i64::from).chain(added).try_fold(0_i64, i64::checked_add)
        };
        let children = pairs(base);
        let new_children = self.children.iter().filter(|pair| !children.contains(pair));
        let of_pairs = children.iter().chain(new_children).map(|(child, _)| i64::from(*child)).try_fold(0_i64, i64::checked_add);
        is('R', base.relations.keys().copied().collect(), self.relations.iter().copied().collect())
            && is('I', base.basis.indexes.keys().copied().collect(), self.indexes.keys().copied().collect())
            && is('T', base.basis.types().collect(), self.types.iter().copied().collect())
            && self.sums.get(&'H').copied() == of_pairs
    }

    fn gone(&self, base: &Catalog, rows: Rows) -> Result<Gone, LoadError> {
        let fault = || LoadError::Cell { query: "own".to_owned(), cell: 1, expected: "a list" };
        let mut lists: HashMap<String, Vec<Oid>> = HashMap::new();
        for row in rows {
            let [Some(what), all] = row.as_slice() else { return Err(fault()) };
            let oids = all.as_deref().unwrap_or_default().split_whitespace().map(|n| n.parse().map_err(|_| fault()));
            lists.insert(what.clone(), oids.collect::<Result<_, _>>()?);
        }
        let mut there = |letter: &str| lists.remove(letter).ok_or_else(fault);
        let relations: HashSet<Oid> = there("R")?.into_iter().collect();
        let indexes: HashSet<Oid> = there("I")?.into_iter().collect();
        let types: HashSet<Oid> = there("T")?.into_iter().collect();
        let children: HashSet<(Oid, Oid)> = there("H")?.chunks_exact(2).filter_map(|p| Some((*p.first()?, *p.get(1)?))).collect();
        let lost_indexes = base.basis.indexes.iter().filter(|(oid, _)| !indexes.contains(oid)).map(|(_, table)| *table);
        let lost_children = pairs(base).into_iter().filter(|pair| !children.contains(pair));
        Ok(Gone {
            touched: lost_indexes.chain(lost_children.flat_map(|(child, parent)| [child, parent])).collect(),
            relations: base.relations.keys().copied().filter(|oid| !relations.contains(oid)).collect(),
            types: base.basis.types().filter(|oid| !types.contains(oid)).collect(),
        })
    }
}

/// The types of rows of these.
fn row_types<'c>(catalog: &'c Catalog, relations: &HashSet<Oid>) -> HashMap<Oid, Option<&'c Type>> {
    let of = catalog.forms.types.iter().filter(|(_, t)| t.relation != 0 && relations.contains(&t.relation));
    of.map(|(oid, t)| (*oid, catalog.types.get(&t.schema).and_then(|named| named.get(&t.name)))).collect()
}

/// Children and parents.
fn pairs(base: &Catalog) -> HashSet<(Oid, Oid)> {
    base.relations.values().flat_map(|r| r.parents.iter().map(|parent| (r.oid, *parent))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query that is added is a decision: it tells of single relations, or changes [`CODE`], or never changes.
    #[test]
    fn every_query_is_asked_in_part_or_known_to_change_the_code() {
        let whole = ["version", "database", "horizon", "code", "schemas", "index oids", "functions", "operators", "casts", "collations"];
        for (name, _) in QUERIES.iter().filter(|(name, _)| !queries::is_control(name)) {
            assert!(PARTS.contains(name) != whole.contains(name), "{name}");
        }
    }
}
