//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; PostgreSQL documentation, 55.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The mechanism without channel binding.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// The mechanism that binds the exchange to the TLS channel.
pub const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// The one type of channel binding that is spoken (RFC 5929, section 4), as in Postgres.
const END_POINT: &str = "tls-server-end-point";

/// What is stored of a password: enough to check a proof and to prove ourselves, too little to log in elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// As the client needs it.
    pub salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

/// What a verifier shows of itself to whoever begins to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// Length in bytes.
    pub salt: usize,
}

impl Default for Form {
    /// What Postgres and pgveil make.
    fn default() -> Form {
        Form { iterations: 4096, salt: 16 }
    }
}

impl Verifier {
    /// Reads Postgres' form, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, with base64 for all but the number.
    pub fn parse(text: &str) -> Option<Verifier> {
        let (first, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = first.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        Some(Verifier {
            iterations: iterations.parse().ok().filter(|n| *n > 0)?,
            salt,
            stored_key: STANDARD.decode(stored).ok()?.try_into().ok()?,
            server_key: STANDARD.decode(server).ok()?.try_into().ok()?,
        })
    }

    /// What it shows of itself.
    pub fn form(&self) -> Form {
        Form { iterations: self.iterations, salt: self.salt.len() }
    }

    /// A verifier for a user that does not exist: always the same for one name, and of that form, so that the exchange
    /// does not tell who exists. No password fits it.
    pub fn mock(secret: &[u8; 32], user: &str, form: Form) -> Verifier {
        let derive = |label: &[u8]| -> [u8; 32] { hmac_sha256(secret, &[label, user.as_bytes()]) };
        let salt = derive(b"salt:").into_iter().cycle().take(form.salt).collect();
        Verifier { iterations: form.iterations, salt, stored_key: derive(b"stored:"), server_key: derive(b"server:") }
    }
}

/// What logs a user in with every server that has the same verifier: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    /// Of the verifier: with another salt, other keys.
    pub salt: Vec<u8>,
    /// Of the verifier, likewise.
    pub iterations: u32,
    /// Proves the client.
    pub client: [u8; 32],
    /// Proves the server.
    pub server: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// Why an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The message is no SCRAM message (08P01).
    Malformed(&'static str),
    /// The message is well formed but does not prove the password (28P01).
    Denied(&'static str),
    /// Somebody stands between the client and us, or the client is mistaken about what we offered (28000).
    Binding(&'static str),
}

/// Channel binding, as it was offered and chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel<'a> {
    /// Not offered: no TLS, or a certificate that cannot be bound to.
    Unbound,
    /// Offered, and the client chose the mechanism without it.
    Declined,
    /// Offered and chosen: the `tls-server-end-point` of our certificate.
    Bound(&'a [u8]),
}

/// An exchange that awaits the client's final message.
#[derive(Debug)]
pub struct Exchange {
    /// The server's first message.
    pub challenge: String,
    verifier: Verifier,
    first_bare: String,
    /// What the client must give back: its GS2 header and the channel's data.
    binding: Vec<u8>,
    nonce: String,
}

impl Exchange {
    /// Answers a client's first message. `server_nonce`: fresh, printable, no comma.
    ///
    /// # Errors
    /// It does not decode, asks for another identity or a mandatory extension, or its channel binding is not what was chosen. A client
    /// that could bind the channel and thinks that we cannot ("y") is refused where that was offered: somebody took the offer away.
    pub fn start(verifier: Verifier, channel: Channel<'_>, message: &[u8], server_nonce: &str) -> Result<Exchange, Failure> {
        let message = std::str::from_utf8(message).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let another = Failure::Malformed("another identity, or no GS2 header");
        let (flag, bare) = message.split_once(',').ok_or(another)?;
        let bare = bare.strip_prefix(',').ok_or(another)?;
        let data: &[u8] = match (flag, channel) {
            ("n", Channel::Unbound | Channel::Declined) | ("y", Channel::Unbound) => &[],
            ("y", Channel::Declined) => {
                return Err(Failure::Binding("the client supports channel binding and thinks that it was not offered, but it was"));
            }
            ("n" | "y", Channel::Bound(_)) => return Err(Failure::Malformed("no channel binding in a mechanism with it")),
            (other, channel) => match (other.strip_prefix("p="), channel) {
                (Some(END_POINT), Channel::Bound(data)) => data,
                (Some(_), Channel::Bound(_)) => return Err(Failure::Malformed("a type of channel binding that is not supported")),
                (Some(_), Channel::Unbound | Channel::Declined) => {
                    return Err(Failure::Malformed("channel binding in a mechanism without it"));
                }
                (None, _) => return Err(another),
            },
        };
        let binding = [flag.as_bytes(), b",,", data].concat();
        let mut parts = bare.split(',');
        // The name here is not used: the one of the startup packet counts.
        parts.next().and_then(|p| p.strip_prefix("n=")).ok_or(Failure::Malformed("no user, or a mandatory extension"))?;
        let nonce = parts.next().and_then(|p| p.strip_prefix("r=")).ok_or(Failure::Malformed("no nonce"))?;
        if nonce.is_empty() || !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::Malformed("a nonce that is not printable"));
        }
        if !parts.all(is_attribute) {
            return Err(Failure::Malformed("an extension that is no attribute"));
        }
        let nonce = format!("{nonce}{server_nonce}");
        let challenge = format!("r={nonce},s={},i={}", STANDARD.encode(&verifier.salt), verifier.iterations);
        Ok(Exchange { challenge, verifier, first_bare: bare.to_owned(), binding, nonce })
    }

    /// Checks a client's final message; the server's final message where the proof holds, and the keys that made it.
    ///
    /// # Errors
    /// It does not decode, belongs to another exchange, or does not prove the password.
    pub fn finish(self, message: &[u8]) -> Result<(String, Keys), Failure> {
        let message = std::str::from_utf8(message).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Failure::Malformed("no proof"))?;
        let proof: [u8; 32] =
            STANDARD.decode(proof).ok().and_then(|p| p.try_into().ok()).ok_or(Failure::Malformed("a proof of another size"))?;
        let mut parts = without_proof.split(',');
        let binding = parts.next().and_then(|p| p.strip_prefix("c=")).ok_or(Failure::Malformed("no channel binding"))?;
        let nonce = parts.next().and_then(|p| p.strip_prefix("r=")).ok_or(Failure::Malformed("no nonce"))?;
        if !parts.all(is_attribute) {
            return Err(Failure::Malformed("an extension that is no attribute"));
        }
        if !bool::from(binding.as_bytes().ct_eq(STANDARD.encode(&self.binding).as_bytes())) {
            return Err(Failure::Binding("the client is bound to another channel, or its flag was changed on the way"));
        }
        if !bool::from(nonce.as_bytes().ct_eq(self.nonce.as_bytes())) {
            return Err(Failure::Denied("the nonce is another"));
        }
        let auth: [&[u8]; 5] = [self.first_bare.as_bytes(), b",", self.challenge.as_bytes(), b",", without_proof.as_bytes()];
        let signature = hmac_sha256(&self.verifier.stored_key, &auth);
        let mut client_key = proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let hashed = digest::digest(&digest::SHA256, &client_key);
        let own = hmac_sha256(&self.verifier.server_key, &auth);
        if bool::from(hashed.as_ref().ct_eq(&self.verifier.stored_key)) {
            let Verifier { salt, iterations, server_key: server, .. } = self.verifier;
            Ok((format!("v={}", STANDARD.encode(own)), Keys { salt, iterations, client: client_key, server }))
        } else {
            Err(Failure::Denied("the proof does not verify"))
        }
    }
}

