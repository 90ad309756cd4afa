//! The coded forms of a printed text turned into SQL.
//!
//! The text is one that [`super::dress`] printed: every name is quoted, constants have no escapes but doubled quotes, and there
//! are no comments. What is made of it is read by libpg_query and compared with the client's tree, so that a mistake here
//! is a refusal.

use super::coded::{Form, Recursion, TAIL};

/// A text without coded forms; `None` where one is not as it was made.
pub(super) fn decode(text: String) -> Option<String> {
    if text.contains(TAIL) { piece(&text) } else { Some(text) }
}

fn piece(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, from) = rest.split_at_checked(at)?;
        out.push_str(before);
        let (quoted, after) = quoted(from)?;
        rest = after;
        let name = if from.starts_with('"') { unquote(quoted) } else { String::new() };
        match Form::of(&name) {
            Some((form, held)) => rest = expand(form, held, rest, &mut out)?,
            None => out.push_str(quoted),
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Writes what a form stands for. `rest` begins behind its name; what is not used of it is returned.
fn expand<'t>(form: Form, held: &str, rest: &'t str, out: &mut String) -> Option<&'t str> {
    match form {
        Form::Only => {
            out.push_str("ONLY ");
            rest.strip_prefix('.')
        }
        Form::UsingAlias => {
            let (alias, rest) = quoted(rest.strip_prefix('.')?)?;
            let (names, rest) = to_close(rest.strip_prefix(", ")?)?;
            out.push_str(&piece(names)?);
            out.push_str(") AS ");
            out.push_str(alias);
            Some(rest)
        }
        Form::Lock => {
            cut(out, "UPDATE OF ")?;
            let (strength, mut rest) = quoted(rest.strip_prefix('.')?)?;
            out.push_str(one_of(&unquote(strength), &["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"])?);
            let mut between = " OF ";
            while let Some(more) = rest.strip_prefix('.') {
                let (name, after) = quoted(more)?;
                out.push_str(between);
                out.push_str(name);
                between = ", ";
                rest = after;
            }
            Some(rest)
        }
        Form::Recursion => {
            // `"t" ("a", here) AS (query)`, or `"t" (here) AS (query)`.
            if cut(out, ", ").is_some() {
                out.push(')');
            } else {
                cut(out, "(")?;
            }
            let (before, query) = rest.strip_prefix(')')?.split_once('(')?;
            let (query, rest) = to_close(query)?;
            out.push_str(one_of(before, &[" AS ", " AS MATERIALIZED ", " AS NOT MATERIALIZED "])?);
            out.push('(');
            out.push_str(&piece(query)?);
            out.push_str(") ");
            out.push_str(&recursion(&Recursion::of_parts(held)?));
            Some(rest)
        }
        Form::NoName => Some(rest),
        Form::Nothing => {
            cut(out, " FROM ")?;
            Some(rest)
        }
        Form::Lateral => {
            let (args, rest) = arguments(rest)?;
            let [row] = <[&str; 1]>::try_from(args).ok()?;
            out.insert_str(out.rfind("XMLTABLE(")?, "LATERAL ");
            out.push_str(&piece(row)?);
            Some(rest)
        }
        Form::GroupDistinct => {
            out.push_str("DISTINCT ");
            rest.strip_prefix("(), ")
        }
        Form::Exclude => {
            let (args, rest) = arguments(rest)?;
            let [bound, words] = <[&str; 2]>::try_from(args).ok()?;
            out.push_str(&piece(bound)?);
            let word = if rest.starts_with(" PRECEDING") { " PRECEDING" } else { " FOLLOWING" };
            out.push_str(word);
            out.push(' ');
            out.push_str(one_of(&unquote(words), EXCLUDE)?);
            rest.strip_prefix(word)
        }
        Form::ExcludeWords => {
            let (args, rest) = arguments(rest)?;
            let [bound, words] = <[&str; 2]>::try_from(args).ok()?;
            out.push_str(one_of(&unquote(bound), &["CURRENT ROW", "UNBOUNDED FOLLOWING", "UNBOUNDED PRECEDING"])?);
            out.push(' ');
            out.push_str(one_of(&unquote(words), EXCLUDE)?);
            rest.strip_prefix(" FOLLOWING")
        }
        _ => {
            let (args, rest) = arguments(rest)?;
            out.push_str(&call(form, &args)?);
            Some(rest)
        }
    }
}

const EXCLUDE: &[&str] = &["EXCLUDE CURRENT ROW", "EXCLUDE GROUP", "EXCLUDE TIES"];

