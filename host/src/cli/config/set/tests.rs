//! What `config set` makes of its command line and of the file.
use super::*;
use crate::config::Env;
use clap::Parser;
use std::fs;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn read(words: &[&str]) -> Result<Args, clap::Error> {
    let words = ["set"].into_iter().chain(words.iter().copied());
    Line::try_parse_from(words).map(|line| line.args)
}

/// A state directory with a configuration.
struct Home {
    folder: tempfile::TempDir,
    env: Env,
}

impl Home {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_str().expect("a name");
        let env = [
            ("OPENCLAW_STATE_DIR", state),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
        ];
        let env = env.into_iter().collect();
        let home = Self { folder, env };
        if !config.is_empty() {
            fs::write(home.file(), config).expect("written");
        }
        home
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("openclaw.json")
    }

    fn set(&self, words: &[&str]) -> Result<(), Failure> {
        let args = read(words).expect("it parses");
        run(&args, &Place::of(&self.env).expect("a place"))
    }

    fn now(&self) -> Value {
        json5_file(&self.file()).expect("it parses")
    }
}

#[test]
fn a_path_goes_with_a_value_or_a_reference_and_a_batch_alone() {
    for (words, good) in [
        (&["a.b", "1"][..], true),
        (&["a.b", "-1", "--strict-json"], true),
        (&["a.b", "--json", "1"], true),
        (&["a.b", "--ref-source", "env", "--ref-id", "X"], true),
        (&["--batch-json", "[]"], true),
        (&["--batch-file", "-", "--dry-run"], true),
        (&["a.b"], false),
        (&[], false),
        (&["a.b", "1", "--batch-json", "[]"], false),
        (&["a.b", "1", "--ref-source", "env", "--ref-id", "X"], false),
        (&["a.b", "--ref-source", "env"], false),
        (&["a.b", "--ref-id", "X"], false),
        (&["a.b", "--ref-source", "store", "--ref-id", "X"], false),
        (&["a.b", "1", "--merge", "--replace"], false),
        (
            &[
                "a.b",
                "1",
                "--expect-current-absent",
                "--expect-current-json",
                "1",
            ],
            false,
        ),
    ] {
        let read = read(words);
        assert_eq!(read.is_ok(), good, "{words:?}: {read:?}");
    }
}

#[test]
fn a_dry_run_writes_nothing_and_says_what_is_wrong() {
    let home = Home::new("");
    home.set(&["gateway.port", "1234", "--dry-run"])
        .expect("it could be");
    assert!(!home.file().exists());
    home.set(&["gateway.port", "1234"]).expect("a first value");
    assert!(home.set(&["gateway.port", "'x'", "--dry-run"]).is_err());
    home.set(&["gateway.port", "1235", "--dry-run", "--json"])
        .expect("it could be");
    assert_eq!(home.now(), json!({ "gateway": { "port": 1234 } }));
}

#[test]
fn only_what_is_expected_is_replaced() {
    let home = Home::new("{ gateway: { port: 1 } }");
    for (words, good) in [
        (&["gateway.port", "2", "--expect-current-json", "3"][..], false),
        (&["gateway.port", "2", "--expect-current-absent"], false),
        (
            &["gateway.bind", "lan", "--expect-current-json", "\"lan\""],
            false,
        ),
        (&["gateway.port", "2", "--expect-current-json", "1"], true),
        (&["gateway['bind']", "loopback", "--expect-current-absent"], true),
    ] {
        let set = home.set(words);
        assert_eq!(set.is_ok(), good, "{words:?}: {set:?}");
    }
    assert_eq!(
        home.now(),
        json!({ "gateway": { "port": 2, "bind": "loopback" } })
    );
}

