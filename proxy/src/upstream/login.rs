//! Logging in with the server (PostgreSQL documentation, 55.2.1).

use postgres_protocol::authentication::md5_hash;

use super::reader::{Reader, error_response, unexpected};
use super::scram::{Begun, Binding, PLAIN, PLUS, Proved, Secret};
use super::{Upstream, Who};
use crate::config::ChannelBinding;
use crate::error::UpstreamError;
use crate::wire::cursor::Cursor;
use crate::wire::frame;

/// The newest minor version of protocol 3 that we speak with servers.
pub(super) const NEWEST_MINOR: u16 = 2;

/// Bytes of a BackendKeyData's secret in protocol 3.0, and the most from 3.2 on.
const SHORT_SECRET: usize = 4;
const LONGEST_SECRET: usize = 256;

/// Why a login failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server knows no minor versions, not even to negotiate them.
    TooNew,
    /// Else.
    Other(UpstreamError),
}

impl<E: Into<UpstreamError>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Other(error.into())
    }
}

/// The StartupMessage of protocol 3.`minor`.
pub(super) fn startup(minor: u16, user: &str, database: &str, parameters: &[(String, String)]) -> Vec<u8> {
    let mut body = ((3_u32 << 16) | u32::from(minor)).to_be_bytes().to_vec();
    let encoding = !parameters.iter().any(|(name, _)| name.eq_ignore_ascii_case("client_encoding"));
    let own = [("user", user), ("database", database)].into_iter().chain(encoding.then_some(("client_encoding", "UTF8")));
    for (name, value) in own.chain(parameters.iter().map(|(n, v)| (n.as_str(), v.as_str()))) {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX);
    [length.to_be_bytes().to_vec(), body].concat()
}

/// How far SCRAM has come.
enum Scram {
    Not,
    Begun(Begun),
    Proved(Proved),
    Done,
}

/// Answers what the server asks for until AuthenticationOk: the minor version that is spoken.
pub(super) async fn authenticate(reader: &mut Reader, who: Who<'_>, binding: ChannelBinding, minor: u16) -> Result<u16, Failed> {
    let mut minor = minor;
    let mut scram = Scram::Not;
    let mut bound = false;
    let mut first = true;
    loop {
        let (tag, body) = reader.message().await?;
        match tag {
            b'R' => {}
            b'v' if first && minor > 0 => {
                minor = negotiated(&body, minor).ok_or_else(|| unexpected(tag))?;
                first = false;
                continue;
            }
            b'E' => {
                let error = error_response(&body);
                // What servers from before 2018, and poolers, say of a minor version that they do not know.
                let old = matches!(&error, UpstreamError::Refused(report) if matches!(report.code.as_str(), "0A000" | "08P01"));
                return Err(if first && minor > 0 && old { Failed::TooNew } else { Failed::Other(error) });
            }
            b'N' => continue,
            other => return Err(unexpected(other).into()),
        }
        first = false;
        let Some((kind, rest)) = body.split_first_chunk::<4>() else { return Err(unexpected(tag).into()) };
        let kind = i32::from_be_bytes(*kind);
        if binding == ChannelBinding::Require && !bound && !matches!(kind, 10..=12) {
            let why =
                "upstream.channel_binding is \"require\", and it asks for another login than SCRAM; use scram-sha-256 in its pg_hba.conf";
            return Err(UpstreamError::Login(why.into()).into());
        }
        scram = match (kind, scram) {
            // A server that began SCRAM must prove that it knows the password too.
            (0, Scram::Not | Scram::Done) => return Ok(minor),
            (3, Scram::Not) if reader.stream.is_private() => {
                answer(reader, &[who.password()?.as_bytes(), &[0]].concat()).await?;
                Scram::Not
            }
            (3, Scram::Not) => {
                let why = "it asks for the password in cleartext over a connection without TLS; set upstream.tls, or scram-sha-256 in its pg_hba.conf";
                return Err(UpstreamError::Login(why.into()).into());
            }
            (5, Scram::Not) => {
                let salt = rest.try_into().map_err(|_| unexpected(tag))?;
                let hash = md5_hash(who.name().as_bytes(), who.password()?.as_bytes(), salt);
                answer(reader, &[hash.as_bytes(), &[0]].concat()).await?;
                Scram::Not
            }
            (10, Scram::Not) => {
                let chosen = choose(reader, rest, binding)?;
                bound = matches!(chosen, Binding::EndPoint(_));
                let begun = Begun::new(chosen)?;
                let message = begun.message();
                let length = i32::try_from(message.len()).map_err(|_| unexpected(tag))?;
                answer(reader, &[begun.mechanism().as_bytes(), &[0], &length.to_be_bytes()[..], message.as_bytes()].concat()).await?;
                Scram::Begun(begun)
            }
            (11, Scram::Begun(begun)) => {
                let proved = begun.answer(who.secret()?, rest)?;
                answer(reader, proved.message.as_bytes()).await?;
                Scram::Proved(proved)
            }
            (12, Scram::Proved(proved)) if proved.holds(rest) => Scram::Done,
            (12, Scram::Proved(_)) => {
                return Err(UpstreamError::Login("it does not prove that it knows the password".into()).into());
            }
            (0, Scram::Begun(_) | Scram::Proved(_)) => {
                return Err(UpstreamError::Login("it says that it knows us without a proof that it knows the password".into()).into());
            }
            (kind, _) => {
                return Err(UpstreamError::Login(format!(
                    "it asks for a kind of authentication that pgveil does not speak here ({kind}); use scram-sha-256 in its pg_hba.conf"
                ))
                .into());
            }
        };
    }
}

