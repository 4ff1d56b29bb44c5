//! Skills: folders with a `SKILL.md` that tells agents how to do special work.
//!
//! A skill that lacks what it needs is not offered, and says what it lacks. What stands in its file is for the model to
//! read when it wants to; into the prompt go its name, its description and its place, each bounded. Nothing of a skill
//! is run here, and no file outside of its root is read.
mod environment;
mod find;
mod gate;
mod read;

pub use find::{Root, find, roots};
pub use gate::{Context, judge};
pub use read::{Front, Needs, parse};

use crate::config::{Agent, Config, Env, Paths};
use serde::Serialize;
use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Most skills in a prompt.
const OFFERED: usize = 150;
/// Most characters of skills in a prompt.
const OFFERED_CHARS: usize = 30_000;
/// How long what was found is taken for what there is.
const FRESH: Duration = Duration::from_secs(5);
/// Agents whose skills are remembered.
const MAX_AGENTS: usize = 64;

/// A skill that was found, and whether it can be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where it comes from, such as `openclaw-workspace`.
    pub source: &'static str,
    /// It came with the gateway. None does.
    pub bundled: bool,
    /// Its `SKILL.md`.
    pub file_path: PathBuf,
    /// Its folder.
    pub base_dir: PathBuf,
    /// Its name in `skills.entries`.
    pub skill_key: String,
    /// Its sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// Where more is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// It needs nothing, whatever it says.
    pub always: bool,
    /// The configuration says that it is off.
    pub disabled: bool,
    /// The gateway's own skills may be limited; there are none.
    pub blocked_by_allowlist: bool,
    /// The agent may not use it.
    pub blocked_by_agent_filter: bool,
    /// It can be used.
    pub eligible: bool,
    /// It is for another system.
    pub platform_incompatible: bool,
    /// Models are told of it.
    pub model_visible: bool,
    /// People may ask for it by `/name`.
    pub user_invocable: bool,
    /// It is among the commands.
    pub command_visible: bool,
    /// The variable that `apiKey` is the value of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_env: Option<String>,
    /// What it needs.
    pub requirements: Needs,
    /// What of that is not there.
    pub missing: Needs,
    /// Its name as a command.
    #[serde(skip)]
    pub command: String,
}

/// The skills of agents, found anew when they are old.
#[derive(Debug)]
pub struct Skills {
    env: Env,
    known: Mutex<Vec<Known>>,
}

/// The skills of an agent, as they were found.
#[derive(Debug)]
struct Known {
    agent: String,
    at: Instant,
    config: Arc<Config>,
    skills: Arc<[Skill]>,
}

/// All skills of an agent, by name. Looks at the disk.
pub fn of_agent(config: &Config, agent: &Agent, paths: &Paths, env: &Env) -> Vec<Skill> {
    let context = Context::new(config, agent, env);
    let found = find(&roots(config, agent, paths));
    let mut skills: Vec<_> = found.into_iter().map(|found| judge(found, &context)).collect();
    name_commands(&mut skills);
    skills
}

/// Each as a command: letters, digits and `_`, and no two the same.
fn name_commands(skills: &mut [Skill]) {
    let mut taken = std::collections::HashSet::new();
    for skill in skills.iter_mut() {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        let name: String = skill.name.chars().map(plain).take(32).collect();
        let name = name.trim_matches('_').to_owned();
        let name = if name.is_empty() { "skill".to_owned() } else { name };
        let mut numbered = (2..).map(|n| format!("{}_{n}", &name[..name.len().min(29)]));
        skill.command = if taken.insert(name.clone()) {
            name
        } else {
            let fresh = numbered.find(|name| taken.insert(name.clone()));
            fresh.expect("there is a number that is not taken")
        };
    }
}