#[test]
fn entries_go_only_if_somebody_says_so() {
    let home = Home::new("{ agents: { defaults: { models: { 'a/b': {}, 'a/c': {} } } } }");
    let path = "agents.defaults.models";
    let refused = home.set(&[path, "{ 'a/d': {} }"]).expect_err("two would go");
    assert!(refused.to_string().contains("--merge"), "{refused}");
    home.set(&[path, "{ 'a/d': {}, 'a/b': null }", "--merge"])
        .expect("added");
    assert_eq!(
        home.now()["agents"]["defaults"]["models"],
        json!({ "a/c": {}, "a/d": {} })
    );
    home.set(&[path, "{ 'a/e': {} }", "--replace"]).expect("replaced");
    assert_eq!(home.now()["agents"]["defaults"]["models"], json!({ "a/e": {} }));
    assert!(home.set(&["gateway.port", "1", "--merge"]).is_err(), "a number");
    assert!(loses(&json!([{ "id": "x", "n": 1 }]), &json!([{ "id": "y" }])));
    assert!(!loses(
        &json!([{ "id": "x", "n": 1 }]),
        &json!([{ "id": "y" }, { "id": "x" }])
    ));
    assert!(loses(&json!({ "x": 1 }), &json!(null)) && !loses(&json!({}), &json!(null)));
    let protected = |path: &str| is_protected(&path.parse().expect("a path"));
    assert!(protected("models.providers.mine.models") && !protected("models.providers.mine"));
}

#[test]
fn a_provider_is_set_flag_by_flag() {
    let home = Home::new("{}");
    let set = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        read(&words).map(|args| run(&args, &Place::of(&home.env).expect("a place")))
    };
    let line = "secrets.providers.vault --provider-source exec --provider-command /bin/x --provider-arg --raw \
                --provider-env A=b=c --provider-pass-env HOME --provider-timeout-ms 5 --provider-json-only";
    set(line).expect("it parses").expect("set");
    let expected = json!({
        "source": "exec", "command": "/bin/x", "args": ["--raw"], "env": { "A": "b=c" }, "passEnv": ["HOME"],
        "timeoutMs": 5, "jsonOnly": true,
    });
    let stored = home.now()["secrets"]["providers"]["vault"].clone();
    assert_eq!(stored, expected);
    let elsewhere = set("gateway.auth --provider-source env").expect("it parses");
    assert!(elsewhere.is_err(), "no place of a provider");
    for line in [
        "secrets.providers.x --provider-path /x",
        "secrets.providers.x 1 --provider-source env",
        "secrets.providers.x --provider-source env --ref-source env --ref-id X",
        "secrets.providers.x --provider-source exec --provider-env A",
    ] {
        assert!(set(line).is_err(), "{line}");
    }
}

#[test]
fn a_reference_is_an_object_and_a_batch_is_one_step() {
    let home = Home::new("{ gateway: { auth: { mode: 'token' } } }");
    let place = [
        "--ref-source",
        "env",
        "--ref-provider",
        "default",
        "--ref-id",
        "TOKEN",
    ];
    let words: Vec<_> = ["gateway.auth.token"].into_iter().chain(place).collect();
    home.set(&words).expect("a reference");
    let reference = json!({ "source": "env", "provider": "default", "id": "TOKEN" });
    assert_eq!(home.now()["gateway"]["auth"]["token"], reference);
    let batch = |entries: Value| home.set(&["--batch-json", &entries.to_string()]);
    let wrong = [
        json!([]),
        json!([{ "path": "gateway.port", "value": 1, "ref": reference }]),
        json!([{ "path": "gateway.port" }]),
        json!([{ "path": "gateway.port", "value": 1, "more": 1 }]),
        json!([{ "path": "gateway.auth.token", "ref": { "source": "nowhere", "id": "x" } }]),
        json!([{ "path": "gateway.port", "provider": { "source": "env" } }]),
        // the second is wrong, so the first is not done either
        json!([{ "path": "gateway.port", "value": 7 }, { "path": "gateway.bind", "value": 1 }]),
    ];
    for entries in wrong {
        assert!(batch(entries.clone()).is_err(), "{entries}");
        assert!(home.now()["gateway"]["port"].is_null(), "{entries}");
    }
    batch(json!([
        { "path": "gateway.port", "value": 7 },
        { "path": "secrets.providers.here", "provider": { "source": "env" } },
        { "path": "gateway.auth.password", "ref": { "source": "env", "provider": "here", "id": "WORD" } },
    ]))
    .expect("three in one step");
    let now = home.now();
    assert_eq!(
        (
            &now["gateway"]["port"],
            &now["secrets"]["providers"]["here"]["source"]
        ),
        (&json!(7), &json!("env"))
    );
    assert_eq!(now["gateway"]["auth"]["password"]["id"], "WORD");
    let meeting = json!([{ "path": "agents", "value": {} }, { "path": "agents.defaults", "value": {} }]);
    let met = home.set(&["--merge", "--batch-json", &meeting.to_string()]);
    assert!(met.expect_err("they meet").to_string().contains("two steps"));
}
