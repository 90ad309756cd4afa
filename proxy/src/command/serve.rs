//! `pgveil serve`

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArgument, bad_configuration, problem};
use crate::config::Config;
use crate::log;
use crate::serve::{Server, StartError};

/// Arguments of `pgveil serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let config = match Config::load(&arguments.config.config) {
        Ok(config) => config,
        Err(e) => return bad_configuration(&e),
    };
    for warning in &config.warnings {
        log::warn("config", &[("warning", warning)]);
    }
    let server = match Server::start(config) {
        Ok(server) => server,
        Err(StartError::Config(e)) => return bad_configuration(&e),
        Err(StartError::System(e)) => return problem(&e),
    };
    match wait(Some(&|| server.reload())) {
        Ok(name) => log::info("stop", &[("signal", &name)]),
        Err(e) => return problem(&e),
    }
    server.stop();
    ExitCode::SUCCESS
}

/// Waits for a signal to stop: its name. `hang_up` is done at each SIGHUP, which stops too where there is none.
pub(super) fn wait(hang_up: Option<&dyn Fn()>) -> std::io::Result<&'static str> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut hangup = signal(SignalKind::hangup())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok("SIGTERM"),
                _ = interrupt.recv() => return Ok("SIGINT"),
                _ = hangup.recv() => match hang_up {
                    Some(reload) => {
                        log::info("reload", &[("signal", &"SIGHUP")]);
                        reload();
                    }
                    None => return Ok("SIGHUP"),
                },
            }
        }
    })
}