/// 24 base64 characters of fresh randomness.
///
/// # Errors
/// The operating system gave none.
pub fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

/// HMAC-SHA-256 over the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn is_attribute(part: &str) -> bool {
    let mut bytes = part.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) && bytes.next() == Some(b'=')
}

#[cfg(test)]
mod tests {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
    use postgres_protocol::password::scram_sha_256;

    use super::*;

    // RFC 7677, section 3: user "user", password "pencil".
    const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const PROVED: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn pencil() -> Verifier {
        let mut salted = [0; 32];
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let rounds = std::num::NonZeroU32::new(4096).unwrap();
        ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, b"pencil", &mut salted);
        let client = hmac_sha256(&salted, &[b"Client Key"]);
        let stored = digest::digest(&digest::SHA256, &client);
        let server = hmac_sha256(&salted, &[b"Server Key"]);
        let text = format!("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==${}:{}", STANDARD.encode(stored), STANDARD.encode(server));
        Verifier::parse(&text).unwrap()
    }

    fn begun() -> Exchange {
        Exchange::start(pencil(), Channel::Unbound, FIRST, SERVER_NONCE).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7677() {
        let exchange = begun();
        assert_eq!(exchange.challenge, CHALLENGE);
        assert_eq!(exchange.finish(FINAL.as_bytes()).unwrap().0, PROVED);
    }

    #[test]
    fn every_change_of_the_final_message_is_refused() {
        for at in 0..FINAL.len() {
            let mut changed = FINAL.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(begun().finish(&changed).is_err(), "byte {at}");
            assert!(begun().finish(&FINAL.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        // "y,," and "p=…" in place of the "n,," that was said first.
        for flag in ["eSws", "cD10bHMtc2VydmVyLWVuZC1wb2ludCws", ""] {
            let changed = FINAL.replace("biws", flag);
            assert!(matches!(begun().finish(changed.as_bytes()), Err(Failure::Binding(_))), "{flag}");
        }
        assert!(begun().finish(FINAL.replace(",p=", ",x=1,p=").as_bytes()).is_err(), "an extension is signed too");
    }

    #[test]
    fn first_messages_that_are_not_for_us_are_refused() {
        for message in [
            "p=tls-server-end-point,,n=,r=abc",
            "n,a=other,n=,r=abc",
            "n,,m=ext,n=,r=abc",
            "n,,r=abc",
            "n,,n=u",
            "n,,n=u,r=",
            "n,,n=u,r=a b",
            "n,,n=u,r=abc,",
            "n,,n=u,r=abc,1",
            "n,",
            "",
        ] {
            assert!(
                matches!(Exchange::start(pencil(), Channel::Unbound, message.as_bytes(), "s"), Err(Failure::Malformed(_))),
                "{message}"
            );
        }
        assert!(Exchange::start(pencil(), Channel::Unbound, b"n,,n=u,r=\xff", "s").is_err());
        assert!(Exchange::start(pencil(), Channel::Unbound, b"y,,n=,r=abc", "s").is_ok());
        assert!(Exchange::start(pencil(), Channel::Unbound, b"n,,n=,r=abc,x=1", "s").is_ok());
    }

    /// The client of tokio-postgres against us, with a verifier as `pgveil user add` makes it.
    fn exchange(verifier: Verifier, password: &str, binding: ChannelBinding) -> Result<(), Failure> {
        over(Channel::Unbound, verifier, password, binding)
    }

    fn over(channel: Channel<'_>, verifier: Verifier, password: &str, binding: ChannelBinding) -> Result<(), Failure> {
        let mut client = ScramSha256::new(password.as_bytes(), binding);
        let exchange = Exchange::start(verifier, channel, client.message(), &nonce().unwrap())?;
        client.update(exchange.challenge.as_bytes()).unwrap();
        let (proved, _keys) = exchange.finish(client.message())?;
        client.finish(proved.as_bytes()).unwrap();
        Ok(())
    }

    #[test]
    fn a_real_client_logs_in_with_the_right_password_only() {
        let verifier = Verifier::parse(&scram_sha_256("pässword".as_bytes())).unwrap();
        assert_eq!(exchange(verifier.clone(), "pässword", ChannelBinding::unsupported()), Ok(()));
        assert_eq!(exchange(verifier.clone(), "pässword", ChannelBinding::unrequested()), Ok(()));
        assert!(matches!(exchange(verifier.clone(), "passwort", ChannelBinding::unsupported()), Err(Failure::Denied(_))));
        let bound = ChannelBinding::tls_server_end_point(vec![1]);
        assert!(matches!(exchange(verifier, "pässword", bound), Err(Failure::Malformed(_))));
    }

    #[test]
    fn a_channel_is_bound_where_both_can() {
        let verifier = Verifier::parse(&scram_sha_256(b"pw")).unwrap();
        let bound = |hash: &[u8]| ChannelBinding::tls_server_end_point(hash.to_vec());
        let try_out = |channel, password, binding| over(channel, verifier.clone(), password, binding);
        assert_eq!(try_out(Channel::Bound(&[1; 48]), "pw", bound(&[1; 48])), Ok(()));
        assert!(matches!(try_out(Channel::Bound(&[1; 48]), "no", bound(&[1; 48])), Err(Failure::Denied(_))));
        // Somebody in the middle has another certificate.
        assert!(matches!(try_out(Channel::Bound(&[1; 32]), "pw", bound(&[2; 32])), Err(Failure::Binding(_))));
        assert!(matches!(try_out(Channel::Bound(&[1; 32]), "pw", bound(&[])), Err(Failure::Binding(_))));
        // ... or took PLUS out of the list: the client's "y" betrays it.
        assert!(matches!(try_out(Channel::Declined, "pw", ChannelBinding::unrequested()), Err(Failure::Binding(_))));
        // A client that cannot.
        assert_eq!(try_out(Channel::Declined, "pw", ChannelBinding::unsupported()), Ok(()));
        // What does not go with the mechanism that was chosen.
        for (channel, binding) in [
            (Channel::Bound(&[1]), ChannelBinding::unsupported()),
            (Channel::Bound(&[1]), ChannelBinding::unrequested()),
            (Channel::Declined, bound(&[1])),
            (Channel::Unbound, bound(&[1])),
        ] {
            assert!(matches!(try_out(channel, "pw", binding), Err(Failure::Malformed(_))), "{channel:?}");
        }
        for flag in ["p=tls-unique", "p=tls-exporter", "p=", "p=TLS-SERVER-END-POINT", "P=tls-server-end-point", "x", ""] {
            let message = format!("{flag},,n=,r=abc");
            let refused = Exchange::start(verifier.clone(), Channel::Bound(&[1]), message.as_bytes(), "s");
            assert!(matches!(refused, Err(Failure::Malformed(_))), "{flag}");
        }
    }

    #[test]
    fn an_unknown_user_looks_like_a_known_one() {
        let known = Verifier::parse(&scram_sha_256(b"x")).unwrap();
        let mock = Verifier::mock(&[1; 32], "nobody", known.form());
        assert_eq!(mock, Verifier::mock(&[1; 32], "nobody", known.form()), "the same at every attempt");
        assert_ne!(mock.salt, Verifier::mock(&[1; 32], "nobodz", known.form()).salt);
        assert_ne!(mock.salt, Verifier::mock(&[2; 32], "nobody", known.form()).salt);
        assert_eq!(mock.form(), known.form());
        let wrong = exchange(known, "y", ChannelBinding::unsupported());
        assert_eq!(exchange(mock, "y", ChannelBinding::unsupported()), wrong, "the same step fails");
    }

    #[test]
    fn verifiers_in_other_forms_are_not_read() {
        let good = scram_sha_256(b"x");
        assert!(Verifier::parse(&good).is_some());
        let cut = good.get(..good.len() - 4).unwrap();
        for bad in ["", "md5abc", cut, &good.replace("4096", "0"), &good.replace("4096", "x"), &good.replace("256$", "1$")] {
            assert_eq!(Verifier::parse(bad), None, "{bad}");
        }
    }
}
