//! TOML to a policy, with every fault at its place.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::conditions;
use super::expiry;
use super::faults::{Faults, suggest};
use super::inherit::{Heir, Places, resolve};
use super::pattern::{Pattern, PatternError};
use super::{
    Class, DefaultMask, Expiry, Limit, Limits, Policy, PolicyError, Role, RoleMask, RowRule, StatementKind, Unclassified, exempt, masks,
    tests_in_file, user,
};

/// Keys at the top of a policy.
pub(super) const TOP: [&str; 7] = ["version", "unclassified", "unclassified_new", "class", "role", "exemption", "test"];
/// Keys of a class.
pub(super) const CLASS: [&str; 1] = ["columns"];
/// Keys of a role.
pub(super) const ROLE: [&str; 13] = [
    "inherits",
    "default",
    "read_only",
    "writable_schemas",
    "functions",
    "trusted_code",
    "channels",
    "mask",
    "rows",
    "statements",
    "limits",
    "expires",
    "when",
];
/// Keys of a role's limits.
const LIMITS: [&str; 3] = ["seconds", "rows", "bytes"];

pub(super) fn policy(file: &str, text: &str) -> Result<Policy, Vec<PolicyError>> {
    let mut faults = Faults::new(file, text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("this is not TOML: {}", error.message().trim().replace('\n', "; "));
            faults.add(error.span().or(Some(0..0)), message, "https://toml.io has the syntax; `\"` and `'` quote texts and keys with dots");
            return Err(faults.into_errors());
        }
    };
    let root = document.as_table();
    known_keys(&mut faults, root, &TOP, "in a policy");
    version(&mut faults, root);
    let (unclassified, unclassified_line) = self::unclassified(&mut faults, root, "unclassified", Unclassified::Clear);
    let (unclassified_new, unclassified_new_line) = self::unclassified(&mut faults, root, "unclassified_new", Unclassified::Redact);
    let classes: Vec<Class> = named_tables(&mut faults, root, "class").into_iter().map(|t| class(&mut faults, t)).collect();
    duplicate_patterns(&mut faults, root);
    let class_names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
    let heirs = named_tables(&mut faults, root, "role").into_iter().map(|t| heir(&mut faults, t, &class_names)).collect();
    let roles = resolve(&mut faults, heirs);
    let tests = tests_in_file::tests(&mut faults, root, file, &roles.iter().map(|r| r.name.as_str()).collect::<Vec<_>>());
    let mut roles = roles.into_iter().map(|role| (role.name.clone(), role)).collect();
    let exemptions = exempt::exemptions(&mut faults, root, &mut roles, &class_names);
    if !faults.is_empty() {
        return Err(faults.into_errors());
    }
    Ok(Policy {
        file: file.to_owned(),
        unclassified,
        unclassified_line,
        unclassified_new,
        unclassified_new_line,
        classes,
        roles,
        exemptions,
        tests,
    })
}

/// A sub-table with its name, the place of the name, and what it holds.
type Named<'i> = (&'i str, Option<Range<usize>>, &'i dyn TableLike);

fn named_tables<'i>(faults: &mut Faults<'_>, root: &'i dyn TableLike, kind: &str) -> Vec<Named<'i>> {
    let Some(item) = root.get(kind) else { return Vec::new() };
    let Some(outer) = table(faults, item, key_span(root, kind), &format!("`{kind}`"), &format!("write [{kind}.name]")) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, item) in outer.iter() {
        let span = key_span(outer, name);
        if name.is_empty() {
            faults.add(span.clone(), format!("a {kind} has no name"), format!("write [{kind}.name]"));
        }
        let help = format!("write [{kind}.{name}] and its keys below");
        if let Some(inner) = table(faults, item, span.clone(), &format!("{kind} {name}"), &help) {
            out.push((name, span, inner));
        }
    }
    out
}

fn version(faults: &mut Faults<'_>, root: &dyn TableLike) {
    const HELP: &str = "write `version = 1` at the top: this pgveil reads version 1 only";
    match root.get("version") {
        None => faults.add(Some(0..0), "the policy has no version", HELP),
        Some(item) if item.as_integer() == Some(1) => {}
        Some(item) => {
            let shown = item.as_integer().map_or_else(|| item.type_name().to_owned(), |n| n.to_string());
            faults.add(item.span(), format!("version {shown} is not known"), HELP);
        }
    }
}

