//! Tools that plugins call, for themselves or for somebody at their own doors.
use super::Office;
use crate::agent::{Standing, policy::Trust, rules_of, tools::Rights};
use openclaw_plugin_api::{Error, ErrorKind, Result, ToolCall, ToolOutput};

impl Office {
    /// A tool that a plugin calls for somebody whom it names: what the policy says of him holds.
    pub(super) async fn use_tool(&self, name: &str, call: ToolCall) -> Result<ToolOutput> {
        let (origin, key) = (&call.origin, call.origin.session_key.to_lowercase());
        let trust = match (origin.sender_is_owner, origin.sender_id.is_empty()) {
            (true, _) => Trust::Owner,
            (false, true) => Trust::Known,
            (false, false) => Trust::Stranger,
        };
        let found = self.desk.journal.run(move |j| j.find_session(&key)).await;
        let found = found.map_err(|error| Error::new(ErrorKind::Overloaded, error))?;
        let settings = found.map(|session| session.settings).unwrap_or_default();
        let permits = rules_of(
            &self.desk,
            &Standing {
                agent: &origin.agent_id,
                session_key: &origin.session_key,
                settings: &settings,
                trust,
            },
        );
        let rights = Rights {
            permits: &permits,
            model: "",
        };
        self.desk.tools.invoke(name, call, rights).await
    }
}
