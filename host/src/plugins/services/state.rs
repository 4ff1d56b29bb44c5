//! `store.*` and `secret.get`: what a plugin keeps, and what it may know.
use super::{Context, Request, blocking};
use crate::journal::JournalError;
use openclaw_plugin_api::{Error, ErrorKind, Meta, Result, host_ids as ids};

/// Longest key, bytes.
const MAX_KEY: usize = 512;
/// Longest value, bytes.
const MAX_VALUE: usize = 1 << 20;

pub(super) async fn store(context: &Context, request: Request) -> Result<Vec<u8>> {
    check(&request)?;
    let (journal, plugin) = (context.services().journal.clone(), context.plugin().to_owned());
    let now = context.services().clock.now_ms();
    let meta: Meta = if request.meta.is_empty() {
        Meta::default()
    } else {
        serde_json::from_str(&request.meta)?
    };
    let ttl = meta.ttl_ms.map(|ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
    blocking(move || {
        let Request {
            method,
            target: key,
            body,
            ..
        } = request;
        match method.as_str() {
            ids::STORE_GET => journal
                .get(&plugin, &key, now)
                .map_err(failed)?
                .ok_or_else(|| missing(&key)),
            ids::STORE_PUT => journal
                .put(&plugin, &key, &body, ttl, now)
                .map(|()| Vec::new())
                .map_err(failed),
            ids::STORE_ADD => {
                let free = journal.add(&plugin, &key, &body, ttl, now).map_err(failed)?;
                Ok(serde_json::to_vec(&free)?)
            }
            ids::STORE_DELETE => journal.delete(&plugin, &key).map(|()| Vec::new()).map_err(failed),
            _ => Ok(serde_json::to_vec(
                &journal.keys(&plugin, &key, now).map_err(failed)?,
            )?),
        }
    })
    .await
}

pub(super) fn secret(context: &Context, variable: &str) -> Result<Vec<u8>> {
    if !context.declares_secret(variable) {
        let text = format!(
            "plugin {} asks for the variable {variable}, which its manifest doesn't declare; add it to `.secrets(…)`",
            context.plugin()
        );
        return Err(Error::new(ErrorKind::Refused, text));
    }
    let secret = (context.services().secrets)(variable).ok_or_else(|| missing(variable))?;
    Ok(secret.expose().as_bytes().to_vec())
}

fn check(request: &Request) -> Result<()> {
    let key = request.target.len();
    if key > MAX_KEY || (key == 0 && request.method != ids::STORE_LIST) {
        return Err(Error::invalid(format_args!(
            "a key has 1 to {MAX_KEY} bytes, this one {key}"
        )));
    }
    if request.body.len() > MAX_VALUE {
        let text = format!(
            "a value has at most {MAX_VALUE} bytes, this one {}",
            request.body.len()
        );
        return Err(Error::invalid(text));
    }
    Ok(())
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format_args!("there is no {what}"))
}

pub(super) fn failed(error: JournalError) -> Error {
    Error::new(ErrorKind::Server, error)
}
