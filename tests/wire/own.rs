//! A proxy with a configuration of the test's own.

use std::fs;
use std::path::PathBuf;

use pgveil::config::Config;
use pgveil::demo::cluster::SUPERUSER;
use pgveil::serve::Server;
use pgveil_tests::world::SERVICE_PASSWORD;

use super::*;

/// What is written into the files.
#[derive(Debug, Default)]
pub struct Own {
    /// Name, verifier, role.
    pub users: Vec<(String, String, String)>,
    /// The policy.
    pub policy: String,
    /// Keys that stand before all tables of `pgveil.toml`.
    pub top: String,
    /// The table [upstream] and those below it. Files `service`, `superuser` and `wrong` hold passwords.
    pub upstream: String,
    /// Further tables.
    pub more: String,
}

impl Own {
    /// In front of the world's server as the service account.
    pub fn new(policy: &str) -> Own {
        Own { policy: policy.to_owned(), upstream: service(World::get().cluster().port()), ..Own::default() }
    }

    /// A user whose password is its name.
    pub fn user(mut self, name: &str, role: &str) -> Own {
        self.users.push((name.to_owned(), postgres_protocol::password::scram_sha_256(name.as_bytes()), role.to_owned()));
        self
    }

    /// A user with the verifier that the world's server has.
    pub fn user_of_the_server(mut self, name: &str, role: &str) -> Own {
        let sql = format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'");
        let verifier = World::get().cluster().execute("postgres", &sql).unwrap().trim().to_owned();
        self.users.push((name.to_owned(), verifier, role.to_owned()));
        self
    }

    /// More lines for [upstream].
    pub fn upstream(mut self, lines: &str) -> Own {
        self.upstream = format!("{}{lines}\n", self.upstream);
        self
    }

    /// Further tables.
    pub fn more(mut self, lines: &str) -> Own {
        self.more = format!("{}{lines}\n", self.more);
        self
    }

    /// Starts it; what is wrong with the configuration.
    pub fn start(&self, name: &str) -> Result<Server, String> {
        let folder = self.folder(name);
        let write = |file: &str, text: &str| pgveil::demo::secret::write_secret(&folder.join(file), text.as_bytes()).unwrap();
        let user = |(name, verifier, role): &(String, String, String)| {
            format!("[user.\"{name}\"]\nverifier = \"{verifier}\"\nroles = [\"{role}\"]\n")
        };
        write("users", &self.users.iter().map(user).collect::<String>());
        write("key", &"ab".repeat(32));
        write("service", SERVICE_PASSWORD);
        write("superuser", World::get().cluster().password());
        write("wrong", "wrong");
        write("policy", &self.policy);
        let Own { top, upstream, more, .. } = self;
        let first = "listen = \"127.0.0.1:0\"\npolicy = \"policy\"\nusers = \"users\"\nkey_file = \"key\"";
        write("toml", &format!("{first}\n{top}\n[upstream]\n{upstream}\n{more}\n"));
        let config = Config::load_with(&folder.join("toml"), &|_| None).map_err(|e| e.to_string())?;
        Server::start(config).map_err(|e| e.to_string())
    }

    /// Where its files are.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = World::get().cluster().folder().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// The service account on a server of this machine.
pub fn service(port: u16) -> String {
    format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"disable\"\nuser = \"pgveil\"\npassword_file = \"service\"\n")
}

/// The account that reads `pg_authid`.
pub fn superuser() -> String {
    format!("user = \"{SUPERUSER}\"\npassword_file = \"superuser\"\n")
}

/// Logs in with a password.
pub fn login(server: &Server, database: &str, user: &str, password: &str, settings: &[(&str, &str)]) -> Result<Client, Fields> {
    let mut login = Login::local(server.addr().port(), database, user, password);
    login.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Client::connect(&login)
}

/// The same; nothing goes wrong.
pub fn session(server: &Server, database: &str, user: &str, password: &str) -> Client {
    login(server, database, user, password, &[]).unwrap_or_else(|e| panic!("login as {user}: {e:?}"))
}

/// The log of all proxies of this process.
pub fn log() -> String {
    fs::read_to_string(World::get().cluster().folder().join("pgveil.log")).unwrap()
}