/// The minor version of a NegotiateProtocolVersion; `None` where it is more than we asked for or refuses options that we did not name.
fn negotiated(body: &[u8], asked: u16) -> Option<u16> {
    let mut c = Cursor::new(body);
    let (version, options) = (c.u32()?, c.u32()?);
    // Written in full or the minor alone: servers and the documentation differ.
    let minor = if version >> 16 == 3 { version & 0xffff } else { version };
    let minor = u16::try_from(minor).ok().filter(|minor| *minor < asked)?;
    c.end(minor).filter(|_| options == 0)
}

/// Which of the mechanisms that the server offers is taken, and what is said of binding.
fn choose(reader: &Reader, offered: &[u8], binding: ChannelBinding) -> Result<Binding, UpstreamError> {
    let offers = |mechanism: &str| offered.split(|b| *b == 0).any(|name| name == mechanism.as_bytes());
    let hash = reader.stream.certificate().map(pgveil_certs::end_point);
    match (binding, offers(PLUS), hash) {
        (ChannelBinding::Prefer | ChannelBinding::Require, true, Some(Some(hash))) => Ok(Binding::EndPoint(hash)),
        (ChannelBinding::Require, ..) => Err(UpstreamError::Login(
            "upstream.channel_binding is \"require\", and it offers no SCRAM-SHA-256-PLUS, or its certificate's signature has no hash (Ed25519)".into(),
        )),
        _ if !offers(PLAIN) => Err(UpstreamError::Login("it offers no SASL mechanism that pgveil speaks (SCRAM-SHA-256)".into())),
        (ChannelBinding::Prefer, false, Some(Some(_))) => Ok(Binding::NotOffered),
        (ChannelBinding::Prefer | ChannelBinding::Disable, ..) => Ok(Binding::Never),
    }
}

