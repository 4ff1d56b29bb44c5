//! The way of a whole configuration, on files: samples, includes, variables, edits.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sample-configs");

/// A folder with `openclaw.json` and other files in it.
fn folder(files: &[(&str, &str)]) -> (TempDir, Paths) {
    let temp = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let file = temp.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let state = temp.path().to_str().unwrap();
    let paths = Paths::resolve(&[("OPENCLAW_STATE_DIR", state)].into_iter().collect()).unwrap();
    (temp, paths)
}

fn load(files: &[(&str, &str)], env: &Env) -> Result<Value, String> {
    let (temp, paths) = folder(files);
    let shown = |error: ConfigError| {
        error
            .to_string()
            .replace(&format!("{}/", temp.path().display()), "")
    };
    Config::load(&paths, env)
        .map(|config| config.value().clone())
        .map_err(shown)
}

/// The value of all files together, which need not be a configuration.
fn merged(files: &[(&str, &str)]) -> Value {
    let (_temp, paths) = folder(files);
    let sources = Sources::read(&paths.config_file, &paths.include_roots).unwrap();
    sources.merged().clone()
}

fn samples(kind: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(Path::new(SAMPLES).join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            fs::read_to_string(path).unwrap(),
        )
    };
    entries.map(read).collect()
}

#[test]
fn valid_samples_are_accepted() {
    for (name, text) in samples("valid") {
        let result = load(&[("openclaw.json", &text)], &Env::default());
        assert!(result.is_ok(), "{name}: {result:?}");
    }
}

#[test]
fn valid_samples_cut_off_anywhere_are_refused() {
    for (name, text) in samples("valid") {
        let whole = Document::parse(Path::new("f"), text.clone().into_bytes()).unwrap();
        // the last characters may be a comment or a newline
        for end in (0..text.len()).step_by(11) {
            match Document::parse(Path::new("f"), text.as_bytes()[..end].to_vec()) {
                Ok(part) => assert_eq!(part.value(), whole.value(), "{name} cut at {end}"),
                Err(error) => assert!(
                    error.to_string().starts_with("f:"),
                    "{name} cut at {end}: {error}"
                ),
            }
        }
    }
}

#[test]
fn every_key_without_effect_is_a_warning_with_its_place() {
    let (_, text) = samples("valid")
        .into_iter()
        .find(|(name, _)| name == "february.json5")
        .unwrap();
    let (_temp, paths) = folder(&[("openclaw.json", &text)]);
    let warnings = Loaded::read(&paths, &Env::default()).unwrap().warnings;
    let found = |path: &str| {
        warnings
            .iter()
            .any(|warning| warning.path.to_string() == path && warning.at.line > 1)
    };
    for path in ["cron.store", "env.shellEnv", "tools.exec"] {
        assert!(found(path), "{path}: {warnings:?}");
    }
    for path in [
        "meta",
        "wizard",
        "agents.defaults.compaction",
        "agents.list[1].heartbeat",
        "agents.defaults.contextPruning",
        "gateway.reload",
    ] {
        assert!(!found(path), "{path}");
    }
}

#[test]
fn rules_of_access_are_judged_and_not_called_without_effect() {
    let rules = |within: &str| {
        let text = format!(
            r#"{{ "accessGroups": {{ "us": {{ "type": "message.senders", "members": {{ "*": ["1"] }} }} }},
                  "tools": {{ "message": {{ "crossContext": {{ "allowWithinProvider": {within} }} }} }} }}"#
        );
        let (_temp, paths) = folder(&[("openclaw.json", &text)]);
        Loaded::read(&paths, &Env::default()).map(|loaded| loaded.warnings)
    };
    let warnings = rules("false").unwrap();
    let named = |path: &str| warnings.iter().any(|w| w.path.to_string().starts_with(path));
    assert!(!named("accessGroups") && !named("tools.message"), "{warnings:?}");
    let error = rules("\"no\"").unwrap_err().to_string();
    assert!(error.contains("allowWithinProvider"), "{error}");
}

/// Not a test of anything: `cargo test --release -- --ignored --nocapture load_time` says what a load costs.
#[test]
#[ignore = "a measurement"]
fn load_time() {
    for (name, text) in samples("valid") {
        let (_temp, paths) = folder(&[("openclaw.json", &text)]);
        let begin = std::time::Instant::now();
        let warnings = Loaded::read(&paths, &Env::default()).unwrap().warnings.len();
        let first = begin.elapsed();
        let begin = std::time::Instant::now();
        Loaded::read(&paths, &Env::default()).unwrap();
        println!(
            "{name}: {first:?}, again {:?}, {warnings} warnings",
            begin.elapsed()
        );
    }
}

