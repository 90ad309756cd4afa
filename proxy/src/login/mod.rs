//! From the first byte to a proof that a client logged in.

mod stream;

pub use stream::ClientStream;

/// Proof that a client logged in; only this module makes one.
#[derive(Debug)]
pub struct Authenticated {
    /// The user's name.
    pub user: String,
    /// The first of the user's roles: the active one.
    pub role: String,
    /// The database that the client named; its user's name where it named none.
    pub database: String,
    /// The client's other startup parameters, in order, without `user`, `database` and `_pq_.` options; `options` is taken apart.
    pub parameters: Vec<(String, String)>,
    /// The protocol's minor version agreed on: 0 or 2.
    pub minor: u16,
    #[expect(dead_code, reason = "its type is private, so that no other module can make this proof")]
    proof: Proof,
}

#[derive(Debug)]
struct Proof;

/// What the first packets lead to.
#[derive(Debug)]
pub enum Arrival {
    /// A session: who, the connection, and bytes already read past the login.
    Session(Authenticated, ClientStream, Vec<u8>),
    /// A CancelRequest.
    Cancel {
        /// The server session's process id.
        pid: i32,
        /// The secret, as the client gave it.
        secret: Vec<u8>,
    },
    /// The client left, or was turned away with an error.
    Gone,
}