/// The section of a prompt that offers skills. Empty: there are none.
pub fn section(skills: &[Skill]) -> String {
    let mut out = String::new();
    for skill in skills.iter().filter(|skill| skill.model_visible).take(OFFERED) {
        let entry = format!(
            "<skill><name>{}</name><description>{}</description><location>{}</location></skill>\n",
            escaped(&skill.name),
            escaped(&skill.description),
            escaped(&skill.file_path.display().to_string())
        );
        if out.chars().count() + entry.chars().count() > OFFERED_CHARS {
            break;
        }
        out.push_str(&entry);
    }
    if out.is_empty() {
        return out;
    }
    let mut section = "## Skills\nInstructions for special work. Before you answer, look whether the description of one \
        fits what is asked. If one does, read its file first and follow it; if several do, take the one that fits best; \
        if none does, read none. Paths in a skill are relative to its folder.\n"
        .to_owned();
    let _ = write!(section, "<available_skills>\n{out}</available_skills>");
    section
}

/// What a message asks for that begins with a skill's name: `/name words`, or `/skill name words`. None: it names none
/// that people may ask for.
pub fn asked(text: &str, skills: &[Skill]) -> Option<String> {
    let rest = text.trim_start().strip_prefix('/')?;
    let split = |text: &str| -> (String, String) {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        (name.to_lowercase().replace('-', "_"), rest.trim().to_owned())
    };
    let (mut name, mut words) = split(rest);
    if name == "skill" {
        (name, words) = split(words.trim());
    }
    let skill = skills
        .iter()
        .find(|skill| skill.command_visible && skill.command == name)?;
    let ask = format!(
        "Use the skill \"{}\" for this: read {} first and follow it.",
        skill.name,
        skill.file_path.display()
    );
    Some(if words.is_empty() {
        ask
    } else {
        format!("{ask}\n\n{words}")
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

impl Skills {
    /// None are known yet; variables are looked for here.
    pub fn new(env: Env) -> Self {
        let known = Mutex::default();
        Self { env, known }
    }

    /// The skills of an agent as they were found a moment ago, or now.
    pub async fn get(&self, config: &Arc<Config>, agent: &Agent, paths: &Paths) -> Arc<[Skill]> {
        let at = Instant::now();
        let fits = |known: &&Known| {
            known.agent == agent.id
                && at.duration_since(known.at) < FRESH
                && Arc::ptr_eq(&known.config, config)
        };
        if let Some(known) = self.known().iter().find(fits) {
            return known.skills.clone();
        }
        let (of, who) = (config.clone(), agent.clone());
        let (paths, env) = (paths.clone(), self.env.clone());
        let found = tokio::task::spawn_blocking(move || of_agent(&of, &who, &paths, &env)).await;
        let skills: Arc<[Skill]> = found.unwrap_or_default().into();
        let mut all = self.known();
        all.retain(|known| known.agent != agent.id);
        if all.len() >= MAX_AGENTS {
            all.clear();
        }
        all.push(Known {
            agent: agent.id.clone(),
            at,
            config: config.clone(),
            skills: skills.clone(),
        });
        skills
    }

    /// The files of the programs that an agent's skills need and that are there, links followed.
    pub async fn programs(&self, config: &Arc<Config>, agent: &Agent, paths: &Paths) -> Vec<String> {
        let skills = self.get(config, agent, paths).await;
        let folders: Vec<PathBuf> = self
            .env
            .var("PATH")
            .map(std::env::split_paths)
            .into_iter()
            .flatten()
            .collect();
        let found = tokio::task::spawn_blocking(move || {
            let usable = skills.iter().filter(|skill| skill.eligible);
            let names =
                usable.flat_map(|skill| skill.requirements.bins.iter().chain(&skill.requirements.any_bins));
            // a name, not a way to one
            let names = names.filter(|name| !name.contains('/'));
            let files = names.filter_map(|name| {
                folders
                    .iter()
                    .find_map(|folder| folder.join(name).canonicalize().ok())
            });
            files
                .filter_map(|file| file.to_str().map(str::to_owned))
                .collect()
        });
        found.await.unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
