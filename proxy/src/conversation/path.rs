//! The effective search_path: under which one texts are judged, and when the server must be asked again.

/// Asks for it, as one JSON array of names in search order. Every name in it is qualified: it means the same under any search_path.
pub const QUESTION: &str = "SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(true))";

/// Name of the statement and portal that ask it within a conversation: a simple Query would drop the client's unnamed statement.
pub const ASKER: &[u8] = b"pgveil_path";

/// See the module.
#[derive(Debug)]
pub struct Path {
    /// `None`: not known, or one under which nothing is judged.
    schemas: Option<Vec<String>>,
    /// Moved since it was asked.
    stale: bool,
    /// Moved in the transaction that is open: its end, or a rollback to a savepoint, moves it again.
    in_transaction: bool,
    /// How often it moved: what was judged under another epoch is void.
    epoch: u64,
}

impl Path {
    /// From the answer to [`QUESTION`].
    pub fn new(answer: &str) -> Self {
        Path { schemas: read(answer), stale: false, in_transaction: false, epoch: 0 }
    }

    /// Schemas in search order; `None` while it is not known, or when anything stands before pg_catalog but temporary tables.
    pub fn schemas(&self) -> Option<&[String]> {
        self.schemas.as_deref()
    }

    /// See [`Path::moved`].
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// It must be asked.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// A COMMIT or ROLLBACK would move it.
    pub fn ends_with_transaction(&self) -> bool {
        self.in_transaction || self.stale
    }

    /// A statement that moves it is done.
    pub fn moved(&mut self) {
        self.in_transaction = true;
        self.lost();
    }

    /// A statement of transaction control is done.
    pub fn transaction_control(&mut self) {
        if self.ends_with_transaction() {
            self.lost();
        }
    }

    /// No transaction is open any more.
    pub fn transaction_over(&mut self) {
        if std::mem::take(&mut self.in_transaction) && !self.stale {
            self.lost();
        }
    }

    /// The answer to the question; `None` where it failed.
    pub fn answered(&mut self, answer: Option<&str>) {
        self.stale = answer.is_none();
        self.schemas = answer.and_then(read);
    }

    fn lost(&mut self) {
        self.stale = true;
        self.schemas = None;
        self.epoch = self.epoch.wrapping_add(1);
    }
}

fn read(answer: &str) -> Option<Vec<String>> {
    let schemas: Vec<String> = serde_json::from_str(answer).ok()?;
    let mut order = schemas.iter().map(String::as_str);
    let first = order.next()?;
    let first = if first.starts_with("pg_temp_") { order.next()? } else { first };
    (first == "pg_catalog").then_some(schemas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_tables_may_stand_before_pg_catalog() {
        assert_eq!(Path::new(r#"["pg_catalog","public"]"#).schemas().map(<[_]>::len), Some(2));
        assert_eq!(Path::new(r#"["pg_temp_3","pg_catalog","x"]"#).schemas().map(<[_]>::len), Some(3));
        for hostile in [r#"["adhoc","pg_catalog"]"#, r#"["pg_temp_3","adhoc","pg_catalog"]"#, "[]", "", "null", r#"["pg_temp_3"]"#] {
            assert_eq!(Path::new(hostile).schemas(), None, "{hostile}");
        }
    }

    #[test]
    fn the_end_of_a_transaction_moves_it_back() {
        let mut path = Path::new(r#"["pg_catalog"]"#);
        path.transaction_control();
        path.transaction_over();
        assert!(!path.is_stale());
        path.moved();
        path.answered(Some(r#"["pg_catalog","x"]"#));
        assert!(!path.is_stale() && path.ends_with_transaction());
        path.transaction_over();
        assert!(path.is_stale() && path.schemas().is_none());
    }
}
