//! The pairing files of the older gateway: `<state>/credentials/<channel>-pairing.json` and
//! `<channel>[-<account>]-allowFrom.json`. Read, never written; a file that can't be read says nothing.
use crate::{
    config::IdList,
    journal::{LIFETIME_MS, PairingRequest},
};
use serde::Deserialize;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// Largest file that is read.
const MAX_FILE: u64 = 1 << 20;
/// Files that one look at the folder goes through at most.
const MAX_FILES: usize = 200;
/// How files of requests end.
const REQUESTS: &str = "-pairing.json";
/// How files of people end.
const ALLOWED: &str = "allowFrom.json";
/// The account that the oldest files mean, for they name none.
const DEFAULT: &str = "default";

/// The folder with the files.
#[derive(Debug, Clone)]
pub struct OlderFiles(PathBuf);

/// `<channel>-pairing.json`
#[derive(Default, Deserialize)]
#[serde(default)]
struct Requests {
    requests: Vec<Request>,
}

/// A request that waits.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    id: String,
    code: String,
    created_at: String,
    last_seen_at: String,
    meta: Meta,
}

/// What is known besides.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    account_id: Option<String>,
    name: Option<String>,
}

/// `<channel>-allowFrom.json`
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Allowed {
    allow_from: IdList,
}

impl OlderFiles {
    /// The files below the state directory.
    pub fn of_state(state_dir: &Path) -> Self {
        Self(state_dir.join("credentials"))
    }

    /// Who was let in. `*` is nobody.
    pub(super) fn allowed(&self, channel: &str, account: &str) -> Vec<String> {
        let scoped = format!("{channel}-{account}-{ALLOWED}");
        let unscoped = (account == DEFAULT).then(|| format!("{channel}-{ALLOWED}"));
        let lists = unscoped
            .into_iter()
            .chain([scoped])
            .filter_map(|name| self.read::<Allowed>(&name));
        lists
            .flat_map(|file| file.allow_from.iter().map(str::to_owned).collect::<Vec<_>>())
            .filter(|id| id != "*")
            .collect()
    }

    /// Whether anybody was let in on any channel.
    pub(super) fn has_allowed(&self) -> bool {
        self.names()
            .filter(|name| name.ends_with(ALLOWED))
            .filter_map(|name| self.read::<Allowed>(&name))
            .any(|file| !file.allow_from.is_empty())
    }

    /// Requests that wait, of all channels.
    pub(super) fn requests(&self, now_ms: i64) -> Vec<PairingRequest> {
        let mut found = Vec::new();
        for name in self.names() {
            let Some(channel) = name.strip_suffix(REQUESTS) else {
                continue;
            };
            let file: Requests = self.read(&name).unwrap_or_default();
            let requests = file
                .requests
                .into_iter()
                .filter_map(|request| request.read(channel));
            found
                .extend(requests.filter(|request| (0..LIFETIME_MS).contains(&(now_ms - request.created_ms))));
        }
        found
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .take(MAX_FILES);
        entries.filter_map(|entry| entry.file_name().into_string().ok())
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        if name.contains(['/', '\\', '\0']) || name.contains("..") {
            return None;
        }
        let mut text = Vec::new();
        let file = File::open(self.0.join(name)).ok()?;
        file.take(MAX_FILE).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Request {
    fn read(self, channel: &str) -> Option<PairingRequest> {
        let created_ms = millis(&self.created_at)?;
        let complete = !self.id.is_empty() && !self.code.is_empty();
        complete.then(|| PairingRequest {
            channel: channel.to_owned(),
            account: self.meta.account_id.unwrap_or_else(|| DEFAULT.to_owned()),
            sender: self.id,
            code: self.code,
            name: self.meta.name.unwrap_or_default(),
            created_ms,
            last_seen_ms: millis(&self.last_seen_at).unwrap_or(created_ms),
        })
    }
}

/// `2026-02-01T10:20:30.456Z` as milliseconds since 1970; no other form was ever written.
fn millis(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    if !in_range || !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    // days of the civil calendar, with years that begin in March so that leap days come last
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn times_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600_000)),
            ("2026-02-01T10:20:30.456Z", Some(1_769_941_230_456)),
            ("2026-02-01", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-02-01T10:20:30+01:00", None),
            ("", None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }
}
