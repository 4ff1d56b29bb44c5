//! Where a setup works: the configuration as it is, what the plugins offer, and the one way in which anything is written.
//!
//! Invariant: nothing is written before [`Session::write`], and then all or nothing.
use super::{
    answers::{Answers, Change, Given},
    args::SecretMode,
    offers::{Offers, ProviderOffer},
};
use crate::{
    cli::{
        Failure, address,
        config::{Place, edit},
        setting::Setting,
        vault::Vault,
    },
    clock::Clock,
    config::{Config, Document, Edit, Env, SecretInput, apply, write_atomic},
    models::{Catalogue, Offer, Profiles, Resolver, Source},
};
use openclaw_plugin_api::Secret;
use serde_json::json;
use std::{fs, path::Path, sync::Arc};

/// What a file begins with that is made here.
const NEW_FILE: &str = "{\n  // Made by `openclaw onboard`. `openclaw config schema` has every key.\n}\n";

/// One run of `onboard` or `configure`.
pub(in crate::cli) struct Session<'e> {
    pub(in crate::cli) env: &'e Env,
    /// The configuration as it is, with its secrets.
    pub(in crate::cli) setting: Setting,
    pub(in crate::cli) offers: Offers,
    /// Where secrets go.
    pub(in crate::cli) secrets: SecretMode,
}

/// What was written.
#[derive(Debug, Default)]
pub(in crate::cli) struct Written {
    /// The configuration says something else than before.
    pub(in crate::cli) changed: bool,
    /// Secrets went into the file for them.
    pub(in crate::cli) secrets: bool,
}

// === impl Session ===

impl<'e> Session<'e> {
    /// Reads the configuration and looks for plugins.
    pub(in crate::cli) fn open(env: &'e Env, secrets: SecretMode) -> Result<Self, Failure> {
        let setting = Setting::read(env)?;
        let specs = setting.assembly.specs.iter();
        let offers = Offers::of(specs.map(|spec| (&spec.manifest, spec.reason.is_on())));
        Ok(Self {
            env,
            setting,
            offers,
            secrets,
        })
    }

