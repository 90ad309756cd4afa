//! `pgveil schema`

use std::process::ExitCode;

use super::print;

/// Arguments of `pgveil schema`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
An editor with taplo (VS Code: \"Even Better TOML\") completes and checks a policy that begins with

  #:schema ./policy.schema.json

when that file lies beside it:

  pgveil schema > policy.schema.json

It knows the form of a policy only; pgveil check knows what it means.")]
pub(super) struct Arguments {}

pub(super) fn run(Arguments {}: &Arguments) -> ExitCode {
    print(&format!("{:#}\n", pgveil_policy::report::schema::schema()));
    ExitCode::SUCCESS
}
