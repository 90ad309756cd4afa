//! Patterns over names: `schema.table` and `schema.table.column`.

use std::fmt;

/// A name of N parts, as stored (case counts). `*` stands for any characters within a part.
///
/// A part in double quotes is taken literally, dots and stars too; a quote in it is written twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern<const N: usize> {
    parts: [Part; N],
}

/// A name, in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// What stands between the stars: one more than there are stars.
    pieces: Vec<String>,
    quoted: bool,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum PatternError {
    #[error("has {found} parts where {wanted} are needed")]
    Parts { found: usize, wanted: usize },
    #[error("has an empty part")]
    Empty,
    #[error("has a double quote that is not closed")]
    Open,
    #[error("has a double quote in the middle of a part")]
    Quote,
    #[error("holds blanks around a part")]
    Blank,
    #[error("holds a `*`, where one exact name is needed")]
    Star,
}

impl<const N: usize> Pattern<N> {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let parts = parts(text)?;
        let found = parts.len();
        Ok(Pattern { parts: parts.try_into().map_err(|_| PatternError::Parts { found, wanted: N })? })
    }

    /// Whether names match, each part by itself.
    ///
    /// A `*` in the schema's part does not reach Postgres' own schemas: these must be named.
    pub fn matches(&self, names: [&str; N]) -> bool {
        let own = names.first().is_some_and(|schema| is_system_schema(schema));
        let named = self.parts.first().is_some_and(|part| part.pieces.len() == 1);
        (named || !own) && self.parts.iter().zip(names).all(|(part, name)| part.matches(name))
    }

    /// The exact names, if no part has a star.
    ///
    /// # Errors
    /// [`PatternError::Star`]
    pub fn exact(self) -> Result<[String; N], PatternError> {
        if self.parts.iter().any(|part| part.pieces.len() != 1) {
            return Err(PatternError::Star);
        }
        Ok(self.parts.map(|part| part.pieces.concat()))
    }
}

/// What a pattern of one part means, for a comparison in SQL. (A star besides does not reach Postgres' own names.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This name.
    Name(String),
    /// Names that LIKE this, with a backslash before what is to be taken as it is.
    Like(String),
}

impl Pattern<1> {
    /// See [`Meant`].
    pub fn meant(&self) -> Meant {
        let [part] = &self.parts;
        match part.pieces.as_slice() {
            [name] => Meant::Name(name.clone()),
            pieces => {
                let escaped = |piece: &String| piece.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                Meant::Like(pieces.iter().map(escaped).collect::<Vec<_>>().join("%"))
            }
        }
    }
}

/// Schemas whose names Postgres keeps for itself, but for those of temporary tables.
pub fn is_system_schema(schema: &str) -> bool {
    schema == "information_schema" || schema.starts_with("pg_") && !schema.starts_with("pg_temp")
}

impl<const N: usize> fmt::Display for Pattern<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quoted {
            true => write!(f, "\"{}\"", self.pieces.concat().replace('"', "\"\"")),
            false => f.write_str(&self.pieces.join("*")),
        }
    }
}

impl Part {
    /// Taken as it is, but for the stars.
    pub fn wild(text: &str) -> Part {
        Part { pieces: text.split('*').map(str::to_owned).collect(), quoted: false }
    }

