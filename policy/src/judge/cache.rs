//! Which judgements are kept: those of the last texts, whoever sent them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;

use super::engine::Judged;

/// A text's judgements, one for each effective search_path.
type ByPath = Vec<(Arc<[String]>, Judged)>;

/// Texts longer than this are judged each time anew, bytes.
const LONGEST: usize = 64 * 1024;
/// Texts kept; for another one the oldest goes.
const TEXTS: usize = 20_000;
/// Texts kept for one session that has a catalog of its own.
const TEXTS_OF_A_SESSION: usize = 200;
/// Search paths kept for one text; for another one all of that text go.
const PATHS: usize = 16;

/// Judgements of one role, by text and search path.
#[derive(Debug)]
pub(super) struct Cache {
    // By text alone, so that a look-up needs no key of its own.
    texts: DashMap<Arc<str>, ByPath>,
    /// In the order in which they came. Locked only where a text is judged, which takes a thousand times as long.
    order: Mutex<VecDeque<Arc<str>>>,
    limit: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Cache { texts: DashMap::new(), order: Mutex::default(), limit: TEXTS }
    }
}

impl Cache {
    /// One for a single session, and for as long as nothing changes in it.
    pub fn small() -> Self {
        Cache { texts: DashMap::with_shard_amount(2), order: Mutex::default(), limit: TEXTS_OF_A_SESSION }
    }

    /// What was judged of this text under this search path.
    pub fn get(&self, path: &[String], sql: &str) -> Option<Judged> {
        self.texts.get(sql)?.iter().find(|(known, _)| **known == *path).map(|(_, judged)| judged.clone())
    }

    /// Keeps what was judged.
    pub fn put(&self, path: &Arc<[String]>, sql: &str, judged: &Judged) {
        if sql.len() > LONGEST {
            return;
        }
        let one = (Arc::clone(path), judged.clone());
        if let Some(mut known) = self.texts.get_mut(sql) {
            if known.len() >= PATHS {
                known.clear();
            }
            return known.push(one);
        }
        let text: Arc<str> = Arc::from(sql);
        if self.texts.insert(Arc::clone(&text), vec![one]).is_some() {
            // Somebody else judged it at the same time, and has put it into the order.
            return;
        }
        let oldest = {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            order.push_back(text);
            if order.len() > self.limit { order.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            self.texts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    fn path(schema: &str) -> Arc<[String]> {
        Arc::from(["pg_catalog".to_owned(), schema.to_owned()])
    }

    fn judged() -> Judged {
        Ok(Arc::new(Plan::default()))
    }

    fn same(a: Option<Judged>, b: &Judged) -> bool {
        matches!((a, b), (Some(Ok(a)), Ok(b)) if Arc::ptr_eq(&a, b))
    }

    #[test]
    fn a_judgement_is_of_one_text_under_one_search_path() {
        let cache = Cache::default();
        let (a, b) = (judged(), judged());
        cache.put(&path("a"), "SELECT 1", &a);
        cache.put(&path("b"), "SELECT 1", &b);
        assert!(same(cache.get(&path("a"), "SELECT 1"), &a) && same(cache.get(&path("b"), "SELECT 1"), &b));
        assert!(cache.get(&path("c"), "SELECT 1").is_none() && cache.get(&path("a"), "SELECT  1").is_none());
        assert!(cache.get(&path("a")[..1], "SELECT 1").is_none());
    }

    #[test]
    fn the_oldest_texts_go_and_no_more_than_the_limits_are_kept() {
        let cache = Cache::default();
        for n in 0..TEXTS + 5 {
            cache.put(&path("a"), &n.to_string(), &judged());
        }
        assert_eq!((cache.texts.len(), cache.order.lock().unwrap().len()), (TEXTS, TEXTS));
        assert!(cache.get(&path("a"), "4").is_none() && cache.get(&path("a"), "5").is_some());
        for n in 0..3 * PATHS {
            cache.put(&path(&n.to_string()), "5", &judged());
            assert!(cache.texts.get("5").unwrap().len() <= PATHS);
        }
        cache.put(&path("a"), &"x".repeat(LONGEST + 1), &judged());
        assert_eq!(cache.texts.len(), TEXTS);
    }
}
