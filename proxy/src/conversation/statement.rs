//! What of a judged statement the conversation needs: its outputs, what replaces sealed values, what it moves or closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgveil_policy::{Carry, CopyData, CopyForm, Kind, Mask, Output, PlanFormat, Planned};

use super::ledger::Name;
use super::{Judge, Rows, Veto};
use crate::rows::array::Elements;
use crate::rows::copy::Sealing;
use crate::rows::open::Opening;
use crate::rows::{Formats, Pseudonym, Treatment};
use crate::wire::answer::Field;
use crate::wire::message::Target;

/// Type OIDs of `src/include/catalog/pg_type.dat`.
const TEXT: u32 = 25;
const XML: u32 = 142;

/// A judged statement as it lives in a session. An empty text is one too, without a kind.
#[derive(Debug)]
pub struct Statement {
    /// What it is; `None` for an empty text.
    pub kind: Option<Kind>,
    /// The client's text, where it is prepared.
    pub client: Arc<str>,
    /// Its result columns.
    pub outputs: Arc<[Output]>,
    /// After it, search_path may be another.
    pub moves_search_path: bool,
    /// What the client is told instead of SELECT, with the row count.
    pub tag: Option<&'static str>,
    /// After it, the session may see another catalog.
    pub changes_catalog: bool,
    /// As planned.
    pub order_is_data: bool,
    /// What it does with names, once it is done.
    pub effect: Effect,
    /// Its rows are those of what a name means.
    pub leans: Option<Leans>,
    /// Made by PREPARE: nobody has described it yet.
    pub by_sql: bool,
    /// What a prepared query was judged from; `None` where no name in it can come to mean something else.
    pub judged: Option<Judged>,
    /// Parameters whose tokens are turned back.
    pub openings: Vec<Opening>,
    /// Its rows are kept, not told.
    pub carry: Option<Arc<Carry>>,
    /// What flows in a COPY.
    pub copy: Option<Flow>,
    /// The number of the policy that it, or what its rows are those of, was judged by last.
    policy: AtomicU64,
    seals: Vec<Option<Arc<dyn Pseudonym>>>,
}

/// What flows in a COPY.
#[derive(Debug)]
pub struct Flow {
    /// Number of columns.
    pub columns: usize,
    /// The server writes or reads the binary form.
    pub binary: bool,
    /// The first line that the server writes is no row.
    pub header: bool,
    /// What replaces values; `None` where the data passes as it comes.
    pub sealing: Option<Arc<Sealing>>,
}

/// What a prepared query was judged from, and what came out.
#[derive(Debug)]
pub struct Judged {
    /// The client's text.
    pub client: Arc<str>,
    /// Its judgement.
    pub planned: Planned,
    /// The latest basis on which that was its judgement: see [`Judge::generation`].
    pub generation: AtomicU64,
    /// The latest search_path under which it was: see [`super::path::Path::epoch`].
    pub epoch: AtomicU64,
}

impl Judged {
    /// `None` where no name in it can come to mean something else.
    pub fn of(planned: &Planned, client: &Arc<str>, generation: u64, epoch: u64) -> Option<Self> {
        planned.kind.looks_names_up().then(|| Judged {
            client: Arc::clone(client),
            planned: planned.clone(),
            generation: AtomicU64::new(generation),
            epoch: AtomicU64::new(epoch),
        })
    }
}

/// What a statement does with names, once it is done.
#[derive(Debug)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// PREPARE: a prepared statement is there.
    Prepares(Name, Arc<Statement>),
    /// DECLARE: a cursor is there.
    Declares(Name, Arc<Statement>, Cursor),
    /// DEALLOCATE of that one.
    Deallocates(Name),
    /// DEALLOCATE ALL
    DeallocatesAll,
    /// CLOSE of that one.
    Closes(Name),
    /// CLOSE ALL
    ClosesAll,
    /// DISCARD ALL
    Discards,
    /// SET pgveil.role: this session ends, and one of that role begins.
    TakesRole(String),
}

impl Effect {
    /// A name comes to mean something else than nothing.
    pub fn makes(&self) -> bool {
        matches!(self, Effect::Prepares(..) | Effect::Declares(..))
    }

    /// Another session begins.
    pub fn takes_role(&self) -> bool {
        matches!(self, Effect::TakesRole(_))
    }
}

/// What DECLARE says of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// FETCH in a simple query gives its rows in binary.
    pub binary: bool,
    /// It outlives its transaction.
    pub hold: bool,
}

/// What the rows of EXECUTE and FETCH are those of.
#[derive(Debug)]
pub struct Leans {
    /// Of the prepared statement or the portal.
    pub on: Target,
    /// Its name.
    pub name: Name,
    /// What it meant when the text was made ready. The server must find the same there when it runs.
    pub meant: Arc<Statement>,
    /// FETCH in a simple query gives the rows in binary.
    pub binary: bool,
}

