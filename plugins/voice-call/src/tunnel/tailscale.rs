//! Tailscale's `serve` (this tailnet) and `funnel` (everybody), by its own command.
//!
//! Commands run on a thread of their own, each with a time limit; nothing goes through a shell. What was mapped is
//! unmapped when the tunnel is closed.
use super::{Tunnel, Up};
use futures_channel::{mpsc, oneshot};
use futures_util::{StreamExt, future::BoxFuture};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde_json::Value;
use std::{
    process::{Command, Stdio},
    sync::mpsc as blocking,
    time::{Duration, Instant},
};
use url::Url;

/// Time for one command.
const COMMAND: Duration = Duration::from_secs(10);
/// Time between two looks at whether it still leads here.
const LOOK: Duration = Duration::from_secs(5);
/// Time between two looks at whether a command has ended.
const POLL: Duration = Duration::from_millis(20);
/// Longest output of a command that is read, bytes.
const MAX_OUTPUT: u64 = 1 << 20;

/// A tunnel of Tailscale.
pub(super) struct Tailscale {
    program: String,
    /// `funnel` or `serve`.
    verb: &'static str,
    port: u16,
    /// Paths on the tailnet's name, and where they lead.
    paths: Vec<(String, String)>,
    look: Duration,
}

// === impl Tailscale ===

impl Tailscale {
    pub(super) fn new(public: bool, port: u16, paths: Vec<(String, String)>) -> Self {
        Self {
            program: "tailscale".to_owned(),
            verb: if public { "funnel" } else { "serve" },
            port,
            paths,
            look: LOOK,
        }
    }
}

impl Tunnel for Tailscale {
    fn name(&self) -> &'static str {
        self.verb
    }

    fn run(&self, local: &str, up: Up) -> BoxFuture<'static, Error> {
        let line = Line {
            program: self.program.clone(),
            verb: self.verb,
            port: self.port,
            paths: self.paths.clone(),
            local: local.to_owned(),
            look: self.look,
        };
        Box::pin(async move {
            let (mut sender, mut told) = mpsc::channel(1);
            let (open, closed) = blocking::sync_channel::<()>(1);
            let (ended, end) = oneshot::channel();
            let spawned = std::thread::Builder::new()
                .name("oc-tailscale".into())
                .spawn(move || {
                    let error = line.run(&mut sender, &closed);
                    line.unmap();
                    // nobody waits any more
                    let _ = ended.send(error);
                });
            if let Err(error) = spawned {
                return Error::new(
                    ErrorKind::Internal,
                    format_args!("no thread for the tunnel: {error}"),
                );
            }
            // dropped with this future, which ends the thread
            let _open = open;
            while let Some(url) = told.next().await {
                up(url);
            }
            end.await
                .unwrap_or_else(|_| Error::new(ErrorKind::Internal, "the tunnel's thread ended"))
        })
    }
}

/// The address of this machine in its tailnet, by which a tunnel at this port would be reached.
pub(crate) async fn address(port: u16) -> Result<Url> {
    let line = Line {
        program: "tailscale".to_owned(),
        verb: "status",
        port,
        paths: Vec::new(),
        local: String::new(),
        look: LOOK,
    };
    let (sender, found) = oneshot::channel();
    let spawned = std::thread::Builder::new()
        .name("oc-tailscale".into())
        // nobody waits any more
        .spawn(move || drop(sender.send(line.address())));
    spawned.map_err(|error| Error::new(ErrorKind::Internal, format_args!("no thread: {error}")))?;
    let lost = |_| Error::new(ErrorKind::Internal, "the thread ended");
    found.await.map_err(lost)?
}

struct Line {
    program: String,
    verb: &'static str,
    port: u16,
    paths: Vec<(String, String)>,
    local: String,
    look: Duration,
}

impl Line {
    fn run(&self, told: &mut mpsc::Sender<Url>, closed: &blocking::Receiver<()>) -> Error {
        let outcome = self.open().inspect(|url| {
            // the first one finds room
            let _ = told.try_send(url.clone());
        });
        let error = match outcome {
            Err(error) => error,
            Ok(url) => loop {
                match closed.recv_timeout(self.look) {
                    Err(blocking::RecvTimeoutError::Timeout) => {}
                    _ => break Error::new(ErrorKind::Cancelled, "nobody wants the tunnel any more"),
                }
                match self.address() {
                    Ok(now) if now == url => {}
                    Ok(_) => {
                        break Error::new(
                            ErrorKind::Network,
                            "this machine has another name in the tailnet now",
                        );
                    }
                    Err(error) => break error,
                }
            },
        };
        told.close_channel();
        error
    }

    fn open(&self) -> Result<Url> {
        let url = self.address()?;
        for (path, own) in &self.paths {
            let target = format!("http://{}{own}", self.local);
            let port = format!("--https={}", self.port);
            self.tailscale(&[self.verb, "--bg", "--yes", &port, "--set-path", path, &target])?;
        }
        Ok(url)
    }

    fn unmap(&self) {
        for (path, _) in &self.paths {
            let port = format!("--https={}", self.port);
            // what is not mapped needs no unmapping
            let _ = self.tailscale(&[self.verb, "--yes", &port, "--set-path", path, "off"]);
        }
    }

