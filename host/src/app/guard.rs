//! What a start learns from the ends before it: a plugin whose code ended the process is named and, if it did so again,
//! set aside; a gateway that crashes again and again starts without plugins, so that it can be asked why.
//!
//! Ends from outside count for nothing, whatever the gateway was doing.
use crate::{
    journal::{Journal, JournalError},
    plugins::{
        blame::{self, End},
        ladder::Reason,
        plugin::Spec,
    },
};
use std::path::Path;

/// Ends of the process by one plugin that set it aside, and how long each counts, milliseconds.
const MAX_OF_PLUGIN: (usize, i64) = (2, 600_000);
/// Ends of the process by a fault of any code, after which the next start goes without plugins.
const MAX_OF_ALL: (usize, i64) = (5, 60_000);
/// Whose values these are in the journal; no plugin's id has a colon.
const SPACE: &str = "host:guard";
/// The ends that count.
const ENDS: &str = "ends";

/// Keeps out what ended the processes before this one, and has its own end noted.
pub(super) fn begin(
    journal: &Journal,
    state: &Path,
    specs: &mut [Spec],
    now: i64,
) -> Result<(), JournalError> {
    let ends = ends(journal, blame::last(state), now)?;
    if let Err(error) = blame::watch(state) {
        tracing::warn!(target: "openclaw::plugins", %error, "should a plugin end this process, the next start will not know which");
    }
    let safe = is_loop(&ends, now);
    if safe {
        tracing::error!(
            target: "openclaw::gateway",
            "the gateway crashed {} times within a minute: no plugin is loaded now. Look at the log, switch off what it was \
             (`openclaw plugins disable <id>`), or load one by one (`openclaw plugins reload <id>`)",
            MAX_OF_ALL.0
        );
    }
    for spec in specs.iter_mut().filter(|spec| spec.reason.is_on()) {
        let id = &spec.manifest.id;
        let times = ends.iter().filter(|end| end.plugin == *id).count();
        if times >= MAX_OF_PLUGIN.0 {
            tracing::error!(
                target: "openclaw::plugins", plugin = id,
                "set aside: it ended the gateway {times} times within ten minutes. Load it with `openclaw plugins reload {id}`, \
                 or keep it apart with \"isolation\": \"process\" in plugins.entries.{id}"
            );
            spec.reason = Reason::Crashed { times };
        } else if safe {
            spec.reason = Reason::SafeMode;
        }
    }
    Ok(())
}

/// The ends that count, with the last one.
fn ends(journal: &Journal, last: Option<End>, now: i64) -> Result<Vec<End>, JournalError> {
    let kept = journal.get(SPACE, ENDS, now)?;
    let kept = kept.and_then(|value| serde_json::from_slice(&value).ok());
    let mut ends: Vec<End> = kept.unwrap_or_default();
    ends.retain(|end| is_recent(end, MAX_OF_PLUGIN.1, now));
    if let Some(end) = last.filter(|end| is_recent(end, MAX_OF_PLUGIN.1, now)) {
        match end.plugin.as_str() {
            "" => tracing::error!(target: "openclaw::gateway", "the last process crashed"),
            plugin => {
                tracing::error!(target: "openclaw::plugins", plugin, "the last process was ended by code of this plugin");
            }
        }
        ends.push(end);
        let value = serde_json::to_vec(&ends).unwrap_or_default();
        journal.put(SPACE, ENDS, &value, Some(MAX_OF_PLUGIN.1), now)?;
    }
    Ok(ends)
}

fn is_loop(ends: &[End], now: i64) -> bool {
    let lately = ends.iter().filter(|end| is_recent(end, MAX_OF_ALL.1, now));
    lately.count() >= MAX_OF_ALL.0
}

/// What lies in the future is of a clock that was set back.
fn is_recent(end: &End, window: i64, now: i64) -> bool {
    (0..window).contains(&now.saturating_sub(end.at_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        (folder, journal)
    }

    fn end(plugin: &str, at_ms: i64) -> Option<End> {
        Some(End {
            plugin: plugin.into(),
            at_ms,
        })
    }

    #[test]
    fn ends_by_a_plugin_count_for_ten_minutes() {
        let (_folder, journal) = journal();
        let count = |last: Option<End>, now| {
            let all = ends(&journal, last, now).expect("read");
            all.iter().filter(|end| end.plugin == "a").count()
        };
        assert_eq!(count(end("a", 1_000), 1_000), 1);
        assert_eq!(count(None, 2_000), 1, "a good end takes nothing back");
        assert_eq!(count(end("b", 3_000), 3_000), 1);
        assert_eq!(count(end("a", 600_000), 600_000), 2);
        assert_eq!(count(None, 601_000), 1);
        assert_eq!(count(end("a", 1_000), 700_000), 1, "it was long ago");
        assert_eq!(count(None, 500), 0, "of a clock that was set back");
    }

    #[test]
    fn five_crashes_in_a_minute_are_a_loop_whoever_it_was() {
        let (_folder, journal) = journal();
        for (n, plugin) in ["", "a", "", "b"].into_iter().enumerate() {
            let now = 1_000 * i64::try_from(n).expect("small");
            let ends = ends(&journal, end(plugin, now), now).expect("read");
            assert!(!is_loop(&ends, now));
        }
        let ends = ends(&journal, end("", 5_000), 5_000).expect("read");
        assert!(is_loop(&ends, 5_000));
        assert!(!is_loop(&ends, 60_500), "the first is forgotten");
    }
}
