//! References to secrets, from the file of the configuration to the secret or to the reason why there is none.
use crate::config::{Config, Env, Loaded, Paths};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A folder for a configuration and the secrets of it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn paths(&self) -> Paths {
        let state = self.0.path().to_str().unwrap();
        Paths::resolve(&[("OPENCLAW_STATE_DIR", state)].into_iter().collect()).unwrap()
    }

    /// The configuration with these providers and one reference, as the gateway's token.
    fn load(&self, secrets: Value, reference: Value) -> Result<String, String> {
        let config = json!({"secrets": secrets, "gateway": {"auth": {"token": reference}}});
        self.file("openclaw.json", &config.to_string(), 0o600);
        let env: Env = [("TOKEN", "of-the-env"), ("PASSED", "on"), ("HELD", "back")]
            .into_iter()
            .collect();
        let config = Config::load(&self.paths(), &env).map_err(|error| error.to_string())?;
        let token = config
            .gateway
            .auth
            .token
            .as_ref()
            .and_then(|token| token.secret());
        Ok(token
            .expect("a loaded configuration has its secrets")
            .expose()
            .to_owned())
    }

    fn with_file(&self, path: &Path, mode: &str, id: &str) -> Result<String, String> {
        let providers = json!({"providers": {"mine": {"source": "file", "path": path, "mode": mode}}});
        self.load(providers, json!({"source": "file", "provider": "mine", "id": id}))
    }

    fn with_program(&self, extra: Value, script: &str, id: &str) -> Result<String, String> {
        self.with_program_of_mode(extra, script, id, 0o700)
    }

    fn with_program_of_mode(
        &self,
        extra: Value,
        script: &str,
        id: &str,
        mode: u32,
    ) -> Result<String, String> {
        // a file that is being written can't be run, so the interpreter is the program and the script its argument
        let script = self.file("script", script, mode);
        let shell = fs::canonicalize("/bin/sh").unwrap();
        let mut provider = json!({"source": "exec", "command": shell, "args": [script]});
        provider
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let secrets = json!({"providers": {"program": provider}, "defaults": {"exec": "program"}});
        self.load(secrets, json!({"source": "exec", "id": id}))
    }
}

#[test]
fn variables() {
    let home = Home::new();
    let reference = |id: &str| json!({"source": "env", "provider": "default", "id": id});
    assert_eq!(home.load(json!({}), reference("TOKEN")), Ok("of-the-env".into()));
    assert_eq!(home.load(json!({}), json!("$TOKEN")), Ok("of-the-env".into()));
    assert_eq!(home.load(json!({}), json!("${TOKEN}")), Ok("of-the-env".into()));
    assert_eq!(home.load(json!({}), json!("$lower")), Ok("$lower".into()));
    let listed = json!({"providers": {"vars": {"source": "env", "allowlist": ["OTHER"]}}, "defaults": {"env": "vars"}});
    for (secrets, id, part) in [
        (json!({}), "NONE", "variable NONE is not set"),
        (json!({}), "lower", "no id of a secret"),
        (listed, "TOKEN", "not in the provider's allowlist"),
    ] {
        let error = home.load(secrets, reference(id)).expect_err(id);
        assert!(
            error.contains("gateway.auth.token: ") && error.contains(part),
            "{error}"
        );
    }
}

