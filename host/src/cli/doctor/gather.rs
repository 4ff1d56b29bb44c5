//! Facts about the configuration, its files and plugins, for doctor and audit. It reads and asks nobody.
use crate::{
    checkup::{
        ConfigFacts, FileFact, FileKind, Finding, Ground, MAX_FILES, Mend, PluginFacts, Written, old_forms,
    },
    cli::{
        Failure, address, config::Place, config::edit, gateway::door, plugins::doctor, setting::Setting,
        vault,
    },
    config::{BindMode, Env, IncludeError, Inspected, SecretInput, is_unfilled, last_good},
    plugins::{discover::Origin, settings::Isolation},
};
use openclaw_plugin_api::{NetworkPermission, Secret};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Files of the state directory that hold secrets, beside those that are known by their folders.
const SECRETS: [&str; 7] = [
    vault::FILE,
    "gateway.token",
    "gateway.env",
    "device.key",
    "dashboard.html",
    "exec-approvals.json",
    "openclaw.json.last-good",
];

/// Largest file of rules that is read, bytes.
const MAX_RULES: u64 = 1 << 20;

/// What was gathered.
pub(in crate::cli) struct Gathered {
    /// What checks of the configuration look at.
    pub(in crate::cli) ground: Ground,
    /// What the loader says of it.
    pub(in crate::cli) facts: ConfigFacts,
    /// Where commands work; the empty configuration if what is written can't be read.
    pub(in crate::cli) setting: Setting,
}

impl Gathered {
    /// Gathers.
    pub(in crate::cli) fn new(env: &Env) -> Result<Self, Failure> {
        let place = Place::of(env)?;
        let file = &place.paths.config_file;
        let copy = last_good(&place.paths);
        let mut facts = ConfigFacts {
            file: file.display().to_string(),
            last_good: copy.exists().then(|| copy.display().to_string()),
            exists: true,
            ..ConfigFacts::default()
        };
        let inspected = match Inspected::read(&place.paths, env) {
            Ok(inspected) => Some(inspected),
            Err(IncludeError::Missing(missing)) if missing == *file => {
                facts.exists = false;
                None
            }
            Err(error) => {
                facts.unreadable = Some(error.to_string());
                None
            }
        };
        let mut includes = Vec::new();
        let mut written = Written::default();
        let mut config = None;
        if let Some(mut inspected) = inspected {
            written = Written(inspected.sources.merged().clone());
            includes = inspected.sources.files().skip(1).map(Path::to_owned).collect();
            judge(&mut inspected, &place, &mut facts);
            facts.old_forms = old_forms(&written, &place);
            config = inspected.config;
        }
        let setting = Setting::of(config.clone().unwrap_or_default(), env)?;
        let mut ground = Ground {
            bind: setting.config.gateway.bind,
            written,
            config: config.unwrap_or_default(),
            approvals: Written(rules(&setting.paths.state_dir)),
            files: files(&setting, &includes),
            ..Ground::default()
        };
        door_of(&mut ground, &setting, env);
        Ok(Self {
            ground,
            facts,
            setting,
        })
    }

    /// The state directory, if it is not there or none.
    pub(super) fn state_dir(&self) -> Option<Finding> {
        let path = &self.setting.paths.state_dir;
        if path.is_dir() {
            return None;
        }
        let shown = path.display();
        Some(match path.exists() {
            true => Finding::critical(
                "fs.state_dir.not_a_directory",
                "the state directory is something else",
            )
            .because(format!("{shown} is not a directory"))
            .remedy("move what is there, or set OPENCLAW_STATE_DIR"),
            false => Finding::warn("fs.state_dir.missing", "there is no state directory")
                .because(format!("{shown} does not exist yet; the first start makes it"))
                .remedy(format!("mkdir -m 700 -p {shown}"))
                .mended_by(Mend::StateDir),
        })
    }