    /// This machine's name in the tailnet.
    fn address(&self) -> Result<Url> {
        let status = self.tailscale(&["status", "--json"])?;
        let status: Value = serde_json::from_slice(&status)
            .map_err(|_| Error::new(ErrorKind::Internal, "`tailscale status --json` gave no JSON"))?;
        let state = status["BackendState"].as_str().unwrap_or("Running");
        if state != "Running" {
            let text = format!("tailscale is not running ({state}); run `tailscale up`");
            return Err(Error::new(ErrorKind::Network, text));
        }
        let name = status["Self"]["DNSName"].as_str().unwrap_or_default();
        let name = name.trim_end_matches('.');
        let port = match self.port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        Url::parse(&format!("https://{name}{port}/")).map_err(|_| {
            let text =
                "this machine has no name in the tailnet; switch MagicDNS and HTTPS on in the admin console";
            Error::new(ErrorKind::Config, text)
        })
    }

    fn tailscale(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| {
            let text = format!("the command `tailscale` can't be started ({error}); install Tailscale");
            Error::new(ErrorKind::Config, text)
        })?;
        let output = child.stdout.take();
        let (sender, read) = blocking::sync_channel(1);
        // kept, so that waiting below lasts as long as it should
        let _kept = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(output) = output {
                // what could be read is what there is
                let _ = std::io::Read::read_to_end(&mut std::io::Read::take(output, MAX_OUTPUT), &mut bytes);
            }
            // nobody waits any more where it took too long
            let _ = sender.send(bytes);
        });
        let (begin, mut said) = (Instant::now(), None);
        let status = loop {
            if let Ok(bytes) = read.recv_timeout(POLL) {
                said = Some(bytes);
            }
            match child.try_wait()? {
                Some(status) if said.is_some() => break status,
                _ if begin.elapsed() < COMMAND => {}
                _ => {
                    // it may have ended meanwhile
                    let _ = child.kill();
                    let _ = child.wait();
                    let text = format!("`tailscale {}` did not end in time", arguments[0]);
                    return Err(Error::new(ErrorKind::Timeout, text));
                }
            }
        };
        if !status.success() {
            let text = format!(
                "`tailscale {}` failed; run it by hand to see why, and permit serve and funnel in the admin console",
                arguments[0]
            );
            return Err(Error::new(ErrorKind::Refused, text));
        }
        Ok(said.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    /// A stand-in that writes down what it is asked.
    fn stand_in(folder: &Path, script: &str) -> Tailscale {
        let program = folder.join("tailscale");
        let log = folder.join("log");
        fs::write(
            &program,
            format!("#!/bin/sh\necho \"$@\" >> {}\n{script}\n", log.display()),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Tailscale {
            program: program.display().to_string(),
            look: Duration::from_millis(5),
            ..Tailscale::new(
                true,
                8443,
                vec![
                    ("/calls".into(), "/voice/webhook".into()),
                    ("/voice/stream".into(), "/voice/stream".into()),
                ],
            )
        }
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("openclaw-tailscale-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn both_paths_are_mapped_and_unmapped_again() {
        let folder = folder("map");
        let state = folder.join("state");
        fs::write(
            &state,
            r#"{"BackendState": "Running", "Self": {"DNSName": "box.tail.ts.net."}}"#,
        )
        .unwrap();
        let tunnel = stand_in(
            &folder,
            &format!("if [ \"$1\" = status ]; then cat {}; fi", state.display()),
        );
        let (sender, mut told) = tokio::sync::mpsc::channel(16);
        let up = Box::new(move |url: Url| sender.try_send(url.to_string()).unwrap());
        let running = tokio::spawn(tunnel.run("127.0.0.1:3334", up));
        assert_eq!(
            told.recv().await.as_deref(),
            Some("https://box.tail.ts.net:8443/")
        );
        fs::write(&state, r#"{"BackendState": "Stopped"}"#).unwrap();
        let error = running.await.unwrap();
        // a look in the middle of the write sees no JSON
        assert!(
            matches!(error.kind(), ErrorKind::Network | ErrorKind::Internal),
            "{error}"
        );
        let log = fs::read_to_string(folder.join("log")).unwrap();
        for line in [
            "funnel --bg --yes --https=8443 --set-path /calls http://127.0.0.1:3334/voice/webhook",
            "funnel --bg --yes --https=8443 --set-path /voice/stream http://127.0.0.1:3334/voice/stream",
            "funnel --yes --https=8443 --set-path /voice/stream off",
        ] {
            assert!(log.contains(line), "{log}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_fails_is_told_with_a_way_on() {
        let folder = folder("fail");
        let refused = stand_in(&folder, "exit 1")
            .run("127.0.0.1:1", Box::new(|_| {}))
            .await;
        assert!(refused.message().contains("admin console"), "{refused}");
        let nameless = stand_in(&folder, "echo '{\"Self\": {}}'")
            .run("127.0.0.1:1", Box::new(|_| {}))
            .await;
        assert!(nameless.message().contains("MagicDNS"), "{nameless}");
        let absent = Tailscale {
            program: "/nowhere/tailscale".into(),
            ..Tailscale::new(false, 443, Vec::new())
        };
        let absent = absent.run("127.0.0.1:1", Box::new(|_| {})).await;
        assert!(absent.message().contains("install Tailscale"), "{absent}");
        fs::remove_dir_all(folder).unwrap();
    }
}