    /// The name, where it has no star.
    pub(super) fn exact(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Whether it is one of the names that are meant.
    pub fn matches(&self, name: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|piece| piece == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
        // Each piece at its first occurrence: what remains is the longest possible.
        for piece in middle {
            match rest.split_once(piece.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}

fn parts(text: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_part(quoted)?,
            None => {
                let (part, after) = rest.split_once('.').map_or((rest, None), |(part, after)| (part, Some(after)));
                if part.contains('"') {
                    return Err(PatternError::Quote);
                }
                if part.trim() != part {
                    return Err(PatternError::Blank);
                }
                (Part::wild(part), after)
            }
        };
        if part.pieces.len() == 1 && part.pieces.concat().is_empty() {
            return Err(PatternError::Empty);
        }
        parts.push(part);
        match after {
            Some(after) => rest = after,
            None => return Ok(parts),
        }
    }
}

/// A part after its opening quote, and what follows the next dot, if any.
fn quoted_part(text: &str) -> Result<(Part, Option<&str>), PatternError> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"').ok_or(PatternError::Open)?;
        name.push_str(piece);
        if let Some(after) = after.strip_prefix('"') {
            name.push('"');
            rest = after;
            continue;
        }
        let part = Part { pieces: vec![name], quoted: true };
        return match after.strip_prefix('.') {
            Some(after) => Ok((part, Some(after))),
            None if after.is_empty() => Ok((part, None)),
            None => Err(PatternError::Quote),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(pattern: &str, names: [&str; 3]) -> bool {
        Pattern::parse(pattern).unwrap().matches(names)
    }

    #[test]
    fn parts_match_by_themselves() {
        assert!(column("shop.customers.email", ["shop", "customers", "email"]));
        assert!(!column("shop.customers.email", ["shop", "customers", "Email"]));
        assert!(column("*.*.ssn", ["hr", "people", "ssn"]));
        assert!(column("shop.*_2*.e*l", ["shop", "orders_2024", "email"]));
        assert!(!column("shop.*.*", ["shop2", "a", "b"]));
        assert!(column("a.aXb*b.c", ["a", "aXbb", "c"]));
        assert!(!column("a.aXb*b.c", ["a", "aXb", "c"]), "prefix and suffix do not overlap");
        assert!(column("a.*x*xy*.c", ["a", "xxy", "c"]));
    }

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, name, is) in [
            ("a-*", "a-x", true),
            ("a-*", "a-", true),
            ("a-*", "b-a-x", false),
            ("*", "", true),
            ("*-a", "a-a", true),
            ("a*a", "a", false),
            ("a*b*c", "axbxbc", true),
            ("a*b*c", "acb", false),
            ("a.b c", "a.b c", true),
            ("a.b c", "axb c", false),
        ] {
            assert_eq!(Part::wild(pattern).matches(name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn quotes_take_dots_and_stars_literally() {
        assert!(column(r#""my.schema".t."a*""#, ["my.schema", "t", "a*"]));
        assert!(!column(r#""my.schema".t."a*""#, ["my.schema", "t", "ab"]));
        assert!(column(r#"s."say ""hi"" ".c"#, ["s", "say \"hi\" ", "c"]));
        assert_eq!(Pattern::<3>::parse(r#"s."a""b*".c*"#).unwrap().to_string(), r#"s."a""b*".c*"#);
    }

    #[test]
    fn a_star_does_not_reach_postgres_own_schemas() {
        assert!(!column("*.*.query", ["pg_catalog", "pg_stat_activity", "query"]));
        assert!(!column("p*.*.query", ["pg_catalog", "pg_stat_activity", "query"]));
        assert!(column("pg_catalog.*.query", ["pg_catalog", "pg_stat_activity", "query"]));
        assert!(column("*.*.x", ["pg_temp_3", "t", "x"]));
    }

    #[test]
    fn faults_are_named() {
        let fault = |text: &str| Pattern::<3>::parse(text).unwrap_err();
        assert_eq!(fault("shop.email"), PatternError::Parts { found: 2, wanted: 3 });
        assert_eq!(fault("a.b.c.d"), PatternError::Parts { found: 4, wanted: 3 });
        assert_eq!(fault("a..c"), PatternError::Empty);
        assert_eq!(fault(""), PatternError::Empty);
        assert_eq!(fault(r#"a.b."c"#), PatternError::Open);
        assert_eq!(fault(r#"a.b."c"d"#), PatternError::Quote);
        assert_eq!(fault(r#"a.b.c"d""#), PatternError::Quote);
        assert_eq!(fault("a.b. c"), PatternError::Blank);
        assert_eq!(Pattern::<2>::parse("a.b*").unwrap().exact(), Err(PatternError::Star));
    }
}
