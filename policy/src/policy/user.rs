//! `{user}` and `{attr.NAME}` in row filters: what is known of who asks.
//!
//! A judged text is one for all users of a role. Where such a value stands it has a *hole*, the content of a string constant, that is
//! filled when the text is asked for by somebody ([`crate::Engine::judge`]). No value is ever part of a text that is read as SQL.

use std::ops::{ControlFlow, Range};

use sqlparser::ast::{BinaryOperator, Expr, Visit, Visitor};

use super::attributes::Attributes;
use crate::read;

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// As they logged in.
    pub name: String,
    /// By name; a list is written as PostgreSQL writes an array. None holds U+0000.
    pub attributes: Attributes,
}

/// What stands in braces in a row filter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserValue {
    /// `{user}`
    Name,
    /// `{attr.NAME}`
    Attribute(String),
}

/// Ends the content of a hole. As a pattern of LIKE it is one that fails: what somebody's attribute is, is not known when it is judged.
const END: char = '\\';

impl UserValue {
    /// As the policy writes it.
    pub fn written(&self) -> String {
        format!("{{{}}}", self.key())
    }

    fn key(&self) -> String {
        match self {
            UserValue::Name => "user".to_owned(),
            UserValue::Attribute(name) => format!("attr.{name}"),
        }
    }

    fn of_key(key: &str) -> Option<UserValue> {
        match key.strip_prefix("attr.") {
            None => (key == "user").then_some(UserValue::Name),
            Some(name) => is_attribute(name).then(|| UserValue::Attribute(name.to_owned())),
        }
    }

    /// It, of that user; `None` where the user has none.
    pub fn of<'u>(&self, user: &'u User) -> Option<&'u str> {
        match self {
            UserValue::Name => Some(&user.name),
            UserValue::Attribute(name) => user.attributes.get(name).map(String::as_str),
        }
    }

    /// The content of the string constant that stands for it in a judged text, behind a marker that no client can know.
    fn hole(&self, marker: &str) -> String {
        format!("{marker}@{}{END}", self.key())
    }

    /// A text behind the marker that begins with a hole: what is to be put there, and the rest.
    pub(crate) fn of_hole(text: &str) -> Option<(UserValue, &str)> {
        let (key, rest) = text.strip_prefix('@')?.split_once(END)?;
        Some((UserValue::of_key(key)?, rest))
    }
}

/// What an attribute may be called: letters, digits and `_` of ASCII, no digit first.
pub fn is_attribute(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The values that a condition names, each as often as it does.
pub fn named(sql: &str) -> Vec<UserValue> {
    places(sql).into_iter().map(|(_, value)| value).collect()
}

/// The condition with a hole for each value.
pub(crate) fn with_holes(sql: &str, marker: &str) -> String {
    filled(sql, |_, value| format!(" ('{}') ", value.hole(marker)))
}

/// The condition as SQL, for those who only look at what it names.
pub(crate) fn readable(sql: &str) -> String {
    with_holes(sql, "")
}

/// The name that stands for the value of that number: two string constants behind one another could be one.
fn stands(number: usize) -> String {
    format!("pgveil_value_{number}")
}

/// The condition with a name for each value.
fn with_names(sql: &str) -> String {
    filled(sql, |number, _| format!(" {} ", stands(number)))
}

/// Whether the user's name stands in a pattern, of LIKE or of a regular expression: what a user is called would say what it matches.
pub(crate) fn name_in_pattern(sql: &str) -> bool {
    let named: Vec<String> = named(sql).iter().enumerate().filter(|(_, v)| **v == UserValue::Name).map(|(n, _)| stands(n)).collect();
    !named.is_empty()
        && read::deep(|| {
            let mut seen = Patterns(Names(vec![]));
            let _ = read::expression(&with_names(sql)).map(|condition| condition.visit(&mut seen));
            named.iter().any(|name| seen.0.0.contains(name))
        })
}

/// What keeps the values in a condition from being values there.
pub(crate) fn fault(sql: &str) -> Option<String> {
    let values = places(sql);
    let text = with_names(sql);
    let lost = |value: &UserValue| format!("`{}` is no value there, but part of a string, comment or name", value.written());
    if values.is_empty() {
        return None;
    }
    read::deep(|| {
        let condition = match read::expression(&text) {
            Ok(condition) => condition,
            // A name that could not stand there.
            Err(refusal) if refusal.message.contains("pgveil_value_") => return values.first().map(|(_, value)| lost(value)),
            Err(refusal) => return Some(refusal.message),
        };
        let mut seen = Names(vec![]);
        let _ = condition.visit(&mut seen);
        let mut unseen = values.iter().enumerate().filter(|(number, _)| !seen.0.contains(&stands(*number)));
        unseen.next().map(|(_, (_, value))| lost(value))
    })
}

/// Names that stand as expressions.
struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();
    fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = e {
            self.0.push(name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Names that stand in patterns.
struct Patterns(Names);

impl Visitor for Patterns {
    type Break = ();
    fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
        let pattern = match e {
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } | Expr::SimilarTo { pattern, .. } => pattern,
            Expr::BinaryOp { op, right, .. } | Expr::AnyOp { compare_op: op, right, .. } | Expr::AllOp { compare_op: op, right, .. }
                if takes_pattern(op) =>
            {
                right
            }
            _ => return ControlFlow::Continue(()),
        };
        pattern.visit(&mut self.0)
    }
}

fn takes_pattern(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::PGRegexMatch
            | Op::PGRegexIMatch
            | Op::PGRegexNotMatch
            | Op::PGRegexNotIMatch
            | Op::PGLikeMatch
            | Op::PGILikeMatch
            | Op::PGNotLikeMatch
            | Op::PGNotILikeMatch
    )
}

