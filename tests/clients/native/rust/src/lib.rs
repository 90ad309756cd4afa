//! What both programs share: their arguments, what they say, and how a pseudonym looks.

use std::fmt::Debug;

/// PORT DATABASE USER PASSWORD ROLE, and the file of a CA where the server speaks TLS.
pub struct Place {
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: String,
    pub role: String,
    pub ca: Option<String>,
}

impl Place {
    /// # Panics
    /// Where an argument is missing.
    pub fn of_arguments() -> Place {
        let mut given = std::env::args().skip(1);
        let mut next = || given.next().expect("PORT DATABASE USER PASSWORD ROLE [CA]");
        let (port, database, user, password, role) = (next(), next(), next(), next(), next());
        Place { port: port.parse().unwrap(), database, user, password, role, ca: given.next() }
    }

    pub fn masked(&self) -> bool {
        self.role == "analyst"
    }

    /// An e-mail address, which is a pseudonym where they are masked.
    ///
    /// # Panics
    /// Where it is none.
    pub fn mail(&self, value: Option<&str>) {
        let pseudonym = value.is_none_or(|v| v.len() == 34 && v.starts_with("u_"));
        assert!(!self.masked() || pseudonym, "no pseudonym");
    }
}

/// What must be the same everywhere.
pub fn same(what: &str, value: impl Debug) {
    println!("{what}: {value:?}");
}

/// What an error of what follows is about.
pub fn part(name: &str) {
    eprintln!("{name}:");
}