fn unclassified(faults: &mut Faults<'_>, root: &dyn TableLike, key: &str, default: Unclassified) -> (Unclassified, usize) {
    let Some(item) = root.get(key) else { return (default, 0) };
    let line = faults.place(item.span()).0;
    let chosen = match string(faults, item, &format!("`{key}`")) {
        Some("clear") => Unclassified::Clear,
        Some("redact") => Unclassified::Redact,
        Some("refuse") => Unclassified::Refuse,
        None => default,
        Some(other) => {
            let help = suggest(other, ["clear", "redact", "refuse"]);
            faults.add(item.span(), format!("`{key}` cannot be `{other}`"), help);
            default
        }
    };
    (chosen, line)
}

fn class(faults: &mut Faults<'_>, (name, span, table): Named<'_>) -> Class {
    known_keys(faults, table, &CLASS, &format!("in class {name}"));
    let mut columns = Vec::new();
    match table.get("columns") {
        None => faults.add(span.clone(), format!("class {name} names no columns"), "write `columns = [\"schema.table.column\"]`"),
        Some(item) => {
            for (text, at) in strings(faults, item, &format!("`columns` of class {name}")) {
                let line = faults.place(at.clone()).0;
                if let Some(pattern) = pattern(faults, text, at, "schema.table.column") {
                    columns.push((pattern, line));
                }
            }
        }
    }
    Class { name: name.to_owned(), line: faults.place(span).0, columns }
}

/// The same text in two places: what overlaps otherwise is found against a database.
fn duplicate_patterns(faults: &mut Faults<'_>, root: &dyn TableLike) {
    let mut seen: HashMap<&str, (&str, usize)> = HashMap::new();
    let Some(classes) = root.get("class").and_then(Item::as_table_like) else { return };
    for (class, item) in classes.iter() {
        let columns = item.as_table_like().and_then(|t| t.get("columns")).and_then(Item::as_array);
        for value in columns.into_iter().flatten() {
            let Some(text) = value.as_str() else { continue };
            let line = faults.place(value.span()).0;
            if let Some((other, at)) = seen.insert(text, (class, line)) {
                let message = format!("the columns `{text}` of class {class} are named in class {other} already, on line {at}");
                faults.add(value.span(), message, "a column has one class: keep one of the two");
            }
        }
    }
}

fn heir<'i>(faults: &mut Faults<'_>, named: Named<'i>, classes: &[&str]) -> Heir<'i> {
    let (name, _, table) = named;
    known_keys(faults, table, &ROLE, &format!("in role {name}"));
    let says = ["default", "read_only", "trusted_code"].into_iter().filter(|key| table.contains_key(key)).collect();
    let parents = parents(faults, table, name);
    let mut places = BTreeMap::new();
    Heir { role: role(faults, named, classes, &mut places), says, parents, places }
}

/// `inherits`: a role, or several.
fn parents<'i>(faults: &mut Faults<'_>, table: &'i dyn TableLike, role: &str) -> Vec<(&'i str, Option<Range<usize>>)> {
    let Some(item) = table.get("inherits") else { return Vec::new() };
    if let Some(one) = item.as_str() {
        return vec![(one, item.span())];
    }
    let mut out: Vec<(&str, Option<Range<usize>>)> = Vec::new();
    for (parent, at) in strings(faults, item, &format!("`inherits` of role {role}")) {
        match out.iter().any(|(other, _)| *other == parent) {
            true => faults.add(at, format!("role {parent} is named twice"), "keep one of the two"),
            false => out.push((parent, at)),
        }
    }
    out
}

/// `places`: of the masks, by class.
fn role(faults: &mut Faults<'_>, (name, span, table): Named<'_>, classes: &[&str], places: &mut Places) -> Role {
    Role {
        name: name.to_owned(),
        line: faults.place(span).0,
        default: default_mask(faults, table, name),
        read_only: boolean(faults, table, "read_only", name),
        writable_schemas: writable_schemas(faults, table, name),
        functions: functions(faults, table, name),
        trusted_code: boolean(faults, table, "trusted_code", name),
        channels: channels(faults, table, name),
        masks: role_masks(faults, table, name, classes, places),
        rows: rows(faults, table, name),
        statements: statements(faults, table, name),
        limits: limits(faults, table, name),
        expires: expires(faults, table, name),
        when: conditions::conditions(faults, table, name),
    }
}

