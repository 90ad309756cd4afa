//! What only the server itself, or the configuration, can say of a policy.

use pgveil_policy::policy::user;
use pgveil_policy::report::check::filtered;
use pgveil_policy::report::finding::{Finding, Severity};
use pgveil_policy::{Engine, Policy, Subject};

use crate::command::ground::{Live, Source, Trouble};
use crate::error::UpstreamError;

/// Row filters that are refused, or that the server does not take.
pub(super) fn filters(policy: &Policy, engine: &Engine, live: &mut Live) -> Result<Vec<Finding>, Trouble> {
    let mut found: Vec<Finding> = Vec::new();
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let catalog = live.catalog.clone();
    for (name, role) in policy.roles.iter().filter(|(name, _)| !policy.is_of_an_exemption(name)) {
        for relation in filtered(policy, &catalog, name) {
            let full = format!("{}.{}", relation.schema, relation.name);
            let rule = role.rows.iter().find(|rule| rule.relation.matches([&relation.schema, &relation.name]));
            let finding = |severity: Severity, id: &'static str, message: String, help: Option<String>| {
                let (line, column) = rule.map_or((role.line, 0), |rule| (rule.line, rule.column));
                Finding { column, help, ..Finding::new(severity, id, policy, line, message) }
            };
            let who = Subject { role: name.clone(), search_path: ["pg_catalog".to_owned()].to_vec().into(), user: None };
            let sql = format!("SELECT 1 FROM {}.{}", quote(&relation.schema), quote(&relation.name));
            let plan = match engine.judge(&who, &sql) {
                Ok(plan) => plan,
                Err(refusal) => {
                    let why = refusal.message.split_once(" cannot be used: ").map_or(refusal.message.as_str(), |(_, why)| why);
                    let message = format!("the row filter of role {name} on {full} cannot be used: {why}");
                    found.push(finding(Severity::Error, "rows.refused", message, refusal.hint));
                    continue;
                }
            };
            for statement in &plan.statements {
                let text = statement.text.render("0", |token| token.text.clone(), |_| "0".to_owned());
                match live.query(&format!("EXPLAIN (COSTS FALSE) {text}")) {
                    Ok(_) => {}
                    Err(UpstreamError::Refused(report)) if report.code == "42501" => {
                        let message =
                            format!("the account cannot read {full}, so the row filter of role {name} on it is not checked: {report}");
                        found.push(finding(
                            Severity::Warning,
                            "account.denied",
                            message,
                            Some("GRANT SELECT on it to the account".to_owned()),
                        ));
                    }
                    // What is no number or date is the words `{attr.NAME}`: nobody is asking.
                    Err(UpstreamError::Refused(report))
                        if report.code.starts_with("22") && role.rows.iter().any(|rule| !user::named(&rule.sql).is_empty()) => {}
                    Err(UpstreamError::Refused(report)) => {
                        let message = format!("the row filter of role {name} on {full} does not run: {report}");
                        found.push(finding(Severity::Error, "rows.failing", message, report.hint.clone()));
                    }
                    Err(other) => return Err(other.into()),
                }
            }
        }
    }
    Ok(found)
}

/// Roles that the configuration names and the policy does not have: `pgveil serve` would not start.
pub(super) fn roles_of_configuration(policy: &Policy, live: &Live) -> Vec<Finding> {
    let Source::Config(config) = &live.source else { return vec![] };
    let mut named: Vec<(String, &str)> = config
        .upstream
        .accounts
        .keys()
        .chain(config.upstream.logins.keys())
        .map(|role| (format!("upstream.account.{role}"), role.as_str()))
        .collect();
    if let Some(auth) = &config.auth {
        named.extend(auth.default_role.iter().map(|role| ("auth.default_role".to_owned(), role.as_str())));
        named.extend(auth.groups.iter().map(|(group, role)| (format!("auth.roles.{group}"), role.as_str())));
    }
    let file = config.file.display().to_string();
    let users = crate::users::Users::load(&config.users).ok();
    let users_file = config.users.display().to_string();
    let mut found: Vec<(String, String, String)> = named.into_iter().map(|(key, role)| (file.clone(), key, role.to_owned())).collect();
    for (user, entry) in users.iter().flat_map(|users| users.iter()) {
        found.extend(entry.roles.iter().map(|role| (users_file.clone(), format!("user.{user}.roles"), role.clone())));
    }
    found.sort();
    found.dedup();
    found.retain(|(_, _, role)| !policy.roles.contains_key(role));
    let finding = |(file, key, role): (String, String, String)| {
        let message = format!("{key} names the role {role}, which the policy does not have");
        let known = policy.roles.keys().cloned().collect::<Vec<_>>().join(", ");
        Finding { file, ..Finding::new(Severity::Error, "role.unknown", policy, 0, message).with_help(format!("its roles are: {known}")) }
    };
    found.into_iter().map(finding).collect()
}
