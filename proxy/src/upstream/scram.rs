//! The client's side of SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 5929, RFC 7677), from a password or from keys.

use std::num::NonZeroU32;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::UpstreamError;
use crate::login::scram::{Keys, hmac_sha256, nonce};

/// Without channel binding.
pub(super) const PLAIN: &str = "SCRAM-SHA-256";
/// With channel binding.
pub(super) const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The most rounds of PBKDF2 that a server may ask for: more would hold up all sessions of a worker. Postgres' default is 4096.
const MOST_ITERATIONS: u32 = 1_000_000;

/// What is said of binding the login to the TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// We do not bind.
    Never,
    /// We would, but the server does not offer it: one that did, before somebody on the way changed it, refuses this.
    NotOffered,
    /// To the server's certificate: its hash.
    EndPoint(Vec<u8>),
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Binding::Never => "n,,",
            Binding::NotOffered => "y,,",
            Binding::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn encoded(&self) -> String {
        let hash = if let Binding::EndPoint(hash) = self { hash.as_slice() } else { &[] };
        STANDARD.encode([self.header().as_bytes(), hash].concat())
    }
}

/// What an account logs in with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Secret<'a> {
    /// A password, and what was made of it last.
    Password(&'a str, &'a Salted),
    /// The keys of the server's own verifier.
    Keys(&'a Keys),
}

/// The keys of a password, made for the salt that the server had last: PBKDF2 takes a hundred times as long as the rest of a login.
#[derive(Debug, Default)]
pub struct Salted(ArcSwapOption<Keys>);

impl Salted {
    fn keys(&self, password: &str, salt: Vec<u8>, iterations: u32) -> Result<Keys, UpstreamError> {
        if let Some(known) = self.0.load().as_ref().filter(|known| known.salt == salt && known.iterations == iterations) {
            return Ok(Keys::clone(known));
        }
        let rounds = NonZeroU32::new(iterations).filter(|n| n.get() <= MOST_ITERATIONS).ok_or_else(|| {
            UpstreamError::Login(format!("it asks for {iterations} iterations of SCRAM; 1 to {MOST_ITERATIONS} are done"))
        })?;
        // As Postgres does: what SASLprep does not take is used as it is.
        let prepared = stringprep::saslprep(password).map_or_else(|_| password.to_owned(), std::borrow::Cow::into_owned);
        let prepared = Zeroizing::new(prepared);
        let mut salted = Zeroizing::new([0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, prepared.as_bytes(), salted.as_mut());
        let [client, server] = [&b"Client Key"[..], b"Server Key"].map(|label| hmac_sha256(salted.as_ref(), &[label]));
        let keys = Keys { salt, iterations, client, server };
        self.0.store(Some(keys.clone().into()));
        Ok(keys)
    }
}

/// An exchange that awaits the server's first message.
#[derive(Debug)]
pub(super) struct Begun {
    binding: Binding,
    nonce: String,
}

/// An exchange that awaits the server's proof.
#[derive(Debug)]
pub(super) struct Proved {
    /// The client's final message.
    pub(super) message: String,
    expected: [u8; 32],
}

impl Begun {
    pub(super) fn new(binding: Binding) -> Result<Begun, UpstreamError> {
        Ok(Begun { binding, nonce: nonce().map_err(|e| UpstreamError::Io(e.into()))? })
    }

    /// The mechanism that goes with the binding.
    pub(super) fn mechanism(&self) -> &'static str {
        match self.binding {
            Binding::EndPoint(_) => PLUS,
            Binding::Never | Binding::NotOffered => PLAIN,
        }
    }

    /// The client's first message. The server takes the user from the startup packet.
    pub(super) fn message(&self) -> String {
        format!("{}n=,r={}", self.binding.header(), self.nonce)
    }

    /// Answers the server's first message.
    ///
    /// # Errors
    /// It does not decode, has not our nonce, asks for too much, or is for another verifier than our keys'.
    pub(super) fn answer(self, secret: Secret<'_>, challenge: &[u8]) -> Result<Proved, UpstreamError> {
        let malformed = || UpstreamError::Login("its SCRAM challenge is malformed, or not an answer to ours".into());
        let challenge = std::str::from_utf8(challenge).map_err(|_| malformed())?;
        let mut parts = challenge.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name)).ok_or_else(malformed);
        let (nonce, salt, iterations) = (part("r=")?, part("s=")?, part("i=")?);
        if nonce.strip_prefix(self.nonce.as_str()).is_none_or(str::is_empty) {
            return Err(malformed());
        }
        let salt = STANDARD.decode(salt).map_err(|_| malformed())?;
        let iterations: u32 = iterations.parse().map_err(|_| malformed())?;
        let keys = match secret {
            Secret::Password(password, salted) => salted.keys(password, salt, iterations)?,
            Secret::Keys(keys) if keys.salt == salt && keys.iterations == iterations => keys.clone(),
            Secret::Keys(_) => {
                return Err(UpstreamError::Login(
                    "its verifier of the user is another than pgveil's: give pgveil the server's own (rolpassword of pg_authid), or [auth]"
                        .into(),
                ));
            }
        };
        let without_proof = format!("c={},r={nonce}", self.binding.encoded());
        let own = self.nonce;
        let signed: [&[u8]; 6] = [b"n=,r=", own.as_bytes(), b",", challenge.as_bytes(), b",", without_proof.as_bytes()];
        let stored = digest::digest(&digest::SHA256, &keys.client);
        let mut proof = hmac_sha256(stored.as_ref(), &signed);
        for (byte, key) in proof.iter_mut().zip(keys.client) {
            *byte ^= key;
        }
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok(Proved { message, expected: hmac_sha256(&keys.server, &signed) })
    }
}

