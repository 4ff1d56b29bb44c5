//! Whether a skill can be used: by the configuration, by the agent, and by what is on this machine.
use super::{Skill, find::Found, read::Needs};
use crate::config::{Agent, Config, Env, SkillEntry};
use serde_json::Value;
use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::PathBuf};

/// What skills are judged by.
#[derive(Debug)]
pub struct Context<'a> {
    entries: &'a BTreeMap<String, SkillEntry>,
    config: &'a Value,
    only: Option<&'a [String]>,
    folders: Vec<PathBuf>,
    env: &'a Env,
}

impl<'a> Context<'a> {
    /// For an agent on this machine.
    pub fn new(config: &'a Config, agent: &'a Agent, env: &'a Env) -> Self {
        let folders = env.var("PATH").map(|path| std::env::split_paths(path).collect());
        Self {
            entries: &config.skills.entries,
            config: config.value(),
            only: agent.settings.skills.as_deref(),
            folders: folders.unwrap_or_default(),
            env,
        }
    }

    fn has_program(&self, name: &str) -> bool {
        let runs = |path: PathBuf| {
            let meta = path.metadata();
            meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        // a name, not a way to one
        !name.contains('/') && self.folders.iter().any(|folder| runs(folder.join(name)))
    }

    fn has_variable(&self, name: &str, entry: Option<&SkillEntry>, primary: Option<&str>) -> bool {
        let set = entry.is_some_and(|entry| {
            entry.env.contains_key(name) || (primary == Some(name) && entry.api_key.is_some())
        });
        set || self.env.var(name).is_some_and(|value| !value.is_empty())
    }

    fn is_set(&self, key: &str) -> bool {
        let found = key
            .split('.')
            .try_fold(self.config, |value, step| value.get(step));
        match found {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(_) => true,
        }
    }
}

/// A skill with what it lacks.
pub fn judge(found: Found, context: &Context<'_>) -> Skill {
    let Found { front, file, source } = found;
    let extra = front.extra;
    let key = extra.skill_key.clone().unwrap_or_else(|| front.name.clone());
    let entry = context.entries.get(&key);
    let disabled = entry.is_some_and(|entry| entry.enabled == Some(false));
    let filtered = context
        .only
        .is_some_and(|only| !only.contains(&front.name) && !only.contains(&key));
    let needs = Needs {
        os: extra.os.clone(),
        ..extra.requires.clone()
    };
    let lacks = |wanted: &[String], has: &dyn Fn(&str) -> bool| -> Vec<String> {
        wanted.iter().filter(|name| !has(name)).cloned().collect()
    };
    let program = |name: &str| context.has_program(name);
    let none_of = !needs.any_bins.is_empty() && !needs.any_bins.iter().any(|name| program(name));
    let elsewhere = !needs.os.is_empty() && !needs.os.iter().any(|os| os == "linux");
    let mut missing = Needs {
        bins: lacks(&needs.bins, &program),
        any_bins: if none_of {
            needs.any_bins.clone()
        } else {
            Vec::new()
        },
        env: lacks(&needs.env, &|name| {
            context.has_variable(name, entry, extra.primary_env.as_deref())
        }),
        config: lacks(&needs.config, &|key| context.is_set(key)),
        os: if elsewhere { needs.os.clone() } else { Vec::new() },
    };
    if extra.always {
        missing = Needs::default();
    }
    let eligible = !disabled && !filtered && missing == Needs::default();
    Skill {
        name: front.name,
        description: front.description,
        source,
        bundled: false,
        base_dir: file.parent().map(PathBuf::from).unwrap_or_default(),
        file_path: file,
        skill_key: key,
        emoji: extra.emoji,
        homepage: front.homepage,
        always: extra.always,
        disabled,
        blocked_by_allowlist: false,
        blocked_by_agent_filter: filtered,
        eligible,
        platform_incompatible: elsewhere,
        model_visible: eligible && front.model_visible,
        user_invocable: front.user_invocable,
        command_visible: eligible && front.user_invocable,
        primary_env: extra.primary_env,
        requirements: needs,
        missing,
        command: String::new(),
    }
}
