//! pgveil as `pgveil serve` runs it, from this same program.

use std::fs;

use super::process::{Process, free_port};
use super::{CONNECTIONS, Ground, POLICY, SERVER_USER};
use crate::error::BenchError;

/// It and its port.
pub(super) fn start(ground: &Ground) -> Result<(Process, u16), BenchError> {
    let port = free_port()?;
    let server = ground.cluster.port();
    let configuration = format!(
        "listen = \"127.0.0.1:{port}\"\npolicy = \"veil.policy\"\nusers = \"veil.users\"\nkey_file = \"veil.secret\"\n\
         [upstream]\nhost = \"127.0.0.1\"\nport = {server}\ntls = \"disable\"\nuser = \"{SERVER_USER}\"\npassword_file = \"veil.password\"\n\
         [limits]\nconnections = {CONNECTIONS}\n\
         [tls]\nmode = \"allow\"\ncert = \"veil.crt\"\nkey = \"veil.key\"\n"
    );
    let user = |name, role| format!("[user.{name}]\nverifier = \"{}\"\nroles = [\"{role}\"]\n", ground.verifier);
    let read = |path| fs::read_to_string(path).map_err(BenchError::file(path));
    let files = [
        ("veil.toml", configuration),
        ("veil.policy", POLICY.to_owned()),
        ("veil.users", user("ana", "analyst") + &user("plain", "plain")),
        ("veil.secret", pgveil::demo::secret::random_hex(32)?),
        ("veil.password", ground.password.clone()),
        ("veil.crt", read(&ground.certificate.cert)?),
        ("veil.key", read(&ground.certificate.key)?),
    ];
    for (name, text) in files {
        ground.file(name, &text)?;
    }
    let program = std::env::current_exe()?;
    let program = program.to_string_lossy();
    let process = Process::start("pgveil", &[&program, "serve", "-c", "veil.toml"], ground.folder(), port, None)?;
    Ok((process, port))
}
