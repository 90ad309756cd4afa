//! The sample database: a shop with synthetic personal data, the same in every run for the same size.
//!
//! Schemas `shop` and `crm` hold tables, views, a materialised view, a partitioned table, indexes on protected columns alone
//! and behind others; `adhoc` is for analysts to write to. Names are of many languages, addresses of reserved domains
//! (RFC 2606, RFC 6761), IPs of reserved ranges (RFC 2544, RFC 3849), card numbers of a test range.

use super::cluster::{Cluster, ClusterError};

/// Name of the service account, which may read all and write to `adhoc`.
pub const SERVICE: &str = "pgveil";
/// Name of the account that owns the schemas.
pub const OWNER: &str = "shop_owner";

/// How much, and with which passwords.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Customers; five times as many orders, a fortieth employees.
    pub customers: u32,
    /// Of [`SERVICE`].
    pub service_password: String,
    /// Of [`OWNER`].
    pub owner_password: String,
}

/// What there is to run, in order, and what it does in words.
const SCRIPTS: &[(&str, &[&str])] = &[
    ("schema", &[include_str!("schema.sql"), include_str!("names.sql")]),
    ("customers, employees, logins, leads", &[include_str!("people.sql")]),
    ("orders", &[include_str!("orders.sql")]),
    ("keys, indexes, views, statistics", &[include_str!("finish.sql")]),
];

/// All of the scripts, for telling one version of the sample from another.
pub fn text() -> String {
    SCRIPTS.iter().flat_map(|(_, texts)| texts.iter().copied()).collect()
}

impl Sample {
    /// Makes the database `name` and fills it; `step` is told in words what comes next. Roles that exist get the passwords.
    ///
    /// # Errors
    /// What psql says.
    pub fn load(&self, cluster: &Cluster, name: &str, mut step: impl FnMut(&str)) -> Result<(), ClusterError> {
        let customers = self.customers.max(1).to_string();
        let variables =
            [("customers", customers.as_str()), ("service_password", &self.service_password), ("owner_password", &self.owner_password)];
        cluster.execute("postgres", &format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")))?;
        for (words, texts) in SCRIPTS {
            step(words);
            for text in *texts {
                cluster.script(name, text, &variables)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Options;
    use super::*;

    #[test]
    fn a_small_sample_hangs_together() {
        let cluster = Cluster::start(Options::default()).unwrap();
        let sample = Sample { customers: 300, service_password: "s".to_owned(), owner_password: "o'1".to_owned() };
        sample.load(&cluster, "shop", |_| ()).unwrap();
        let ask = |sql: &str| cluster.execute("shop", sql).unwrap().trim().to_owned();
        assert_eq!(ask("SELECT count(*) FROM shop.customers"), "300");
        assert_eq!(ask("SELECT count(*) FROM shop.orders"), "1500");
        assert_eq!(ask("SELECT count(*) FROM shop.orders o JOIN shop.customers c ON c.id = customer_id WHERE ship_email <> email"), "0");
        assert_eq!(ask("SELECT count(*) FROM crm.leads l JOIN shop.customers c ON c.email = l.email"), "15");
        assert_eq!(ask("SELECT shop.fmt_money(1234.5)"), "1,234.50 EUR");
        assert_eq!(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'gen'"), "0");
        // Luhn: the same sum modulo 10 as the standard says, over all digits.
        let luhn = "SELECT count(*) FROM (SELECT DISTINCT card_number AS n FROM shop.orders WHERE card_number IS NOT NULL) c WHERE \
             (SELECT sum(CASE WHEN i % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END) FROM \
              (SELECT i, substr(n, i, 1)::int AS d FROM generate_series(1, 16) AS i) AS x) % 10 <> 0";
        assert_eq!(ask(luhn), "0");
        // A second database of the same cluster: the roles are there already.
        sample.load(&cluster, "again", |_| ()).unwrap();
        let sum = |name: &str| cluster.execute(name, "SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM shop.customers c").unwrap();
        assert_eq!(sum("shop"), sum("again"));
    }
}