fn default_mask(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> DefaultMask {
    let Some(item) = table.get("default") else { return DefaultMask::Redact };
    match string(faults, item, &format!("`default` of role {role}")) {
        Some("clear") => DefaultMask::Clear,
        Some("redact") | None => DefaultMask::Redact,
        Some(other) => {
            faults.add(item.span(), format!("`default` of role {role} cannot be `{other}`"), suggest(other, ["clear", "redact"]));
            DefaultMask::Redact
        }
    }
}

fn boolean(faults: &mut Faults<'_>, table: &dyn TableLike, key: &str, role: &str) -> bool {
    let Some(item) = table.get(key) else { return false };
    item.as_bool().unwrap_or_else(|| {
        let message = format!("`{key}` of role {role} must be true or false, not {}", article(item.type_name()));
        faults.add(item.span(), message, format!("write `{key} = true` or `{key} = false`"));
        false
    })
}

fn writable_schemas(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Vec<String> {
    let Some(item) = table.get("writable_schemas") else { return Vec::new() };
    let mut out = Vec::new();
    for (text, at) in strings(faults, item, &format!("`writable_schemas` of role {role}")) {
        if let Some([schema]) = pattern::<1>(faults, text, at.clone(), "schema").and_then(|p| exact(faults, p, text, at.clone())) {
            match out.contains(&schema) {
                true => faults.add(at, format!("schema {schema} is named twice"), "keep one of the two"),
                false => out.push(schema),
            }
        }
    }
    out
}

fn channels(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Vec<Pattern<1>> {
    let Some(item) = table.get("channels") else { return Vec::new() };
    let mut out = Vec::new();
    for (text, at) in strings(faults, item, &format!("`channels` of role {role}")) {
        let Some(channel) = pattern::<1>(faults, text, at.clone(), "channel") else { continue };
        match out.contains(&channel) {
            true => faults.add(at, format!("channel {text} is named twice"), "keep one of the two"),
            false => out.push(channel),
        }
    }
    out
}

fn functions(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Vec<(String, String)> {
    let Some(item) = table.get("functions") else { return Vec::new() };
    let mut out = Vec::new();
    for (text, at) in strings(faults, item, &format!("`functions` of role {role}")) {
        if text.ends_with(')') {
            faults.add(at, format!("`{text}` has an argument list"), "write `schema.function`: all functions of that name are meant");
            continue;
        }
        if let Some(names) = pattern::<2>(faults, text, at.clone(), "schema.function").and_then(|p| exact(faults, p, text, at.clone())) {
            let function = names.into();
            match out.contains(&function) {
                true => faults.add(at, format!("function {text} is named twice"), "keep one of the two"),
                false => out.push(function),
            }
        }
    }
    out
}

fn role_masks(
    faults: &mut Faults<'_>,
    table: &dyn TableLike,
    role: &str,
    classes: &[&str],
    places: &mut Places,
) -> BTreeMap<String, RoleMask> {
    let mut out = BTreeMap::new();
    let Some(item) = table.get("mask") else { return out };
    let what = format!("`mask` of role {role}");
    let help = format!("write [role.{role}.mask] and lines such as `email = \"redact\"` below");
    let Some(masks) = self::table(faults, item, key_span(table, "mask"), &what, &help) else { return out };
    for (class, item) in masks.iter() {
        let span = key_span(masks, class);
        if !classes.contains(&class) {
            let message = format!("role {role} masks the class `{class}`, which is not defined");
            faults.add(span.clone(), message, suggest(class, classes.iter().copied()));
        }
        let (line, column) = faults.place(span);
        if let Some((spec, redacts_otherwise, writes)) = masks::mask(faults, item) {
            let written = faults.written(item.span());
            places.insert(class.to_owned(), item.span());
            out.insert(class.to_owned(), RoleMask { spec, redacts_otherwise, writes, written, line, column });
        }
    }
    out
}

fn rows(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Vec<RowRule> {
    let mut out = Vec::new();
    let Some(item) = table.get("rows") else { return out };
    let what = format!("`rows` of role {role}");
    let help = format!("write [role.{role}.rows] and lines such as `\"shop.customers\" = \"country = 'DE'\"` below");
    let Some(rows) = self::table(faults, item, key_span(table, "rows"), &what, &help) else { return out };
    for (key, item) in rows.iter() {
        let span = key_span(rows, key);
        if item.is_table_like() {
            let message = format!("the row filter `{key}` is a table: a key with a dot must be quoted");
            faults.add(span, message, "write `\"schema.table\" = \"condition\"`");
            continue;
        }
        let relation = pattern::<2>(faults, key, span.clone(), "schema.table");
        let sql = string(faults, item, &format!("the row filter of {key}"));
        if let Some(fault) = sql.and_then(|sql| condition_fault(&user::readable(sql)).or_else(|| user::fault(sql))) {
            let message = format!("the row filter of {key} is no SQL condition: {fault}");
            let help = "write what could stand after WHERE, such as `country = 'DE'`, `owner = {user}` or `region = {attr.region}`";
            faults.add(item.span(), message, help);
        }
        if let (Some(relation), Some(sql)) = (relation, sql) {
            let (line, column) = faults.place(span);
            out.push(RowRule { relation, sql: sql.to_owned(), line, column });
        }
    }
    out
}

fn statements(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Option<(Vec<StatementKind>, usize)> {
    let item = table.get("statements")?;
    let mut out = Vec::new();
    for (word, at) in strings(faults, item, &format!("`statements` of role {role}")) {
        match StatementKind::ALL.into_iter().find(|kind| kind.word() == word) {
            Some(kind) if out.contains(&kind) => faults.add(at, format!("{word} is named twice"), "keep one of the two"),
            Some(kind) => out.push(kind),
            None => {
                let help = suggest(word, StatementKind::ALL.map(StatementKind::word));
                faults.add(at, format!("`{word}` is no kind of statement"), help);
            }
        }
    }
    Some((out, faults.place(key_span(table, "statements")).0))
}

fn limits(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Limits {
    let Some(item) = table.get("limits") else { return Limits::default() };
    let what = format!("`limits` of role {role}");
    let help = format!("write [role.{role}.limits] and `seconds = 30` below");
    let Some(limits) = self::table(faults, item, key_span(table, "limits"), &what, &help) else { return Limits::default() };
    known_keys(faults, limits, &LIMITS, &format!("in limits of role {role}"));
    let mut limit = |key: &str, most: u64, example: u64| {
        let item = limits.get(key)?;
        let number = item.as_integer().and_then(|n| u64::try_from(n).ok()).filter(|n| (1..=most).contains(n));
        if number.is_none() {
            let what = format!("`{key}` of role {role} must be a whole number from 1 to {most}");
            faults.add(item.span(), what, format!("write `{key} = {example}`"));
        }
        Some(Limit { most: number?, line: faults.place(key_span(limits, key)).0 })
    };
    Limits {
        seconds: limit("seconds", Limits::MOST_SECONDS, 30),
        rows: limit("rows", Limits::MOST_GIVEN, 100_000),
        bytes: limit("bytes", Limits::MOST_GIVEN, 50_000_000),
    }
}

fn expires(faults: &mut Faults<'_>, table: &dyn TableLike, role: &str) -> Option<Expiry> {
    let item = table.get("expires")?;
    let at = item.as_datetime().and_then(expiry::moment);
    if at.is_none() {
        let message = format!("`expires` of role {role} must be a date, or a date and time with an offset");
        faults.add(item.span(), message, "write `expires = 2027-01-01` or `expires = 2027-01-01T18:00:00+01:00`");
    }
    Some(Expiry { at: at?, written: faults.written(item.span()), line: faults.place(key_span(table, "expires")).0 })
}

/// What keeps a text from being a condition, by Postgres' own grammar.
fn condition_fault(sql: &str) -> Option<String> {
    // Read alone as well as in parentheses: `a) OR (b` is none. The line's end closes a comment.
    for text in [format!("SELECT 1 WHERE {sql}\n"), format!("SELECT 1 WHERE ({sql}\n)")] {
        match pg_query::parse(&text, pg_query::ParserOptions::default()) {
            Ok(parsed) if parsed.protobuf.stmts.len() == 1 => {}
            Ok(_) => return Some("it is more than one statement".to_owned()),
            Err(pg_query::Error::Parse(message)) => return Some(message),
            Err(error) => return Some(error.to_string()),
        }
    }
    None
}

pub(super) fn pattern<const N: usize>(faults: &mut Faults<'_>, text: &str, at: Option<Range<usize>>, form: &str) -> Option<Pattern<N>> {
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let help = format!("write `{form}`; a part with a dot, star, blank or quote in it stands in double quotes, such as `{QUOTED}`");
            faults.add(at, format!("`{text}` {error}"), help);
            None
        }
    }
}

const QUOTED: &str = r#"'shop."my.table".x'"#;

fn exact<const N: usize>(faults: &mut Faults<'_>, pattern: Pattern<N>, text: &str, at: Option<Range<usize>>) -> Option<[String; N]> {
    let fault: PatternError = match pattern.exact() {
        Ok(names) => return Some(names),
        Err(fault) => fault,
    };
    faults.add(at, format!("`{text}` {fault}"), "write each name in full");
    None
}

pub(super) fn key_span(table: &dyn TableLike, key: &str) -> Option<Range<usize>> {
    table.get_key_value(key).and_then(|(key, item)| key.span().or_else(|| item.span()))
}

pub(super) fn known_keys(faults: &mut Faults<'_>, table: &dyn TableLike, known: &[&str], place: &str) {
    for (key, _) in table.iter() {
        if !known.contains(&key) {
            faults.add(key_span(table, key), format!("unknown key `{key}` {place}"), suggest(key, known.iter().copied()));
        }
    }
}

pub(super) fn table<'i>(
    faults: &mut Faults<'_>,
    item: &'i Item,
    at: Option<Range<usize>>,
    what: &str,
    help: &str,
) -> Option<&'i dyn TableLike> {
    let found = item.as_table_like();
    if found.is_none() {
        faults.add(at.or_else(|| item.span()), format!("{what} must be a table, not {}", article(item.type_name())), help);
    }
    found
}

/// `[[key]]`, each table.
pub(super) fn tables<'i>(faults: &mut Faults<'_>, root: &'i dyn TableLike, key: &str, help: &str) -> Vec<&'i dyn TableLike> {
    match root.get(key) {
        None => Vec::new(),
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|t| t as &dyn TableLike).collect(),
        Some(item @ Item::Value(Value::Array(values))) => {
            let tables: Vec<_> = values.iter().filter_map(|v| v.as_inline_table()).map(|t| t as &dyn TableLike).collect();
            if tables.len() != values.len() {
                faults.add(item.span(), format!("`{key}` must hold tables"), help);
            }
            tables
        }
        Some(other) => {
            let message = format!("`{key}` must be an array of tables, not {}", article(other.type_name()));
            faults.add(key_span(root, key), message, help);
            Vec::new()
        }
    }
}

pub(super) fn string<'i>(faults: &mut Faults<'_>, item: &'i Item, what: &str) -> Option<&'i str> {
    let found = item.as_str();
    if found.is_none() {
        faults.add(item.span(), format!("{what} must be a string, not {}", article(item.type_name())), "write it in quotes");
    }
    found
}

pub(super) fn strings<'i>(faults: &mut Faults<'_>, item: &'i Item, what: &str) -> Vec<(&'i str, Option<Range<usize>>)> {
    let Some(array) = item.as_array() else {
        let message = format!("{what} must be an array of strings, not {}", article(item.type_name()));
        faults.add(item.span(), message, "write `[\"…\", \"…\"]`");
        return Vec::new();
    };
    let mut out = Vec::new();
    for value in array {
        match value.as_str() {
            Some(text) => out.push((text, value.span())),
            None => faults.add(value.span(), format!("{what} must hold strings, not {}", article(value.type_name())), "write it in quotes"),
        }
    }
    out
}

/// "an integer", "a string"
pub(super) fn article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}