    /// The variable of these that is set here.
    pub(in crate::cli) fn set_variable<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        names.iter().find(|name| self.env.var(name).is_some())
    }

    /// The model that is configured, if it has what it needs to be asked.
    pub(in crate::cli) fn ready_model(&self) -> Option<String> {
        let config = &self.setting.config;
        let agents = config.agents();
        let agent = agents.default_agent();
        let model = agent.model.primary.clone()?;
        let on = self
            .setting
            .assembly
            .specs
            .iter()
            .filter(|spec| spec.reason.is_on());
        let offers: Vec<_> = on.map(|spec| Offer::of(&spec.manifest, self.env)).collect();
        let folders = agents
            .agents
            .iter()
            .map(|agent| (agent.id.as_str(), agent.agent_dir(&self.setting.paths)));
        let (profiles, _) = Profiles::read(folders);
        let resolver = Resolver::new(
            Arc::new(config.clone()),
            offers,
            profiles,
            Arc::<Catalogue>::default(),
            Clock::system(),
        );
        let served = resolver.resolve(agent, &model, None).ok()?;
        let key = served.credentials.first()?;
        let provider = self.offers.provider(&served.reference.provider);
        let ready = match key.source {
            Source::Environment => {
                provider.is_none_or(|offer| offer.is_free || self.set_variable(&offer.variables).is_some())
            }
            Source::Profile | Source::Config | Source::None => true,
        };
        ready.then(|| served.reference.to_string())
    }

    /// A messenger that is set up.
    pub(in crate::cli) fn channel(&self) -> Option<&str> {
        let mut offers = self.offers.channels.iter();
        let found = offers.find(|offer| self.setting.config.channel_enabled(&offer.id));
        found.map(|offer| offer.id.as_str())
    }

    /// Has the provider a key in the configuration?
    pub(in crate::cli) fn has_key(&self, offer: &ProviderOffer) -> bool {
        let providers = &self.setting.config.models.providers;
        let block = providers.get(&offer.id);
        let key = block.and_then(|block| block.api_key.as_ref());
        key.and_then(SecretInput::secret)
            .is_some_and(|key| !key.is_empty())
    }

    /// Is it decided who may connect to the gateway?
    pub(in crate::cli) fn has_gateway_secret(&self) -> bool {
        let auth = &self.setting.config.gateway.auth;
        let own = || address::own_token(&self.setting).is_some_and(|token| !token.is_empty());
        let set = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];
        auth.token.is_some()
            || auth.password.is_some()
            || auth.mode.is_some()
            || set.iter().any(|name| self.env.var(name).is_some())
            || (self.setting.config.gateway.bind.is_none() && own())
    }

    /// The configuration as these answers would make it, with its secrets in the open. It is for looking at only.
    pub(in crate::cli) fn candidate(&self, answers: &Answers) -> Result<Config, Failure> {
        let now = self.setting.config.value();
        let changes = answers.changes(now).into_iter();
        let edits: Vec<_> = changes
            .filter_map(|change| change.in_the_open(self.env))
            .collect();
        let before = if now.is_null() {
            "{}".to_owned()
        } else {
            now.to_string()
        };
        let text = apply(&before, &edits).map_err(Failure::usage)?;
        let document =
            Document::parse(Path::new("openclaw.json"), text.into_bytes()).map_err(Failure::config)?;
        Config::from_value(document.value().clone()).map_err(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Failure::config(format_args!("nothing was changed: {}", faults.join("; ")))
        })
    }

    /// Writes what these answers change.
    pub(in crate::cli) fn write(&self, answers: &Answers) -> Result<Written, Failure> {
        let changes = answers.changes(self.setting.config.value());
        if changes.is_empty() && self.setting.configured {
            return Ok(Written::default());
        }
        self.setting.paths.prepare_state_dir().map_err(Failure::config)?;
        let mut vault = None;
        let mut edits = Vec::new();
        for change in changes {
            edits.extend(self.edit(change, &mut vault)?);
        }
        edits.extend(vault.as_ref().and_then(Vault::introduction));
        let secrets = vault.is_some();
        if let Some(vault) = &mut vault {
            vault.save()?;
        }
        let written = self.write_config(&edits);
        if let (Err(_), Some(vault)) = (&written, &vault) {
            vault.undo();
        }
        Ok(Written {
            changed: written?,
            secrets,
        })
    }

    /// The edit of a change; a secret goes where secrets go.
    fn edit(&self, change: Change, vault: &mut Option<Vault>) -> Result<Option<Edit>, Failure> {
        let (path, given) = match change {
            Change::Plain(edit) => return Ok(Some(edit)),
            Change::Secret(path, given) => (path, given),
        };
        let value = match (given, self.secrets) {
            (Given::Environment(_), _) => return Ok(None),
            (Given::Variable(name), _) => json!({ "source": "env", "provider": "default", "id": name }),
            (Given::Text(secret), SecretMode::Plaintext) => json!(literal(&secret)?),
            (Given::Text(_), SecretMode::Ref) => {
                return Err(Failure::usage(format_args!(
                    "{path}: with --secret-input-mode ref the secret has to be in a variable of the environment; set it there"
                )));
            }
            (Given::Text(secret), SecretMode::File) => {
                if vault.is_none() {
                    *vault = Some(Vault::open(&self.setting.paths, self.setting.config.value())?);
                }
                let vault = vault.as_mut().expect("it was just opened");
                vault.put(&path, &secret)
            }
        };
        Ok(Some(Edit::Set { path, value }))
    }

    fn write_config(&self, edits: &[Edit]) -> Result<bool, Failure> {
        let place = Place::of(self.env)?;
        let file = &place.paths.config_file;
        let is_new = !file.exists();
        if is_new {
            write_atomic(file, NEW_FILE.as_bytes())
                .map_err(|e| Failure::io(format_args!("write {}", file.display()), e))?;
        }
        match edit::apply(edits, &place) {
            Ok(changed) => {
                if is_new {
                    // the copy of a file with nothing in it
                    let _ = fs::remove_file(format!("{}.bak", file.display()));
                }
                Ok(changed.written || is_new)
            }
            Err(error) => {
                if is_new {
                    let _ = fs::remove_file(file);
                }
                Err(error)
            }
        }
    }
}

/// In the configuration `${NAME}` and `$NAME` mean something else than themselves.
fn literal(secret: &Secret) -> Result<&str, Failure> {
    let text = secret.expose();
    if text.contains("${") || text.starts_with('$') {
        return Err(Failure::usage(
            "a secret with a dollar sign can't stand in openclaw.json as it is; leave --secret-input-mode plaintext out",
        ));
    }
    Ok(text)
}
