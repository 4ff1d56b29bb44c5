//! Variables that the operator set for skills, `skills.entries.<name>.env` and `apiKey`: for the commands of agents that may
//! use them.
//!
//! The values go to the plugin that starts the command, and nowhere else. Which of them are no secrets is said with them, so
//! that the word of a setting is not hidden in everything that a command says: what is not known to be harmless is secret.
use super::{Skill, Skills};
use crate::{
    config::{Agent, Config, Paths, SkillEntry},
    observe::looks_secret,
    plugins::services::Variables,
};
use std::{collections::BTreeMap, sync::Arc};

impl Skills {
    /// What the skills that an agent may use need, by name. Where two set the same variable, the first by name counts.
    pub async fn environment(&self, config: &Arc<Config>, agent: &Agent, paths: &Paths) -> Variables {
        if config.skills.entries.is_empty() {
            return Variables::default();
        }
        let skills = self.get(config, agent, paths).await;
        set_for(&skills, &config.skills.entries)
    }
}

fn set_for(skills: &[Skill], entries: &BTreeMap<String, SkillEntry>) -> Variables {
    let mut all = Variables::default();
    for skill in skills.iter().filter(|skill| skill.eligible) {
        let Some(entry) = entries.get(&skill.skill_key) else {
            continue;
        };
        let main = skill.primary_env.as_ref().zip(entry.api_key.as_ref());
        let main_name = skill.primary_env.as_ref();
        // what is written for the very variable is more exact
        for (name, value) in entry.env.iter().chain(main) {
            let Some(value) = value.secret().map(|secret| secret.expose()) else {
                continue;
            };
            if all.values.contains_key(name) {
                continue;
            }
            all.values.insert(name.clone(), value.to_owned());
            if main_name != Some(name) && !entry.is_secret(name) && !looks_secret(value) {
                all.plain.insert(name.clone());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_an_agent_may_use_gives_variables() {
        let place = tempfile::tempdir().expect("a folder");
        let skill = |name: &str, meta: &str| {
            let folder = place.path().join("workspace/skills").join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let text = format!("---\nname: {name}\ndescription: x\nmetadata: {meta}\n---\n");
            std::fs::write(folder.join("SKILL.md"), text).expect("a file");
        };
        skill(
            "maps",
            r#"{"openclaw":{"primaryEnv":"MAPS_KEY","requires":{"env":["MAPS_KEY"]}}}"#,
        );
        skill("off", "{}");
        skill(
            "lacking",
            r#"{"openclaw":{"requires":{"bins":["no-such-program"]}}}"#,
        );
        skill("plain", "{}");
        let config = Config::from_value(json!({
            "agents": { "defaults": { "workspace": place.path().join("workspace") } },
            "skills": { "entries": {
                "maps": { "apiKey": "m-1", "env": {
                    "MAPS_REGION": "eu", "MAPS_SECRET": "s-1", "MAPS_URL": "https://me:s-2@maps.example",
                } },
                "off": { "enabled": false, "env": { "OFF": "x" } },
                "lacking": { "env": { "LACKING": "x" } },
                "plain": { "apiKey": "no variable is named for it" },
                "absent": { "env": { "ABSENT": "x" } },
            } },
        }));
        let config = config.expect("valid");
        let agents = config.agents();
        let paths = Paths {
            config_file: place.path().join("openclaw.json"),
            state_dir: place.path().to_owned(),
            home: None,
            include_roots: Vec::new(),
        };
        let none = std::iter::empty::<(&str, &str)>().collect();
        let skills = super::super::of_agent(&config, agents.default_agent(), &paths, &none);
        let set = set_for(&skills, &config.skills.entries);
        let values: Vec<_> = set
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("MAPS_KEY", "m-1"),
            ("MAPS_REGION", "eu"),
            ("MAPS_SECRET", "s-1"),
            ("MAPS_URL", "https://me:s-2@maps.example"),
        ];
        assert_eq!(values, expected);
        assert_eq!(set.plain, ["MAPS_REGION".to_owned()].into());
    }
}
