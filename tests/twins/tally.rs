//! What a run adds up to: figures, and how often each construct was accepted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Of one construct.
#[derive(Debug, Clone, Default)]
pub struct Count {
    pub generated: usize,
    /// Without an error on the masked database.
    pub valid: usize,
    /// Of those.
    pub accepted: usize,
    /// Of those valid, by the shape of the message.
    pub refused: BTreeMap<String, usize>,
}

/// Figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub all: Count,
    pub inconclusive: usize,
    /// Of the valid ones that were refused, the shortest for each shape of message.
    pub examples: BTreeMap<String, String>,
    /// Errors of statements that fail without pgveil too.
    pub errors: BTreeMap<String, usize>,
    pub constructs: BTreeMap<&'static str, Count>,
    /// By where the statements come from.
    pub sources: BTreeMap<&'static str, Count>,
    /// Answers that are those of the masked database.
    pub right: usize,
    /// Answers that SQL leaves open, or that ask for more than tables' contents.
    pub open: usize,
    /// Statements that fail where their meaning does not.
    pub eager: usize,
    /// Full accounts of broken promises: twins that differ.
    pub differences: Vec<String>,
    /// Full accounts of wrong answers.
    pub wrong: Vec<String>,
    pub pseudonyms: usize,
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.generated += other.generated;
        self.valid += other.valid;
        self.accepted += other.accepted;
        sum(&mut self.refused, &other.refused);
    }

    /// Percent of the valid ones.
    pub fn percent(&self) -> f64 {
        100.0 * self.accepted as f64 / self.valid.max(1) as f64
    }

    fn row(&self, name: &str) -> String {
        let why = self.refused.iter().max_by_key(|(_, n)| **n).map_or(String::new(), |(why, n)| format!("{n} × {why}"));
        format!("  {name:28} {:6} {:6} {:6} {:5.1} %  {why}\n", self.generated, self.valid, self.accepted, self.percent())
    }
}

fn sum<K: Ord + Clone>(into: &mut BTreeMap<K, usize>, from: &BTreeMap<K, usize>) {
    for (key, n) in from {
        *into.entry(key.clone()).or_default() += n;
    }
}

impl Report {
    pub fn add(&mut self, other: Report) {
        self.all.add(&other.all);
        self.inconclusive += other.inconclusive;
        sum(&mut self.errors, &other.errors);
        for (why, sql) in &other.examples {
            self.example(why, sql);
        }
        for (name, count) in &other.constructs {
            self.constructs.entry(name).or_default().add(count);
        }
        for (name, count) in &other.sources {
            self.sources.entry(name).or_default().add(count);
        }
        self.right += other.right;
        self.open += other.open;
        self.eager += other.eager;
        self.differences.extend(other.differences);
        self.wrong.extend(other.wrong);
        self.pseudonyms = self.pseudonyms.max(other.pseudonyms);
    }

    /// Keeps a valid statement that was refused, if it is the shortest of its kind.
    pub fn example(&mut self, why: &str, sql: &str) {
        let kept = self.examples.entry(why.to_owned()).or_insert_with(|| sql.to_owned());
        if sql.len() < kept.len() {
            sql.clone_into(kept);
        }
    }

    /// Notes one statement under all that it is.
    pub fn note(&mut self, source: &'static str, constructs: impl Iterator<Item = &'static str>, valid: bool, outcome: Result<(), &str>) {
        let counts = constructs.map(|c| (true, c)).chain([(false, source)]);
        for (is_construct, name) in counts {
            let table = if is_construct { &mut self.constructs } else { &mut self.sources };
            table.entry(name).or_default().one(valid, outcome);
        }
        self.all.one(valid, outcome);
    }

    /// The figures, to be printed.
    pub fn show(&self, title: &str) -> String {
        let Count { generated, valid, accepted, .. } = &self.all;
        let mut out = format!(
            "{title}: {generated} statements, {valid} valid in Postgres, {accepted} accepted, {} inconclusive, refused {:.1} % of the valid ones; \
             {} pseudonyms seen; meaning: {} right, {} open, {} fail needlessly, {} wrong\n",
            self.inconclusive,
            100.0 - self.all.percent(),
            self.pseudonyms,
            self.right,
            self.open,
            self.eager,
            self.wrong.len(),
        );
        for (what, counts) in [("refused", &self.all.refused), ("error in Postgres too", &self.errors)] {
            let mut sorted: Vec<_> = counts.iter().collect();
            sorted.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            for (shape, n) in sorted {
                let _ = writeln!(out, "  {n:5} {what}: {shape}");
                if let Some(sql) = self.examples.get(shape).filter(|_| what == "refused") {
                    let _ = writeln!(out, "        {sql}");
                }
            }
        }
        for (what, table) in [("source", &self.sources), ("construct", &self.constructs)] {
            let _ = writeln!(out, "  {what:28} {:>6} {:>6} {:>6} {:>7}  most refused for", "made", "valid", "accept", "");
            for (name, count) in table {
                out.push_str(&count.row(name));
            }
        }
        out
    }
}

impl Count {
    fn one(&mut self, valid: bool, outcome: Result<(), &str>) {
        self.generated += 1;
        self.valid += usize::from(valid);
        match outcome {
            Ok(()) => self.accepted += usize::from(valid),
            Err(why) if valid => *self.refused.entry(why.to_owned()).or_default() += 1,
            Err(_) => {}
        }
    }
}
