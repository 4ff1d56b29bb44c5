//! Calls of plugins' tools that are under way, and what each was allowed to do. It ends with the call.
use crate::agent::policy::Policy;
use openclaw_plugin_api::ToolOrigin;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The calls.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Vec<Call>>);

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Call {
    plugin: String,
    /// On whose behalf, as the host told the plugin.
    pub(super) origin: ToolOrigin,
    /// What it may do at most.
    pub(super) policy: Policy,
    number: u64,
}

/// Takes a call off the list when it is dropped.
pub(super) struct UnderWay<'a> {
    running: &'a Running,
    number: u64,
}

impl Running {
    /// From now on, until what this gives is dropped.
    pub(super) fn begin(&self, plugin: &str, origin: &ToolOrigin, policy: &Policy) -> UnderWay<'_> {
        let mut calls = self.calls();
        let number = calls.last().map_or(0, |last| last.number + 1);
        calls.push(Call {
            plugin: plugin.to_owned(),
            origin: origin.clone(),
            policy: policy.clone(),
            number,
        });
        UnderWay {
            running: self,
            number,
        }
    }

    /// The call of this plugin with this origin, if it is under way.
    pub(super) fn find(&self, plugin: &str, origin: &ToolOrigin) -> Option<Call> {
        let same = |call: &&Call| {
            call.plugin == plugin
                && call.origin.call_id == origin.call_id
                && call.origin.session_key == origin.session_key
                && call.origin.agent_id == origin.agent_id
        };
        self.calls().iter().rev().find(same).cloned()
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.running.calls().retain(|call| call.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(call: &str) -> ToolOrigin {
        ToolOrigin {
            call_id: call.into(),
            session_key: "agent:main:main".into(),
            agent_id: "main".into(),
            ..ToolOrigin::default()
        }
    }

    #[test]
    fn a_call_is_its_plugins_own_and_ends() {
        let running = Running::default();
        let first = running.begin("one", &origin("1"), &Policy::default());
        let second = running.begin("one", &origin("2"), &Policy::default());
        assert!(running.find("one", &origin("1")).is_some());
        assert!(running.find("other", &origin("1")).is_none());
        drop(first);
        assert!(running.find("one", &origin("1")).is_none());
        let third = running.begin("one", &origin("3"), &Policy::default());
        drop(second);
        assert!(running.find("one", &origin("3")).is_some());
        drop(third);
        assert!(running.calls().is_empty());
    }
}
