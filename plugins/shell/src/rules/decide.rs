//! Where a command runs and what it takes for it to run.
//!
//! Invariant: what a call says makes things stricter, never laxer; only the operator's own settings open anything.
use crate::config::{Agents, Ask, Config, Elevated, Exec, Host, Id, Level, Mode, Security};
use openclaw_plugin_api::{ExecAsk, ExecSecurity, ToolOrigin};

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Confined.
    Sandbox,
    /// As the gateway itself.
    Gateway,
    /// On another device.
    Node,
}

impl Place {
    /// Its word, as in `tools.exec.host`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Gateway => "gateway",
            Self::Node => "node",
        }
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Where.
    pub host: Option<Host>,
    /// How strictly.
    pub security: Option<Security>,
    /// When somebody is asked.
    pub ask: Option<Ask>,
    /// Out of the sandbox.
    pub elevated: bool,
}

/// What holds for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// Where it runs.
    pub place: Place,
    /// What may run.
    pub security: ExecSecurity,
    /// When somebody is asked.
    pub ask: ExecAsk,
}

/// Decides, or says why it can't run at all.
pub fn decide(config: &Config, origin: &ToolOrigin, wish: Wish) -> Result<Ruling, String> {
    let own = agent(&config.agents, &origin.agent_id);
    let all = &config.tools.exec;
    let set =
        |of: fn(&Exec) -> Option<Ruled>| own.and_then(|agent| of(&agent.tools.exec)).or_else(|| of(all));
    let host = own
        .and_then(|agent| agent.tools.exec.host)
        .or(all.host)
        .unwrap_or(Host::Sandbox);
    let level = if wish.elevated {
        Some(elevated(config, origin)?)
    } else {
        None
    };
    let (place, leaves) = place(host, wish.host, level)?;
    let (security, ask) = match place {
        Place::Sandbox => (ExecSecurity::Full, ExecAsk::Off),
        Place::Gateway | Place::Node => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
    };
    let configured = set(Exec::ruled).unwrap_or_default();
    let mut security = configured.security.unwrap_or(security);
    let mut ask = configured.ask.unwrap_or(ask);
    if security == ExecSecurity::Deny {
        return Err("commands are switched off (tools.exec.security is deny)".to_owned());
    }
    if level == Some(Level::Full) {
        (security, ask) = (ExecSecurity::Full, ExecAsk::Off);
    } else if leaves {
        (security, ask) = (security.min(ExecSecurity::Allowlist), ask.min(ExecAsk::OnMiss));
    }
    let wished = Ruled {
        security: wish.security.map(security_of),
        ask: wish.ask.map(ask_of),
    };
    security = wished.security.map_or(security, |wish| wish.min(security));
    ask = wished.ask.map_or(ask, |wish| wish.min(ask));
    match security {
        ExecSecurity::Deny => Err("this call asked for security deny, so nothing runs".to_owned()),
        _ => Ok(Ruling { place, security, ask }),
    }
}

/// Where, and whether that is out of the sandbox that the operator has chosen.
fn place(host: Host, wish: Option<Host>, level: Option<Level>) -> Result<(Place, bool), String> {
    if level.is_some() {
        return Ok((Place::Gateway, host != Host::Gateway));
    }
    match (host, wish) {
        (Host::Node, None | Some(Host::Node | Host::Auto)) => Ok((Place::Node, false)),
        (_, Some(Host::Node)) => Ok((Place::Node, true)),
        (_, Some(Host::Sandbox)) | (Host::Sandbox | Host::Auto, None | Some(Host::Auto)) => {
            Ok((Place::Sandbox, false))
        }
        (Host::Gateway, _) => Ok((Place::Gateway, false)),
        (_, Some(_)) => Ok((Place::Gateway, true)),
    }
}

