//! Faults of a policy's text, each at its place.

use std::ops::Range;

use super::PolicyError;

/// Collects faults, so that one reading finds them all.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<(usize, PolicyError)>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Faults { file, text, found: Vec::new() }
    }

    /// Line and column, from 1, in characters, of a place in the text; (0, 0) for none.
    pub(super) fn place(&self, span: Option<Range<usize>>) -> (usize, usize) {
        let Some(before) = span.and_then(|span| self.text.get(..span.start)) else { return (0, 0) };
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }

    pub(super) fn add(&mut self, span: Option<Range<usize>>, message: impl Into<String>, help: impl Into<String>) {
        let (line, column) = self.place(span.clone());
        let error =
            PolicyError { id: "policy.file", file: self.file.to_owned(), line, column, message: message.into(), help: Some(help.into()) };
        self.found.push((span.map_or(0, |span| span.start), error));
    }

    /// What stands there, on one line.
    pub(super) fn written(&self, span: Option<Range<usize>>) -> String {
        let text = span.and_then(|span| self.text.get(span)).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<PolicyError> {
        self.found.sort_by_key(|(at, _)| *at);
        self.found.into_iter().map(|(_, error)| error).collect()
    }
}

/// "did you mean `x`?", or the list of what is known.
pub(super) fn suggest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(wrong.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, name)) = near {
        return format!("did you mean `{name}`?");
    }
    match known.len() {
        0 => "there are none".to_owned(),
        _ => format!("known here: {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}