    /// What there is to know of plugins without running them.
    pub(in crate::cli) fn plugins(&self) -> Vec<PluginFacts> {
        let loose = &self.setting.config.plugins.load.paths;
        let loose: Vec<_> = loose.iter().map(|path| self.setting.paths.expand(path)).collect();
        let specs = self.setting.assembly.specs.iter();
        let facts = specs.map(|spec| {
            let settings = &spec.settings;
            let mut powers = Vec::new();
            if !settings.permissions.processes.is_empty() {
                powers.push("start programs".to_owned());
            }
            if settings.permissions.network == NetworkPermission::Own {
                powers.push("open its own connections".to_owned());
            }
            PluginFacts {
                id: spec.manifest.id.clone(),
                path: spec.path.display().to_string(),
                is_on: spec.reason.is_on(),
                bundled: spec.origin == Origin::Bundled,
                loose: loose.iter().any(|folder| spec.path.starts_with(folder)),
                isolated: settings.isolation == Isolation::Process,
                pinned: settings.integrity.sha256.is_some() || settings.integrity.public_key.is_some(),
                powers,
                faults: doctor::faults(spec),
            }
        });
        facts.collect()
    }

    /// Plugins that the configuration needs and nobody has, and what else hinders them.
    pub(super) fn absent_plugins(&self) -> Vec<Finding> {
        let assembly = &self.setting.assembly;
        let absent = assembly.absent.iter().map(|absent| {
            Finding::critical("plugins.missing", format!("a plugin is missing: {}", absent.what))
                .because(absent.to_string())
                .remedy("openclaw plugins install <file>, or remove the key that needs it")
        });
        let problems = assembly.problems.iter().map(|problem| {
            Finding::critical("plugins.problem", "a plugin can't be used")
                .because(problem)
                .remedy("openclaw plugins doctor")
        });
        let rejects = self.setting.found.rejects.iter().map(|reject| {
            Finding::warn(
                "plugins.reject",
                "a file that looks like a plugin is none that fits",
            )
            .because(format!("{}: {}", reject.path.display(), reject.error))
            .remedy("remove it, or put one for this machine and this version there")
        });
        let mut all: Vec<_> = absent.chain(problems).collect();
        // `problems` tells of most of them already
        all.extend(rejects.filter(|finding| {
            let told =
                |problem: &String| finding.detail.contains(problem) || problem.contains(&finding.detail);
            !assembly.problems.iter().any(told)
        }));
        all
    }
}

/// The rules for commands; nothing where there are none, or none that can be read: then nothing is allowed by them.
fn rules(state: &Path) -> Value {
    let path = state.join("exec-approvals.json");
    let fits = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MAX_RULES);
    let text = if fits {
        fs::read(&path).unwrap_or_default()
    } else {
        Vec::new()
    };
    serde_json::from_slice(&text).unwrap_or_default()
}

fn judge(inspected: &mut Inspected, place: &Place<'_>, facts: &mut ConfigFacts) {
    if let Some(config) = &inspected.config {
        let (judgement, strange) = place.judged(config, &mut inspected.without_effect);
        inspected.faults.extend(judgement.faults);
        inspected.without_effect.extend(judgement.without_effect);
        facts.strange_tools = strange.iter().map(ToString::to_string).collect();
    }
    let faults = inspected.problems().into_iter();
    facts.faults = faults
        .map(|fault| (fault.at.to_string(), fault.path.to_string(), fault.message))
        .collect();
    facts.without_effect = inspected.without_effect.iter().map(ToString::to_string).collect();
    facts.has_mode = !inspected.sources.merged()["gateway"]["mode"].is_null();
}

/// Old forms, with the reason for those that can't be rewritten together with the ones before.
fn old_forms(written: &Written, place: &Place<'_>) -> Vec<(old_forms::OldForm, Option<String>)> {
    let found = old_forms::find(&written.0);
    let all: Vec<_> = found.iter().flat_map(|form| form.edits.clone()).collect();
    if all.is_empty() || edit::rehearse(&all, place).is_ok() {
        return found.into_iter().map(|form| (form, None)).collect();
    }
    let mut accepted = Vec::new();
    let judged = found.into_iter().map(|form| {
        let mut with = accepted.clone();
        with.extend(form.edits.clone());
        match edit::rehearse(&with, place) {
            Ok(()) => {
                accepted = with;
                (form, None)
            }
            Err(why) => (form, Some(why.to_string())),
        }
    });
    judged.collect()
}

