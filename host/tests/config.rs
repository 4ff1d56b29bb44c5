//! `openclaw config` as people and scripts use it: the program itself, its output and its exit codes.
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command};
use tempfile::TempDir;

/// A state directory with a configuration.
struct Home(TempDir);

struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Home {
    fn new(text: &str) -> Self {
        let home = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::write(home.file(), text).expect("the folder is ours");
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("openclaw.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("the file is there")
    }

    fn run(&self, args: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_openclaw"))
            .arg("config")
            .args(args)
            .env_clear()
            .env("OPENCLAW_STATE_DIR", self.0.path())
            .env("HOME", self.0.path())
            .output()
            .expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Outcome {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Runs it and wants this exit code. Gives what it wrote.
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let outcome = self.run(args);
        assert_eq!(
            outcome.code,
            Some(code),
            "{args:?}: {}{}",
            outcome.out,
            outcome.err
        );
        outcome.out + &outcome.err
    }
}

#[test]
fn get_shows_what_is_written_without_secrets() {
    let home = Home::new(
        "{ gateway: { port: 5, auth: { token: 'hunter2', password: '${PASSWORD}' } }, channels: { x: { botToken: 'hunter2', a: [1] } } }",
    );
    assert_eq!(home.ends(0, &["get", "gateway.port"]), "5\n");
    assert_eq!(home.ends(0, &["get", "gateway.auth.token"]), "***\n");
    assert_eq!(
        home.ends(0, &["get", "gateway.auth.token", "--json"]),
        "\"***\"\n"
    );
    assert_eq!(
        home.ends(0, &["get", "gateway.auth.token", "--reveal"]),
        "hunter2\n"
    );
    assert_eq!(home.ends(0, &["get", "gateway.auth.password"]), "${PASSWORD}\n");
    let block: Value = serde_json::from_str(&home.ends(0, &["get", "channels.x", "--json"])).expect("JSON");
    assert_eq!(block, json!({"botToken": "***", "a": [1]}));
    assert!(
        home.ends(1, &["get", "gateway.bind"])
            .contains("gateway.bind is not set")
    );
    assert!(home.ends(2, &["get", "gateway..bind"]).contains("is not a path"));
    assert!(Home::new("{").ends(78, &["get", "a"]).contains("cut off"));
}

#[test]
fn set_and_unset_keep_the_rest_and_judge_the_result() {
    let home = Home::new("{\n  // mine\n  gateway: { port: 5 }, // why\n}\n");
    let told = home.ends(0, &["set", "gateway.port", "6"]);
    assert!(
        told.contains("Set gateway.port") && told.contains("takes effect by a restart"),
        "{told}"
    );
    assert_eq!(home.text(), "{\n  // mine\n  gateway: { port: 6 }, // why\n}\n");
    home.ends(0, &["set", "agents.list", "[{id: 'main'}]"]);
    home.ends(0, &["set", "agents.list[0].name", "plain text"]);
    assert_eq!(home.ends(0, &["get", "agents.list[0].name"]), "plain text\n");
    home.ends(0, &["set", "agents.list[0].name", "'5'"]);
    home.ends(0, &["unset", "agents.list[0].name"]);
    assert!(
        home.ends(1, &["unset", "agents.list[0].name"])
            .contains("is not set")
    );

    let before = home.text();
    for (args, code, part) in [
        (["set", "gateway.port", "70000"], 78, "nothing was changed"),
        (["set", "gateway.port", "'6'"], 78, "must be of type integer"),
        (["set", "gateway.prt", "6"], 78, "did you mean `port`?"),
        (["set", "agents.list[0].name", "5"], 78, "write it in quotes"),
        (["set", "gateway.port.x", "5"], 2, "is of type number"),
        (["set", "gateway", "{"], 78, "must be of type object"),
    ] {
        let told = home.ends(code, &args);
        assert!(told.contains(part), "{args:?}: {told}");
        assert_eq!(home.text(), before, "{args:?}");
    }
    assert!(
        home.ends(2, &["set", "gateway.bind", "{", "--strict-json"])
            .contains("not closed")
    );
}

#[test]
fn set_begins_a_file_and_mends_a_wrong_one() {
    let home = Home::new("");
    fs::remove_file(home.file()).expect("it is there");
    home.ends(0, &["set", "logging.level", "debug"]);
    assert_eq!(home.ends(0, &["get", "logging.level"]), "debug\n");

    let home = Home::new("{ gateway: { port: 'a', bind: 'b' } }");
    assert!(
        home.ends(0, &["set", "gateway.port", "5"])
            .contains("still wrong")
    );
    home.ends(0, &["unset", "gateway.bind"]);
    home.ends(0, &["validate"]);
}

#[test]
fn validate_says_everything_with_its_place() {
    let home = Home::new(
        "{ gateway: {\n  port: 'hunter2', tailscal: {} },\n  messages: { ackReaction: '${NONE}' } }",
    );
    let told = home.run(&["validate", "--json"]);
    assert_eq!(told.code, Some(78));
    let told: Value = serde_json::from_str(&told.out).expect("only JSON on standard output");
    assert_eq!(
        (&told["valid"], &told["path"]),
        (&json!(false), &json!(home.file()))
    );
    let mut places: Vec<_> = told["issues"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|issue| (issue["path"].as_str().unwrap_or_default(), issue["line"].as_u64()))
        .collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            ("gateway.port", Some(2)),
            ("gateway.tailscal", Some(2)),
            ("messages.ackReaction", Some(3))
        ]
    );
    assert!(!told.to_string().contains("hunter2"));
    assert!(home.ends(78, &["validate"]).contains("3 faults"));

    let home = Home::new(
        "{ browser: {}, gateway: { tailscale: {}, auth: { token: { source: 'env', id: 'NONE' } } } }",
    );
    let told: Value = serde_json::from_str(&home.run(&["validate", "--json"]).out).expect("JSON");
    assert_eq!(
        (&told["valid"], told["issues"].as_array().map(Vec::len)),
        (&json!(true), Some(0))
    );
    assert!(
        told["warnings"].to_string().contains("gateway.tailscale"),
        "{told}"
    );
    assert!(
        home.ends(78, &["validate", "--secrets"])
            .contains("variable NONE is not set")
    );
    assert!(Home::new("{ a: 1").ends(78, &["validate"]).contains("cut off"));
}

#[test]
fn schema_and_file() {
    let home = Home::new("{}");
    assert_eq!(home.ends(0, &["file"]), format!("{}\n", home.file().display()));
    let schema: Value = serde_json::from_str(&home.ends(0, &["schema"])).expect("JSON");
    assert!(schema["properties"]["agents"].is_object() && schema["$defs"]["SecretRef"].is_object());
    assert_eq!(home.run(&[]).code, Some(2));
}
