//! Tools: run for a model, once. Whatever goes wrong is an answer for the model, not the end of the turn.
use super::{TurnEvents, guard::Guard, outputs::Outputs, tell};
use crate::agent::{
    collect::Wish,
    policy::Permits,
    tools::{Rights, Toolbox},
};
use futures_util::{StreamExt, stream};
use openclaw_plugin_api::{
    AgentEvent, Content, Error, ErrorKind, Message, Result, Role, ToolCall, ToolOrigin, ToolOutput, ToolSpec,
};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Calls that run at once. Only tools that change nothing do.
const MAX_AT_ONCE: usize = 4;
/// How long a tool may take; those of plugins have a deadline of their own before it.
const LIMIT: Duration = Duration::from_secs(900);

/// A call that a killed process had begun.
pub(super) struct Interrupted {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// What a turn runs tools with.
pub(super) struct Hands<'a> {
    pub(super) toolbox: &'a Toolbox,
    pub(super) origin: &'a ToolOrigin,
    pub(super) events: &'a TurnEvents,
    pub(super) terms: &'a Terms,
}

/// On which terms a turn runs tools.
#[derive(Debug)]
pub(super) struct Terms {
    /// What may be used.
    pub(super) permits: Permits,
    /// The model that answered last, or is asked first.
    pub(super) model: String,
}

/// What a turn remembers of its calls.
#[derive(Debug)]
pub(super) struct Record {
    guard: Guard,
    outputs: Outputs,
}

/// Calls in the order in which they run: those that change nothing beside each other, every other one alone.
pub(super) fn batches(calls: Vec<Wish>, tools: &[Arc<ToolSpec>]) -> Vec<Vec<Wish>> {
    let mut batches: Vec<Vec<Wish>> = Vec::new();
    let harmless = |call: &Wish| {
        tools
            .iter()
            .any(|tool| tool.name == call.name && !tool.side_effects)
    };
    let mut open = false;
    for call in calls {
        let joins = harmless(&call);
        match batches
            .last_mut()
            .filter(|batch| open && joins && batch.len() < MAX_AT_ONCE)
        {
            Some(batch) => batch.push(call),
            None => batches.push(vec![call]),
        }
        open = joins;
    }
    batches
}

// === impl Record ===

impl Record {
    /// Nothing was called yet. `watches`: the same call again and again ends the turn.
    pub(super) fn new(watches: bool, workspace: PathBuf) -> Self {
        Self {
            guard: Guard::new(watches),
            outputs: Outputs::new(workspace),
        }
    }

    /// Takes over what the turn did in an earlier process.
    pub(super) fn recall(&mut self, messages: &[Message]) {
        self.guard.recall(messages);
    }

    /// Why the turn has to end.
    pub(super) fn over(&self) -> Option<&str> {
        self.guard.over()
    }
}

// === impl Hands ===

impl Hands<'_> {
    /// Runs calls beside each other. Their answers are in the order of the calls.
    pub(super) async fn run(&self, batch: Vec<Wish>, record: &mut Record) -> Vec<Message> {
        let mut work = Vec::new();
        for wish in batch {
            let refused = record
                .guard
                .before(&wish.name, wish.arguments.as_ref().unwrap_or(&Value::Null));
            work.push(async move {
                let (id, name) = (wish.id.clone(), wish.name.clone());
                let arguments = wish.arguments.clone().unwrap_or_default();
                let output = match &refused {
                    Some(why) => failed(why.clone()),
                    None => self.one(wish).await,
                };
                (id, name, arguments, refused.is_some(), output)
            });
        }
        let done: Vec<_> = stream::iter(work).buffered(MAX_AT_ONCE).collect().await;
        let mut answers = Vec::new();
        for (id, name, arguments, refused, mut output) in done {
            let warning = (!refused)
                .then(|| record.guard.after(&name, &arguments, &output.content))
                .flatten();
            record.outputs.fit(&id, &mut output.content).await;
            output.content.extend(warning.map(Content::text));
            answers.push(result(id, name, output));
        }
        answers
    }

    /// Goes on with a call whose end nobody saw: one that may run twice does, of any other the model is told.
    pub(super) async fn resume(
        &self,
        call: Interrupted,
        tools: &[Arc<ToolSpec>],
        record: &mut Record,
    ) -> Message {
        let spec = tools.iter().find(|tool| tool.name == call.name);
        if spec.is_some_and(|tool| tool.idempotent) {
            let wish = Wish {
                id: call.id,
                name: call.name,
                arguments: Ok(call.arguments),
            };
            let mut answers = self.run(vec![wish], record).await;
            return answers.pop().expect("one call has one answer");
        }
        let text = "the gateway was restarted while this ran: it may or may not have taken effect; find out before you \
                    try it again";
        result(call.id, call.name, failed(text.to_owned()))
    }

    async fn one(&self, wish: Wish) -> ToolOutput {
        let arguments = wish.arguments.clone().unwrap_or_default();
        let (id, name) = (wish.id.clone(), wish.name.clone());
        let started = AgentEvent::ToolStarted {
            id: id.clone(),
            name: name.clone(),
            arguments,
        };
        tell(self.events, started).await;
        let late = || {
            let text = format!("{name} took longer than {} s and was given up", LIMIT.as_secs());
            Err(Error::new(ErrorKind::Timeout, text))
        };
        let called = tokio::time::timeout(LIMIT, self.invoke(wish)).await;
        let output = match called.unwrap_or_else(|_| late()) {
            Ok(output) => output,
            Err(error) => failed(format!("error: {error}")),
        };
        if let Some(run) = self.events.run.as_ref().filter(|_| !output.is_error) {
            run.used(&name);
        }
        let ended = AgentEvent::ToolEnded {
            id,
            output: output.clone(),
        };
        tell(self.events, ended).await;
        output
    }

    async fn invoke(&self, wish: Wish) -> Result<ToolOutput> {
        let arguments = wish
            .arguments
            .map_err(|e| Error::invalid(format_args!("the arguments of {} are not JSON: {e}", wish.name)))?;
        let origin = ToolOrigin {
            call_id: wish.id,
            ..self.origin.clone()
        };
        let rights = Rights {
            permits: &self.terms.permits,
            model: &self.terms.model,
        };
        self.toolbox
            .invoke(&wish.name, ToolCall { arguments, origin }, rights)
            .await
    }
}

fn failed(text: String) -> ToolOutput {
    ToolOutput {
        content: vec![Content::text(text)],
        is_error: true,
        ..ToolOutput::default()
    }
}

fn result(id: String, name: String, output: ToolOutput) -> Message {
    Message {
        role: Role::ToolResult,
        content: output.content,
        tool_call_id: id,
        tool_name: name,
        is_error: output.is_error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_runs_alone() {
        let tool = |name: &str, side_effects| {
            Arc::new(ToolSpec {
                name: name.into(),
                side_effects,
                ..ToolSpec::default()
            })
        };
        let tools = [tool("look", false), tool("do", true)];
        let wish = |name: &&str| Wish {
            id: String::new(),
            name: (*name).to_owned(),
            arguments: Ok(Value::Null),
        };
        let names = |calls: &[&str]| {
            let batches = batches(calls.iter().map(wish).collect(), &tools);
            let names = batches.iter().map(|batch| {
                batch
                    .iter()
                    .map(|call| call.name.as_str())
                    .collect::<Vec<_>>()
                    .join("+")
            });
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names(&["look", "look", "do", "do", "look", "what", "look"]),
            "look+look do do look what look"
        );
        assert_eq!(names(&["look"; 6]), "look+look+look+look look+look");
    }
}
