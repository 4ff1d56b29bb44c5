//! A policy and the tools that it is about: what a turn offers to its model, and what it lets the model call.
use super::{Policy, Verdict, Why};
use crate::agent::tools::Offered;
use openclaw_plugin_api::ToolSpec;
use std::sync::Arc;

/// The tools of a turn.
#[derive(Debug, Clone, Default)]
pub struct Permits {
    policy: Policy,
    tools: Arc<Vec<Offered>>,
}

/// A tool, and whether it may be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The tool.
    pub tool: Offered,
    /// Whether it may be used.
    pub verdict: Verdict,
}

// === impl Permits ===

impl Permits {
    /// These tools under this policy.
    pub fn new(policy: Policy, tools: Arc<Vec<Offered>>) -> Self {
        Self { policy, tools }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Somebody else has a say too from now on.
    pub fn meet(&mut self, other: &Policy) {
        self.policy = std::mem::take(&mut self.policy).meet(other);
    }

    /// What a model is offered.
    pub fn offered(&self, model: &str) -> Vec<Arc<ToolSpec>> {
        let on = self
            .tools
            .iter()
            .filter(|tool| self.policy.judge(tool, model).is_on());
        on.map(|tool| tool.spec.clone()).collect()
    }

    /// What one of these models is offered, at the least.
    pub fn offered_to_any(&self, models: &[String]) -> Vec<Arc<ToolSpec>> {
        let any = |tool: &&Offered| models.iter().any(|model| self.policy.judge(tool, model).is_on());
        let on = self.tools.iter().filter(any);
        on.map(|tool| tool.spec.clone()).collect()
    }

    /// Whether a model may call a tool.
    pub fn verdict(&self, name: &str, model: &str) -> Verdict {
        match self.tools.iter().find(|tool| tool.spec.name == name) {
            Some(tool) => self.policy.judge(tool, model),
            None => Verdict::Off(Why::Absent),
        }
    }

    /// Every tool, and whether a model may use it.
    pub fn decisions(&self, model: &str) -> Vec<Decision> {
        let decide = |tool: &Offered| Decision {
            tool: tool.clone(),
            verdict: self.policy.judge(tool, model),
        };
        self.tools.iter().map(decide).collect()
    }
}
