//! TABLESAMPLE: where nothing is protected.

use sqlparser::ast::{TableFactor, TableSample, TableSampleKind, TableSampleModifier, Value};

use super::scope::Level;
use super::{Judge, refuse};
use crate::read::coded;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// TABLESAMPLE: of relations of which nothing is protected. It goes by where rows lie, and by chance.
    pub(crate) fn sampled(&mut self, factor: &mut TableFactor) -> Result<Level, Refusal> {
        let this_form = || refuse::not_yet("form.from", "this form of TABLESAMPLE");
        let TableFactor::Table { name, alias, sample, .. } = factor else { return Err(this_form()) };
        let only = coded::is_only(name);
        let name = coded::without_only(name);
        let (Some(TableSampleKind::AfterTableAlias(method)), parts) = (sample.as_mut(), self.name_parts(&name)?) else {
            return Err(this_form());
        };
        let TableSample {
            modifier: TableSampleModifier::TableSample,
            name: Some(_),
            quantity: Some(quantity),
            seed,
            bucket: None,
            offset: None,
        } = &mut **method
        else {
            return Err(this_form());
        };
        self.clear(&mut quantity.value, None, "TABLESAMPLE")?;
        self.note(&quantity.value, None);
        if let Some(seed) = seed
            && !matches!(seed.value.value, Value::Number(..))
        {
            return Err(refuse::not_yet("form.from", "REPEATABLE of anything but a number"));
        }
        let at = self.name_position(&name);
        let is_cte = matches!(parts.as_slice(), [name] if self.find_cte(name).is_some());
        let whose = (!is_cte).then(|| self.find_relation(&parts)).transpose()?;
        let role = self.role;
        let denied = |what: &str| {
            Refusal::new(SqlState::DENIED, "physical.sample", format!("TABLESAMPLE of {what} may not be used by role {role}"))
                .with_detail("Which rows it takes depends on where they are stored, and with it on the length of protected values.")
                .with_hint("Choose rows by a condition, such as id % 100 = 0.")
                .at(at)
        };
        let Some(relation) = whose else { return Err(denied("a query of WITH")) };
        let full = format!("{}.{}", relation.schema, relation.name);
        if self.stand_in(&relation)?.is_some() {
            return Err(denied(&full));
        }
        // The rows that a join takes from it differ each time it is run.
        if self.shows_evaluation_order.is_none() {
            self.shows_evaluation_order = Some(denied(&format!("{full}, beside protected relations,")));
        }
        let kept = sample.take();
        let (mut printed, level) = self.relation(&parts, alias.clone(), only).map_err(|r| r.at(at))?;
        if let TableFactor::Table { sample, .. } = &mut printed {
            *sample = kept;
        }
        *factor = printed;
        self.take_names(&level)?;
        Ok(level)
    }
}
