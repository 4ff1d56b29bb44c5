//! The real program as an operator uses it: start, talk, look, change, stop.
use openclaw_e2e::{plugin, program};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// A home of its own with one folder of bundled plugins.
struct Home {
    state: tempfile::TempDir,
    plugins: tempfile::TempDir,
}

impl Home {
    fn new(config: &str) -> Self {
        let home = Self {
            state: tempfile::tempdir().expect("a folder"),
            plugins: tempfile::tempdir().expect("a folder"),
        };
        fs::copy(plugin("demo"), home.plugins.path().join("demo.so")).expect("copied");
        fs::write(home.config(), config).expect("written");
        home
    }

    fn config(&self) -> std::path::PathBuf {
        self.state.path().join("openclaw.json")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env("OPENCLAW_STATE_DIR", self.state.path())
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", self.plugins.path())
            .env_remove("OPENCLAW_GATEWAY_TOKEN")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON on standard output and nothing else")
    }
}

/// A running gateway. Dropping it ends it.
struct Running {
    child: Child,
    port: String,
}

impl Running {
    fn start(home: &Home) -> Self {
        let mut child = home
            .command(&["gateway", "--port", "0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                Some(
                    line.split("ws://127.0.0.1:")
                        .nth(1)?
                        .split(' ')
                        .next()?
                        .to_owned(),
                )
            })
            .expect("it says where it listens");
        // Somebody has to read what it says, or it would wait for a reader one day.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_gateway_answers_reloads_and_stops() {
    let home = Home::new("{ plugins: { entries: { demo: { isolation: 'process' } } } }");
    let mut running = Running::start(&home);
    let port = running.port.clone();
    let answer = home.run(&["agent", "--port", &port, "--message", "hello there"]);
    assert_eq!(
        String::from_utf8_lossy(&answer.stdout).trim(),
        "You said: hello there"
    );
    let answer = home.json(&[
        "agent",
        "--port",
        &port,
        "--json",
        "-m",
        r#"/tool count_words {"text":"a b"}"#,
    ]);
    assert!(
        answer["result"]["payloads"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("\"words\":2"))
    );
    let top = home.json(&["plugins", "top", "--port", &port, "--json"]);
    assert_eq!(top["plugins"][0]["status"], "loaded");
    assert!(
        top["plugins"][0]["usage"]["rssBytes"].as_u64() > Some(0),
        "an isolated plugin's process is seen"
    );
    let listed = home
        .command(&["plugins", "list", "--json"])
        .env("OPENCLAW_GATEWAY_PORT", &port)
        .output();
    let listed: Value = serde_json::from_slice(&listed.expect("it runs").stdout).expect("JSON");
    assert!(
        listed["plugins"][0]["live"]["loadMs"].as_f64() > Some(0.0),
        "{listed:#}"
    );
    let reloaded = home.json(&["plugins", "reload", "demo", "--port", &port, "--json"]);
    assert_eq!(reloaded["plugin"]["generation"], 2);
    let ended = Command::new("kill").arg(running.child.id().to_string()).status();
    assert!(ended.expect("kill runs").success());
    assert_eq!(running.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn without_a_gateway_the_client_says_what_to_do() {
    let home = Home::new("{}");
    let output = home.run(&["agent", "--port", "1", "--message", "x"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("openclaw gateway"),
        "{text}"
    );
}

#[test]
fn wrong_configurations_end_with_78_and_name_the_key() {
    for (config, words) in [
        ("{ plugins: { entries: { demo: { enabld: true } } } }", "enabled"),
        ("{ plugins: { required: ['nothing'] } }", "plugins.required"),
        ("{ plugins: ", "openclaw.json"),
    ] {
        let home = Home::new(config);
        let output = home.run(&["gateway", "--port", "0"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{config}: {text}");
        assert!(text.contains(words), "{config}: {text}");
    }
}

#[test]
fn enabling_keeps_every_comment() {
    let home = Home::new("// mine\n{\n  plugins: {}, // also mine\n}\n");
    assert!(home.run(&["plugins", "disable", "demo"]).status.success());
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(
        text.contains("// mine") && text.contains("// also mine"),
        "{text}"
    );
    let listed = home.json(&["plugins", "list", "--json"]);
    assert_eq!(
        (&listed["plugins"][0]["enabled"], &listed["plugins"][0]["reason"]),
        (&false.into(), &"disabled in config".into())
    );
    let enabled = home.json(&["plugins", "enable", "demo", "--json"]);
    assert_eq!(
        (&enabled["changed"], &enabled["staysOff"]),
        (&true.into(), &serde_json::Value::Null)
    );
    assert_eq!(
        home.json(&["plugins", "list", "--json"])["plugins"][0]["enabled"],
        true
    );
}

#[test]
fn an_installed_plugin_is_pinned_found_isolated_and_removed() {
    let home = Home::new("{}");
    fs::remove_file(home.plugins.path().join("demo.so")).expect("removed");
    let archive = home.state.path().join("demo-plugin.tar.gz");
    pack(&plugin("demo"), &archive);
    let installed = home.json(&[
        "plugins",
        "install",
        archive.to_str().expect("UTF-8"),
        "--pin",
        "--json",
    ]);
    assert_eq!(installed["id"], "demo");
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(
        text.contains(installed["sha256"].as_str().expect("a hash")),
        "{text}"
    );
    let listed = home.json(&["plugins", "list", "--json"]);
    assert_eq!(
        (
            &listed["plugins"][0]["origin"],
            &listed["plugins"][0]["isolation"]
        ),
        (&"installed".into(), &"process".into())
    );
    let running = Running::start(&home);
    let answer = home.run(&["agent", "--port", &running.port, "--message", "hi"]);
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "You said: hi");
    drop(running);
    let removed = home.json(&["plugins", "uninstall", "demo", "--json"]);
    assert_eq!(
        (&removed["id"], &removed["removed"]),
        (&"demo".into(), &true.into())
    );
    assert_eq!(
        home.json(&["plugins", "list", "--json"])["plugins"],
        serde_json::json!([])
    );
}

fn pack(library: &Path, archive: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(library, folder.path().join("demo.so")).expect("copied");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .arg("demo.so")
        .status();
    assert!(packed.expect("tar runs").success());
}
