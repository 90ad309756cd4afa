//! The binary.

fn main() -> std::process::ExitCode {
    pgveil::command::run()
}
