//! What of a judged statement the conversation needs: its outputs, what replaces sealed values, what it moves or closes.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pgveil_policy::{Carry, CopyData, CopyForm, Kind, Mask, Output, PlanFormat, Planned};

use super::{Judge, Rows};
use crate::rows::array::Elements;
use crate::rows::copy::Sealing;
use crate::rows::open::Opening;
use crate::rows::{Formats, Pseudonym, Treatment};
use crate::wire::answer::Field;

/// Type OIDs of `src/include/catalog/pg_type.dat`.
const TEXT: u32 = 25;
const XML: u32 = 142;

/// A judged statement as it lives in a session. An empty text is one too, without a kind.
#[derive(Debug)]
pub struct Statement {
    /// What it is; `None` for an empty text.
    pub kind: Option<Kind>,
    /// Its result columns.
    pub outputs: Arc<[Output]>,
    /// After it, search_path may be another.
    pub moves_search_path: bool,
    /// As planned.
    pub order_is_data: bool,
    /// Prepared statements that are gone after it.
    pub closes: Closes,
    /// What a prepared query was judged from; `None` where no name in it can come to mean something else.
    pub judged: Option<Judged>,
    /// Parameters whose tokens are turned back.
    pub openings: Vec<Opening>,
    /// Its rows are kept, not told.
    pub carry: Option<Arc<Carry>>,
    /// What flows in a COPY.
    pub copy: Option<Flow>,
    seals: Vec<Option<Arc<dyn Pseudonym>>>,
}

/// What flows in a COPY.
#[derive(Debug)]
pub struct Flow {
    /// Number of columns.
    pub columns: usize,
    /// The server writes or reads the binary form.
    pub binary: bool,
    /// What replaces values; `None` where the data passes as it comes.
    pub sealing: Option<Arc<Sealing>>,
}

/// What a prepared query was judged from, and what came out.
#[derive(Debug)]
pub struct Judged {
    /// The client's text.
    pub client: Box<str>,
    /// Its judgement.
    pub planned: Planned,
    /// The latest basis on which that was its judgement: see [`Judge::generation`].
    pub generation: AtomicU64,
    /// The latest search_path under which it was: see [`super::path::Path::epoch`].
    pub epoch: AtomicU64,
}

/// Prepared statements that are gone after a statement.
#[derive(Debug, PartialEq, Eq)]
pub enum Closes {
    /// None, or none that is known.
    Nothing,
    /// That one.
    Statement(Box<[u8]>),
    /// All.
    Statements,
}

impl Statement {
    /// From what was judged.
    pub fn new(planned: &Planned, judge: &impl Judge) -> Self {
        let seal = |output: &Output| match &output.mask {
            Mask::Clear => None,
            Mask::Seal(spec) => Some(judge.pseudonym(spec)),
            Mask::SealElements(spec) => Some(Arc::new(Elements(judge.pseudonym(spec))) as Arc<dyn Pseudonym>),
        };
        let flow = |data: &Arc<CopyData>| Flow {
            columns: data.columns.len(),
            binary: data.form == CopyForm::Binary,
            sealing: data.is_sealed().then(|| Arc::new(Sealing::new(data, data.columns.iter().map(seal).collect()))),
        };
        Statement {
            kind: Some(planned.kind),
            outputs: Arc::clone(&planned.outputs),
            moves_search_path: planned.moves_search_path,
            order_is_data: planned.order_is_data,
            closes: match planned.kind {
                Kind::Utility => closes(&planned.text.render("", |_| String::new())),
                _ => Closes::Nothing,
            },
            judged: None,
            openings: planned.tokens.iter().map(|t| Opening::new(t.index, judge.pseudonym(&t.spec), &t.spec, t.array)).collect(),
            carry: planned.carry.clone(),
            copy: planned.copy.as_ref().map(flow),
            seals: planned.outputs.iter().map(seal).collect(),
        }
    }

