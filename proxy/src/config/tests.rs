use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pgveil_certs::throwaway::Ca;

use super::*;
use crate::error::ConfigError;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("pgveil-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("policy.toml"), "version = 1\n").unwrap();
        fs::write(dir.join("pgveil.key"), format!("{}\n", "0f".repeat(32))).unwrap();
        fs::write(dir.join("dba.password"), "secret\r\n").unwrap();
        for name in ["pgveil.key", "dba.password"] {
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let ca = Ca::new().unwrap();
        ca.write_into(&dir, "ca").unwrap();
        ca.issue_into(&dir, "server", &[]).unwrap();
        Ca::new().unwrap().issue_into(&dir, "other", &[]).unwrap();
        Folder(dir)
    }

    fn load(&self, text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = self.0.join("pgveil.toml");
        fs::write(&file, text).unwrap();
        Config::load_with(&file, &|name| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const WHOLE: &str = r#"
listen   = "127.0.0.1:6432"
policy   = "policy.toml"
users    = "users.toml"
key_file = "pgveil.key"
[upstream]
host = "db.example"
port = 5433
tls  = "verify-full"
ca   = "ca.crt"
user = "pgveil"
[upstream.account.admin]
user = "dba"
password_file = "dba.password"
[tls]
mode = "require"
cert = "server.crt"
key  = "server.key"
[audit]
file = "audit.log"
"#;

#[test]
fn the_whole_file_loads() {
    let folder = Folder::new("whole");
    let config = folder.load(WHOLE, &[("PGVEIL_UPSTREAM_PASSWORD", "pw")]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:6432");
    assert_eq!(config.users, folder.0.join("users.toml"));
    assert_eq!(config.key.0, [0x0f; 32]);
    assert_eq!(config.upstream.address, Address::Tcp("db.example".into(), 5433));
    assert_eq!(config.upstream.account.password.as_ref().map(|p| p.as_str()), Some("pw"));
    assert_eq!(config.upstream.accounts["admin"].user, "dba");
    assert_eq!(config.upstream.accounts["admin"].password.as_ref().map(|p| p.as_str()), Some("secret"));
    assert!(config.upstream.tls.is_some());
    assert!(matches!(&config.tls, ClientTls::Require(server) if !server.asks_clients()));
    assert_eq!((config.client_cert, config.failed_logins, config.failed_within), (ClientCert::Optional, 10, Duration::from_secs(60)));
    let asks = folder.load(&WHOLE.replace("[audit]", "client_ca = 'ca.crt'\nclient_cert = 'verify-full'\n[audit]"), &[]).unwrap();
    assert!(matches!(&asks.tls, ClientTls::Require(server) if server.asks_clients()));
    assert_eq!(asks.client_cert, ClientCert::Full);
    assert_eq!(config.audit, Some(folder.0.join("audit.log")));
    assert_eq!(config.warnings, [] as [&str; 0]);
    assert!(!format!("{config:?}").contains("secret\"") && !format!("{config:?}").contains("pw\""), "secrets are not printed");
}

#[test]
fn roles_log_in_as_they_are_told_to() {
    let folder = Folder::new("logins");
    let more = "[upstream.account.person]\nlogin = \"user\"\n[upstream.account.service]\nlogin = \"service\"\nuser = \"s\"\n[tls]";
    let all = WHOLE.replacen("[tls]", more, 1);
    let who = |config: &Config, role: &str| config.upstream.account_of(role).map_or("themselves".to_owned(), |a| a.user.clone());
    let config = folder.load(&all, &[]).unwrap();
    assert_eq!(["other", "person", "service", "admin", ""].map(|r| who(&config, r)), ["pgveil", "themselves", "s", "dba", "pgveil"]);
    let config = folder.load(&all.replacen("[upstream.account.admin]", "login = \"user\"\n[upstream.account.admin]", 1), &[]).unwrap();
    assert_eq!(["other", "person", "service", "admin"].map(|r| who(&config, r)), ["themselves", "themselves", "s", "dba"]);
    let auth = "[auth]\ncache_seconds = 5\ndefault_role = \"r\"\n[auth.roles]\nz = \"one\"\na = \"two\"\n[audit]";
    let auth = folder.load(&WHOLE.replacen("[audit]", auth, 1), &[]).unwrap().auth.unwrap();
    assert_eq!((auth.database.as_str(), auth.account.user.as_str(), auth.keep.as_secs()), ("postgres", "pgveil", 5));
    assert_eq!(auth.groups, [("z", "one"), ("a", "two")].map(|(g, r)| (g.to_owned(), r.to_owned())), "in the file's order");
}

#[test]
fn a_short_file_has_safe_defaults() {
    let folder = Folder::new("short");
    let text = "policy = 'policy.toml'\nusers = 'users.toml'\n[upstream]\nhost = '/run/postgresql'\nuser = 'pgveil'\n";
    let config = folder.load(text, &[("PGVEIL_KEY", &"aA".repeat(32))]).unwrap();
    assert_eq!(config.key.0, [0xaa; 32]);
    assert_eq!(config.upstream.address.to_string(), "/run/postgresql/.s.PGSQL.5432");
    assert!(config.upstream.tls.is_none());
    assert!(matches!(config.tls, ClientTls::Disable));
    assert!(config.listen.ip().is_loopback());
}

#[test]
fn keys_come_from_a_file_a_program_or_the_environment() {
    let folder = Folder::new("keys");
    let two = format!("{}\n{}\n", "aa".repeat(32), "bb".repeat(32));
    fs::write(folder.0.join("pgveil.key"), &two).unwrap();
    let of = |config: Config| (config.key.0[0], config.old_keys.iter().map(|key| key.0[0]).collect::<Vec<_>>());
    assert_eq!(of(folder.load(WHOLE, &[]).unwrap()), (0xaa, vec![0xbb]));
    let command = WHOLE.replace("key_file = \"pgveil.key\"", "key_command = [\"cat\", \"pgveil.key\"]");
    assert_eq!(of(folder.load(&command, &[]).unwrap()), (0xaa, vec![0xbb]));
    let config = folder.load(&command, &[("PGVEIL_KEY", &"cc".repeat(32))]).unwrap();
    assert!(config.warnings.iter().any(|w| w.contains("key_command is not read")));
    assert_eq!(of(config), (0xcc, vec![]));
}

#[test]
fn what_is_unwise_is_said() {
    let folder = Folder::new("unwise");
    fs::set_permissions(folder.0.join("pgveil.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = WHOLE.replace("127.0.0.1:6432", "0.0.0.0:6432").replace("mode = \"require\"", "mode = \"allow\"");
    let text = text.replace("\"verify-full\"\nca   = \"ca.crt\"", "\"require\"");
    let warnings = folder.load(&text, &[]).unwrap().warnings;
    for part in ["pgveil.key can be read by everybody", "reachable from other machines", "believes whoever answers"] {
        assert!(warnings.iter().any(|w| w.contains(part)), "{part}: {warnings:?}");
    }
}

#[test]
fn every_fault_names_its_key_and_a_remedy() {
    let folder = Folder::new("faults");
    fs::write(folder.0.join("short.key"), "0f0f").unwrap();
    fs::write(folder.0.join("two.password"), "a\nb\n").unwrap();
    for (from, to, key) in [
        ("policy   = \"policy.toml\"", "", "policy"),
        ("policy.toml", "none.toml", "policy"),
        ("users    = \"users.toml\"", "", "users"),
        ("key_file = \"pgveil.key\"", "", "key_file"),
        ("pgveil.key", "none.key", "key_file"),
        ("pgveil.key", "short.key", "key_file"),
        ("key_file = \"pgveil.key\"", "key_command = [\"false\"]", "key_command"),
        ("key_file = \"pgveil.key\"", "key_command = [\"echo\", \"0f0f\"]", "key_command"),
        ("key_file = \"pgveil.key\"", "key_command = \"cat pgveil.key\"", "key_command"),
        ("key_file = \"pgveil.key\"", "key_file = \"pgveil.key\"\nkey_command = [\"cat\", \"pgveil.key\"]", "key_command"),
        ("127.0.0.1:6432", "127.0.0.1", "listen"),
        ("\"127.0.0.1:6432\"", "6432", "listen"),
        ("listen", "listne", "listne"),
        ("host = \"db.example\"", "", "upstream.host"),
        ("port = 5433", "port = 0", "upstream.port"),
        ("port = 5433", "port = \"5433\"", "upstream.port"),
        ("port = 5433", "prot = 5433", "upstream.prot"),
        ("verify-full", "prefer", "upstream.tls"),
        ("verify-full", "require", "upstream.ca"),
        ("ca   = \"ca.crt\"", "", "upstream.ca"),
        ("ca.crt", "none.crt", "upstream.ca"),
        ("ca.crt", "server.key", "upstream.ca"),
        ("host = \"db.example\"", "host = \"/run\"", "upstream.tls"),
        ("user = \"pgveil\"", "", "upstream.user"),
        ("user = \"pgveil\"", "user = \"pgveil\"\nchannel_binding = \"always\"", "upstream.channel_binding"),
        ("\"verify-full\"\nca   = \"ca.crt\"", "\"disable\"\nchannel_binding = \"require\"", "upstream.channel_binding"),
        ("user = \"pgveil\"", "user = \"pgveil\"\ncert = \"server.crt\"", "upstream.key"),
        ("user = \"pgveil\"", "user = \"pgveil\"\nkey = \"server.key\"", "upstream.cert"),
        ("user = \"pgveil\"", "user = \"pgveil\"\ncert = \"server.crt\"\nkey = \"other.key\"", "upstream.cert"),
        ("user = \"pgveil\"", "user = \"pgveil\"\ncert = \"server.crt\"\nkey = \"none.key\"", "upstream.key"),
        ("user = \"pgveil\"", "user = \"pgveil\"\nlogin = \"both\"", "upstream.login"),
        ("user = \"pgveil\"", "user = \"pgveil\"\nidentity = 1", "upstream.identity"),
        ("user = \"pgveil\"", "user = \"pgveil\"\napplication_name = \"{who}\"", "upstream.application_name"),
        ("user = \"pgveil\"", "user = \"pgveil\"\napplication_name = \"ü\"", "upstream.application_name"),
        ("user = \"dba\"", "user = \"dba\"\nlogin = \"user\"", "upstream.account.admin.user"),
        ("[audit]", "[auth]\n[audit]", "auth.roles"),
        ("[audit]", "[auth]\ndefault_role = \"r\"\nquery = \"SELECT 1\"\n[audit]", "auth.query"),
        ("[audit]", "[auth]\ndefault_role = \"r\"\ncache_seconds = -1\n[audit]", "auth.cache_seconds"),
        ("[audit]", "[auth.roles]\ng = 1\n[audit]", "auth.roles.g"),
        ("users    = ", "ignore_startup_parameters = \"geqo\"\nusers    = ", "ignore_startup_parameters"),
        ("user = \"dba\"", "", "upstream.account.admin.user"),
        ("user = \"dba\"", "user = \"dba\"\npassword = \"x\"", "upstream.account.admin.password"),
        ("dba.password", "none", "upstream.account.admin.password_file"),
        ("dba.password", "two.password", "upstream.account.admin.password_file"),
        ("mode = \"require\"", "mode = \"prefer\"", "tls.mode"),
        ("cert = \"server.crt\"", "", "tls.cert"),
        ("key  = \"server.key\"", "", "tls.key"),
        ("server.key", "other.key", "tls.cert"),
        ("server.key", "none.key", "tls.key"),
        ("server.crt", "none.crt", "tls.cert"),
        ("[audit]", "client_ca = 'none.crt'\n[audit]", "tls.client_ca"),
        ("[audit]", "client_ca = 'pgveil.key'\n[audit]", "tls.client_ca"),
        ("[audit]", "client_ca = 'ca.crt'\nclient_crl = 'policy.toml'\n[audit]", "tls.client_crl"),
        ("[audit]", "client_crl = 'ca.crt'\n[audit]", "tls.client_ca"),
        ("[audit]", "client_cert = 'verify-full'\n[audit]", "tls.client_ca"),
        ("[audit]", "client_cert = 'none'\n[audit]", "tls.client_cert"),
        ("mode = \"require\"", "mode = 'disable'\nclient_ca = 'ca.crt'\nclient_cert = 'verify-ca'", "tls.client_cert"),
        ("[audit]", "[limits]\nfailed_logins = 0\n[audit]", "limits.failed_logins"),
        ("file = \"audit.log\"", "file = 1", "audit.file"),
        ("[audit]", "[limits]\nconnections = 0\n[audit]", "limits.connections"),
        ("[audit]", "[audti]", "audti"),
        ("[upstream]", "[upstream", "line 6"),
    ] {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from}");
        let error = folder.load(&text, &[]).expect_err(to);
        assert_eq!(error.key, key, "{from} -> {to}: {error}");
        assert!(!error.remedy.is_empty() && error.to_string().contains("pgveil.toml"), "{error}");
    }
    assert_eq!(Config::load_with(&folder.0.join("none.toml"), &|_| None).unwrap_err().key, "(the file)");
}
