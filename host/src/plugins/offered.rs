//! Tools that a plugin offers while it runs, beside those that its manifest names.
//!
//! Invariant: what is kept can be shown to a model as it is: names that models can use, each once, parameters that are an
//! object, and a bounded number of bytes. The list outlives the instance that offered it, so that a call waits for a
//! replacement as it does for declared tools; the next instance offers its own.
use openclaw_plugin_api::{Error, ErrorKind, OFFERED_TOOLS, Registration, Result, ToolSpec};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Tools that one plugin may offer at once.
const MAX_TOOLS: usize = 512;
/// Bytes of all their descriptions and schemas.
const MAX_BYTES: usize = 2 << 20;
/// Characters of a name; vendors of models take no more.
const MAX_NAME: usize = 64;

/// The tools that one plugin offers now.
#[derive(Debug, Default)]
pub struct Offered {
    tools: RwLock<Arc<[ToolSpec]>>,
    changes: AtomicU64,
}

// === impl Offered ===

impl Offered {
    /// Replaces the list, or refuses the whole of the new one.
    pub fn replace(&self, tools: Vec<ToolSpec>) -> Result<()> {
        check(&tools)?;
        *self.tools.write().unwrap_or_else(PoisonError::into_inner) = tools.into();
        self.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// How often the list was replaced.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The list.
    pub fn now(&self) -> Arc<[ToolSpec]> {
        self.tools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Is this one of them?
    pub fn has(&self, name: &str) -> bool {
        self.now().iter().any(|tool| tool.name == name)
    }
}

/// As if the manifest had named the tool.
pub fn registration(tool: &ToolSpec) -> Registration {
    Registration {
        capability: "tool/1".into(),
        id: tool.name.clone(),
        spec: serde_json::to_value(tool).unwrap_or_default(),
    }
}

/// Does a registration stand for tools that are offered later?
pub fn is_placeholder(registration: &Registration) -> bool {
    registration.capability == "tool/1" && registration.id == OFFERED_TOOLS
}

fn check(tools: &[ToolSpec]) -> Result<()> {
    let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
    if tools.len() > MAX_TOOLS {
        return refuse(format!(
            "{} tools are offered, and {MAX_TOOLS} are taken at most",
            tools.len()
        ));
    }
    let mut names = BTreeSet::new();
    let mut bytes = 0;
    for tool in tools {
        let name = &tool.name;
        if !is_name(name) {
            return refuse(format!(
                "models can't use a tool called {name:?}: at most {MAX_NAME} letters, digits, _ and -"
            ));
        }
        if !names.insert(name) {
            return refuse(format!("the tool {name} is offered twice"));
        }
        if tool.parameters["type"] != "object" {
            return refuse(format!(
                "the parameters of the tool {name} are no object; models send objects"
            ));
        }
        bytes += tool.description.len() + tool.parameters.to_string().len();
    }
    if bytes > MAX_BYTES {
        return refuse(format!(
            "the descriptions of the tools take {bytes} bytes, and {MAX_BYTES} are taken at most"
        ));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str) -> ToolSpec {
        ToolSpec {
            name: name.into(),
            parameters: json!({"type": "object"}),
            ..ToolSpec::default()
        }
    }

    #[test]
    fn a_list_that_models_cant_use_is_refused_and_the_old_one_stays() {
        let offered = Offered::default();
        offered.replace(vec![tool("a"), tool("b-1")]).expect("taken");
        let mut shapeless = tool("c");
        shapeless.parameters = json!(null);
        let mut endless = tool("c");
        endless.description = "x".repeat(MAX_BYTES);
        let many = (0..=MAX_TOOLS).map(|n| tool(&format!("t{n}"))).collect();
        for wrong in [
            vec![tool("a b")],
            vec![tool("")],
            vec![tool(&"x".repeat(65))],
            vec![tool("a"), tool("a")],
            vec![shapeless],
            vec![endless],
            many,
        ] {
            offered.replace(wrong).expect_err("refused");
        }
        assert!(offered.has("a") && offered.has("b-1") && !offered.has("*"));
        offered.replace(Vec::new()).expect("taken");
        assert!(!offered.has("a"));
    }
}