impl Leans {
    /// A name that means `now` gives the same rows and errors, and takes the same arguments.
    pub fn fits(&self, now: &Arc<Statement>, binary: bool) -> bool {
        let alike = || {
            let (a, b) = (&*self.meant, &**now);
            let kinds = (a.kind, a.order_is_data, a.moves_search_path) == (b.kind, b.order_is_data, b.moves_search_path);
            kinds && a.outputs == b.outputs && a.openings.is_empty() && b.openings.is_empty()
        };
        self.binary == binary && (Arc::ptr_eq(&self.meant, now) || alike())
    }
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
            header: data.header && !data.own_header,
            sealing: data.is_sealed().then(|| Arc::new(Sealing::new(data, data.columns.iter().map(seal).collect()))),
        };
        Statement {
            kind: Some(planned.kind),
            client: Arc::from(""),
            outputs: Arc::clone(&planned.outputs),
            moves_search_path: planned.moves_search_path,
            tag: planned.tag,
            changes_catalog: planned.changes_catalog,
            order_is_data: planned.order_is_data,
            effect: Effect::Nothing,
            leans: None,
            by_sql: false,
            judged: None,
            openings: planned
                .tokens
                .iter()
                .map(|t| Opening::new(t.index, judge.pseudonym(&t.spec), &t.spec, t.array, planned.writes_tokens))
                .chain(planned.nulls.iter().map(Opening::null))
                .collect(),
            carry: planned.carry.clone(),
            copy: planned.copy.as_ref().map(flow),
            policy: AtomicU64::new(judge.policy()),
            seals: planned.outputs.iter().map(seal).collect(),
        }
    }

    /// Its rows, if it `shows` any, are those of what a name means.
    #[must_use]
    pub fn leaning(self, leans: Leans, shows: bool) -> Self {
        let meant = &leans.meant;
        Statement {
            outputs: if shows { Arc::clone(&meant.outputs) } else { Arc::default() },
            moves_search_path: self.moves_search_path || meant.moves_search_path,
            order_is_data: self.order_is_data || meant.order_is_data,
            seals: if shows { meant.seals.clone() } else { Vec::new() },
            policy: AtomicU64::new(meant.policy()),
            leans: Some(leans),
            ..self
        }
    }

    /// A Bind of it is sent on as it came, and nothing before it.
    pub fn is_bound_as_it_is(&self) -> bool {
        self.openings.is_empty() && self.leans.is_none() && !self.by_sql && self.carry.is_none()
    }

    /// What is sent when it is run, or after it, is not what goes with other statements.
    pub fn is_told_apart(&self) -> bool {
        let moves = self.moves_search_path || self.changes_catalog || self.kind == Some(Kind::Transaction);
        let names = self.leans.is_some() || self.effect.makes() || self.effect.takes_role();
        moves || names || self.carry.is_some() || self.kind == Some(Kind::CopyIn)
    }

    /// It may give the client rows, or the data of a COPY.
    pub fn gives_rows(&self) -> bool {
        self.kind.is_some_and(|kind| kind.gives_rows(!self.outputs.is_empty()))
    }

    /// The number of the policy that it, or what its rows are those of, was judged by last.
    pub fn policy(&self) -> u64 {
        self.policy.load(Ordering::Relaxed)
    }

    /// It was judged again, and means the same.
    pub fn is_of(&self, policy: u64) {
        self.policy.store(policy, Ordering::Relaxed);
    }

    /// Its rows are the plan of what a name means.
    #[must_use]
    pub fn planning(self, leans: Leans) -> Self {
        Statement { order_is_data: self.order_is_data || leans.meant.order_is_data, leans: Some(leans), ..self }
    }

    /// An empty text.
    pub fn empty() -> Self {
        Statement {
            kind: None,
            client: Arc::from(""),
            outputs: Arc::default(),
            moves_search_path: false,
            tag: None,
            changes_catalog: false,
            order_is_data: false,
            effect: Effect::Nothing,
            leans: None,
            by_sql: false,
            judged: None,
            openings: Vec::new(),
            carry: None,
            copy: None,
            policy: AtomicU64::new(0),
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

    /// What happens to its rows in a Query, whose columns the server describes so.
    ///
    /// # Errors
    /// [`Veto::Formats`]
    pub fn rows_of_query(&self, fields: &[Field<'_>]) -> Result<Rows, Veto> {
        let binary = self.leans.as_ref().is_some_and(|l| l.binary);
        if fields.iter().any(|f| f.is_binary() != binary) {
            return Err(Veto::Formats);
        }
        self.rows(&if binary { Formats::binary() } else { Formats::default() }).ok_or(Veto::Formats)
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
