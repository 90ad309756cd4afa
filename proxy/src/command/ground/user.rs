//! `--user` and `--attribute`: as whom a role asks.

use pgveil_policy::policy::attributes::{self, Attributes};
use pgveil_policy::policy::user::User;

use super::Trouble;

/// As whom, for row filters that ask for it.
#[derive(Debug, clap::Args)]
pub(in crate::command) struct UserArguments {
    /// What the user is called: {user} in row filters, and the setting pgveil.user
    #[arg(long, value_name = "NAME", value_parser = name)]
    user: Option<String>,
    /// What {attr.NAME} in row filters stands for; a list as '{a,b}'. May be given more than once
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

/// What a user is called who is not named.
const USER: &str = "pgveil_try";

impl UserArguments {
    /// Whom the command line says; one without attributes where it says nothing.
    ///
    /// # Errors
    /// An attribute is given twice.
    pub(in crate::command) fn user(&self) -> Result<User, Trouble> {
        let mut found = Attributes::new();
        for (name, value) in &self.attributes {
            if found.insert(name.clone(), value.clone()).is_some() {
                return Err(Trouble::Usage(format!("--attribute {name} is given twice; a list is one value: {name}='{{a,b}}'")));
            }
        }
        Ok(User { name: self.user.as_deref().unwrap_or(USER).to_owned(), attributes: found })
    }

    /// Whether the command line says whom.
    pub(in crate::command) fn is_said(&self) -> bool {
        self.user.is_some() || !self.attributes.is_empty()
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("a user has a name") } else { Ok(text.to_owned()) }
}

fn attribute(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), attributes::fit(name, value.to_owned())?))
}
