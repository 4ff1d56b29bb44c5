//! What was answered, and what that changes in the configuration. Pure: no file, no terminal, no plugin.
//!
//! Only what was answered is changed. A secret is a change of its own kind, so that it can go where secrets go.
use crate::{
    cli::models::set,
    config::{AuthMethod, BindMode, Edit, Env, GatewayMode, JsonPath},
};
use openclaw_plugin_api::Secret;
use serde_json::{Value, json};
use std::fmt;

/// A secret that somebody has.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Given {
    /// The plugin finds it in this variable by itself.
    Environment(String),
    /// The configuration shall refer to this variable.
    Variable(String),
    /// The secret itself.
    Text(Secret),
}

/// A service that no plugin knows by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Service {
    pub(in crate::cli) base_url: String,
    pub(in crate::cli) api: String,
}

/// Who answers.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ModelAnswer {
    /// The provider's id.
    pub(in crate::cli) provider: String,
    /// Its key; None: as it is.
    pub(in crate::cli) key: Option<Given>,
    /// Where it is, if that has to be written.
    pub(in crate::cli) service: Option<Service>,
    /// The model's id at the provider; empty as long as nobody has chosen one.
    pub(in crate::cli) model: String,
}

/// Where the gateway listens, and who gets in.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct GatewayAnswer {
    /// Does it run here?
    pub(in crate::cli) mode: Option<GatewayMode>,
    pub(in crate::cli) port: Option<u16>,
    pub(in crate::cli) bind: Option<BindMode>,
    pub(in crate::cli) auth: Option<(AuthMethod, Given)>,
    /// The gateway elsewhere: its address, and its token.
    pub(in crate::cli) remote: Option<(String, Option<Given>)>,
}

/// A messenger.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ChannelAnswer {
    pub(in crate::cli) channel: String,
    /// The key of its token and the token; None: as it is, or it needs none.
    pub(in crate::cli) token: Option<(String, Given)>,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Answers {
    pub(in crate::cli) model: Option<ModelAnswer>,
    pub(in crate::cli) workspace: Option<String>,
    pub(in crate::cli) gateway: GatewayAnswer,
    pub(in crate::cli) channels: Vec<ChannelAnswer>,
    /// Plugins to switch on.
    pub(in crate::cli) plugins: Vec<String>,
}

/// One change that follows.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Change {
    /// A value that everybody may see.
    Plain(Edit),
    /// A secret, or the name of the variable with it.
    Secret(JsonPath, Given),
}

// === impl ModelAnswer ===

