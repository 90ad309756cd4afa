//! What a row of the server's becomes: passed on as it is, masked, put in our words, counted, or kept.

use std::sync::Arc;

use super::large::LARGE;
use super::ledger::Owed;
use super::server::cut;
use super::{Conversation, End, Judge, Out, ROW_LIMIT, Rows, Veto};
use crate::rows::{self, RowFault, Treatment, explain, plan, seal};
use crate::wire::frame::{HEADER, Head};

impl<J: Judge> Conversation<J> {
    /// Gives how many bytes are done with: 0 where the row is not all there.
    pub(super) fn row(&mut self, rest: &[u8], head: Head, out: &mut Out) -> Result<usize, End> {
        if let Some(Owed::Asked(_)) = self.ledger.front() {
            let Some(body) = rest.get(HEADER..head.total) else { return Ok(0) };
            self.asked_row(body)?;
            return Ok(head.total);
        }
        if let Some(Owed::Carry(carrying)) = self.ledger.front_mut() {
            if head.total > ROW_LIMIT {
                return Err(End::RowTooLarge { length: head.total });
            }
            let Some(body) = rest.get(HEADER..head.total) else { return Ok(0) };
            carrying.row(body)?;
            return Ok(head.total);
        }
        let rows = self.rows_now()?;
        self.counts()?;
        self.tell(out);
        if matches!(rows.treatment, Treatment::Copy) {
            return self.copy(rest, rows.columns, out);
        }
        if let Treatment::Seal(seals) = &rows.treatment
            && head.total > LARGE
        {
            let before = out.to_client.len();
            let used = self.large_row(rest, head, seals, out)?;
            let sent = out.to_client.len().saturating_sub(before).saturating_add(self.passing);
            if used > 0 && !self.fits(1, sent) {
                out.to_client.truncate(before);
                self.ignoring = std::mem::take(&mut self.passing);
            }
            return Ok(used);
        }
        if head.total > ROW_LIMIT {
            return Err(End::RowTooLarge { length: head.total });
        }
        let Some(body) = rest.get(HEADER..head.total) else { return Ok(0) };
        let before = out.to_client.len();
        match &rows.treatment {
            Treatment::Copy => {}
            Treatment::Never => return Err(Veto::Formats.into()),
            Treatment::Seal(seals) => seal::put_sealed(&mut out.to_client, body, seals).map_err(Veto::from)?,
            Treatment::Plan(format) => plan::put_plan(&mut out.to_client, body, *format).map_err(Veto::from)?,
            Treatment::Explain => {
                explain::put_explained(&mut out.to_client, body, std::mem::take(&mut self.first_line)).map_err(Veto::from)?;
            }
        }
        let sent = out.to_client.len().saturating_sub(before);
        if sent > 0 && !self.fits(1, sent) {
            out.to_client.truncate(before);
        }
        Ok(head.total)
    }

    // Rows that need nothing go on in one piece, the last of them as it arrives.
    fn copy(&mut self, rest: &[u8], columns: usize, out: &mut Out) -> Result<usize, End> {
        let mut run = 0_usize;
        while let Some(here) = rest.get(run..) {
            let Some(head) = cut(here)?.filter(|h| h.tag == b'D') else { break };
            if head.total < seal::LEAST {
                return Err(Veto::Row(RowFault::Malformed).into());
            }
            let Some(found) = here.get(HEADER..).and_then(rows::columns) else { break };
            if found != columns {
                return Err(Veto::Row(RowFault::Columns { judged: columns, found }).into());
            }
            if !self.fits(1, head.total) {
                break;
            }
            run = run.saturating_add(head.total);
            if let Some(missing) = run.checked_sub(rest.len()).filter(|n| *n > 0) {
                self.passing = missing;
                run = rest.len();
                break;
            }
        }
        out.to_client.extend_from_slice(rest.get(..run).unwrap_or_default());
        Ok(run)
    }

    fn rows_now(&mut self) -> Result<Arc<Rows>, Veto> {
        if let Some(rows) = &self.rows {
            return Ok(Arc::clone(rows));
        }
        let Some(Owed::Execute { portal }) = self.ledger.front() else { return Err(Veto::Unexpected { tag: 'D' }) };
        let portal = self.names.portal(portal).ok_or(Veto::Name)?;
        self.bears(&portal.statement)?;
        if portal.statement.carry.is_some() {
            return Err(Veto::Unexpected { tag: 'D' });
        }
        let rows = Arc::clone(&portal.rows);
        let (statement, given) = (Arc::clone(&portal.statement), Arc::clone(&portal.given));
        self.begins(&statement, given)?;
        self.first_line = true;
        self.rows = Some(Arc::clone(&rows));
        Ok(rows)
    }
}