/// How far this person may go with `elevated`: a gate for all agents, and one of the agent's own.
fn elevated(config: &Config, origin: &ToolOrigin) -> Result<Level, String> {
    let own = agent(&config.agents, &origin.agent_id).map(|agent| &agent.tools.elevated);
    let refused = |key: &str| {
        Err(format!(
            "elevated is not open to whoever wrote this; the operator can open it in {key}"
        ))
    };
    if !opens(&config.tools.elevated, origin) {
        return refused("tools.elevated");
    }
    if own.is_some_and(|own| own.enabled == Some(false) || !own.allow_from.is_empty() && !opens(own, origin))
    {
        return refused("the agent's own tools.elevated");
    }
    match config.agents.defaults.elevated_default.unwrap_or(Level::On) {
        Level::Off => refused("agents.defaults.elevatedDefault"),
        level => Ok(level),
    }
}

fn opens(gate: &Elevated, origin: &ToolOrigin) -> bool {
    let listed = gate.allow_from.get(&origin.channel).into_iter().flatten();
    let mut listed = listed.map(Id::text);
    gate.enabled != Some(false)
        && listed.any(|id| id == "*" || !origin.sender_id.is_empty() && id == origin.sender_id)
}

/// What is set for one agent.
pub fn agent<'c>(agents: &'c Agents, id: &str) -> Option<&'c crate::config::Agent> {
    agents
        .entries
        .get(id)
        .or_else(|| agents.list.iter().find(|agent| agent.id.eq_ignore_ascii_case(id)))
}

/// What a place of the configuration says.
#[derive(Debug, Clone, Copy, Default)]
struct Ruled {
    security: Option<ExecSecurity>,
    ask: Option<ExecAsk>,
}

impl Exec {
    /// None where it says nothing.
    fn ruled(&self) -> Option<Ruled> {
        let mode = self.mode.map(|mode| match mode {
            Mode::Deny => (ExecSecurity::Deny, ExecAsk::Off),
            Mode::Allowlist => (ExecSecurity::Allowlist, ExecAsk::Off),
            Mode::Ask | Mode::Auto => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
            Mode::Full => (ExecSecurity::Full, ExecAsk::Off),
        });
        let ruled = Ruled {
            security: self
                .security
                .map(security_of)
                .or(mode.map(|(security, _)| security)),
            ask: self.ask.map(ask_of).or(mode.map(|(_, ask)| ask)),
        };
        (ruled.security.is_some() || ruled.ask.is_some()).then_some(ruled)
    }
}

fn security_of(word: Security) -> ExecSecurity {
    match word {
        Security::Deny => ExecSecurity::Deny,
        Security::Allowlist => ExecSecurity::Allowlist,
        Security::Full => ExecSecurity::Full,
    }
}