/// An invalid sample's first line is `// <line>:<column>: <part of the error>`.
#[test]
fn invalid_samples_are_refused_at_their_place() {
    let samples = samples("invalid");
    assert!(samples.len() >= 10);
    let mut wrong = Vec::new();
    for (name, text) in samples {
        let expected = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("// ")
            .expect("the first line says what is wrong");
        let (place, part) = expected.split_once(": ").unwrap();
        let error = load(&[("openclaw.json", &text)], &Env::default()).expect_err(&name);
        let fits = error.contains(&format!("openclaw.json:{place}: ")) && error.contains(part);
        if !fits || error.contains("hunter2") {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_told_apart() {
    let (_temp, paths) = folder(&[]);
    let error = Config::load(&paths, &Env::default()).expect_err("there is no file");
    assert!(
        matches!(error, ConfigError::Include(IncludeError::Missing(_))),
        "{error}"
    );
}

#[test]
fn variables_come_from_the_environment_and_then_from_the_file() {
    let text = "{ env: { vars: { A: 'file', B: 'file' } }, messages: { responsePrefix: '${A} ${B}', ackReaction: '$${A}' } }";
    let env: Env = [("A", "environment")].into_iter().collect();
    let value = load(&[("openclaw.json", text)], &env).unwrap();
    assert_eq!(
        value["messages"],
        json!({"responsePrefix": "environment file", "ackReaction": "${A}"})
    );

    let error = load(&[("openclaw.json", "{\n channels: ['${NONE}'] }")], &env).unwrap_err();
    assert!(
        error.contains("openclaw.json:2:13: channels[0]: variable NONE is not set"),
        "{error}"
    );
}

#[test]
fn warnings_name_what_has_no_effect() {
    let (temp, paths) = folder(&[(
        "openclaw.json",
        "{ plugins: {\n entries: { x: {\n apiKey: 'hunter2' } } } }",
    )]);
    let file = temp.path().join("openclaw.json");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let loaded = Loaded::read(&paths, &Env::default()).unwrap();
    let shown: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(
        shown[0].contains("openclaw.json:3:2: plugins.entries.x.apiKey: "),
        "{shown:?}"
    );
    assert!(shown[1].contains("chmod 600"), "{shown:?}");
    assert!(!format!("{loaded:?}").contains("hunter2"));
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(Loaded::read(&paths, &Env::default()).unwrap().warnings.len(), 1);
}

#[test]
fn debug_shows_no_value_of_a_plugin() {
    let value =
        json!({"plugins": {"entries": {"x": {"config": {"token": "hunter2"}, "env": {"T": "hunter2"}}}}});
    assert!(!format!("{:?}", Config::from_value(value).unwrap()).contains("hunter2"));
}

#[test]
fn includes_merge_in_order() {
    let value = merged(&[
        (
            "openclaw.json",
            "{ $include: ['a.json', './sub/b.json'], x: { own: 1 }, list: [3], channels: { $include: 'c.json' } }",
        ),
        ("a.json", "{ x: { own: 0, a: 1 }, list: [1], y: 'a' }"),
        ("sub/b.json", "{ $include: 'deep.json', list: [2], y: 'b' }"),
        ("sub/deep.json", "{ z: 'deep', y: 'deep' }"),
        ("c.json", "{ t: { enabled: true } }"),
    ]);
    let expected = json!({"x": {"own": 1, "a": 1}, "list": [1, 2, 3], "y": "b", "z": "deep", "channels": {"t": {"enabled": true}}});
    assert_eq!(value, expected);
}

#[test]
fn faults_in_included_files_have_their_place_there() {
    let files = [
        (
            "openclaw.json",
            "{ plugins: { $include: 'p.json', deny: ['x'] } }",
        ),
        ("p.json", "{\n  allow: 'all',\n  deny: ['a', 'b'] }"),
    ];
    let error = load(&files, &Env::default()).unwrap_err();
    assert!(
        error.contains("p.json:2:3: plugins.allow: is a string, but must be of type array"),
        "{error}"
    );

    let (_temp, paths) = folder(&files);
    let sources = Sources::read(&paths.config_file, &[]).unwrap();
    for (path, file, column) in [
        ("plugins.deny[1]", "p.json", 15),
        ("plugins.deny[2]", "openclaw.json", 41),
    ] {
        let at = sources.locate(&path.parse().unwrap());
        assert!(at.file.ends_with(file) && at.column == column, "{path}: {at}");
    }
}

#[test]
fn includes_stay_in_bounds() {
    let long: Vec<_> = (0..12)
        .map(|i| (format!("{i}.json"), format!("{{ $include: '{}.json' }}", i + 1)))
        .collect();
    let mut chain: Vec<_> = long
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    chain.push(("openclaw.json", "{ $include: '0.json' }"));
    for (files, part) in [
        (vec![("openclaw.json", "{ $include: '../x.json' }")], "outside"),
        (vec![("openclaw.json", "{ $include: '/etc/passwd' }")], "outside"),
        (
            vec![("openclaw.json", "{ $include: 'none.json' }")],
            "could not be read",
        ),
        (vec![("openclaw.json", "{ $include: 1 }")], "must be a file name"),
        (
            vec![
                ("openclaw.json", "{ $include: 'a.json' }"),
                ("a.json", "{ $include: 'openclaw.json' }"),
            ],
            "includes itself",
        ),
        (
            vec![
                ("openclaw.json", "{ $include: 'a.json', b: 1 }"),
                ("a.json", "[]"),
            ],
            "must hold an object",
        ),
        (
            vec![("openclaw.json", "{ $include: 'a.json' }"), ("a.json", "{ b: ")],
            "a.json:1:",
        ),
        (chain, "more than 10"),
    ] {
        let error = load(&files, &Env::default()).unwrap_err();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_link_does_not_lead_an_include_out() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.json"), "{ wizard: 1 }").unwrap();
    let (temp, mut paths) = folder(&[
        ("openclaw.json", "{ $include: 'link.json' }"),
        ("in.json", "{ channels: {} }"),
    ]);
    let link = temp.path().join("link.json");
    std::os::unix::fs::symlink(outside.path().join("x.json"), &link).unwrap();
    assert!(Config::load(&paths, &Env::default()).is_err());
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("in.json", &link).unwrap();
    assert_eq!(
        Config::load(&paths, &Env::default()).unwrap().value(),
        &json!({"channels": {}})
    );

    // an allowed root opens exactly itself
    let target = outside.path().join("x.json");
    fs::write(
        &paths.config_file,
        format!("{{ $include: '{}' }}", target.display()),
    )
    .unwrap();
    assert!(Config::load(&paths, &Env::default()).is_err());
    paths.include_roots = vec![outside.path().into()];
    assert_eq!(
        Config::load(&paths, &Env::default()).unwrap().value(),
        &json!({"wizard": 1})
    );
}

fn set(path: &str, value: Value) -> Edit {
    Edit::Set {
        path: path.parse().unwrap(),
        value,
    }
}

fn unset(path: &str) -> Edit {
    Edit::Unset {
        path: path.parse().unwrap(),
    }
}

#[test]
fn edits_leave_everything_else_as_it_was() {
    let text = "// mine\r\n{\r\n    a: 'single', // why\r\n    /* b */ \"b\": [1, 2,],\r\n    c: {\r\n        d: 1,\r\n    },\r\n}\r\n";
    for (edit, from, to) in [
        (set("a", json!("it's")), "'single'", "\"it's\""),
        (set("b[0]", json!(7)), "[1, 2,]", "[7, 2,]"),
        (set("b[2]", json!(3)), "[1, 2,]", "[1, 2, 3]"),
        (set("c.d", json!(null)), "d: 1", "d: null"),
        (
            set("c.e", json!(true)),
            "d: 1,\r\n",
            "d: 1,\r\n        \"e\": true,\r\n",
        ),
        (
            set("c[\"x y\"].z", json!(1)),
            "d: 1,\r\n",
            "d: 1,\r\n        \"x y\": {\r\n            \"z\": 1,\r\n        },\r\n",
        ),
        (unset("c.d"), "c: {\r\n        d: 1,\r\n    }", "c: {}"),
        (unset("b[1]"), "[1, 2,]", "[1,]"),
        (unset("nothing.here"), "", ""),
        (set("c.d", json!(1)), "", ""),
    ] {
        let after = apply(text, std::slice::from_ref(&edit)).unwrap();
        assert_eq!(after, text.replacen(from, to, 1), "{edit:?}");
    }
}

#[test]
fn the_first_of_a_list_makes_the_list() {
    for (edits, value) in [
        (vec![set("a.b[0]", json!("x"))], json!({"a": {"b": ["x"]}})),
        (
            vec![set("l[0].id", json!(1)), set("l[1].id", json!(2))],
            json!({"l": [{"id": 1}, {"id": 2}]}),
        ),
    ] {
        let after = apply("{ // kept\n}\n", &edits).unwrap();
        assert!(after.starts_with("{ // kept\n"), "{after}");
        let document = Document::parse(Path::new("f"), after.into_bytes()).unwrap();
        assert_eq!(document.value(), &value);
    }
    apply("{}", &[set("a[1]", json!(1))]).expect_err("there is no first one");
}

#[test]
fn edits_that_mean_nothing_are_refused() {
    for (text, edit, part) in [
        ("{ a: 1 }", set("a.b", json!(1)), "a is of type number"),
        ("{ a: [] }", set("a[1]", json!(1)), "use index 0 to append"),
        ("{ a: [] }", set("a.x", json!(1)), "a is of type array"),
        ("{ a: 1", set("a", json!(1)), "cut off"),
        ("{ a: 1, a: 2 }", set("b", json!(1)), "second time"),
        ("[]", set("a", json!(1)), "type array"),
    ] {
        let error = apply(text, std::slice::from_ref(&edit))
            .expect_err(text)
            .to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(matches!(
        apply(
            "{}",
            &[Edit::Unset {
                path: JsonPath::root()
            }]
        ),
        Err(EditError::Root)
    ));
}

#[test]
fn files_are_edited_whole_or_not_at_all() {
    let (temp, paths) = folder(&[
        (
            "openclaw.json",
            "{ // keep\n  plugins: { $include: 'p.json', deny: [] },\n}\n",
        ),
        ("p.json", "{ allow: ['a'], entries: { x: { enabled: true } } }"),
    ]);
    let file = &paths.config_file;
    let before = fs::read(file).unwrap();
    for path in [
        "plugins.allow",
        "plugins.entries.x.enabled",
        "plugins.entries.y.enabled",
        "plugins",
    ] {
        let error = edit_file(file, &[], &[set("z", json!(1)), set(path, json!({}))])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(path) && error.contains("p.json; change it there"),
            "{error}"
        );
        assert_eq!(fs::read(file).unwrap(), before);
    }
    assert!(
        edit_file(
            file,
            &[],
            &[
                set("plugins.deny", json!(["b"])),
                set("logging.level", json!("info"))
            ]
        )
        .unwrap()
    );
    let after = fs::read_to_string(file).unwrap();
    assert!(
        after.starts_with("{ // keep\n  plugins: { $include: 'p.json', deny: [\"b\"] },\n"),
        "{after}"
    );
    assert_eq!(fs::read(temp.path().join("openclaw.json.bak")).unwrap(), before);
    assert!(!edit_file(file, &[], &[set("logging.level", json!("info"))]).unwrap());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_set_is_there_and_nothing_else_changed(
        base in prop::collection::btree_map("[a-c]", any_json(), 0..3),
        keys in prop::collection::vec(prop_oneof!["[a-c]", any::<String>()], 1..4),
        value in any_json(),
        pretty in any::<bool>(),
    ) {
        let base = json!(base);
        let json = if pretty { serde_json::to_string_pretty(&base) } else { serde_json::to_string(&base) }.unwrap();
        let text = format!("// first\n{json} // last\n");
        let path = keys.iter().fold(JsonPath::root(), |path, key| path.key(key));
        match apply(&text, &[Edit::Set { path: path.clone(), value: value.clone() }]) {
            Ok(after) => {
                let document = Document::parse(Path::new("f"), after.clone().into_bytes()).unwrap();
                prop_assert_eq!(path.of(document.value()), Some(&value));
                prop_assert!(after.starts_with("// first\n") && after.ends_with(" // last\n"), "{}", after);
                if path.of(&base).is_none() {
                    let removed = apply(&after, &[Edit::Unset { path }]).unwrap();
                    let document = Document::parse(Path::new("f"), removed.into_bytes()).unwrap();
                    for (key, value) in base.as_object().unwrap() {
                        prop_assert!(key == &keys[0] || document.value().get(key) == Some(value));
                    }
                }
            }
            Err(EditError::NotAContainer { .. } | EditError::BeyondEnd { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn no_text_panics(text in "[{}\\[\\]:,'\"/*a0.+\\-x\\\\\n $]{0,40}") {
        let _ = Document::parse(Path::new("f"), text.clone().into_bytes());
        let _ = apply(&text, &[Edit::Set { path: JsonPath::root().key("a"), value: Value::Null }]);
    }
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let (temp, paths) = folder(&[("openclaw.json", "{ $include: 'more.json' }")]);
    let pipe = |name: &str| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            temp.path().join(name),
            rustix::fs::FileType::Fifo,
            mode,
            0,
        )
        .unwrap();
    };
    let refused = || Sources::read(&paths.config_file, &[]).unwrap_err().to_string();
    pipe("more.json");
    assert!(refused().contains("not a regular file"), "{}", refused());
    fs::remove_file(&paths.config_file).unwrap();
    pipe("openclaw.json");
    assert!(refused().contains("not a regular file"), "{}", refused());
}

#[test]
fn what_was_judged_is_what_is_written() {
    let (_temp, paths) = folder(&[("openclaw.json", "{}")]);
    let other = "{ logging: { level: 'debug' } }";
    let judge = |_: &Config| {
        fs::write(&paths.config_file, other).unwrap();
        Vec::new()
    };
    let edits = [set("gateway.port", json!(1234))];
    let error = change(&paths, &Env::default(), &edits, &judge).unwrap_err();
    assert!(matches!(error, ChangeError::Edit(EditError::Raced(_))), "{error}");
    assert_eq!(fs::read_to_string(&paths.config_file).unwrap(), other);
}
