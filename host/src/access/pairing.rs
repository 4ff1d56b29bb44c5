//! Letting strangers in: codes, what they are told, and who was let in.
//!
//! The journal keeps it. The older gateway's files are read beside it and never written. Pairing is about private
//! chats only: nothing here is asked for groups. A code is a key, so it stands in no log.
mod older;

pub use older::OlderFiles;

use crate::journal::{Approved, Journal, JournalError, PairingRequest, Peer, Requested, Stranger};
use openclaw_plugin_api::ChannelInfo;

/// Letters and digits of codes: none that people mistake for another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Length of a code.
const LENGTH: usize = 8;

/// Where the gate looks up who is paired.
pub trait PairedStore {
    /// Whether somebody was let in.
    fn is_paired(&self, peer: &Peer<'_>) -> Result<bool, JournalError>;

    /// Somebody asks to be let in. The same event again has the same answer, so a code is not lost with the process.
    fn request(
        &self,
        peer: &Peer<'_>,
        stranger: &Stranger<'_>,
        now_ms: i64,
    ) -> Result<Requested, JournalError>;
}

/// Pairing, on the journal and the older gateway's files.
pub struct Pairing {
    journal: Journal,
    older: OlderFiles,
    code: Box<dyn Fn() -> String + Send + Sync>,
}

/// Why pairing can't do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// The journal can't.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nobody who waits has this code.
    #[error(
        "no request has this code; codes end after an hour, `openclaw pairing list` shows those that wait"
    )]
    UnknownCode,
    /// Several channels have this code.
    #[error("several channels have a request with this code; name the channel")]
    Ambiguous,
}

impl Pairing {
    /// Pairing on this journal, with codes of the system's randomness.
    pub fn new(journal: Journal, older: OlderFiles) -> Self {
        Self::with_codes(journal, older, random_code)
    }

    /// The same with codes from elsewhere.
    pub fn with_codes(
        journal: Journal,
        older: OlderFiles,
        code: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let code = Box::new(code);
        Self { journal, older, code }
    }

    /// Who waits, oldest first; on all channels and accounts, or on one.
    pub fn list(
        &self,
        channel: Option<&str>,
        account: Option<&str>,
        now_ms: i64,
    ) -> Result<Vec<PairingRequest>, JournalError> {
        let mut found = self.journal.pairing_requests(channel, account, now_ms)?;
        for older in self.older.requests(now_ms) {
            let asked = channel.is_none_or(|channel| channel == older.channel)
                && account.is_none_or(|account| account == older.account);
            let known = found.iter().any(|request| peer_of(request) == peer_of(&older));
            if asked && !known && !self.is_paired(&peer_of(&older))? {
                found.push(older);
            }
        }
        found.sort_by_key(|request| request.created_ms);
        Ok(found)
    }

    /// Lets in whom a code belongs to, in any case of letters. Works beside a running gateway and without one.
    pub fn approve(
        &self,
        channel: Option<&str>,
        account: Option<&str>,
        code: &str,
        now_ms: i64,
    ) -> Result<Approved, PairingError> {
        let code = code.trim();
        let waiting = self.list(channel, account, now_ms)?;
        let mut matching = waiting
            .iter()
            .filter(|request| request.code.eq_ignore_ascii_case(code));
        let request = matching.next().ok_or(PairingError::UnknownCode)?;
        if matching.next().is_some() {
            return Err(PairingError::Ambiguous);
        }
        let nobody_before = !self.older.has_allowed();
        let first = self.journal.pairing_allow(&peer_of(request), now_ms)? && nobody_before;
        Ok(Approved {
            channel: request.channel.clone(),
            account: request.account.clone(),
            sender: request.sender.clone(),
            first,
        })
    }

    /// Forgets that somebody asks; he may ask again. A request in the older gateway's files stands until its file goes.
    pub fn dismiss(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        self.journal.pairing_dismiss(peer)
    }

    /// Who was let in on one account of a channel.
    pub fn allowed(&self, channel: &str, account: &str) -> Result<Vec<String>, JournalError> {
        let mut allowed = self.journal.pairing_allowed(channel, account)?;
        allowed.extend(self.older.allowed(channel, account));
        allowed.sort();
        allowed.dedup();
        Ok(allowed)
    }

    /// Takes an approval back and says whether there was one. One of the older gateway stands until its file goes.
    pub fn revoke(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        self.journal.pairing_revoke(peer)
    }
}

impl PairedStore for Pairing {
    fn is_paired(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        if peer.sender.is_empty() || peer.sender == "*" {
            return Ok(false);
        }
        let older = || {
            let allowed = self.older.allowed(peer.channel, peer.account);
            allowed.iter().any(|id| id == peer.sender)
        };
        Ok(self.journal.pairing_is_allowed(peer)? || older())
    }

    fn request(
        &self,
        peer: &Peer<'_>,
        stranger: &Stranger<'_>,
        now_ms: i64,
    ) -> Result<Requested, JournalError> {
        self.journal
            .pairing_request(peer, stranger, &mut || (self.code)(), now_ms)
    }
}

impl std::fmt::Debug for Pairing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairing")
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

/// What a stranger is told.
pub fn pairing_reply(channel: &str, info: &ChannelInfo, sender: &str, code: &str) -> String {
    let label = if info.label.is_empty() {
        channel
    } else {
        &info.label
    };
    format!(
        "OpenClaw: access not configured.\n\nYour {label} user id: {sender}\n\nPairing code:\n```\n{code}\n```\n\n\
         Who runs this gateway lets you in with\n```\nopenclaw pairing approve {channel} {code}\n```"
    )
}

fn peer_of(request: &PairingRequest) -> Peer<'_> {
    Peer {
        channel: &request.channel,
        account: &request.account,
        sender: &request.sender,
    }
}

fn random_code() -> String {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    // 256 is a multiple of 32, so each letter is as likely as any other
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests;
