//! Who may call: whoever brings the token, and does not guess too often.
//!
//! Invariants: the token is compared in constant time; a client that guessed wrong too often is told nothing about further
//! guesses; the list of such clients is bounded.
use openclaw_plugin_api::{Error, ErrorKind, HttpCall, Result, Secret};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;

/// Wrong tokens of one client in [`WINDOW`]; more are not looked at.
const MAX_FAILURES: u32 = 20;
/// Time over which wrong tokens are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients whose wrong tokens are counted.
const MAX_CLIENTS: usize = 1024;

/// The check of heads.
pub(crate) struct Auth {
    /// None: there are no webhooks.
    token: Option<Secret>,
    failures: Failures,
}

/// Wrong tokens by client.
#[derive(Debug, Default)]
struct Failures(Mutex<HashMap<String, (u32, Instant)>>);

impl Auth {
    pub(crate) fn new(token: Option<Secret>) -> Self {
        Self {
            token,
            failures: Failures::default(),
        }
    }

    /// May this call go on?
    pub(crate) fn check(&self, head: &HttpCall) -> Result<()> {
        if self.token.is_some() && names_token(&head.query) {
            return Err(Error::invalid(
                "a token in the address gets into logs; send it as Authorization: Bearer or x-openclaw-token",
            ));
        }
        let now = Instant::now();
        if let Some(wait) = self.failures.wait(&head.peer, now) {
            let error = Error::new(ErrorKind::RateLimited, "too many wrong tokens");
            return Err(error.with_retry_after(wait));
        }
        match self.verify(head) {
            Ok(()) => self.failures.forget(&head.peer),
            Err(error) => {
                if error.kind() == ErrorKind::Auth {
                    self.failures.note(&head.peer, now);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Does this call bring the token?
    pub(crate) fn verify(&self, head: &HttpCall) -> Result<()> {
        let Some(token) = &self.token else {
            return Err(Error::new(
                ErrorKind::NotFound,
                "there are no webhooks: hooks.enabled is not true",
            ));
        };
        let bearer = head.header("authorization").and_then(bearer);
        let given = bearer.or_else(|| head.header("x-openclaw-token"));
        let given = given.unwrap_or_default().trim().as_bytes();
        match bool::from(given.ct_eq(token.expose().as_bytes())) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Auth, "unauthorized")),
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn names_token(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| pair.split('=').next() == Some("token"))
}

impl Failures {
    /// How long this client has to wait.
    fn wait(&self, client: &str, now: Instant) -> Option<Duration> {
        let (count, since) = self.clients().get(client).copied()?;
        let over = since + WINDOW;
        (count >= MAX_FAILURES && now < over).then(|| over - now)
    }

    fn note(&self, client: &str, now: Instant) {
        let mut clients = self.clients();
        clients.retain(|_, (_, since)| now < *since + WINDOW);
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(client) {
            let oldest = clients.iter().min_by_key(|(_, (_, since))| *since);
            if let Some(oldest) = oldest.map(|(client, _)| client.clone()) {
                clients.remove(&oldest);
            }
        }
        clients.entry(client.to_owned()).or_insert((0, now)).0 += 1;
    }

    fn forget(&self, client: &str) {
        self.clients().remove(client);
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u32, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)], query: &str) -> HttpCall {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        HttpCall {
            headers: headers.collect(),
            query: query.into(),
            peer: "192.0.2.1".into(),
            ..HttpCall::default()
        }
    }

    fn kind(auth: &Auth, headers: &[(&str, &str)], query: &str) -> Option<ErrorKind> {
        auth.check(&head(headers, query)).err().map(|error| error.kind())
    }

    #[test]
    fn both_headers_bring_the_token_and_the_address_does_not() {
        let auth = Auth::new(Some(Secret::new("a-token")));
        assert_eq!(kind(&auth, &[("authorization", "Bearer a-token")], ""), None);
        assert_eq!(kind(&auth, &[("x-openclaw-token", "a-token")], ""), None);
        let none: [&[(&str, &str)]; 4] = [
            &[],
            &[("authorization", "Bearer a-toke")],
            &[("authorization", "Basic a-token")],
            &[("x-openclaw-token", "")],
        ];
        for headers in none {
            assert_eq!(kind(&auth, headers, ""), Some(ErrorKind::Auth), "{headers:?}");
        }
        let right = [("x-openclaw-token", "a-token")];
        assert_eq!(
            kind(&auth, &right, "a=1&token=a-token"),
            Some(ErrorKind::InvalidInput)
        );
    }

    #[test]
    fn without_webhooks_there_is_nothing_even_for_an_empty_token() {
        let auth = Auth::new(None);
        assert_eq!(
            kind(&auth, &[("x-openclaw-token", "")], ""),
            Some(ErrorKind::NotFound)
        );
    }

    #[test]
    fn who_guesses_too_often_is_not_listened_to() {
        let auth = Auth::new(Some(Secret::new("a-token")));
        for _ in 0..MAX_FAILURES {
            assert_eq!(
                kind(&auth, &[("x-openclaw-token", "b")], ""),
                Some(ErrorKind::Auth)
            );
        }
        let right = [("x-openclaw-token", "a-token")];
        assert_eq!(kind(&auth, &right, ""), Some(ErrorKind::RateLimited));
        let other = HttpCall {
            peer: "192.0.2.2".into(),
            ..head(&right, "")
        };
        assert!(auth.check(&other).is_ok());
    }

    #[test]
    fn guesses_are_forgotten_after_a_while_and_the_list_is_bounded() {
        let (failures, now) = (Failures::default(), Instant::now());
        (0..MAX_FAILURES).for_each(|_| failures.note("a", now));
        assert_eq!(failures.wait("a", now), Some(WINDOW));
        assert_eq!(failures.wait("a", now + WINDOW), None);
        for client in 0..MAX_CLIENTS + 50 {
            failures.note(&client.to_string(), now);
        }
        assert_eq!(failures.clients().len(), MAX_CLIENTS);
    }
}