/// From AuthenticationOk to the first ReadyForQuery.
pub(super) async fn settle(mut reader: Reader, minor: u16) -> Result<Upstream, UpstreamError> {
    let (mut startup, mut parameters, mut key) = (Vec::new(), Vec::new(), None);
    loop {
        let (tag, body) = reader.message().await?;
        match tag {
            b'S' => parameters.push(pair(&body).ok_or_else(|| unexpected(tag))?),
            b'K' if key.is_none() => {
                let (pid, secret) = body.split_first_chunk::<4>().ok_or_else(|| unexpected(tag))?;
                let lengths = if minor < 2 { SHORT_SECRET..=SHORT_SECRET } else { SHORT_SECRET..=LONGEST_SECRET };
                if !lengths.contains(&secret.len()) {
                    return Err(unexpected(tag));
                }
                key = Some((i32::from_be_bytes(*pid), secret.to_vec()));
            }
            b'N' => {}
            b'E' => return Err(error_response(&body)),
            b'Z' => break,
            other => return Err(unexpected(other)),
        }
        // The key is the server's: nobody else needs to know it.
        startup.push((tag, if tag == b'K' { Vec::new() } else { body }));
    }
    let (pid, secret) = key.ok_or_else(|| UpstreamError::Protocol("no BackendKeyData".into()))?;
    Ok(Upstream { reader, startup, parameters, pid, secret })
}

impl<'a> Who<'a> {
    fn password(self) -> Result<&'a str, UpstreamError> {
        match self {
            Who::Account(account) => account.password.as_deref().map(String::as_str).ok_or_else(|| {
                UpstreamError::Login(format!("it asks for the password of \"{}\", and none is configured", account.user))
            }),
            Who::User(..) => Err(UpstreamError::Login(
                "it asks for the password itself, which pgveil never sees: upstream.login = \"user\" needs scram-sha-256 in its pg_hba.conf".into(),
            )),
        }
    }

    fn secret(self) -> Result<Secret<'a>, UpstreamError> {
        match self {
            Who::Account(account) => Ok(Secret::Password(self.password()?, &account.salted)),
            Who::User(_, Some(keys)) => Ok(Secret::Keys(keys)),
            Who::User(_, None) => Err(UpstreamError::Login(
                "it asks for SCRAM, and the user came without a password: upstream.login = \"user\" passes on a password's keys only"
                    .into(),
            )),
        }
    }
}

async fn answer(reader: &mut Reader, message: &[u8]) -> Result<(), UpstreamError> {
    let mut out = Vec::new();
    frame::put(&mut out, b'p', |body| body.extend_from_slice(message));
    reader.send(&out).await
}

fn pair(body: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(body.strip_suffix(&[0])?).ok()?;
    let (name, value) = text.split_once('\0')?;
    (!value.contains('\0')).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_startup_message_asks_for_utf8_unless_told_otherwise() {
        let bytes = startup(2, "pgveil", "shop", &[("TimeZone".into(), "UTC".into())]);
        assert_eq!(bytes, b"\0\0\0\x45\0\x03\0\x02user\0pgveil\0database\0shop\0client_encoding\0UTF8\0TimeZone\0UTC\0\0".as_slice());
        let bytes = startup(2, "pgveil", "shop", &[("CLIENT_ENCODING".into(), "LATIN1".into())]);
        assert!(!bytes.windows(4).any(|w| w == b"UTF8"));
    }

    #[test]
    fn a_parameter_is_two_strings() {
        assert_eq!(pair(b"a\0b\0"), Some(("a".into(), "b".into())));
        for bad in [&b""[..], b"a\0", b"a\0b", b"a\0b\0c\0", b"\xff\0b\0"] {
            assert_eq!(pair(bad), None);
        }
    }

    #[test]
    fn a_server_may_speak_an_older_version_only() {
        let body = |version: u32, options: u32| [version.to_be_bytes(), options.to_be_bytes()].concat();
        assert_eq!(negotiated(&body(3 << 16, 0), 2), Some(0));
        assert_eq!(negotiated(&body((3 << 16) + 1, 0), 2), Some(1));
        assert_eq!(negotiated(&body(0, 0), 2), Some(0));
        for (version, options) in [((3 << 16) + 2, 0), ((3 << 16) + 3, 0), (4 << 16, 0), (3 << 16, 1)] {
            assert_eq!(negotiated(&body(version, options), 2), None, "{version:x} {options}");
        }
        assert_eq!(negotiated(&body(3 << 16, 0)[..7], 2), None);
    }
}
