//! PgBouncer as its users run it: session pooling, stored SCRAM verifiers, not as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

use super::process::{Process, free_port, output};
use super::{CONNECTIONS, DATABASE, Ground, SERVER_USER};
use crate::error::BenchError;

/// It, its port and its version.
pub(super) fn start(ground: &Ground) -> Result<(Process, u16, String), BenchError> {
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|p| fs::exists(p).unwrap_or(false)).unwrap_or("pgbouncer");
    let mut command = Command::new(program);
    command.arg("--version");
    let version = output("pgbouncer", command)?.lines().next().unwrap_or_default().replace("PgBouncer ", "");
    let port = free_port()?;
    let (folder, server) = (ground.folder().display(), ground.cluster.port());
    let cert = fs::read_to_string(&ground.certificate.cert).map_err(BenchError::file(&ground.certificate.cert))?;
    let key = fs::read_to_string(&ground.certificate.key).map_err(BenchError::file(&ground.certificate.key))?;
    let configuration = format!(
        "[databases]\n{DATABASE} = host=127.0.0.1 port={server} dbname={DATABASE}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = {folder}/bouncer.users\npool_mode = session\n\
         max_client_conn = {CONNECTIONS}\ndefault_pool_size = {CONNECTIONS}\nlogfile = {folder}/bouncer.log\n\
         client_tls_sslmode = allow\nclient_tls_cert_file = {folder}/bouncer.crt\nclient_tls_key_file = {folder}/bouncer.key\n"
    );
    let owner = fs::metadata(ground.folder()).map_err(BenchError::file(ground.folder()))?;
    let users = format!("\"{SERVER_USER}\" \"{}\"\n", ground.verifier);
    for (name, text) in [("bouncer.ini", configuration), ("bouncer.users", users), ("bouncer.crt", cert), ("bouncer.key", key)] {
        let path = ground.file(name, &text)?;
        chown(&path, Some(owner.uid()), Some(owner.gid())).map_err(BenchError::file(&path))?;
    }
    let process = Process::start("pgbouncer", &[program, "bouncer.ini"], ground.folder(), port, Some((owner.uid(), owner.gid())))?;
    Ok((process, port, version))
}
