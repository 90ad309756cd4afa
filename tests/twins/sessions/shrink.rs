//! A shorter session that shows the same: steps are left out as long as it still does, then pieces of their texts.

use super::step::{Act, Session};
use crate::twins::generate::Statement;
use crate::twins::shrink;

/// Trials of whole sessions before it is left as it is.
const TRIALS: usize = 120;

/// Leaves out steps, and pieces of simple queries, while `fails` says that the session still fails.
pub fn shrink(session: &Session, fails: &mut dyn FnMut(&Session) -> bool) -> Session {
    let mut best = session.clone();
    let mut trials = 0;
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < best.steps.len() && trials < TRIALS {
            let mut smaller = best.clone();
            smaller.steps.drain(start..(start + size).min(best.steps.len()));
            trials += 1;
            if fails(&smaller) {
                best = smaller;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    // The last step shows it; the texts before it matter less.
    if let Some(last) = best.steps.last().filter(|s| matches!(s.act, Act::Simple(_))).cloned() {
        let statement = Statement { sql: last.sql().to_owned(), source: "", extended: None };
        let with = |text: &str| {
            let mut session = best.clone();
            session.steps.pop();
            session.steps.push(last.with_sql(text.to_owned()));
            session
        };
        let small = shrink::shrink(&statement, &mut |smaller| fails(&with(&smaller.sql)));
        best = with(&small.sql);
    }
    best
}