/// Who can reach the gateway, and with which secrets.
fn door_of(ground: &mut Ground, setting: &Setting, env: &Env) {
    let gateway = &setting.config.gateway;
    let bind = ground.bind.unwrap_or(BindMode::Loopback);
    // an address that is missing is told elsewhere
    ground.exposed = door::ip(bind, gateway.custom_bind_host).is_ok_and(|ip| !ip.is_loopback());
    let written = &ground.written.0["gateway"]["auth"];
    let mut fetched = |name: &str, input: &Option<SecretInput>| {
        let secret = input.as_ref()?.secret().cloned();
        let is_unset = secret
            .as_ref()
            .is_some_and(|secret| is_unfilled(&written[name], secret.expose()));
        if secret.is_none() || is_unset {
            ground.unfetched = true;
            return None;
        }
        secret
    };
    let (token, password) = (
        fetched("token", &gateway.auth.token),
        fetched("password", &gateway.auth.password),
    );
    ground.token = env.var("OPENCLAW_GATEWAY_TOKEN").map(Secret::new).or(token);
    ground.password = env.var("OPENCLAW_GATEWAY_PASSWORD").map(Secret::new).or(password);
    // one of its own is random, and never lets it listen for others
    if ground.token.is_none() && ground.password.is_none() && !ground.exposed {
        ground.token = address::own_token(setting).filter(|token| !token.is_empty());
    }
}

/// Files with what the system says of them; those that are not there are left out.
fn files(setting: &Setting, includes: &[PathBuf]) -> Vec<FileFact> {
    let (state, config) = (&setting.paths.state_dir, &setting.paths.config_file);
    let mut wanted = vec![
        (FileKind::StateDir, state.clone()),
        (FileKind::Config, config.clone()),
    ];
    wanted.extend(includes.iter().map(|path| (FileKind::Include, path.clone())));
    for name in ["bak", "bak.1", "bak.2", "bak.3", "bak.4"] {
        wanted.push((
            FileKind::Secret,
            PathBuf::from(format!("{}.{name}", config.display())),
        ));
    }
    wanted.extend(SECRETS.iter().map(|name| (FileKind::Secret, state.join(name))));
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        wanted.push((FileKind::Database, state.join(name)));
    }
    for (kind, folder) in [(FileKind::Credentials, "credentials"), (FileKind::Log, "logs")] {
        wanted.push((kind, state.join(folder)));
        wanted.extend(inside(&state.join(folder)).map(|path| (kind, path)));
    }
    for agent in inside(&state.join("agents")) {
        wanted.push((FileKind::AuthProfiles, agent.join("agent/auth-profiles.json")));
        let sessions = agent.join("sessions");
        wanted.extend(inside(&sessions).map(|path| (FileKind::Sessions, path)));
    }
    let us = rustix::process::geteuid().as_raw();
    let facts = wanted.into_iter().take(MAX_FILES).filter_map(|(kind, path)| {
        let is_link = fs::symlink_metadata(&path).ok()?.is_symlink();
        let metadata = fs::metadata(&path).ok()?;
        let foreign = metadata.uid() != us && metadata.uid() != 0;
        Some(FileFact {
            kind,
            mode: metadata.mode() & 0o7777,
            foreign: foreign.then_some(metadata.uid()),
            is_link,
            is_dir: metadata.is_dir(),
            path,
        })
    });
    facts.collect()
}

fn inside(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).take(MAX_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn setting(folder: &Path, config: Value) -> (Setting, Env) {
        let folder = folder.to_str().expect("text");
        // no plugins but those in there, which are none
        let names = ["OPENCLAW_STATE_DIR", "OPENCLAW_BUNDLED_PLUGINS_DIR"];
        let env: Env = names.into_iter().map(|name| (name, folder)).collect();
        let config = Config::from_value(config).expect("valid");
        (Setting::of(config, &env).expect("a setting"), env)
    }

    #[test]
    fn the_file_of_secrets_is_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(vault::FILE), "{}").expect("written");
        let (setting, _) = setting(folder.path(), serde_json::json!({}));
        let facts = files(&setting, &[]);
        let found = facts.iter().find(|fact| fact.path.ends_with("secrets.json"));
        assert_eq!(found.map(|fact| fact.kind), Some(FileKind::Secret));
    }

    #[test]
    fn a_secret_that_is_a_variable_of_the_gateways_is_not_judged() {
        let folder = tempfile::tempdir().expect("a folder");
        let value = serde_json::json!({"gateway": {"auth": {"token": "$OPENCLAW_SECRET"}}});
        let (setting, env) = setting(folder.path(), value.clone());
        let mut ground = Ground {
            bind: Some(BindMode::Lan),
            written: Written(value),
            ..Ground::default()
        };
        door_of(&mut ground, &setting, &env);
        assert!(ground.unfetched && ground.token.is_none());
    }
}
