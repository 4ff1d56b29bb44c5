//! What is asked, and what became of it: as it is kept, and as clients of the gateway see it.
use crate::route::Delivery;
use openclaw_plugin_api::{ApprovalVerdict, CommandSegment, ExecAsk, ExecSecurity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What somebody is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Question {
    /// The command, as a person reads it.
    pub command: String,
    /// Its programs; empty if they are not known.
    pub segments: Vec<CommandSegment>,
    /// Where it would run.
    pub cwd: String,
    /// What it would run on.
    pub host: String,
    /// The node, if it is one.
    pub node_id: Option<String>,
    /// What may be run at all.
    pub security: Option<ExecSecurity>,
    /// When a person is asked.
    pub ask: Option<ExecAsk>,
    /// What is special about it.
    pub warning: String,
    /// Whose agent.
    pub agent_id: String,
    /// The conversation.
    pub session_key: String,
    /// The run, if it is known.
    pub run_id: String,
    /// The call of the tool.
    pub call_id: String,
    /// The chat that the agent was asked in.
    pub turn: Option<Delivery>,
    /// Who asked the agent there.
    pub sender_id: String,
    /// An answer may become a rule.
    pub may_always: bool,
}

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// This time.
    AllowOnce,
    /// This time, and from now on without asking.
    AllowAlways,
    /// No.
    Deny,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Somebody answered.
    Answered(Decision),
    /// Nobody answered in time.
    Expired,
    /// Whoever asked does not wait any more.
    Withdrawn,
    /// The gateway ended before somebody answered.
    Restarted,
    /// There was nobody who could have been asked.
    Unreachable,
}

/// The end of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// Who answered, `<channel>:<id>` or the name of a client; empty if nobody did.
    pub by: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

/// A message that shows a question in a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    /// Where.
    pub to: Delivery,
    /// Its row in the outbox.
    pub row: i64,
}

/// A question and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub question: Question,
    /// Since when.
    pub created_ms: i64,
    /// Until when somebody may answer.
    pub expires_ms: i64,
    /// How it ended. None: it is open.
    pub outcome: Option<Outcome>,
    /// Where it is shown.
    #[serde(default)]
    pub posts: Vec<Posted>,
}

// === impl Question ===

impl Question {
    /// The answers that may be given.
    pub fn allowed(&self) -> Vec<Decision> {
        let mut allowed = vec![Decision::AllowOnce];
        allowed.extend(self.may_always.then_some(Decision::AllowAlways));
        allowed.push(Decision::Deny);
        allowed
    }

    /// As clients see it.
    pub fn view(&self) -> Value {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let turn = self.turn.as_ref();
        let path = self
            .segments
            .first()
            .map(|segment| segment.resolved_path.as_str());
        let unavailable = (!self.may_always).then_some(Decision::AllowAlways);
        json!({
            "command": self.command, "systemRunBinding": null, "systemRunPlan": null, "cwd": text(&self.cwd),
            "nodeId": self.node_id, "host": text(&self.host), "security": self.security, "ask": self.ask,
            "warningText": text(&self.warning), "scope": null,
            "commandAnalysis": {
                "commandCount": self.segments.len(), "nestedCommandCount": 0, "riskKinds": [], "warningLines": [],
            },
            "unavailableDecisions": Vec::from_iter(unavailable), "allowedDecisions": self.allowed(),
            "agentId": text(&self.agent_id), "resolvedPath": path.and_then(text),
            "sessionKey": text(&self.session_key), "sessionId": null, "runId": text(&self.run_id),
            "toolCallId": text(&self.call_id), "turnSourceChannel": turn.map(|to| &to.channel),
            "turnSourceTo": turn.map(|to| &to.chat_id),
            "turnSourceAccountId": turn.and_then(|to| text(&to.account_id)),
            "turnSourceThreadId": turn.and_then(|to| text(&to.thread_id)),
            "cronExecutionSource": null, "cronOperationBinding": null,
        })
    }
}

// === impl Decision ===

impl Decision {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow-once",
            Self::AllowAlways => "allow-always",
            Self::Deny => "deny",
        }
    }

    /// From the word of a person, in each of its forms.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "allow-once" | "allow" | "once" | "yes" | "approve" => Self::AllowOnce,
            "allow-always" | "always" => Self::AllowAlways,
            "deny" | "no" | "reject" | "block" => Self::Deny,
            _ => return None,
        })
    }
}

// === impl Outcome ===

impl Outcome {
    /// What it means for whoever asked.
    pub fn verdict(&self) -> ApprovalVerdict {
        match self.ending {
            Ending::Answered(Decision::AllowOnce) => ApprovalVerdict::AllowOnce,
            Ending::Answered(Decision::AllowAlways) => ApprovalVerdict::AllowAlways,
            Ending::Answered(Decision::Deny) | Ending::Restarted | Ending::Withdrawn => ApprovalVerdict::Deny,
            Ending::Expired => ApprovalVerdict::TimedOut,
            Ending::Unreachable => ApprovalVerdict::Unavailable,
        }
    }

    /// The answer in a client's frame: nothing if nobody answered.
    pub fn decision(&self) -> Option<Decision> {
        match self.ending {
            Ending::Answered(decision) => Some(decision),
            Ending::Restarted | Ending::Withdrawn => Some(Decision::Deny),
            Ending::Expired | Ending::Unreachable => None,
        }
    }

    /// In a sentence, for people and models.
    pub fn sentence(&self) -> String {
        match self.ending {
            Ending::Answered(Decision::AllowOnce) => format!("allowed once by {}", self.by),
            Ending::Answered(Decision::AllowAlways) => format!("allowed from now on by {}", self.by),
            Ending::Answered(Decision::Deny) => format!("denied by {}", self.by),
            Ending::Expired => "denied: nobody answered in time".to_owned(),
            Ending::Withdrawn => "denied: whoever asked did not wait any longer".to_owned(),
            Ending::Restarted => "denied: the gateway was restarted before anybody answered".to_owned(),
            Ending::Unreachable => {
                "denied: nobody could be asked; connect a client or set approvals.exec".to_owned()
            }
        }
    }
}

// === impl Record ===

impl Record {
    /// As `exec.approval.requested` tells it and `exec.approval.list` lists it.
    pub fn view(&self) -> Value {
        json!({
            "approvalKind": "exec", "id": self.id, "request": self.question.view(),
            "createdAtMs": self.created_ms, "expiresAtMs": self.expires_ms,
        })
    }

    /// As `exec.approval.resolved` tells it.
    pub fn resolved_view(&self) -> Value {
        let outcome = self.outcome.as_ref();
        let by = outcome
            .map(|outcome| outcome.by.as_str())
            .filter(|by| !by.is_empty());
        json!({
            "id": self.id, "decision": outcome.and_then(Outcome::decision), "resolvedBy": by,
            "ts": outcome.map(|outcome| outcome.at_ms), "request": self.question.view(),
        })
    }

    /// Whom a decision is told to: what was decided, if anything was.
    pub fn answer_view(&self) -> Value {
        json!({
            "id": self.id, "decision": self.outcome.as_ref().and_then(Outcome::decision),
            "createdAtMs": self.created_ms, "expiresAtMs": self.expires_ms,
        })
    }
}
