//! What plugins ask: judged by the operator's rules, and by a person where those say so.
use super::{
    Approvals, AskError, Ending, FileError, Judged, Outcome, Policy, Question, Surroundings, Terms,
    matching::lasting,
};
use crate::{
    agent::{Desk, deed::here},
    config::agent_id,
};
use openclaw_plugin_api::{
    ApprovalBasis, ApprovalDecision, ApprovalRequest, ApprovalVerdict, CommandSegment, Error, Result,
};
use std::{sync::Arc, time::Duration};

/// Longest command, bytes.
const MAX_COMMAND: usize = 64 << 10;
/// Longest id.
const MAX_ID: usize = 64;
/// Most programs of a command.
const MAX_SEGMENTS: usize = 256;
/// How much of a command a rule remembers, characters.
const MAX_NOTE: usize = 200;
/// How often it is noted that a rule was used, milliseconds.
const NOTE_EVERY: i64 = 60_000;

/// A question whose asker may go: then nobody need answer it any more.
struct Waiting {
    approvals: Arc<Approvals>,
    desk: Arc<Desk>,
    id: String,
    done: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (approvals, desk) = (self.approvals.clone(), self.desk.clone());
        let id = std::mem::take(&mut self.id);
        let outcome = Outcome {
            ending: Ending::Withdrawn,
            by: String::new(),
            at_ms: desk.clock.now_ms(),
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { approvals.end(&desk, &id, outcome).await });
        }
    }
}

impl Approvals {
    /// May this command run? At once where the operator's rules decide.
    pub async fn request(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        request: ApprovalRequest,
    ) -> Result<ApprovalDecision> {
        check(&request)?;
        let config = desk.config();
        let agents = config.agents();
        let agent = agents
            .get(&agent_id(&request.origin.agent_id))
            .unwrap_or_else(|| agents.default_agent());
        let store = self.store.clone();
        let rules = match aside(move || store.read()).await {
            Ok(snapshot) => snapshot.rules,
            // what can't be read allows nothing
            Err(error) => {
                return Ok(said(
                    ApprovalVerdict::Deny,
                    ApprovalBasis::Policy,
                    error.to_string(),
                ));
            }
        };
        let policy = Policy::of(&config, &rules, &agent.id, &request);
        let skills = match policy.skills {
            true => desk.skills.programs(&config, agent, &desk.paths).await,
            false => Vec::new(),
        };
        let around = Surroundings {
            skills: &skills,
            home: desk.paths.home.as_deref(),
        };
        match policy.judge(&request.segments, around) {
            Judged::Allowed { basis, used } => {
                if !used.is_empty() {
                    self.note_use(&agent.id, &request.command, used, desk.clock.now_ms())
                        .await;
                }
                Ok(said(
                    ApprovalVerdict::AllowOnce,
                    basis,
                    "the operator's settings allow it".into(),
                ))
            }
            Judged::Denied(why) => Ok(said(ApprovalVerdict::Deny, ApprovalBasis::Policy, why.into())),
            Judged::Ask { may_always } => {
                let unanswered = policy.allows_unanswered(&request.segments, around);
                let question = question(desk, &policy, &agent.id, request.clone(), may_always).await;
                self.ask_person(
                    desk,
                    question,
                    (request.timeout_ms, request.approval_id),
                    unanswered,
                )
                .await
            }
        }
    }

