//! `pgveil demo`

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use super::problem;
use crate::demo::{DemoError, Options, Stage, compare};
use crate::log;

/// Arguments of `pgveil demo`.
#[derive(Debug, clap::Args)]
#[command(long_about = "Starts a private PostgreSQL with a sample database and the proxy in front of it, shows what two users see of \
    the same statements, prints how to connect, and stays until Ctrl-C. Needs PostgreSQL's programs on this machine; touches no \
    other database. Data stays in a cache folder, so that a second start is fast.")]
pub(super) struct Arguments {
    /// Ends after the comparison
    #[arg(long)]
    once: bool,
    /// Where the proxy listens on 127.0.0.1; another port where this one is taken
    #[arg(long, value_name = "PORT", default_value_t = 6432)]
    port: u16,
    /// Customers in the sample database; five times as many orders
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    rows: u32,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match show(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => problem(&error),
    }
}

fn show(arguments: &Arguments) -> Result<(), DemoError> {
    let mut progress = Progress::new();
    let stage = Stage::set(&Options { port: arguments.port, customers: arguments.rows }, |step| progress.next(step))?;
    progress.end();
    let (ana, eng) = match stage.users() {
        [ana, eng, ..] => (ana, eng),
        _ => return Ok(()),
    };
    for (n, question) in compare::QUESTIONS.iter().enumerate() {
        print(&format!("\n{}", bold(&format!("{}. {}", n.saturating_add(1), question.title))));
        print(&question.sql.lines().map(|line| format!("   {line}\n")).collect::<String>());
        let answers = (stage.ask(ana, question.sql), stage.ask(eng, question.sql));
        print(compare::side_by_side((ana, &answers.0), (eng, &answers.1)).trim_end());
    }
    print(&format!("\n{}", bold("Connect")));
    for user in stage.users() {
        let target = compare::connection(stage.addr(), crate::demo::DATABASE, user);
        print(&format!("   PGPASSWORD={} psql \"{target}\"   # {}", user.password, user.role));
    }
    print(&format!("\n{}", bold("Files")));
    let remark = if stage.policy_is_new() { "edit it, then start the demo again" } else { "as you left it; delete it for a fresh one" };
    print(&format!("   policy         {}   ({remark})", stage.path("policy.toml").display()));
    print(&format!("   configuration  {}", stage.path("pgveil.toml").display()));
    print(&format!("   log            {}", stage.path("pgveil.log").display()));
    let stays = if stage.is_kept() { "stays for the next demo" } else { "goes with this demo" };
    print(&format!("   data           {}   ({stays})", stage.cluster().folder().display()));
    print("\npgveil demo is ready");
    if !arguments.once {
        print("Ctrl-C ends it.");
        match super::serve::wait(None) {
            Ok(signal) => log::info("stop", &[("signal", &signal)]),
            Err(error) => log::error("signals", &[("error", &error)]),
        }
        print("\nStopping …");
    }
    stage.strike();
    Ok(())
}

/// Steps with their times.
struct Progress {
    since: Instant,
    open: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { since: Instant::now(), open: false }
    }

    fn next(&mut self, step: &str) {
        self.end();
        write(&format!("   {step} … "));
        self.since = Instant::now();
        self.open = true;
    }

    fn end(&mut self) {
        if self.open {
            print(&format!("{:.1} s", self.since.elapsed().as_secs_f64()));
            self.open = false;
        }
    }
}

fn bold(text: &str) -> String {
    if io::stdout().is_terminal() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn print(text: &str) {
    write(&format!("{text}\n"));
}

/// Whether or not anybody reads it.
fn write(text: &str) {
    let mut out = io::stdout();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
