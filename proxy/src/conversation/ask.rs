//! Questions that pgveil asks of the session's own server connection, between two statements of the client's.

use super::ledger::Owed;
use super::{Conversation, Judge, Out, Veto, path};
use crate::wire::cursor::Cursor;
use crate::wire::message::{self, Target};

impl<J: Judge> Conversation<J> {
    // The client's ReadyForQuery follows the answer.
    pub(super) fn ask_path(&mut self, out: &mut Out) {
        let to = &mut out.to_server;
        // It is still there where an earlier question failed half-way.
        message::put_close(to, Target::Statement, path::ASKER);
        message::put_parse(to, path::ASKER, path::QUESTION.as_bytes(), &[]);
        message::put_bind(to, path::ASKER, path::ASKER);
        message::put_execute(to, path::ASKER);
        message::put_close(to, Target::Portal, path::ASKER);
        message::put_close(to, Target::Statement, path::ASKER);
        message::put_bare(to, b'S');
        self.waiting = true;
        self.ledger.push(Owed::Path { answer: None, failed: false });
    }

    pub(super) fn path_row(&mut self, body: &[u8]) -> Result<(), Veto> {
        let mut c = Cursor::new(body);
        let read = (|| {
            let (1, Some(value)) = (c.u16()?, c.value()?) else { return None };
            c.end(std::str::from_utf8(value).ok()?.to_owned())
        })();
        let answer = Some(read.ok_or(Veto::Malformed { tag: 'D' })?);
        if let Some(Owed::Path { answer: None, failed }) = self.ledger.take() {
            self.ledger.put_back(Owed::Path { answer, failed });
            return Ok(());
        }
        Err(Veto::Unexpected { tag: 'D' })
    }
}