    async fn ask_person(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        question: Question,
        (timeout_ms, id): (u64, String),
        unanswered: Option<ApprovalBasis>,
    ) -> Result<ApprovalDecision> {
        let patience = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms).min(super::PATIENCE));
        let terms = Terms {
            patience,
            id: Some(id).filter(|id| !id.is_empty()),
            ..Terms::default()
        };
        let mut ticket = match self.ask(desk, question, terms).await {
            Ok(ticket) => ticket,
            Err(error @ (AskError::Full | AskError::Taken(_))) => {
                return Ok(said(
                    ApprovalVerdict::Unavailable,
                    ApprovalBasis::Policy,
                    error.to_string(),
                ));
            }
        };
        let id = ticket.record.id.clone();
        let mut waiting = Waiting {
            approvals: self.clone(),
            desk: desk.clone(),
            id: id.clone(),
            done: false,
        };
        let outcome = ticket.outcome().await;
        waiting.done = true;
        let (verdict, basis) = match (outcome.ending, unanswered) {
            (Ending::Expired | Ending::Unreachable, Some(basis)) => (ApprovalVerdict::AllowOnce, basis),
            (Ending::Answered(_), _) => (outcome.verdict(), ApprovalBasis::Person),
            _ => (outcome.verdict(), ApprovalBasis::Policy),
        };
        let reason = match (verdict.is_allowed(), basis) {
            (true, ApprovalBasis::Policy | ApprovalBasis::Rule) => {
                "nobody answered, and askFallback allows it".into()
            }
            _ => outcome.sentence(),
        };
        Ok(ApprovalDecision {
            verdict,
            basis,
            approval_id: id,
            resolved_by: outcome.by,
            reason,
        })
    }

    /// An answer for ever: the programs are on the list from now on.
    pub(super) async fn make_rules(&self, question: &Question) -> std::result::Result<(), FileError> {
        let Some(paths) = lasting(&question.segments) else {
            return Ok(());
        };
        let (store, agent) = (self.store.clone(), question.agent_id.clone());
        aside(move || {
            store.change(|now| {
                for path in &paths {
                    now.rules.allow(&agent, path)?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Notes what rules allowed. Best effort: the command does not wait for a busy file.
    async fn note_use(&self, agent: &str, command: &str, used: Vec<(String, String)>, now_ms: i64) {
        let (store, agent) = (self.store.clone(), agent.to_owned());
        let command: String = command.chars().take(MAX_NOTE).collect();
        let noted = aside(move || {
            let fresh = |at: Option<i64>| at.is_some_and(|at| now_ms - at < NOTE_EVERY);
            store.change(|now| {
                for (pattern, path) in &used {
                    let lists = [agent.as_str(), super::EVERY_AGENT];
                    let rule = lists.iter().find_map(|agent| {
                        let list = now.rules.agents.get(*agent)?;
                        let at = list.allowlist.iter().position(|rule| rule.pattern == *pattern)?;
                        Some(((*agent).to_owned(), at))
                    });
                    let rule =
                        rule.and_then(|(agent, at)| now.rules.agents.get_mut(&agent)?.allowlist.get_mut(at));
                    if let Some(rule) = rule.filter(|rule| !fresh(rule.last_used_at)) {
                        rule.last_used_at = Some(now_ms);
                        rule.last_used_command = Some(command.clone());
                        rule.last_resolved_path = Some(path.clone());
                    }
                }
                Ok(())
            })
        });
        if let Err(error) = noted.await {
            tracing::warn!(target: "openclaw::approvals", %error, "the use of a rule is not noted");
        }
    }
}

fn check(request: &ApprovalRequest) -> Result<()> {
    if request.kind != "exec" {
        return Err(Error::unsupported(format_args!(
            "approvals of kind \"{}\" are not known here; use exec",
            request.kind
        )));
    }
    if request.command.trim().is_empty() {
        return Err(Error::invalid("an approval needs the command that it is about"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if request.approval_id.len() > MAX_ID || !request.approval_id.chars().all(plain) {
        return Err(Error::invalid(format_args!(
            "the id of an approval has at most {MAX_ID} letters, digits, - and _"
        )));
    }
    if request.command.len() > MAX_COMMAND || request.segments.len() > MAX_SEGMENTS {
        return Err(Error::invalid(format_args!(
            "a command has at most {MAX_COMMAND} bytes and {MAX_SEGMENTS} programs"
        )));
    }
    Ok(())
}

async fn question(
    desk: &Desk,
    policy: &Policy,
    agent: &str,
    request: ApprovalRequest,
    may_always: bool,
) -> Question {
    let origin = request.origin;
    Question {
        command: request.command,
        segments: request.segments.into_iter().map(short).collect(),
        cwd: request.cwd,
        host: request.host,
        node_id: None,
        security: Some(policy.security),
        ask: Some(policy.ask),
        warning: request.reason,
        agent_id: agent.to_owned(),
        turn: here(desk, &origin).await,
        sender_id: origin.sender_id,
        run_id: desk
            .live
            .active(Some(&origin.session_key))
            .into_iter()
            .find(|run| run.began_ms().is_some())
            .map(|run| run.id.clone())
            .unwrap_or_default(),
        session_key: origin.session_key,
        call_id: origin.call_id,
        may_always,
    }
}

/// Only what rules need: arguments are in the command, and may be long.
fn short(segment: CommandSegment) -> CommandSegment {
    CommandSegment {
        argv: segment.argv.into_iter().take(1).collect(),
        ..segment
    }
}

fn said(verdict: ApprovalVerdict, basis: ApprovalBasis, reason: String) -> ApprovalDecision {
    ApprovalDecision {
        verdict,
        basis,
        reason,
        ..ApprovalDecision::default()
    }
}

/// The disk is slow.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, FileError> + Send + 'static,
) -> std::result::Result<T, FileError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
}
