//! Who the agent behind a voice is: a short text of its identity and of files of its workspace, for a voice that speaks
//! like the agent without asking it.
//!
//! It is told once, when a call begins. Invariants: it is no longer than the operator permits; a host that can't say is no
//! reason for a call to be silent.
use super::Line;
use crate::config::AgentContext;
use openclaw_plugin_api::{AgentProfile, AgentProfileRequest};
use std::{sync::Weak, time::Duration};

/// Characters if the operator says nothing.
const MAX_CHARS: usize = 6000;
/// Files if the operator says nothing.
const FILES: [&str; 3] = ["SOUL.md", "IDENTITY.md", "USER.md"];
/// Time for the host to say it; whoever calls hears nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the voice of this line is told of its agent; empty if it is to know nothing.
pub(super) async fn of(line: &Line<'_>) -> String {
    let config = &line.config.agent_context;
    if !config.enabled {
        return String::new();
    }
    let listener = line.listener.as_ref().and_then(Weak::upgrade);
    let request = AgentProfileRequest {
        agent_id: listener
            .map(|listener| listener.agent(line.call))
            .unwrap_or_default(),
        files: wanted(config),
    };
    let asked = line
        .host
        .timeout(PATIENCE, line.host.agents().profile(&request))
        .await;
    match asked.and_then(|profile| profile) {
        Ok(profile) => told(config, &profile),
        Err(error) => {
            tracing::warn!(call = %line.call, %error, "voice-call: the voice does not know who its agent is");
            String::new()
        }
    }
}

fn wanted(config: &AgentContext) -> Vec<String> {
    if config.include_workspace_files == Some(false) {
        return Vec::new();
    }
    let usual = || FILES.map(str::to_owned).to_vec();
    config.files.clone().unwrap_or_else(usual)
}

fn told(config: &AgentContext, profile: &AgentProfile) -> String {
    let mut text = String::new();
    if config.include_identity != Some(false) {
        for (what, words) in [("Your name", &profile.name), ("Your character", &profile.theme)] {
            if !words.is_empty() {
                text.push_str(&format!("{what}: {words}\n"));
            }
        }
    }
    for file in &profile.files {
        text.push_str(&format!("\n## {}\n{}\n", file.name, file.text.trim()));
    }
    if text.is_empty() {
        return text;
    }
    let most = config
        .max_chars
        .map_or(MAX_CHARS, |most| usize::try_from(most).unwrap_or(MAX_CHARS));
    let text: String = text.trim().chars().take(most).collect();
    format!(
        "\n\nYou speak as the agent that these notes of your operator are about. Be like it; don't read the notes out.\n\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::AgentFile;
    use serde_json::{Value, json};

    fn config(value: Value) -> AgentContext {
        serde_json::from_value(value).expect("it fits")
    }

    fn profile() -> AgentProfile {
        let file = |name: &str, text: &str| AgentFile {
            name: name.into(),
            text: text.into(),
        };
        AgentProfile {
            name: "Molty".into(),
            theme: "a dry lobster".into(),
            files: vec![file("SOUL.md", "Be kind.\n"), file("USER.md", "Ada, of London.")],
            ..AgentProfile::default()
        }
    }

    #[test]
    fn the_voice_is_told_what_the_operator_chose_and_no_more() {
        let all = told(&config(json!({"enabled": true})), &profile());
        for words in [
            "Molty",
            "a dry lobster",
            "## SOUL.md\nBe kind.",
            "## USER.md\nAda",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
        let files = told(&config(json!({"includeIdentity": false})), &profile());
        assert!(!files.contains("Molty") && files.contains("Be kind."), "{files}");
        let short = told(&config(json!({"maxChars": 16})), &profile());
        assert!(short.ends_with("\n\nYour name: Molty"), "{short}");
        assert_eq!(told(&config(json!({})), &AgentProfile::default()), "");
        assert_eq!(wanted(&config(json!({}))), FILES);
        assert_eq!(wanted(&config(json!({"files": ["AGENTS.md"]}))), ["AGENTS.md"]);
        assert_eq!(wanted(&config(json!({"includeWorkspaceFiles": false}))), [""; 0]);
    }
}
