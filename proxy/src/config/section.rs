//! One table of a TOML file, read key by key: what was not asked for is an error in the end.

use std::path::Path;

use toml_edit::{Item, TableLike};

use crate::error::ConfigError;

/// A table and the keys that were asked for.
pub(super) struct Section<'a> {
    file: &'a Path,
    name: String,
    table: Option<&'a dyn TableLike>,
    known: Vec<String>,
}

impl<'a> Section<'a> {
    /// The file's outermost table.
    pub(super) fn root(file: &'a Path, table: &'a dyn TableLike) -> Section<'a> {
        Section { file, name: String::new(), table: Some(table), known: Vec::new() }
    }

    /// A table in it; an absent one reads as an empty one.
    pub(super) fn section(&mut self, key: &str) -> Result<Section<'a>, ConfigError> {
        let name = self.path(key);
        let table = match self.take(key) {
            None => None,
            Some(item) => {
                let table = item.as_table_like();
                Some(table.ok_or_else(|| self.fault(key, "is no table", format!("write [{name}]")))?)
            }
        };
        Ok(Section { file: self.file, name, table, known: Vec::new() })
    }

    /// Whether it is written at all.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// All keys in it.
    pub(super) fn keys(&self) -> Vec<String> {
        self.table.map(|table| table.iter().map(|(key, _)| key.to_owned()).collect()).unwrap_or_default()
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(item) => match item.as_str().filter(|text| !text.is_empty() && !text.contains('\0')) {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.fault(key, "is no text, or an empty one", format!("write {key} = \"…\""))),
            },
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &str, example: &str) -> Result<String, ConfigError> {
        self.text(key)?.ok_or_else(|| self.fault(key, "is missing", format!("write {key} = \"{example}\"")))
    }

    /// A list of texts; empty where it is not there.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>, ConfigError> {
        let Some(item) = self.take(key) else { return Ok(Vec::new()) };
        let texts = item.as_array().and_then(|all| {
            let text = |item: &toml_edit::Value| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            all.iter().map(text).collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.fault(key, "is no list of texts", format!("write {key} = [\"…\"]")))
    }

    /// One of a few words: its value; `default` where it is not there.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)], default: T) -> Result<T, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(key, format!("\"{text}\" is unknown"), words.join(" | "))
        })
    }

    /// Whether; `default` where it is not there.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(item) = self.take(key) else { return Ok(default) };
        item.as_bool().ok_or_else(|| self.fault(key, "is neither true nor false", format!("write {key} = {default}")))
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &str, bounds: std::ops::RangeInclusive<i64>, default: i64) -> Result<i64, ConfigError> {
        match self.take(key) {
            None => Ok(default),
            Some(item) => item.as_integer().filter(|n| bounds.contains(n)).ok_or_else(|| {
                let remedy = format!("write a whole number from {} to {}", bounds.start(), bounds.end());
                self.fault(key, "is no such number", remedy)
            }),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A key that nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        match self.keys().into_iter().find(|key| !self.known.contains(key)) {
            None => Ok(()),
            Some(key) => {
                let known = self.known.join(", ");
                Err(self.fault(&key, "unknown key", format!("known here: {known}")))
            }
        }
    }

    /// An error about a key of it.
    pub(super) fn fault(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) -> ConfigError {
        ConfigError { file: self.file.into(), key: self.path(key), problem: problem.into(), remedy: remedy.into() }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take(&mut self, key: &str) -> Option<&'a Item> {
        self.known.push(key.to_owned());
        self.table?.get(key)
    }
}
