//! The service file: what the gateway needs, and as little else as systemd can take away.
//!
//! Pure: text out of places. It carries no secret; those come from the file that `EnvironmentFile` names.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The first line, by which a file of ours is known.
pub(super) const MARK: &str = "# Made by `openclaw gateway install`; change it with `systemctl --user edit`.";
/// Variables for the gateway, one `NAME=value` in each line, in the state directory.
pub(super) const VARIABLES: &str = "gateway.env";
/// The exit code that a restart would not mend: configuration or lock.
const NO_RESTART: u8 = 78;

/// What systemd takes away. Writable and executable memory stays allowed: programs that tools start may compile at run
/// time. Namespaces of its own would not be missed, but a service in the user's manager is in one already.
const HARDENING: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
";

/// What a service file says.
#[derive(Debug)]
pub(super) struct Unit {
    /// This program.
    pub(super) program: PathBuf,
    /// Arguments after `gateway`.
    pub(super) args: Vec<String>,
    /// The state directory.
    pub(super) state: PathBuf,
    /// Further folders that tools may write to.
    pub(super) writable: Vec<PathBuf>,
    /// Variables that say where things are.
    pub(super) variables: Vec<(&'static str, String)>,
    /// Whose service of the whole system it is; the user's own manager runs it if that is nobody.
    pub(super) user: Option<String>,
}

/// Why something can't stand in a service file.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` has a line break, which a service file can't carry; choose another name")]
pub(super) struct LineBreak(String);

// === impl Unit ===

impl Unit {
    /// The file.
    pub(super) fn text(&self) -> Result<String, LineBreak> {
        let mut command = format!("{} gateway", quoted(&self.program.to_string_lossy(), true)?);
        for arg in &self.args {
            write!(command, " {}", quoted(arg, true)?).expect("a String takes every write");
        }
        let variables = path(&self.state.join(VARIABLES))?;
        let (target, user) = match &self.user {
            Some(user) => ("multi-user.target", format!("User={}\n", quoted(user, false)?)),
            None => ("default.target", String::new()),
        };
        let mut text = format!(
            "{MARK}\n[Unit]\nDescription=OpenClaw gateway\nWants=network-online.target\nAfter=network-online.target\n\
             StartLimitIntervalSec=300\nStartLimitBurst=10\n\n[Service]\nType=exec\n{user}ExecStart={command}\n\
             Restart=on-failure\nRestartSec=2\nRestartPreventExitStatus={NO_RESTART}\nTimeoutStopSec=30\nKillMode=mixed\n\
             EnvironmentFile=-{variables}\n"
        );
        for (name, value) in &self.variables {
            let pair = quoted(&format!("{name}={value}"), false)?;
            writeln!(text, "Environment={pair}").expect("a String takes every write");
        }
        text += HARDENING;
        for folder in std::iter::once(&self.state).chain(&self.writable) {
            writeln!(text, "ReadWritePaths={}", path(folder)?).expect("a String takes every write");
        }
        write!(text, "\n[Install]\nWantedBy={target}\n").expect("a String takes every write");
        Ok(text)
    }
}

fn path(path: &Path) -> Result<String, LineBreak> {
    let text = path.to_string_lossy();
    // `EnvironmentFile` takes no quotes, and a path needs none but for spaces
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | '%');
    match text.chars().all(plain) {
        true => Ok(text.into_owned()),
        false => quoted(&text, false),
    }
}

/// A word of a service file: in quotes where it needs them, so that it means itself.
fn quoted(word: &str, in_command: bool) -> Result<String, LineBreak> {
    if word.contains(['\n', '\r', '\0']) {
        return Err(LineBreak(word.escape_debug().to_string()));
    }
    let mut text = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    if in_command {
        text = text.replace('$', "$$");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@,+%$".contains(c);
    Ok(match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("\"{text}\""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, process::Command};

    /// The highest score that is good enough.
    const MOST_EXPOSED: f64 = 2.0;

    fn unit(user: Option<&str>) -> Unit {
        Unit {
            program: "/opt/open claw/bin/openclaw".into(),
            args: vec!["--port".into(), "18789".into()],
            state: "/home/ada/.openclaw".into(),
            writable: vec!["/home/ada/my work".into()],
            variables: vec![("OPENCLAW_STATE_DIR", "/home/ada/.openclaw".into())],
            user: user.map(str::to_owned),
        }
    }

    #[test]
    fn words_mean_themselves() {
        let table = [
            ("plain", "plain", "plain"),
            ("two words", "\"two words\"", "\"two words\""),
            ("100%", "100%%", "100%%"),
            ("$HOME", "$HOME", "$$HOME"),
            ("a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""),
            ("", "\"\"", "\"\""),
        ];
        for (word, elsewhere, in_command) in table {
            assert_eq!(quoted(word, false).expect(word), elsewhere);
            assert_eq!(quoted(word, true).expect(word), in_command);
        }
        quoted("a\nExecStart=/bin/sh", true).expect_err("another line");
    }

    #[test]
    fn the_file_says_what_to_run_and_where_it_may_write() {
        let text = unit(None).text().expect("no line breaks");
        for line in [
            MARK,
            "ExecStart=\"/opt/open claw/bin/openclaw\" gateway --port 18789",
            "EnvironmentFile=-/home/ada/.openclaw/gateway.env",
            "Environment=OPENCLAW_STATE_DIR=/home/ada/.openclaw",
            "ReadWritePaths=/home/ada/.openclaw",
            "ReadWritePaths=\"/home/ada/my work\"",
            "RestartPreventExitStatus=78",
            "WantedBy=default.target",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("User="));
        let text = unit(Some("ada")).text().expect("no line breaks");
        assert!(text.contains("\nUser=ada\n") && text.contains("WantedBy=multi-user.target"));
    }

    /// systemd judges the file itself, where it is there.
    #[test]
    fn the_service_is_confined() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("openclaw-gateway.service");
        fs::write(&file, unit(Some("ada")).text().expect("no line breaks")).expect("written");
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(&file)
            .output();
        let Ok(judged) = judged else {
            eprintln!("skipped: systemd-analyze is not installed, so nobody judges the service file");
            return;
        };
        let (said, why) = (
            String::from_utf8_lossy(&judged.stdout).into_owned(),
            String::from_utf8_lossy(&judged.stderr).into_owned(),
        );
        let score = said.rsplit("exposure level for").next().and_then(|rest| {
            let mut words = rest.split_whitespace();
            words.find_map(|word| word.parse::<f64>().ok())
        });
        let Some(score) = score else {
            eprintln!("skipped: this systemd-analyze can't judge a file: {why}");
            return;
        };
        assert!(score <= MOST_EXPOSED, "{score}\n{said}");
        assert!(why.is_empty(), "systemd does not know all of it: {why}");
    }
}
