//! `pgveil explain`

mod layout;

use std::io::Read as _;
use std::process::ExitCode;

use pgveil_policy::{Described, Engine, Hidden, Plan, Planned, Refusal, SqlText, Subject};
use serde_json::{Value, json};

use super::ground::user::UserArguments;
use super::ground::{DatabaseArguments, Loaded, PolicyArguments, Trouble, known_role};
use super::table::columns;
use super::{PROBLEMS, print, report};

/// Arguments of `pgveil explain`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Nothing is run. Without --user and --attribute row filters keep {user} and {attr.NAME} as they are written. Names without a schema are looked for along the account's own search_path, or that of --search-path.
Exit codes: 0 it would be sent, 1 it is refused, 2 wrong usage, 78 bad configuration.

  pgveil explain --role analyst --database shop \"SELECT email FROM shop.customers\"

Through pgveil a role asks for itself: EXPLAIN (VEIL) SELECT …")]
pub(super) struct Arguments {
    /// The role of the policy that asks
    #[arg(long, value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    user: UserArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    /// Schemas in which names without one are looked for, such as "shop, public"
    #[arg(long, value_name = "SCHEMAS", value_delimiter = ',')]
    search_path: Option<Vec<String>>,
    /// One JSON document: {"role", "database", "search_path", "statements": [{"sent", "columns": [{"column", "type", "origin", "from", "view", "class", "mask", "written", "rule"}], "rows": [{"relation", "condition", "rule"}]}], "refusal": {"id", "code", "message", "detail", "hint", "position"}}
    #[arg(long)]
    json: bool,
    /// The statement; - reads it from standard input
    sql: String,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match explain(arguments) {
        Ok(code) => code,
        Err(trouble) => trouble.tell(),
    }
}

fn explain(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let loaded = Loaded::open(&arguments.policy.file()?)?;
    known_role(&loaded.policy, &arguments.role)?;
    let user = arguments.user.user()?;
    let sql = match arguments.sql.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|e| Trouble::System(format!("standard input: {e}")))?;
            text
        }
        sql => sql.to_owned(),
    };
    let mut live = arguments.database.need(&arguments.policy)?;
    let engine = live.engine(&loaded)?;
    let path = match &arguments.search_path {
        Some(schemas) => std::iter::once("pg_catalog".to_owned()).chain(schemas.iter().map(|s| s.trim().to_owned())).collect(),
        None => live.search_path.clone(),
    };
    let about = About { role: &arguments.role, database: &live.database, path: &path };
    if engine.unprotected(&arguments.role) {
        untouched(arguments.json, &about, &sql);
        return Ok(ExitCode::SUCCESS);
    }
    let who =
        Subject { role: arguments.role.clone(), search_path: path.clone().into(), user: arguments.user.is_said().then(|| user.into()) };
    match engine.judge(&who, &sql) {
        Ok(plan) => {
            let parts = parts(&engine, &who, &sql, &plan);
            print(&if arguments.json { pretty(&about.json(Some(&parts), None)) } else { about.text(&parts, plan.rest.is_some()) });
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            print(&if arguments.json { pretty(&about.json(None, Some(&refusal))) } else { report::refusal(&refusal, &sql) });
            Ok(ExitCode::from(PROBLEMS))
        }
    }
}

/// Who asks, and where.
struct About<'a> {
    role: &'a str,
    database: &'a str,
    path: &'a [String],
}

/// One statement, explained.
struct Part {
    sent: String,
    columns: Vec<Described>,
    rows: Vec<Hidden>,
}

fn parts(engine: &Engine, who: &Subject, sql: &str, plan: &Plan) -> Vec<Part> {
    let part = |(planned, columns): (&Planned, Vec<Described>)| Part {
        sent: shown(&planned.text),
        columns,
        rows: engine.hidden(&who.role, planned),
    };
    plan.statements.iter().zip(engine.explain(who, sql, plan)).map(part).collect()
}

/// The text that is sent, with words in place of what is a session's secret or a token's value.
fn shown(text: &SqlText) -> String {
    text.render(
        "<the session's order key>",
        |token| format!("<what {} stands for>", token.text),
        |domain| format!("<the key of the {domain}>"),
    )
}

impl About<'_> {
    fn json(&self, parts: Option<&[Part]>, refusal: Option<&Refusal>) -> Value {
        let column = |c: &Described| {
            json!({
                "column": c.name, "type": c.data_type, "origin": c.origin, "from": c.from, "view": c.view, "class": c.class,
                "mask": c.mask, "written": c.written, "rule": c.rule,
            })
        };
        let rows = |h: &Hidden| json!({ "relation": h.relation, "condition": h.condition, "rule": h.rule });
        let part = |p: &Part| {
            json!({
                "sent": p.sent,
                "columns": p.columns.iter().map(column).collect::<Vec<_>>(),
                "rows": p.rows.iter().map(rows).collect::<Vec<_>>(),
            })
        };
        let refusal = refusal.map(
            |r| json!({ "id": r.id, "code": r.code.0, "message": r.message, "detail": r.detail, "hint": r.hint, "position": r.position }),
        );
        json!({
            "role": self.role, "database": self.database, "search_path": self.path,
            "statements": parts.unwrap_or_default().iter().map(part).collect::<Vec<_>>(),
            "refusal": refusal,
        })
    }

    fn text(&self, parts: &[Part], more: bool) -> String {
        let mut out = String::new();
        for (n, part) in parts.iter().enumerate() {
            if parts.len() > 1 {
                out.push_str(&format!("Statement {}\n\n", n.saturating_add(1)));
            }
            if !part.columns.is_empty() {
                let dash = || "—".to_owned();
                let head = ["column", "origin", "class", "mask", "rule"].map(str::to_owned).to_vec();
                let row = |c: &Described| {
                    let origin = match (&c.origin, &c.view) {
                        (Some(origin), Some(view)) => format!("{origin} through {view}"),
                        (Some(origin), None) => origin.clone(),
                        (None, _) => c.from_text().unwrap_or_else(dash),
                    };
                    vec![
                        c.name.clone(),
                        origin,
                        c.class.clone().unwrap_or_else(dash),
                        c.written.clone().unwrap_or_else(|| c.mask.clone()),
                        c.rule.clone().unwrap_or_else(dash),
                    ]
                };
                let rows: Vec<Vec<String>> = std::iter::once(head).chain(part.columns.iter().map(row)).collect();
                out.push_str(&format!("Columns for role {}\n{}\n", self.role, columns(&rows, "  ")));
            }
            if !part.rows.is_empty() {
                let rows: Vec<Vec<String>> =
                    part.rows.iter().map(|h| vec![h.relation.clone(), h.condition.clone(), h.rule.clone()]).collect();
                out.push_str(&format!("Rows that it sees\n{}\n", columns(&rows, "  ")));
            }
            out.push_str(&format!("Sent\n  {}\n", layout::lines(&layout::without_checks(&part.sent)).replace('\n', "\n  ")));
            if n.saturating_add(1) < parts.len() {
                out.push('\n');
            }
        }
        if parts.is_empty() {
            out.push_str("There is no statement in this text.\n");
        }
        if more {
            out.push_str("\nWhat follows is judged when this has been done: it hangs on what this leaves behind.\n");
        }
        out
    }
}

/// A role from which nothing is withheld.
fn untouched(json: bool, about: &About<'_>, sql: &str) {
    if json {
        let part = Part { sent: sql.to_owned(), columns: vec![], rows: vec![] };
        return print(&pretty(&about.json(Some(&[part]), None)));
    }
    print(&format!("Nothing is withheld from role {}: the statement is sent as it is.\n", about.role));
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}