impl ModelAnswer {
    /// `provider/model`
    pub(in crate::cli) fn reference(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    fn changes(&self, config: &Value, changes: &mut Vec<Change>) {
        let block = root(&["models", "providers"]).key(&*self.provider);
        if let Some(service) = &self.service {
            changes.push(set(block.key("baseUrl"), json!(service.base_url)));
            changes.push(set(block.key("api"), json!(service.api)));
            let models = config["models"]["providers"][&*self.provider]["models"].as_array();
            let known = models.is_some_and(|models| models.iter().any(|model| model["id"] == *self.model));
            if !known && !self.model.is_empty() {
                let at = block.key("models").index(models.map_or(0, Vec::len));
                changes.push(set(at, json!({ "id": self.model })));
            }
        }
        changes.extend(
            self.key
                .iter()
                .map(|key| Change::Secret(block.key("apiKey"), key.clone())),
        );
        if !self.model.is_empty() {
            changes.push(set(set::path(config), json!(self.reference())));
        }
    }
}

// === impl GatewayAnswer ===

impl GatewayAnswer {
    fn changes(&self, changes: &mut Vec<Change>) {
        let gateway = JsonPath::root().key("gateway");
        if let Some(mode) = self.mode {
            let word = match mode {
                GatewayMode::Local => "local",
                GatewayMode::Remote => "remote",
            };
            changes.push(set(gateway.key("mode"), json!(word)));
        }
        if let Some(port) = self.port {
            changes.push(set(gateway.key("port"), json!(port)));
        }
        if let Some(bind) = self.bind {
            changes.push(set(gateway.key("bind"), json!(word_of(bind))));
        }
        if let Some((method, secret)) = &self.auth {
            let (mode, key) = match method {
                AuthMethod::Password => ("password", "password"),
                AuthMethod::Token | AuthMethod::None | AuthMethod::TrustedProxy => ("token", "token"),
            };
            changes.push(set(gateway.key("auth").key("mode"), json!(mode)));
            changes.push(Change::Secret(gateway.key("auth").key(key), secret.clone()));
        }
        if let Some((url, token)) = &self.remote {
            changes.push(set(gateway.key("remote").key("url"), json!(url)));
            let token = token.iter().cloned();
            changes.extend(token.map(|token| Change::Secret(gateway.key("remote").key("token"), token)));
        }
    }
}

// === impl Answers ===

impl Answers {
    /// What follows for a configuration that says this now.
    pub(in crate::cli) fn changes(&self, config: &Value) -> Vec<Change> {
        let mut changes = Vec::new();
        self.gateway.changes(&mut changes);
        if let Some(workspace) = &self.workspace {
            changes.push(set(root(&["agents", "defaults", "workspace"]), json!(workspace)));
        }
        if let Some(model) = &self.model {
            model.changes(config, &mut changes);
        }
        for answer in &self.channels {
            let at = JsonPath::root().key("channels").key(&*answer.channel);
            changes.push(set(at.key("enabled"), json!(true)));
            let token = answer.token.iter().cloned();
            changes.extend(token.map(|(key, token)| Change::Secret(at.key(key), token)));
        }
        for plugin in &self.plugins {
            let entry = root(&["plugins", "entries"]).key(&**plugin);
            changes.push(set(entry.key("enabled"), json!(true)));
        }
        changes.retain(|change| change.is_news(config));
        changes
    }
}

// === impl Change ===

impl Change {
    /// Would the configuration say something else?
    fn is_news(&self, config: &Value) -> bool {
        match self {
            Self::Plain(Edit::Set { path, value }) => path.of(config) != Some(value),
            Self::Plain(Edit::Unset { path }) => path.of(config).is_some(),
            Self::Secret(_, given) => !matches!(given, Given::Environment(_)),
        }
    }

    /// The same with the secret in the open, for a configuration that is tried and never written. A variable that is not
    /// set leaves its place as it is.
    pub(in crate::cli) fn in_the_open(self, env: &Env) -> Option<Edit> {
        match self {
            Self::Plain(edit) => Some(edit),
            Self::Secret(path, Given::Text(secret)) => Some(Edit::Set {
                path,
                value: json!(secret.expose()),
            }),
            Self::Secret(path, Given::Variable(name)) => Some(Edit::Set {
                path,
                value: json!(env.var(&name)?),
            }),
            Self::Secret(_, Given::Environment(_)) => None,
        }
    }
}

/// Which key changes, and to what unless that is a secret.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(Edit::Set { path, value }) => write!(f, "{path}: {value}"),
            Self::Plain(Edit::Unset { path }) => write!(f, "{path}: removed"),
            Self::Secret(path, Given::Environment(name) | Given::Variable(name)) => {
                write!(f, "{path}: the variable {name}")
            }
            Self::Secret(path, Given::Text(_)) => write!(f, "{path}: a secret, which is not shown"),
        }
    }
}

/// How the configuration writes who can reach the gateway.
pub(in crate::cli) fn word_of(bind: BindMode) -> &'static str {
    match bind {
        BindMode::Auto => "auto",
        BindMode::Loopback => "loopback",
        BindMode::Lan => "lan",
        BindMode::Tailnet => "tailnet",
        BindMode::Custom => "custom",
    }
}

fn set(path: JsonPath, value: Value) -> Change {
    Change::Plain(Edit::Set { path, value })
}