impl Proved {
    /// Whether the server's final message proves that it knows the user's verifier.
    pub(super) fn holds(&self, message: &[u8]) -> bool {
        let proof = message.strip_prefix(b"v=").and_then(|proof| STANDARD.decode(proof).ok());
        proof.is_some_and(|proof| proof.ct_eq(&self.expected).into())
    }
}

#[cfg(test)]
mod tests {
    use postgres_protocol::password::scram_sha_256;

    use super::*;
    use crate::login::scram::{Channel, Exchange, Verifier};

    /// We against ourselves as the server. The keys that the server recovers.
    fn meet(secret: Secret<'_>, verifier: &Verifier, binding: Binding) -> Result<Keys, String> {
        let hash = match &binding {
            Binding::Never | Binding::NotOffered => None,
            Binding::EndPoint(hash) => Some(hash.clone()),
        };
        let channel = hash.as_deref().map_or(Channel::Unbound, Channel::Bound);
        let begun = Begun::new(binding).unwrap();
        let exchange = Exchange::start(verifier.clone(), channel, begun.message().as_bytes(), "theirs").map_err(|e| format!("{e:?}"))?;
        let proved = begun.answer(secret, exchange.challenge.as_bytes()).map_err(|e| e.to_string())?;
        let (last, keys) = exchange.finish(proved.message.as_bytes()).map_err(|e| format!("{e:?}"))?;
        assert!(proved.holds(last.as_bytes()));
        for wrong in [&b""[..], b"v=", b"e=other-error", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="] {
            assert!(!proved.holds(wrong));
        }
        Ok(keys)
    }

    #[test]
    fn the_example_of_rfc_7677() {
        // With its user name the example cannot be ours; the keys of its password can.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = Salted::default().keys("pencil", salt, 4096).unwrap();
        let stored = digest::digest(&digest::SHA256, &keys.client);
        assert_eq!(STANDARD.encode(stored), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(STANDARD.encode(keys.server), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    }

    #[test]
    fn a_password_logs_in_and_the_keys_that_the_server_sees_do_too() {
        for password in ["pw", "pässwörd", "I\u{ad}X", "\u{2168}", "\u{7}unprepared"] {
            let verifier = Verifier::parse(&scram_sha_256(password.as_bytes())).unwrap();
            let salted = Salted::default();
            let keys = meet(Secret::Password(password, &salted), &verifier, Binding::Never).unwrap();
            assert_eq!(salted.0.load().as_deref(), Some(&keys));
            assert_eq!(meet(Secret::Password(password, &salted), &verifier, Binding::NotOffered).unwrap(), keys, "from what was kept");
            assert_eq!(meet(Secret::Keys(&keys), &verifier, Binding::Never).unwrap(), keys);
            assert_eq!(meet(Secret::Keys(&keys), &verifier, Binding::EndPoint(vec![1, 2, 3])).unwrap(), keys, "bound to the channel");
            let other = Verifier::parse(&scram_sha_256(password.as_bytes())).unwrap();
            assert!(meet(Secret::Keys(&keys), &other, Binding::Never).unwrap_err().contains("another than pgveil's"));
            assert!(meet(Secret::Password(password, &salted), &other, Binding::Never).is_ok(), "another salt");
            assert!(meet(Secret::Password("wrong", &Salted::default()), &verifier, Binding::Never).is_err());
        }
    }

    #[test]
    fn a_challenge_that_is_not_for_us_is_refused() {
        let salted = Salted::default();
        for (challenge, why) in [
            ("r=theirs,s=AAAA,i=4096", "another nonce"),
            ("r=NONCE,s=AAAA,i=4096", "nothing added to our nonce"),
            ("r=NONCEx,s=AAAA,i=0", "no rounds"),
            ("r=NONCEx,s=AAAA,i=4294967295", "rounds without end"),
            ("r=NONCEx,s=AAAA,i=-1", "a negative number"),
            ("r=NONCEx,s=!,i=4096", "no base64"),
            ("m=ext,r=NONCEx,s=AAAA,i=4096", "a mandatory extension"),
            ("e=other-error", "an error"),
            ("", "nothing"),
        ] {
            let begun = Begun::new(Binding::Never).unwrap();
            let challenge = challenge.replace("NONCE", &begun.nonce);
            assert!(begun.answer(Secret::Password("pw", &salted), challenge.as_bytes()).is_err(), "{why}");
        }
    }

    #[test]
    fn the_binding_is_part_of_what_is_signed() {
        let begun = Begun::new(Binding::EndPoint(vec![1, 2, 3])).unwrap();
        assert_eq!((begun.mechanism(), begun.message().starts_with("p=tls-server-end-point,,n=,r=")), (PLUS, true));
        let challenge = format!("r={}x,s=AAAA,i=1", begun.nonce);
        let proved = begun.answer(Secret::Password("pw", &Salted::default()), challenge.as_bytes()).unwrap();
        let bound = STANDARD.encode(b"p=tls-server-end-point,,\x01\x02\x03");
        assert!(proved.message.starts_with(&format!("c={bound},r=")), "{}", proved.message);
    }
}