fn filled(sql: &str, mut with: impl FnMut(usize, &UserValue) -> String) -> String {
    let mut out = String::new();
    let mut from = 0_usize;
    for (number, (at, value)) in places(sql).into_iter().enumerate() {
        out.push_str(sql.get(from..at.start).unwrap_or_default());
        out.push_str(&with(number, &value));
        from = at.end;
    }
    out.push_str(sql.get(from..).unwrap_or_default());
    out
}

fn places(sql: &str) -> Vec<(Range<usize>, UserValue)> {
    let of = |(at, _): (usize, &str)| {
        let (key, _) = sql.get(at..)?.strip_prefix('{')?.split_once('}')?;
        Some((at..at.saturating_add(key.len()).saturating_add(2), UserValue::of_key(key)?))
    };
    sql.match_indices('{').filter_map(of).collect()
}

/// A list as PostgreSQL writes an array of texts.
pub fn list<'t>(values: impl IntoIterator<Item = &'t str>) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", values.into_iter().map(quoted).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_nothing_else() {
        let attribute = |name: &str| UserValue::Attribute(name.to_owned());
        let sql = "owner = {user} AND region = ANY ({attr.regions}) AND tags && '{a,user}' AND x <> '{eu}'";
        assert_eq!(named(sql), [UserValue::Name, attribute("regions")]);
        assert_eq!(
            with_holes(sql, "MARK"),
            "owner =  ('MARK@user\\')  AND region = ANY ( ('MARK@attr.regions\\') ) AND tags && '{a,user}' AND x <> '{eu}'"
        );
        assert_eq!(UserValue::of_hole("@attr.regions\\') )"), Some((attribute("regions"), "') )")));
        assert_eq!(UserValue::of_hole("@attr.re gions\\'"), None);
        for none in ["{User}", "{ user }", "{attr.}", "{attr.1a}", "{attr.a-b}", "{attr.a", "{{user"] {
            assert_eq!(named(none), [], "{none}");
        }
    }

    #[test]
    fn a_value_must_stand_where_one_can() {
        for fine in [
            "owner = {user}",
            "{user}::text = owner",
            "id IN (SELECT id FROM s.t WHERE o = {user} OR o = {attr.boss})",
            "a = ANY ({attr.b})",
        ] {
            assert_eq!(fault(fine), None, "{fine}");
        }
        for wrong in [
            "owner = '{user}'",
            "owner = 'x' -- {user}",
            "owner = $a${user}$a$",
            "owner = \"{user}\"",
            "owner = E {user}",
            "owner = date {user}",
            "owner = 'a'\n{user}",
            "owner = {user}(1)",
            "owner = {user}.x",
            "owner = x::{user}",
            "owner IN (SELECT a {user} FROM s.t)",
            "owner IN (SELECT a FROM {user})",
            "owner = x{user}",
            "owner = {user}{user}",
        ] {
            assert!(fault(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_name_in_a_pattern_is_found() {
        for pattern in [
            "name LIKE {user}",
            "region = {attr.region} AND NOT (name ILIKE '%' || {user} || '%')",
            "name ~ ('^' || {user})",
            "name !~~* {user}",
            "name SIMILAR TO {user}",
            "name LIKE ANY (ARRAY[{user}])",
            "id IN (SELECT id FROM s.t WHERE o LIKE lower({user}))",
        ] {
            assert!(name_in_pattern(pattern), "{pattern}");
        }
        for fine in ["name = {user}", "name LIKE {attr.region}", "{user} LIKE name", "name LIKE 'x%' AND owner = {user}"] {
            assert!(!name_in_pattern(fine), "{fine}");
        }
    }

    #[test]
    fn lists_are_arrays() {
        assert_eq!(list(["a", "b\"c", "\\", ""]), r#"{"a","b\"c","\\",""}"#);
        assert_eq!(list([]), "{}");
    }
}
