//! Skills in folders of their own, judged for an agent.
use super::*;
use serde_json::json;
use std::{fs, path::Path};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn skill(&self, path: &str, head: &str) {
        let folder = self.0.path().join(path);
        fs::create_dir_all(&folder).expect("made");
        fs::write(
            folder.join("SKILL.md"),
            format!("---\n{head}\n---\nDo it well.\n"),
        )
        .expect("written");
    }

    fn find(&self, config: serde_json::Value, env: &[(&str, &str)]) -> Vec<Skill> {
        let config = Config::from_value(config).expect("valid");
        let agents = config.agents();
        let paths = Paths {
            config_file: self.0.path().join("openclaw.json"),
            state_dir: self.0.path().to_owned(),
            home: Some(self.0.path().join("home")),
            include_roots: Vec::new(),
        };
        of_agent(
            &config,
            agents.default_agent(),
            &paths,
            &env.iter().copied().collect(),
        )
    }
}

#[test]
fn heads_are_read_as_people_write_them() {
    let folded =
        "---\nname: a-b\ndescription: >\n  Two\n  lines: here\nhomepage: https://example.org\n---\n# Title";
    let front = parse(folded).expect("a head");
    assert_eq!(
        (front.name.as_str(), front.description.as_str()),
        ("a-b", "Two lines: here")
    );
    assert!(front.user_invocable && front.model_visible);
    let json = "---\nname: x\ndescription: \"d\"\nuser-invocable: false\ndisable-model-invocation: true\nmetadata:\n  {\n    \"openclaw\": { \"emoji\": \"E\", \"requires\": { \"bins\": [\"op\"] }, \"primaryEnv\": \"K\", },\n  }\n---\n";
    let front = parse(json).expect("a head");
    assert!(!front.user_invocable && !front.model_visible);
    assert_eq!(
        (front.extra.emoji.as_deref(), front.extra.requires.bins.as_slice()),
        (Some("E"), &["op".to_owned()][..])
    );
    for bad in [
        "no head",
        "---\nname: x\n",
        "---\nname: x\n---\n",
        "---\nname: [\n---\n",
        "---\ndescription: d\n---\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_first_folder_wins_and_links_do_not_lead_out() {
    let place = Place::new();
    place.skill("skills/one", "name: one\ndescription: of the operator");
    place.skill("workspace/skills/one", "name: one\ndescription: of the workspace");
    place.skill("workspace/skills/group/two", "name: two\ndescription: deep");
    place.skill(
        "home/.agents/skills/three",
        "name: three\ndescription: of the person",
    );
    place.skill("more/four", "name: four\ndescription: extra");
    place.skill("outside/five", "name: five\ndescription: elsewhere");
    let root = place.0.path();
    std::os::unix::fs::symlink(root.join("outside/five"), root.join("workspace/skills/five"))
        .expect("linked");
    let extra = root.join("more").display().to_string();
    let found = place.find(json!({ "skills": { "load": { "extraDirs": [extra] } } }), &[]);
    let all: Vec<_> = found
        .iter()
        .map(|skill| (skill.name.as_str(), skill.source))
        .collect();
    assert_eq!(
        all,
        [
            ("four", "openclaw-extra"),
            ("one", "openclaw-workspace"),
            ("three", "agents-skills-personal"),
            ("two", "openclaw-workspace"),
        ]
    );
}

#[test]
fn what_is_missing_is_said_and_such_a_skill_is_not_offered() {
    let place = Place::new();
    let needs = "name: needy\ndescription: d\nmetadata: {openclaw: {primaryEnv: KEY, requires: {bins: [tool], env: [KEY], config: [browser.enabled]}}}";
    place.skill("skills/needy", needs);
    place.skill(
        "skills/mac",
        "name: mac\ndescription: d\nmetadata: {openclaw: {os: [darwin]}}",
    );
    let found = place.find(json!({}), &[]);
    let (mac, needy) = (&found[0], &found[1]);
    assert!(mac.platform_incompatible && !mac.eligible);
    let missing = &needy.missing;
    assert_eq!(
        (&missing.bins[..], &missing.env[..], &missing.config[..]),
        (
            &["tool".to_owned()][..],
            &["KEY".to_owned()][..],
            &["browser.enabled".to_owned()][..]
        )
    );
    assert_eq!(section(&found), "");
    let bin = place.0.path().join("bin");
    fs::create_dir(&bin).expect("made");
    fs::write(bin.join("tool"), "").expect("written");
    let path = bin.display().to_string();
    let config =
        json!({ "browser": { "enabled": true }, "skills": { "entries": { "needy": { "apiKey": "k" } } } });
    assert_eq!(
        place.find(config.clone(), &[("PATH", &path)])[1].missing.bins,
        ["tool"],
        "it can't be run"
    );
    let run = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(bin.join("tool"), run).expect("set");
    let found = place.find(config, &[("PATH", &path)]);
    assert!(found[1].eligible, "{:?}", found[1].missing);
    let offered = section(&found);
    assert!(
        offered.contains("<name>needy</name>") && !offered.contains("mac"),
        "{offered}"
    );
    let off = json!({ "skills": { "entries": { "mac": { "enabled": false } } }, "agents": { "defaults": { "skills": ["mac"] } } });
    let found = place.find(off, &[]);
    assert!(found[0].disabled && found[1].blocked_by_agent_filter);
}

#[test]
fn a_command_names_one_skill() {
    let place = Place::new();
    for (folder, name) in [("a", "Git Hub"), ("b", "git-hub"), ("c", "quiet")] {
        let quiet = if name == "quiet" {
            "\nuser-invocable: false"
        } else {
            ""
        };
        place.skill(
            &format!("skills/{folder}"),
            &format!("name: {name}\ndescription: <d> & e{quiet}"),
        );
    }
    let found = place.find(json!({}), &[]);
    let commands: Vec<_> = found.iter().map(|skill| skill.command.as_str()).collect();
    assert_eq!(commands, ["git_hub", "git_hub_2", "quiet"]);
    let ask = asked("/git-hub list  issues", &found).expect("it is one");
    assert!(ask.contains("Git Hub") && ask.ends_with("list  issues"), "{ask}");
    assert!(asked("/skill git_hub_2", &found).is_some_and(|ask| ask.contains("\"git-hub\"")));
    for none in ["/quiet", "/git", "git_hub", "/", "/skill", "text"] {
        assert_eq!(asked(none, &found), None, "{none}");
    }
    assert!(section(&found).contains("&lt;d&gt; &amp; e"));
    assert!(Path::new(&found[0].base_dir).is_dir());
}
