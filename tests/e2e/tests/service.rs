//! The gateway as a service, with a stand-in for `systemctl` that writes down what it is told.
use openclaw_e2e::world::Home;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

/// Writes its arguments down, and answers `show` as systemd does. Fails if there is a file `broken`.
const SYSTEMCTL: &str = "#!/bin/sh\n\
    here=$(dirname \"$0\")\n\
    echo \"$@\" >> \"$here/orders\"\n\
    if test -e \"$here/broken\"; then echo 'Failed to connect to bus' >&2; exit 1; fi\n\
    case \"$2\" in show) printf 'ActiveState=active\\nSubState=running\\nUnitFileState=enabled\\nMainPID=4711\\nExecMainStatus=0\\n' ;; esac\n";

struct Desk {
    home: Home,
    tools: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            home: Home::new(&["demo"]),
            tools: tempfile::tempdir().expect("a folder"),
        };
        let systemctl = desk.tools.path().join("systemctl");
        fs::write(&systemctl, SYSTEMCTL).expect("written");
        fs::set_permissions(systemctl, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::write(desk.home.config_file(), "{ gateway: { mode: 'local' } }").expect("written");
        desk
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(&[]);
        command.arg("gateway").args(args).env("USER", "ada").env(
            "PATH",
            std::env::join_paths([self.tools.path(), "/usr/bin".as_ref(), "/bin".as_ref()]).expect("paths"),
        );
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
        serde_json::from_slice(&output.stdout).expect("JSON and nothing else")
    }

    fn unit(&self) -> PathBuf {
        self.home
            .state()
            .join(".config/systemd/user/openclaw-gateway.service")
    }

    fn orders(&self) -> Vec<String> {
        let text = fs::read_to_string(self.tools.path().join("orders")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_service_is_installed_started_looked_at_and_removed() {
    let desk = Desk::new();
    let answer = desk.json(&["install", "--port", "18799", "--json"]);
    assert_eq!(answer["changed"], true);
    assert_eq!(
        desk.orders(),
        [
            "--user daemon-reload",
            "--user enable openclaw-gateway.service",
            "--user restart openclaw-gateway.service"
        ]
    );
    let text = fs::read_to_string(desk.unit()).expect("it is there");
    let state = desk.home.state().display();
    for words in [
        "gateway --port 18799\n",
        &format!("OPENCLAW_STATE_DIR={state}\n"),
        "NoNewPrivileges=yes",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    assert_eq!(
        desk.json(&["install", "--port", "18799", "--json"])["changed"],
        false
    );

    let status = desk.json(&["status", "--no-probe", "--json"]);
    assert_eq!(status["service"]["state"]["active"], "active");
    assert_eq!(status["service"]["state"]["pid"], 4711);
    let said = desk.run(&["status", "--no-probe"]).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        said.contains("Service: openclaw-gateway.service: active (running, PID 4711), enabled"),
        "{said}"
    );

    for verb in ["stop", "start", "restart"] {
        assert_eq!(desk.json(&[verb, "--json"])["action"], verb);
        assert_eq!(
            desk.orders().last(),
            Some(&format!("--user {verb} openclaw-gateway.service"))
        );
    }
    assert_eq!(desk.json(&["uninstall", "--json"])["changed"], true);
    assert!(!desk.unit().exists() && desk.home.config_file().exists());
    assert_eq!(desk.json(&["uninstall", "--json"])["changed"], false);
    let output = desk.run(&["start"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("openclaw gateway install"));
}

#[test]
fn no_secret_gets_into_the_file_and_printing_changes_nothing() {
    let desk = Desk::new();
    let mut command = desk.command(&["install", "--print"]);
    command
        .env("OPENCLAW_GATEWAY_TOKEN", "a-token-nobody-may-see")
        .env("OPENAI_API_KEY", "sk-key");
    let printed = String::from_utf8(command.output().expect("it runs").stdout).expect("text");
    assert!(printed.contains("\nWantedBy=default.target\n") && printed.contains("gateway.env"));
    assert!(
        !printed.contains("nobody-may-see") && !printed.contains("sk-key"),
        "{printed}"
    );
    assert!(!desk.unit().exists() && desk.orders().is_empty());
    let system = String::from_utf8(desk.run(&["install", "--print", "--system"]).stdout).expect("text");
    assert!(system.contains("\nUser=ada\n") && system.contains("\nWantedBy=multi-user.target\n"));
}

#[test]
fn what_somebody_else_wrote_stays() {
    let desk = Desk::new();
    fs::create_dir_all(desk.unit().parent().expect("a folder")).expect("made");
    fs::write(desk.unit(), "[Service]\nExecStart=/my/own\n").expect("written");
    let output = desk.run(&["install"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--force"));
    assert!(desk.orders().is_empty());
    assert!(desk.run(&["install", "--force"]).status.success());
}

#[test]
fn what_is_missing_is_named() {
    let desk = Desk::new();
    fs::write(desk.tools.path().join("broken"), "").expect("written");
    let output = desk.run(&["install"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("systemctl --user daemon-reload") && said.contains("Failed to connect to bus"),
        "{said}"
    );

    fs::remove_file(desk.tools.path().join("systemctl")).expect("removed");
    let output = desk
        .command(&["install"])
        .env("PATH", desk.tools.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is not installed"), "{said}");

    fs::remove_file(desk.home.config_file()).expect("removed");
    let output = desk.run(&["install"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(78) && said.contains("gateway.mode"),
        "{said}"
    );
}