/// A form that is a call.
fn call(form: Form, args: &[&str]) -> Option<String> {
    let all = |args: &[&str]| Some(args.iter().map(|arg| piece(arg)).collect::<Option<Vec<_>>>()?.join(", "));
    Some(match (form, args) {
        (Form::RowsFrom, _) => format!("ROWS FROM ({})", all(args)?),
        (Form::Columns, [function, columns @ ..]) => format!("{} AS ({})", piece(function)?, all(columns)?),
        (Form::Column, [name, null]) => {
            format!("{} {}", identifier(name)?, piece(null)?.strip_prefix("CAST(NULL AS ")?.strip_suffix(')')?)
        }
        (Form::Item, [item]) => piece(item)?,
        (Form::Variadic, [array]) => format!("VARIADIC {}", piece(array)?),
        (Form::VariadicNamed, [name, array]) => format!("VARIADIC {} => {}", identifier(name)?, piece(array)?),
        (Form::BetweenSymmetric, [x, low, high]) => {
            format!("({} BETWEEN SYMMETRIC {} AND {})", piece(x)?, piece(low)?, piece(high)?)
        }
        (Form::NotBetweenSymmetric, [x, low, high]) => {
            format!("({} NOT BETWEEN SYMMETRIC {} AND {})", piece(x)?, piece(low)?, piece(high)?)
        }
        (Form::Any, [schema, op, x, array]) => format!("({} {} ANY ({}))", piece(x)?, operator(schema, op)?, piece(array)?),
        (Form::All, [schema, op, x, array]) => format!("({} {} ALL ({}))", piece(x)?, operator(schema, op)?, piece(array)?),
        (Form::AnyOf, [schema, op, x, query]) => format!("({} {} ANY {})", piece(x)?, operator(schema, op)?, piece(query)?),
        (Form::AllOf, [schema, op, x, query]) => format!("({} {} ALL {})", piece(x)?, operator(schema, op)?, piece(query)?),
        (Form::Infix, [schema, op, x, y]) => format!("({} {} {})", piece(x)?, operator(schema, op)?, piece(y)?),
        (Form::Prefix, [schema, op, x]) => format!("({} {})", operator(schema, op)?, piece(x)?),
        (Form::CollationFor, [x]) => format!("COLLATION FOR ({})", piece(x)?),
        (Form::Normalize, [x]) => format!("normalize({})", piece(x)?),
        (Form::Normalize, [x, words]) => {
            format!("normalize({}, {})", piece(x)?, one_of(&unquote(words), &["NFC", "NFD", "NFKC", "NFKD"])?)
        }
        (Form::AtLocal, [x]) => format!("({} AT LOCAL)", piece(x)?),
        (Form::XmlExists, [path, x]) => format!("xmlexists({} PASSING {})", piece(path)?, piece(x)?),
        (Form::XmlConcat, _) => format!("xmlconcat({})", all(args)?),
        (Form::XmlElement, [name]) => format!("xmlelement(NAME {})", identifier(name)?),
        (Form::XmlElement, [name, content @ ..]) => format!("xmlelement(NAME {}, {})", identifier(name)?, all(content)?),
        (Form::XmlAttributes, _) => format!("xmlattributes({})", all(args)?),
        (Form::XmlForest, _) => format!("xmlforest({})", all(args)?),
        (Form::Named, [x, name]) => format!("{} AS {}", piece(x)?, identifier(name)?),
        (Form::XmlParse, [words, x]) => match unquote(words).as_str() {
            "DOCUMENT" => format!("xmlparse(DOCUMENT {})", piece(x)?),
            "CONTENT" => format!("xmlparse(CONTENT {})", piece(x)?),
            "DOCUMENT PRESERVE WHITESPACE" => format!("xmlparse(DOCUMENT {} PRESERVE WHITESPACE)", piece(x)?),
            "CONTENT PRESERVE WHITESPACE" => format!("xmlparse(CONTENT {} PRESERVE WHITESPACE)", piece(x)?),
            _ => return None,
        },
        (Form::XmlPi, [name]) => format!("xmlpi(NAME {})", identifier(name)?),
        (Form::XmlPi, [name, x]) => format!("xmlpi(NAME {}, {})", identifier(name)?, piece(x)?),
        (Form::XmlRoot, [x, version, words]) => {
            let version = if *version == "NULL" { "NO VALUE".to_owned() } else { piece(version)? };
            let words = unquote(words);
            let standalone = one_of(&words, &["", ", STANDALONE YES", ", STANDALONE NO", ", STANDALONE NO VALUE"])?;
            format!("xmlroot({}, VERSION {version}{standalone})", piece(x)?)
        }
        (Form::XmlSerialize, [words, cast]) => {
            let words = unquote(words);
            let (kind, indent) = match words.as_str() {
                "DOCUMENT" => ("DOCUMENT", ""),
                "CONTENT" => ("CONTENT", ""),
                "DOCUMENT INDENT" => ("DOCUMENT", " INDENT"),
                "CONTENT INDENT" => ("CONTENT", " INDENT"),
                _ => return None,
            };
            format!("xmlserialize({kind} {}{indent})", piece(cast)?.strip_prefix("CAST(")?.strip_suffix(')')?)
        }
        (Form::IsDocument, [x]) => format!("({} IS DOCUMENT)", piece(x)?),
        (Form::NotNull, [x]) => format!("{} NOT NULL", piece(x)?),
        (Form::WholeRow, [row]) => piece(row)?,
        (Form::Row, _) => format!("({})", all(args)?),
        (Form::Star, [x]) => format!("({}).*", piece(x)?),
        (Form::Using, [schema, op, x]) => format!("{} USING {}", piece(x)?, operator(schema, op)?),
        (Form::Rollup, _) => format!("ROLLUP ({})", all(args)?),
        (Form::Cube, _) => format!("CUBE ({})", all(args)?),
        (Form::Sets, _) => format!("GROUPING SETS ({})", all(args)?),
        (Form::EmptySet, []) => "()".to_owned(),
        _ => return None,
    })
}

