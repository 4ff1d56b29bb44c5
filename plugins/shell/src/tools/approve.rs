//! What the operator says: by rule, by settings, or in person. It is the host that knows.
use super::plan::{How, Job};
use openclaw_plugin_api::{
    ApprovalBasis, ApprovalRequest, ApprovalVerdict, ExecAsk, ExecSecurity, ToolOrigin, host_ids, prelude::*,
};

/// May it run?
pub enum Answer {
    /// Yes, in this way.
    Run(How),
    /// No, and why.
    No(String),
}

/// Asks where it has to be asked. `id`: the question's, if it is to have a certain one.
pub async fn approve(host: &Host, job: &Job, origin: &ToolOrigin, id: &str) -> Result<Answer> {
    if !job.needs_approval() {
        return Ok(Answer::Run(How::Shell));
    }
    if !host.serves(host_ids::APPROVAL_REQUEST) {
        return Ok(alone(job));
    }
    let request = ApprovalRequest {
        command: job.text.clone(),
        segments: job.segments(),
        cwd: job.folder.display().to_string(),
        host: job.ruling.place.word().into(),
        security: Some(job.ruling.security),
        ask: Some(job.ruling.ask),
        reason: job.notes.join("; "),
        origin: origin.clone(),
        approval_id: id.to_owned(),
        ..ApprovalRequest::default()
    };
    let decision = host.approvals().request(&request).await?;
    let because = |why: &str| match decision.reason.as_str() {
        "" => why.to_owned(),
        reason => format!("{why}: {reason}"),
    };
    Ok(match decision.verdict {
        ApprovalVerdict::AllowOnce | ApprovalVerdict::AllowAlways => match decision.basis {
            // no more than what the rules were asked about
            ApprovalBasis::Rule => match job.parts {
                Some(_) => Answer::Run(How::Parts),
                None => Answer::No("a rule can't allow a command whose programs are not known".to_owned()),
            },
            ApprovalBasis::Person | ApprovalBasis::Policy => Answer::Run(How::Shell),
        },
        ApprovalVerdict::Deny => Answer::No(because("the operator does not allow it")),
        ApprovalVerdict::TimedOut => Answer::No(because("the operator did not answer in time")),
        ApprovalVerdict::Unavailable => Answer::No(because("there is nobody who could allow it")),
    })
}

/// What a host without approvals leaves: the settings, and programs that need no rule.
fn alone(job: &Job) -> Answer {
    let free = job.ruling.security == ExecSecurity::Full && job.ruling.ask != ExecAsk::Always;
    let safe = job
        .parts
        .as_ref()
        .is_some_and(|parts| parts.safe.iter().all(|safe| *safe));
    match (free, safe && job.ruling.ask != ExecAsk::Always) {
        (true, _) => Answer::Run(How::Shell),
        (false, true) => Answer::Run(How::Parts),
        (false, false) => Answer::No("this gateway can't ask for approval".to_owned()),
    }
}
