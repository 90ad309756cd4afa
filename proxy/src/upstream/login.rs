//! Logging in with the server (PostgreSQL documentation, 55.2.1).

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::Upstream;
use super::reader::{Reader, error_response, unexpected};
use crate::config::Account;
use crate::error::UpstreamError;
use crate::wire::frame;

/// The StartupMessage: protocol 3.0, which every server speaks.
pub(super) fn startup(user: &str, database: &str, parameters: &[(String, String)]) -> Vec<u8> {
    let mut body = (3_u32 << 16).to_be_bytes().to_vec();
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

/// Answers what the server asks for until AuthenticationOk.
pub(super) async fn authenticate(reader: &mut Reader, account: &Account) -> Result<(), UpstreamError> {
    let mut scram: Option<ScramSha256> = None;
    let mut proved = false;
    loop {
        let (tag, body) = reader.message().await?;
        match tag {
            b'R' => {}
            b'E' => return Err(error_response(&body)),
            b'N' => continue,
            other => return Err(unexpected(other)),
        }
        let Some((kind, rest)) = body.split_first_chunk::<4>() else { return Err(unexpected(tag)) };
        match (i32::from_be_bytes(*kind), &mut scram) {
            // A server that began SCRAM must prove that it knows the password too.
            (0, None) => return Ok(()),
            (0, Some(_)) if proved => return Ok(()),
            (3, None) if reader.stream.is_private() => answer(reader, &[password(account)?, &[0]].concat()).await?,
            (3, None) => {
                return Err(UpstreamError::Login(
                    "it asks for the password in cleartext over a connection without TLS; set upstream.tls, or scram-sha-256 in its pg_hba.conf".into(),
                ));
            }
            (5, None) => {
                let salt = rest.try_into().map_err(|_| unexpected(tag))?;
                let hash = md5_hash(account.user.as_bytes(), password(account)?, salt);
                answer(reader, &[hash.as_bytes(), &[0]].concat()).await?;
            }
            (10, None) => {
                if !rest.split(|b| *b == 0).any(|name| name == b"SCRAM-SHA-256") {
                    return Err(UpstreamError::Login("it offers no SASL mechanism that pgveil speaks (SCRAM-SHA-256)".into()));
                }
                let client = ScramSha256::new(password(account)?, ChannelBinding::unsupported());
                let first = client.message();
                let length = i32::try_from(first.len()).map_err(|_| unexpected(tag))?;
                answer(reader, &[b"SCRAM-SHA-256\0", &length.to_be_bytes()[..], first].concat()).await?;
                scram = Some(client);
            }
            (11, Some(client)) if !proved => {
                client.update(rest).map_err(|e| UpstreamError::Login(e.to_string()))?;
                let message = client.message().to_vec();
                answer(reader, &message).await?;
            }
            (12, Some(client)) if !proved => {
                client.finish(rest).map_err(|e| UpstreamError::Login(format!("it does not prove that it knows the password: {e}")))?;
                proved = true;
            }
            (kind, _) => {
                return Err(UpstreamError::Login(format!(
                    "it asks for a kind of authentication that pgveil does not speak ({kind}); use scram-sha-256 in its pg_hba.conf"
                )));
            }
        }
    }
}

/// From AuthenticationOk to the first ReadyForQuery.
pub(super) async fn settle(mut reader: Reader) -> Result<Upstream, UpstreamError> {
    let mut parameters = Vec::new();
    let mut key = None;
    loop {
        let (tag, body) = reader.message().await?;
        match tag {
            b'S' => parameters.push(pair(&body).ok_or_else(|| unexpected(tag))?),
            b'K' => {
                let (pid, secret) = body.split_first_chunk::<4>().ok_or_else(|| unexpected(tag))?;
                key = Some((i32::from_be_bytes(*pid), secret.to_vec()));
            }
            b'N' => {}
            b'E' => return Err(error_response(&body)),
            b'Z' => break,
            other => return Err(unexpected(other)),
        }
    }
    let (pid, secret) = key.ok_or_else(|| UpstreamError::Protocol("no BackendKeyData".into()))?;
    Ok(Upstream { reader, parameters, pid, secret })
}

fn password(account: &Account) -> Result<&[u8], UpstreamError> {
    let missing = || UpstreamError::Login(format!("it asks for the password of \"{}\", and none is configured", account.user));
    account.password.as_deref().map(str::as_bytes).ok_or_else(missing)
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
        let bytes = startup("pgveil", "shop", &[("TimeZone".into(), "UTC".into())]);
        assert_eq!(bytes, b"\0\0\0\x45\0\x03\0\0user\0pgveil\0database\0shop\0client_encoding\0UTF8\0TimeZone\0UTC\0\0".as_slice());
        let bytes = startup("pgveil", "shop", &[("CLIENT_ENCODING".into(), "LATIN1".into())]);
        assert!(!bytes.windows(4).any(|w| w == b"UTF8"));
    }

    #[test]
    fn a_parameter_is_two_strings() {
        assert_eq!(pair(b"a\0b\0"), Some(("a".into(), "b".into())));
        for bad in [&b""[..], b"a\0", b"a\0b", b"a\0b\0c\0", b"\xff\0b\0"] {
            assert_eq!(pair(bad), None);
        }
    }
}