fn root(keys: &[&str]) -> JsonPath {
    keys.iter().fold(JsonPath::root(), |path, key| path.key(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::apply;

    fn applied(answers: &Answers, config: &Value) -> Value {
        let env: Env = [("KEY", "of the environment")].into_iter().collect();
        let changes = answers.changes(config).into_iter();
        let edits: Vec<_> = changes.filter_map(|change| change.in_the_open(&env)).collect();
        let text = apply(&config.to_string(), &edits).expect("they can be made");
        let document = crate::config::Document::parse(std::path::Path::new("c"), text.into_bytes());
        document.expect("it is JSON5").value().clone()
    }

    fn model() -> ModelAnswer {
        ModelAnswer {
            provider: "acme".into(),
            key: Some(Given::Text(Secret::new("k"))),
            service: None,
            model: "m-1".into(),
        }
    }

    #[test]
    fn answers_become_the_keys_that_a_gateway_reads() {
        let answers = Answers {
            model: Some(model()),
            workspace: Some("~/w".into()),
            gateway: GatewayAnswer {
                mode: Some(GatewayMode::Local),
                port: Some(1234),
                bind: Some(BindMode::Lan),
                auth: Some((AuthMethod::Token, Given::Variable("KEY".into()))),
                remote: None,
            },
            channels: vec![ChannelAnswer {
                channel: "post".into(),
                token: Some(("botToken".into(), Given::Text(Secret::new("t")))),
            }],
            plugins: vec!["saw".into()],
        };
        let expected = json!({
            "gateway": {"mode": "local", "port": 1234, "bind": "lan",
                "auth": {"mode": "token", "token": "of the environment"}},
            "agents": {"defaults": {"workspace": "~/w", "model": {"primary": "acme/m-1"}}},
            "models": {"providers": {"acme": {"apiKey": "k"}}},
            "channels": {"post": {"enabled": true, "botToken": "t"}},
            "plugins": {"entries": {"saw": {"enabled": true}}},
        });
        assert_eq!(applied(&answers, &json!({})), expected);
        crate::config::Config::from_value(expected).expect("it is a configuration");
    }

    #[test]
    fn what_was_not_answered_and_what_is_so_already_is_not_touched() {
        let config = json!({"gateway": {"port": 1, "mode": "local"}, "channels": {"post": {"enabled": true}},
            "agents": {"defaults": {"model": "acme/m-1"}}});
        assert!(Answers::default().changes(&config).is_empty());
        let mut answers = Answers {
            model: Some(ModelAnswer {
                key: Some(Given::Environment("KEY".into())),
                ..model()
            }),
            channels: vec![ChannelAnswer {
                channel: "post".into(),
                token: None,
            }],
            ..Answers::default()
        };
        answers.gateway.port = Some(1);
        assert!(answers.changes(&config).is_empty());
        answers.model = Some(ModelAnswer {
            model: "m-2".into(),
            ..model()
        });
        let changed = applied(&answers, &config);
        assert_eq!(
            changed["agents"]["defaults"]["model"], "acme/m-2",
            "its form is kept"
        );
    }

    #[test]
    fn a_service_of_ones_own_is_described_once() {
        let service = Service {
            base_url: "http://127.0.0.1:1/v1".into(),
            api: "acme-chat".into(),
        };
        let answers = Answers {
            model: Some(ModelAnswer {
                provider: "own".into(),
                service: Some(service),
                ..model()
            }),
            ..Answers::default()
        };
        let once = applied(&answers, &json!({}));
        assert_eq!(
            once["models"]["providers"]["own"],
            json!({"baseUrl": "http://127.0.0.1:1/v1", "api": "acme-chat",
            "models": [{"id": "m-1"}], "apiKey": "k"})
        );
        assert_eq!(applied(&answers, &once), once);
        let mut with_other = once.clone();
        with_other["models"]["providers"]["own"]["models"][0]["id"] = json!("other");
        let both = applied(&answers, &with_other);
        assert_eq!(
            both["models"]["providers"]["own"]["models"][1],
            json!({"id": "m-1"})
        );
    }

    #[test]
    fn a_secret_is_shown_to_nobody() {
        let changes = Answers {
            model: Some(model()),
            ..Answers::default()
        }
        .changes(&json!({}));
        assert!(format!("{changes:?}").contains("Secret(") && !format!("{changes:?}").contains("\"k\""));
    }
}
