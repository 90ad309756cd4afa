//! SCRAM-SHA-256 for a client that logs in over and over (RFC 5802): the slow part, from password to salted password, is done once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use crate::error::BenchError;

/// Salted passwords, by salt and iterations.
#[derive(Debug, Clone, Default)]
pub struct Salted(Rc<RefCell<Known>>);

/// By salt and rounds.
type Known = HashMap<(String, u32), [u8; 32]>;

/// One exchange.
pub struct Exchange {
    nonce: String,
}

impl Exchange {
    /// With a nonce of its own.
    pub fn new() -> Result<Exchange, BenchError> {
        let mut bytes = [0_u8; 18];
        getrandom::fill(&mut bytes).map_err(|_| BenchError::Protocol("no randomness"))?;
        Ok(Exchange { nonce: STANDARD.encode(bytes) })
    }

    /// The client's first message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    /// The client's final message.
    pub fn answer(&self, server: &str, password: &str, salted: &Salted) -> Result<String, BenchError> {
        let field = |key: &str| server.split(',').find_map(|part| part.strip_prefix(key)).ok_or(BenchError::Protocol("SCRAM"));
        let (nonce, salt, iterations) = (field("r=")?, field("s=")?, field("i=")?);
        let iterations: u32 = iterations.parse().map_err(|_| BenchError::Protocol("SCRAM iterations"))?;
        let salted = salted.of(password, salt, iterations)?;
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let client_key = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, client_key.as_ref());
        let unproved = format!("c=biws,r={nonce}");
        let signature = sign(stored.as_ref(), format!("{},{server},{unproved}", self.bare()).as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        Ok(format!("{unproved},p={}", STANDARD.encode(proof)))
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }
}

impl Salted {
    fn of(&self, password: &str, salt: &str, iterations: u32) -> Result<[u8; 32], BenchError> {
        let key = (salt.to_owned(), iterations);
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(*known);
        }
        let bytes = STANDARD.decode(salt).map_err(|_| BenchError::Protocol("SCRAM salt"))?;
        let count = NonZeroU32::new(iterations).ok_or(BenchError::Protocol("SCRAM iterations"))?;
        let mut out = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, count, &bytes, password.as_bytes(), &mut out);
        self.0.borrow_mut().insert(key, out);
        Ok(out)
    }
}
