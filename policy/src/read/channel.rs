//! LISTEN, UNLISTEN, NOTIFY.

/// A statement about a channel. Names as Postgres folds and cuts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// LISTEN
    Listen(String),
    /// UNLISTEN of one, or of all.
    Unlisten(Option<String>),
    /// NOTIFY with its payload, which is a constant.
    Notify(String, String),
}
