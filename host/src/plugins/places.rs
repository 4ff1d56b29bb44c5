//! Folders that a manifest can't name because they follow from the configuration: `{workspaces}` are those of the agents,
//! `{readable}` are those that agents are told of beside them.
use crate::{
    config::{Config, Paths},
    skills,
};
use std::path::PathBuf;

/// Puts real folders in the place of names, and the user's home in the place of `~`.
pub fn expand(paths: &Paths, config: &Config, wish: &mut Vec<String>) {
    let named = std::mem::take(wish);
    let folders = named.into_iter().flat_map(|path| match path.as_str() {
        "{workspaces}" => workspaces(paths, config),
        "{readable}" => readable(paths, config),
        _ => vec![paths.expand(path)],
    });
    for folder in folders {
        let folder = folder.display().to_string();
        if !wish.contains(&folder) {
            wish.push(folder);
        }
    }
}

/// Makes the workspaces that are not there yet: what is not there when a plugin is confined can't be used later. One that
/// can't be made is told of by the tool that wants to use it.
pub fn make_workspaces(paths: &Paths, config: &Config) {
    for workspace in workspaces(paths, config) {
        let _ = std::fs::create_dir_all(workspace);
    }
}

fn workspaces(paths: &Paths, config: &Config) -> Vec<PathBuf> {
    let agents = config.agents();
    agents.agents.iter().map(|agent| agent.workspace(paths)).collect()
}

fn readable(paths: &Paths, config: &Config) -> Vec<PathBuf> {
    let agents = config.agents();
    let roots = agents
        .agents
        .iter()
        .flat_map(|agent| skills::roots(config, agent, paths));
    roots.map(|root| root.path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_become_the_folders_of_all_agents() {
        let config = Config::from_value(json!({
            "agents": {"list": [{"id": "main"}, {"id": "work", "workspace": "/srv/work"}]},
            "skills": {"load": {"extraDirs": ["/srv/skills"]}},
        }))
        .expect("valid");
        let paths = Paths {
            home: Some("/home/ada".into()),
            state_dir: "/home/ada/.openclaw".into(),
            config_file: "/home/ada/.openclaw/openclaw.json".into(),
            include_roots: Vec::new(),
        };
        let mut wish = vec![
            "{workspaces}".to_owned(),
            "~/notes".to_owned(),
            "/srv/work".to_owned(),
        ];
        expand(&paths, &config, &mut wish);
        assert_eq!(
            wish,
            ["/home/ada/.openclaw/workspace", "/srv/work", "/home/ada/notes"]
        );
        let mut wish = vec!["{readable}".to_owned()];
        expand(&paths, &config, &mut wish);
        assert!(wish.contains(&"/srv/skills".to_owned()), "{wish:?}");
    }
}
