//! The password file (PostgreSQL documentation, 34.16).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::command::say;

/// The password of the first line that fits, where there is a file and nobody else can read it.
pub(super) fn find(environment: &dyn Fn(&str) -> Option<String>, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let file = match environment("PGPASSFILE") {
        Some(file) => PathBuf::from(file),
        None => PathBuf::from(environment("HOME")?).join(".pgpass"),
    };
    let mode = fs::metadata(&file).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        say(&format!("pgveil: {} is not used: others can read it; chmod 600 it", file.display()));
        return None;
    }
    lookup(&fs::read_to_string(&file).ok()?, host, [&port.to_string(), database, user])
}

fn lookup(text: &str, wanted: &str, others: [&str; 3]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [host, port, database, user, password] = fields.as_slice() else { return None };
        // A socket's folder is written as localhost there.
        let local = wanted.starts_with('/') && host == "localhost";
        let fits = |field: &str, wanted: &str| field == "*" || field == wanted;
        let all = [port, database, user].into_iter().zip(others).all(|(field, wanted)| fits(field, wanted));
        (all && (local || fits(host, wanted))).then(|| password.clone())
    })
}

/// Five fields, of which the last is the rest of the line; a backslash takes what follows as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let last = fields.len() >= 5;
        let Some(field) = fields.last_mut() else { break };
        match c {
            '\\' => field.extend(characters.next()),
            ':' if !last => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits() {
        let text = "# mine\ndb:5432:shop:ana:a\\:b:c\\\\\nlocalhost:*:*:ana:socket\n*:*:*:eng:e\nshort:line\n";
        let password = |host, database, user| lookup(text, host, ["5432", database, user]);
        assert_eq!(password("db", "shop", "ana").as_deref(), Some("a:b:c\\"));
        assert_eq!(password("/run/postgresql", "x", "ana").as_deref(), Some("socket"));
        assert_eq!(password("db", "x", "eng").as_deref(), Some("e"));
        assert_eq!(password("db", "x", "ana"), None);
    }
}