fn recursion(clause: &Recursion) -> String {
    let quote = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let list = |names: &[String]| names.iter().map(quote).collect::<Vec<_>>().join(", ");
    let mut words: Vec<String> = Vec::new();
    if let Some(search) = &clause.search {
        let way = if search.breadth { "BREADTH" } else { "DEPTH" };
        words.push(format!("SEARCH {way} FIRST BY {} SET {}", list(&search.by), quote(&search.sequence)));
    }
    if let Some(cycle) = &clause.cycle {
        let values = cycle.values.as_ref().map(|(value, default)| format!(" TO {value} DEFAULT {default}")).unwrap_or_default();
        words.push(format!("CYCLE {} SET {}{values} USING {}", list(&cycle.by), quote(&cycle.mark), quote(&cycle.path)));
    }
    words.join(" ")
}

fn operator(schema: &str, op: &str) -> Option<String> {
    let (schema, op) = (unquote(schema), unquote(op));
    let signs = |op: &str| !op.is_empty() && op.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c));
    if !signs(&op) || op.contains("--") || op.contains("/*") {
        return None;
    }
    Some(match schema.as_str() {
        "" => format!("OPERATOR({op})"),
        schema => format!("OPERATOR(\"{}\".{op})", schema.replace('"', "\"\"")),
    })
}

fn one_of<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    known.iter().find(|known| **known == word).copied()
}

/// A name among the arguments, as an identifier.
fn identifier(argument: &str) -> Option<String> {
    argument.starts_with('\'').then(|| format!("\"{}\"", unquote(argument).replace('"', "\"\"")))
}

/// Takes `end` off what has been written.
fn cut(out: &mut String, end: &str) -> Option<()> {
    let left = out.strip_suffix(end)?.len();
    out.truncate(left);
    Some(())
}

/// A quoted name or constant, with its quotes, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut from = 1;
    loop {
        let at = from + text.get(from..)?.find(quote)? + 1;
        if text.get(at..)?.starts_with(quote) {
            from = at + 1;
        } else {
            return text.split_at_checked(at);
        }
    }
}

/// The value of a quoted name or constant.
fn unquote(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return String::new() };
    let inside = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)).unwrap_or_default();
    inside.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// What stands before the bracket that closes the present one, and what follows it.
fn to_close(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        match rest.chars().next()? {
            '\'' | '"' => at += quoted(rest)?.0.len(),
            '(' | '[' => (depth, at) = (depth + 1, at + 1),
            ')' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            ')' | ']' => (depth, at) = (depth.checked_sub(1)?, at + 1),
            other => at += other.len_utf8(),
        }
    }
}

/// The arguments of a call, and what follows.
fn arguments(text: &str) -> Option<(Vec<&str>, &str)> {
    let (inside, after) = to_close(text.strip_prefix('(')?)?;
    let mut args = Vec::new();
    let (mut depth, mut at, mut from) = (0_usize, 0, 0);
    while at < inside.len() {
        let rest = inside.get(at..)?;
        match rest.chars().next()? {
            '\'' | '"' => at += quoted(rest)?.0.len(),
            '(' | '[' => (depth, at) = (depth + 1, at + 1),
            ')' | ']' => (depth, at) = (depth.checked_sub(1)?, at + 1),
            ',' if depth == 0 => {
                args.push(inside.get(from..at)?.trim());
                at += 1;
                from = at;
            }
            other => at += other.len_utf8(),
        }
    }
    let last = inside.get(from..)?.trim();
    if !(last.is_empty() && args.is_empty()) {
        args.push(last);
    }
    Some((args, after))
}