fn ask_of(word: Ask) -> ExecAsk {
    match word {
        Ask::Off => ExecAsk::Off,
        Ask::OnMiss => ExecAsk::OnMiss,
        Ask::Always => ExecAsk::Always,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ruling(config: Value, wish: Wish) -> Result<(Place, ExecSecurity, ExecAsk), String> {
        let config: Config = serde_json::from_value(config).expect("valid");
        let origin = ToolOrigin {
            agent_id: "main".into(),
            channel: "pager".into(),
            sender_id: "7".into(),
            ..ToolOrigin::default()
        };
        decide(&config, &origin, wish).map(|ruling| (ruling.place, ruling.security, ruling.ask))
    }

    fn exec(exec: Value) -> Value {
        json!({ "tools": { "exec": exec } })
    }

    const SANDBOXED: (Place, ExecSecurity, ExecAsk) = (Place::Sandbox, ExecSecurity::Full, ExecAsk::Off);
    const ASKED: (Place, ExecSecurity, ExecAsk) = (Place::Gateway, ExecSecurity::Allowlist, ExecAsk::OnMiss);

    #[test]
    fn without_settings_commands_are_confined() {
        assert_eq!(ruling(json!({}), Wish::default()), Ok(SANDBOXED));
        let lax = Wish {
            security: Some(Security::Full),
            ask: Some(Ask::Off),
            ..Wish::default()
        };
        assert_eq!(ruling(json!({}), lax), Ok(SANDBOXED));
        let out = Wish {
            host: Some(Host::Gateway),
            ..lax
        };
        assert_eq!(
            ruling(json!({}), out),
            Ok(ASKED),
            "to leave the sandbox takes approval"
        );
        assert_eq!(
            ruling(exec(json!({ "security": "full", "ask": "off" })), out),
            Ok(ASKED)
        );
    }

    #[test]
    fn the_operators_word_counts_and_calls_only_tighten() {
        let gateway = |security, ask| exec(json!({ "host": "gateway", "security": security, "ask": ask }));
        let free = (Place::Gateway, ExecSecurity::Full, ExecAsk::Off);
        assert_eq!(
            ruling(exec(json!({ "host": "gateway" })), Wish::default()),
            Ok(ASKED)
        );
        assert_eq!(ruling(gateway("full", "off"), Wish::default()), Ok(free));
        let strict = Wish {
            security: Some(Security::Allowlist),
            ask: Some(Ask::Always),
            ..Wish::default()
        };
        let tightened = (Place::Gateway, ExecSecurity::Allowlist, ExecAsk::Always);
        assert_eq!(ruling(gateway("full", "off"), strict), Ok(tightened));
        assert_eq!(
            ruling(
                gateway("allowlist", "always"),
                Wish {
                    ask: Some(Ask::Off),
                    ..Wish::default()
                }
            ),
            Ok(tightened)
        );
        assert!(ruling(gateway("deny", "off"), Wish::default()).is_err());
        assert!(
            ruling(
                json!({}),
                Wish {
                    security: Some(Security::Deny),
                    ..Wish::default()
                }
            )
            .is_err()
        );
        let inside = Wish {
            host: Some(Host::Sandbox),
            ..Wish::default()
        };
        assert_eq!(
            ruling(gateway("full", "off"), inside).map(|(place, ..)| place),
            Ok(Place::Sandbox)
        );
        let elsewhere = Wish {
            host: Some(Host::Node),
            ..Wish::default()
        };
        let asked = (Place::Node, ExecSecurity::Allowlist, ExecAsk::OnMiss);
        assert_eq!(ruling(json!({}), elsewhere), Ok(asked));
        assert_eq!(
            ruling(gateway("full", "off"), elsewhere),
            Ok(asked),
            "what is free here is not free there"
        );
        assert_eq!(
            ruling(exec(json!({ "host": "node" })), Wish::default()),
            Ok(asked)
        );
        assert_eq!(
            ruling(
                exec(json!({ "host": "gateway", "mode": "full" })),
                Wish::default()
            ),
            Ok(free)
        );
    }

    #[test]
    fn an_agent_has_settings_of_its_own() {
        let config = json!({
            "tools": { "exec": { "host": "gateway", "security": "full", "ask": "off" } },
            "agents": { "list": [{ "id": "Main", "tools": { "exec": { "security": "deny" } } }] },
        });
        assert!(ruling(config, Wish::default()).is_err());
    }

    #[test]
    fn elevated_passes_both_gates() {
        let wish = Wish {
            elevated: true,
            ..Wish::default()
        };
        let with = |elevated: Value, own: Value, level: &str| {
            ruling(
                json!({
                    "tools": { "elevated": elevated },
                    "agents": {
                        "defaults": { "elevatedDefault": level },
                        "entries": { "main": { "tools": { "elevated": own } } },
                    },
                }),
                wish,
            )
        };
        assert!(with(json!({}), json!({}), "on").is_err(), "nobody is listed");
        let open = json!({ "allowFrom": { "pager": [7] } });
        assert_eq!(with(open.clone(), json!({}), "on"), Ok(ASKED));
        let full = (Place::Gateway, ExecSecurity::Full, ExecAsk::Off);
        assert_eq!(with(open.clone(), json!({}), "full"), Ok(full));
        assert!(with(open.clone(), json!({}), "off").is_err());
        assert!(with(open.clone(), json!({ "enabled": false }), "full").is_err());
        assert!(with(open.clone(), json!({ "allowFrom": { "pager": ["8"] } }), "full").is_err());
        assert!(with(json!({ "allowFrom": { "other": ["*"] } }), json!({}), "on").is_err());
        assert!(
            with(
                json!({ "enabled": false, "allowFrom": { "pager": ["*"] } }),
                json!({}),
                "on"
            )
            .is_err()
        );
    }
}
