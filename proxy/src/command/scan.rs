//! `pgveil scan`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use pgveil_policy::Policy;
use pgveil_policy::detect::proposal::{Found, Samples};
use pgveil_policy::detect::{Proposal, proposal, propose, sample};
use serde_json::json;

use super::ground::{DatabaseArguments, Live, Loaded, PolicyArguments, Trouble};
use super::{print, say};
use crate::error::UpstreamError;

/// Arguments of `pgveil scan`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes: 0 done, 1 the database cannot be asked, 2 wrong usage, 78 bad configuration.

  pgveil scan --database-url postgres://postgres@127.0.0.1/shop > policy.toml
  pgveil scan -c pgveil.toml --database shop --beside           what the policy of the configuration lacks
  pgveil scan --database-url … --names-only                     without reading a single value")]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    /// Proposes only what the policy gives no class: to be added to it. With --policy this is so in any case
    #[arg(long)]
    beside: bool,
    /// Goes by names and types alone: no value is read
    #[arg(long)]
    names_only: bool,
    /// Writes to this file, which must not be there yet, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// One JSON document: {"database", "relations", "columns", "classified", "found": [{"schema", "relation", "column", "pattern", "type", "class", "confidence", "likely", "reason"}], "unread": [{"relation", "why"}]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match scan(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.tell(),
    }
}

fn scan(arguments: &Arguments) -> Result<(), Trouble> {
    let beside = match arguments.beside || arguments.policy.policy.is_some() {
        true => Some(Loaded::open(&arguments.policy.file()?)?.policy),
        false => None,
    };
    let mut live = arguments.database.need(&arguments.policy)?;
    let (samples, unread) = if arguments.names_only { Default::default() } else { take(&mut live)? };
    let proposal = propose(&live.catalog, beside.as_ref(), &samples);
    let text = if arguments.json { document(&proposal, &unread) } else { proposal.policy(beside.as_ref()) };
    match &arguments.output {
        None => print(&text),
        Some(file) => {
            use std::io::Write as _;
            let written = fs::File::create_new(file).and_then(|mut f| f.write_all(text.as_bytes()));
            written.map_err(|e| Trouble::System(format!("{}: {e}", file.display())))?;
        }
    }
    if !arguments.json {
        for Unread { relation, why } in &unread {
            say(&format!("pgveil: no values of {relation} were looked at: {why}"));
        }
        say(&summary(&proposal, beside.as_ref()));
    }
    Ok(())
}

fn summary(proposal: &Proposal, beside: Option<&Policy>) -> String {
    let (likely, unsure) = (proposal.likely().count(), proposal.unsure().count());
    let lacks = if beside.is_some() { " that the policy gives no class" } else { "" };
    format!(
        "{likely} of {} columns{lacks} in {} tables of {} look like personal data; {unsure} more are worth a look",
        proposal.columns, proposal.relations, proposal.database
    )
}

fn document(proposal: &Proposal, unread: &[Unread]) -> String {
    let found = |found: &Found| {
        let [schema, relation, column] = &found.name;
        let s = &found.suspect;
        // As it is printed elsewhere: two decimals.
        let confidence = (f64::from(s.confidence) * 100.0).round() / 100.0;
        json!({
            "schema": schema, "relation": relation, "column": column, "pattern": found.pattern(), "type": found.data_type.sql,
            "class": s.kind.class(), "confidence": confidence, "likely": s.is_likely(), "reason": s.reason,
        })
    };
    let document = json!({
        "database": proposal.database, "relations": proposal.relations, "columns": proposal.columns, "classified": proposal.classified,
        "found": proposal.likely().chain(proposal.unsure()).map(found).collect::<Vec<_>>(),
        "unread": unread.iter().map(|u| json!({"relation": u.relation, "why": u.why})).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// A relation whose values could not be read.
#[derive(Debug)]
pub(super) struct Unread {
    relation: String,
    why: String,
}

/// How many pages tables have, partitions counted with them.
const PAGES: &str = "SELECT c.oid, CASE c.relkind WHEN 'p' THEN \
 (SELECT pg_catalog.sum(p.relpages) FROM pg_catalog.pg_partition_tree(c.oid) AS t JOIN pg_catalog.pg_class AS p ON p.oid OPERATOR(pg_catalog.=) t.relid) \
 ELSE c.relpages END FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p')";

/// A sample of the values of each table. They stay in this process.
///
/// # Errors
/// The connection is lost. A table that cannot be read is told, and no error.
pub(super) fn take(live: &mut Live) -> Result<(Samples, Vec<Unread>), Trouble> {
    // One table that answers slowly, a view in disguise say, must not hold up the rest.
    live.query("SET statement_timeout = '10s'")?;
    live.query("SET default_transaction_read_only = on")?;
    let pages: std::collections::HashMap<u32, f64> = live
        .query(PAGES)?
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [Some(oid), Some(pages)] => Some((oid.parse().ok()?, pages.parse().ok()?)),
            _ => None,
        })
        .collect();
    let (mut samples, mut unread) = (Samples::new(), Vec::new());
    let catalog = live.catalog.clone();
    let mut relations: Vec<_> = catalog.relations.values().filter(|relation| proposal::is_looked_at(relation)).collect();
    relations.sort_by_key(|relation| (&relation.schema, &relation.name));
    for relation in relations {
        let pages = pages.get(&relation.oid).copied().unwrap_or_default();
        let Some(mut query) = sample::query(relation, pages) else { continue };
        let rows = match live.query(&query.sql) {
            // So few of many pages: most of them are empty.
            Ok(rows) if rows.len() < 20 && query.sql.contains(" TABLESAMPLE ") => {
                query = sample::query(relation, 0.0).unwrap_or(query);
                live.query(&query.sql)
            }
            answered => answered,
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(UpstreamError::Refused(report)) => {
                unread.push(Unread { relation: format!("{}.{}", relation.schema, relation.name), why: report.to_string() });
                continue;
            }
            Err(other) => return Err(other.into()),
        };
        for row in rows {
            for (number, value) in query.columns.iter().zip(row) {
                samples.entry((relation.oid, *number)).or_default().extend(value);
            }
        }
    }
    live.query("RESET statement_timeout")?;
    live.query("RESET default_transaction_read_only")?;
    Ok((samples, unread))
}
