//! Questions to the operator before something is done that can't be taken back.
use super::host_ids;
use crate::{Host, Result, ToolOrigin};
use serde::{Deserialize, Serialize};

/// Questions to the operator; see [`Host::approvals`].
#[derive(Debug, Clone)]
pub struct Approvals {
    host: Host,
}

/// May this command be run?
///
/// A plugin asks before every command, not only before those that it finds dangerous: it is the host that knows the
/// operator's rules and answers at once where one of them decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApprovalRequest {
    /// What sort of thing: `exec`.
    pub kind: String,
    /// The command as it was asked for; what a person reads.
    pub command: String,
    /// The programs that it runs, each of a chain or of a pipe. Empty if that can't be told for certain (redirections,
    /// substitutions): then no rule allows it.
    pub segments: Vec<CommandSegment>,
    /// Where it would run; an absolute path.
    pub cwd: String,
    /// What it would run on: `sandbox`, `gateway` or `node`.
    pub host: String,
    /// What may be run at all. The host takes the strictest of this, its configuration and the operator's file. None:
    /// what those say.
    pub security: Option<ExecSecurity>,
    /// When a person is asked. As with `security`, the strictest wins.
    pub ask: Option<ExecAsk>,
    /// Why it is wanted, or what is special about it; empty if there is nothing to say. Shown to the person, and marked as
    /// the agent's own words.
    pub reason: String,
    /// On whose behalf: the origin of the tool's call, as it came from the host.
    pub origin: ToolOrigin,
    /// How long a person has to answer, milliseconds; 0 for the host's own limit, which is also the longest.
    pub timeout_ms: u64,
    /// Id that the question gets, if a person is asked: letters, digits, `-` and `_`, not used before and not to be
    /// guessed. Empty: one of the host's.
    pub approval_id: String,
}

/// One program of a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CommandSegment {
    /// Its name and arguments, after the shell's own rules of quoting.
    pub argv: Vec<String>,
    /// The file that would be run: absolute, links followed. Empty if there is none; then no rule allows it.
    pub resolved_path: String,
    /// One of the operator's `safeBins` that reads nothing but its input here. No rule has to name it.
    pub safe: bool,
}

/// What may be run at all, from strict to lax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecSecurity {
    /// Nothing.
    Deny,
    /// What a rule allows.
    Allowlist,
    /// Anything.
    Full,
}

/// When a person is asked, from strict to lax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    /// Every time.
    Always,
    /// Where no rule allows it.
    OnMiss,
    /// Never.
    Off,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApprovalDecision {
    /// The answer.
    pub verdict: ApprovalVerdict,
    /// What it rests on.
    pub basis: ApprovalBasis,
    /// Id of the question; empty if nobody was asked.
    pub approval_id: String,
    /// Who answered, `<channel>:<sender id>` or the name of a client; empty if nobody did.
    pub resolved_by: String,
    /// In a few words, for the model.
    pub reason: String,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalVerdict {
    /// Run it now.
    AllowOnce,
    /// Run it now; a rule for its programs was added, so that they are not asked about again.
    AllowAlways,
    /// Don't.
    Deny,
    /// Nobody answered in time. Don't.
    TimedOut,
    /// There is nobody who could be asked. Don't.
    #[default]
    #[serde(other)]
    Unavailable,
}

/// What a decision rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalBasis {
    /// Rules of the operator for each of the command's programs.
    Rule,
    /// A person's answer to this very request.
    Person,
    /// The operator's settings for all commands.
    #[default]
    #[serde(other)]
    Policy,
}

// === impl ApprovalRequest ===

impl Default for ApprovalRequest {
    fn default() -> Self {
        Self {
            kind: "exec".into(),
            command: String::new(),
            segments: Vec::new(),
            cwd: String::new(),
            host: String::new(),
            security: None,
            ask: None,
            reason: String::new(),
            origin: ToolOrigin::default(),
            timeout_ms: 0,
            approval_id: String::new(),
        }
    }
}

// === impl ApprovalDecision ===

impl ApprovalDecision {
    /// An answer of a person who is not named.
    pub fn new(verdict: ApprovalVerdict) -> Self {
        Self {
            verdict,
            basis: ApprovalBasis::Person,
            ..Self::default()
        }
    }

    /// May it be done?
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_allowed()
    }
}

impl ApprovalVerdict {
    /// May it be done?
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowAlways)
    }
}

// === impl Approvals ===

impl Approvals {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Asks, and waits for the answer: at once where a rule decides, else until a person has answered or the time is up.
    /// Dropping the future withdraws the question.
    pub async fn request(&self, request: &ApprovalRequest) -> Result<ApprovalDecision> {
        self.host.call(host_ids::APPROVAL_REQUEST, "", request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_later_version_says_allows_nothing() {
        let decision: ApprovalDecision =
            serde_json::from_value(json!({"verdict": "allow-for-an-hour", "basis": "oracle"}))
                .expect("a record");
        assert_eq!(decision.verdict, ApprovalVerdict::Unavailable);
        assert!(!decision.is_allowed());
        assert!(!ApprovalDecision::default().is_allowed());
    }

    #[test]
    fn the_strictest_is_the_least() {
        assert_eq!(ExecSecurity::Full.min(ExecSecurity::Deny), ExecSecurity::Deny);
        assert_eq!(ExecAsk::Off.min(ExecAsk::OnMiss), ExecAsk::OnMiss);
        assert_eq!(
            serde_json::to_value(ExecAsk::OnMiss).expect("JSON"),
            json!("on-miss")
        );
    }
}