    /// From what was judged, for a statement that is prepared.
    pub fn prepared(planned: &Planned, judge: &impl Judge, client: &str, generation: u64, epoch: u64) -> Self {
        let judged = planned.kind.looks_names_up().then(|| Judged {
            client: client.into(),
            planned: planned.clone(),
            generation: AtomicU64::new(generation),
            epoch: AtomicU64::new(epoch),
        });
        Statement { judged, ..Statement::new(planned, judge) }
    }

    /// An empty text.
    pub fn empty() -> Self {
        Statement {
            kind: None,
            outputs: Arc::default(),
            moves_search_path: false,
            order_is_data: false,
            closes: Closes::Nothing,
            judged: None,
            openings: Vec::new(),
            carry: None,
            copy: None,
            seals: Vec::new(),
        }
    }

    /// Fields of a RowDescription as the client is told them: a plan comes as JSON, and is told as what was asked for.
    pub fn told<'a>(&self, mut fields: Vec<Field<'a>>) -> Vec<Field<'a>> {
        let type_oid = match self.kind {
            Some(Kind::ExplainTree(PlanFormat::Xml)) => XML,
            Some(Kind::ExplainTree(PlanFormat::Yaml)) => TEXT,
            None | Some(_) => return fields,
        };
        // All three have no length and no modifier.
        fields.iter_mut().for_each(|field| field.type_oid = type_oid);
        fields
    }

    /// What happens to its rows in these formats; `None` where the formats do not fit.
    pub fn rows(&self, formats: &Formats) -> Option<Rows> {
        let columns = self.outputs.len();
        let format = |column| formats.of(column, columns);
        // Formats that do not fit are a fault for results without seals too.
        if columns > 0 && format(0).is_none() {
            return None;
        }
        let treatment = match self.kind {
            Some(Kind::Explain) => Treatment::Explain,
            Some(Kind::ExplainTree(format)) => Treatment::Plan(format),
            None | Some(_) => {
                if self.carry.is_none() && self.seals.iter().all(Option::is_none) {
                    Treatment::Copy
                } else {
                    let seals = self.seals.iter().enumerate();
                    Treatment::Seal(
                        seals
                            .map(|(n, seal)| match seal {
                                None => Some(None),
                                Some(pseudonym) => Some(Some((Arc::clone(pseudonym), format(n)?))),
                            })
                            .collect::<Option<_>>()?,
                    )
                }
            }
        };
        Some(Rows { columns, treatment })
    }
}

// Reads pgveil's own print: DEALLOCATE ALL, DEALLOCATE [PREPARE] name, DISCARD ALL. What it does not read stays as a stale name.
fn closes(text: &str) -> Closes {
    let mut words = text.split_ascii_whitespace();
    let verb = words.next().unwrap_or_default();
    let mut object = words.next().unwrap_or_default();
    if verb.eq_ignore_ascii_case("DISCARD") && object.eq_ignore_ascii_case("ALL") {
        return Closes::Statements;
    }
    if !verb.eq_ignore_ascii_case("DEALLOCATE") {
        return Closes::Nothing;
    }
    if object.eq_ignore_ascii_case("PREPARE") {
        object = words.next().unwrap_or_default();
    }
    match (object.strip_prefix('"').and_then(|o| o.strip_suffix('"')), words.next()) {
        (_, Some(_)) => Closes::Nothing,
        (Some(quoted), None) if !quoted.contains('"') => Closes::Statement(quoted.as_bytes().into()),
        (Some(_), None) => Closes::Nothing,
        (None, None) if object.eq_ignore_ascii_case("ALL") => Closes::Statements,
        (None, None) => Closes::Statement(object.to_ascii_lowercase().into_bytes().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deallocate_closes() {
        for (text, want) in [
            ("DEALLOCATE ALL", Closes::Statements),
            ("DEALLOCATE PREPARE ALL", Closes::Statements),
            ("DISCARD ALL", Closes::Statements),
            ("DEALLOCATE \"S 1\"", Closes::Nothing),
            ("DEALLOCATE \"S_1\"", Closes::Statement(b"S_1"[..].into())),
            ("DEALLOCATE prepare S_1", Closes::Statement(b"s_1"[..].into())),
            ("UNLISTEN *", Closes::Nothing),
        ] {
            assert_eq!(closes(text), want, "{text}");
        }
    }
}