#[test]
fn files() {
    let home = Home::new();
    let json = home.file("s.json", r#"{"a": {"b": "deep"}, "n": 5, "empty": ""}"#, 0o600);
    assert_eq!(home.with_file(&json, "json", "/a/b"), Ok("deep".into()));
    let single = home.file("one", "alone\n", 0o400);
    assert_eq!(
        home.with_file(&single, "singleValue", "value"),
        Ok("alone".into())
    );
    for (file, mode, id, part) in [
        (&json, "json", "/a/c", "nothing at `/a/c`"),
        (&json, "json", "a", "JSON pointer"),
        (&json, "json", "/n", "of type number"),
        (&json, "json", "/empty", "is empty"),
        (&single, "json", "/a", "not JSON in line 1"),
        (&single, "singleValue", "/a", "its id is `value`"),
        (
            &home.file("open", "x", 0o640),
            "singleValue",
            "value",
            "chmod 600",
        ),
        (
            &home.0.path().to_owned(),
            "singleValue",
            "value",
            "not a regular file",
        ),
        (
            &home.0.path().join("none"),
            "singleValue",
            "value",
            "can't be read",
        ),
        (&PathBuf::from("relative"), "singleValue", "value", "absolute"),
    ] {
        let error = home.with_file(file, mode, id).expect_err(part);
        assert!(error.contains(part), "{part}: {error}");
        assert!(!error.contains("alone") && !error.contains("deep"), "{error}");
    }
}

#[test]
fn files_with_other_names_are_refused() {
    let home = Home::new();
    let file = home.file("one", "x", 0o600);
    let link = home.0.path().join("link");
    symlink(&file, &link).unwrap();
    assert!(
        home.with_file(&link, "singleValue", "value")
            .unwrap_err()
            .contains("is a link")
    );
    fs::hard_link(&file, home.0.path().join("second")).unwrap();
    assert!(
        home.with_file(&file, "singleValue", "value")
            .unwrap_err()
            .contains("second name")
    );
}

#[test]
fn a_large_file_is_refused() {
    let home = Home::new();
    let file = home.file("large", &"x".repeat(100), 0o600);
    let providers = json!({"providers": {"mine": {"source": "file", "path": file, "mode": "singleValue", "maxBytes": 99}}});
    let error = home
        .load(
            providers,
            json!({"source": "file", "provider": "mine", "id": "value"}),
        )
        .unwrap_err();
    assert!(error.contains("larger than 99 bytes"), "{error}");
}

#[test]
fn programs() {
    let home = Home::new();
    let answer = |value: &str| {
        format!("cat > /dev/null\necho '{{\"protocolVersion\":1,\"values\":{{\"a/b\":\"{value}\"}}}}'")
    };
    assert_eq!(
        home.with_program(json!({}), &answer("known"), "a/b"),
        Ok("known".into())
    );
    let plain = "IFS= read -r ask; echo \"$PASSED $HELD $OWN\"";
    let env = json!({"jsonOnly": false, "passEnv": ["PASSED"], "env": {"OWN": "own"}});
    assert_eq!(home.with_program(env, plain, "x"), Ok("on  own".into()));
    let asked =
        "IFS= read -r ask; case $ask in *'\"provider\":\"program\"'*'\"ids\":[\"x\"]'*) echo yes;; esac";
    assert_eq!(
        home.with_program(json!({"jsonOnly": false}), asked, "x"),
        Ok("yes".into())
    );
    let refused = "echo '{\"protocolVersion\":1,\"errors\":{\"x\":{\"code\":\"NOT_FOUND\"}}}'";
    for (extra, script, id, part) in [
        (json!({}), answer("").as_str(), "a/b", "is empty"),
        (json!({}), &answer("known"), "c", "did not answer for `c`"),
        (json!({}), &answer("known"), "a/../b", "no id of a secret"),
        (json!({}), refused, "x", "(NOT_FOUND)"),
        (json!({}), "echo hunter2", "x", "did not answer with"),
        (json!({}), "echo hunter2; exit 3", "x", "failed (exit status: 3)"),
        (
            json!({}),
            "echo '{\"protocolVersion\":2,\"values\":{}}'",
            "x",
            "another protocolVersion",
        ),
        (
            json!({"maxOutputBytes": 5}),
            "echo hunter2",
            "x",
            "more than 5 bytes",
        ),
        (
            json!({"timeoutMs": 50}),
            "exec 1>&-; while :; do :; done",
            "x",
            "took too long",
        ),
        (
            json!({"timeoutMs": 50}),
            "while :; do :; done & wait",
            "x",
            "took too long",
        ),
        (json!({"command": "sh"}), "", "x", "absolute"),
        (json!({"command": "/no/such/program"}), "", "x", "can't be found"),
        (json!({"command": "/"}), "", "x", "not a regular file"),
    ] {
        let error = home.with_program(extra, script, id).expect_err(part);
        assert!(error.contains(part), "{part}: {error}");
        assert!(
            !error.contains("hunter2") && !error.contains("known\""),
            "{error}"
        );
    }
}

#[test]
fn programs_that_others_can_change_are_refused() {
    let home = Home::new();
    let program = home.file("program", "#!/bin/sh\necho x", 0o722);
    let link = home.0.path().join("link");
    symlink(&program, &link).unwrap();
    for (command, part) in [(&program, "can be changed by other users"), (&link, "is a link")] {
        let error = home
            .with_program(json!({"command": command}), "", "x")
            .unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn references_fail_closed() {
    let home = Home::new();
    let file = json!({"providers": {"f": {"source": "file", "path": "/x"}}});
    for (secrets, reference, part) in [
        (
            json!({}),
            json!({"source": "file", "id": "/a"}),
            "there is no secrets.providers.default",
        ),
        (
            json!({}),
            json!({"source": "env", "provider": "gone", "id": "TOKEN"}),
            "there is no secrets.providers.gone",
        ),
        (
            json!({}),
            json!({"source": "env", "provider": "Bad Name", "id": "TOKEN"}),
            "no name of a provider",
        ),
        (
            file,
            json!({"source": "env", "provider": "f", "id": "TOKEN"}),
            "is not of source env",
        ),
        (
            json!({}),
            json!({"source": "store", "id": "TOKEN"}),
            "not known here",
        ),
        (
            json!({"providers": {"x": {"source": "file"}}}),
            json!("t"),
            "secrets.providers.x",
        ),
    ] {
        let error = home.load(secrets, reference).expect_err(part);
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn references_are_found_everywhere_and_left_alone_on_demand() {
    let home = Home::new();
    let reference = json!({"source": "env", "id": "TOKEN"});
    let config = json!({
        "channels": {"pigeon": {"accounts": {"a": {"keys": [reference.clone()]}}}},
        "models": {"providers": {"p": {"apiKey": reference.clone(), "headers": {"x": reference.clone()}}}},
        "plugins": {"entries": {"p": {"config": {"deep": {"password": "$TOKEN"}}}}},
    });
    home.file("openclaw.json", &config.to_string(), 0o600);
    let env: Env = [("TOKEN", "hunter2")].into_iter().collect();
    let loaded = Loaded::read(&home.paths(), &env).unwrap();
    let value = loaded.config.value();
    assert_eq!(value["channels"]["pigeon"]["accounts"]["a"]["keys"][0], "hunter2");
    assert_eq!(value["models"]["providers"]["p"]["headers"]["x"], "hunter2");
    assert_eq!(
        value["plugins"]["entries"]["p"]["config"]["deep"]["password"],
        "hunter2"
    );
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let unread = Loaded::read_without_secrets(&home.paths(), &Env::default()).unwrap();
    assert_eq!(unread.config.value(), &config);
    let mut key = unread.config.models.providers["p"].api_key.clone().unwrap();
    assert!(key.secret().is_none());
    key.assume();
    assert!(
        key.secret().is_some_and(|secret| secret.is_empty()),
        "it is somewhere"
    );
}

#[test]
fn no_reference_is_left_where_it_stands() {
    let home = Home::new();
    let reference = json!({"source": "env", "id": "TOKEN"});
    let many = vec![reference.clone(); 1000];
    let config = json!({"hooks": {"many": many}, "gateway": {"auth": {"token": reference}}});
    home.file("openclaw.json", &config.to_string(), 0o600);
    let env: Env = [("TOKEN", "of-the-env")].into_iter().collect();
    let error = Config::load(&home.paths(), &env).expect_err("one too many");
    let text = error.to_string();
    assert!(
        text.contains("gateway.auth.token") && text.contains("1000"),
        "{text}"
    );
}
