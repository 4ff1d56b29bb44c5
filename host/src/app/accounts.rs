//! How the accounts of channels are doing, as far as this process knows: what their plugins say, and when somebody was
//! last heard. Not kept over a restart.
//!
//! Bounded: a plugin that makes up accounts is not followed beyond [`MAX_ACCOUNTS`].
use openclaw_plugin_api::{ChannelState, ChannelStatus};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Accounts that are known at once.
const MAX_ACCOUNTS: usize = 1_000;
/// The account of whoever names none.
const DEFAULT_ACCOUNT: &str = "default";

/// All accounts of all channels.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<BTreeMap<(String, String), AccountView>>);

/// One account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountView {
    /// What its plugin said last.
    pub status: ChannelStatus,
    /// When it said so, milliseconds since 1970; 0 if it never did.
    pub told_ms: i64,
    /// When something last came in, milliseconds since 1970; 0 if nothing did.
    pub heard_ms: i64,
}

// === impl Accounts ===

impl Accounts {
    /// A plugin says how an account is doing. Is that something new?
    pub fn told(&self, channel: &str, status: ChannelStatus, now_ms: i64) -> bool {
        let account = status.account_id.clone();
        let mut new = true;
        self.change(channel, &account, |view| {
            new = view.told_ms == 0
                || (view.status.state, &view.status.problem) != (status.state, &status.problem);
            view.status = status;
            view.told_ms = now_ms;
        });
        new
    }

    /// Something came in.
    pub fn heard(&self, channel: &str, account: &str, now_ms: i64) {
        self.change(channel, account, |view| view.heard_ms = now_ms);
    }

    /// What is known of an account.
    pub fn of(&self, channel: &str, account: &str) -> AccountView {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&key(channel, account)).cloned().unwrap_or_default()
    }

    fn change(&self, channel: &str, account: &str, change: impl FnOnce(&mut AccountView)) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(channel, account);
        if accounts.len() < MAX_ACCOUNTS || accounts.contains_key(&key) {
            change(accounts.entry(key).or_default());
        }
    }
}

// === impl AccountView ===

impl AccountView {
    /// Messages flow.
    pub fn is_up(&self) -> bool {
        matches!(
            self.status.state,
            ChannelState::Connected | ChannelState::Degraded
        )
    }
}

fn key(channel: &str, account: &str) -> (String, String) {
    let account = if account.is_empty() {
        DEFAULT_ACCOUNT
    } else {
        account
    };
    (channel.to_owned(), account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_and_what_is_heard_stand_side_by_side() {
        let accounts = Accounts::default();
        accounts.heard("chat", "", 5);
        let status = ChannelStatus {
            account_id: "default".into(),
            state: ChannelState::Connected,
            ..ChannelStatus::default()
        };
        assert!(accounts.told("chat", status.clone(), 6), "the first word is news");
        assert!(!accounts.told("chat", status, 7), "the same again is none");
        let view = accounts.of("chat", "default");
        assert_eq!((view.heard_ms, view.told_ms, view.is_up()), (5, 7, true));
        assert!(!accounts.of("chat", "other").is_up());
    }

    #[test]
    fn there_is_an_end_to_accounts() {
        let accounts = Accounts::default();
        for number in 0..=MAX_ACCOUNTS {
            accounts.heard("chat", &number.to_string(), 1);
        }
        assert_eq!(accounts.of("chat", &MAX_ACCOUNTS.to_string()).heard_ms, 0);
        accounts.heard("chat", "0", 2);
        assert_eq!(accounts.of("chat", "0").heard_ms, 2);
    }
}
