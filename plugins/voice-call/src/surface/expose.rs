//! `openclaw voicecall expose`: the way in from outside, switched by writing it down.
//!
//! Nothing is mapped here: the gateway keeps the tunnel that its configuration names, and brings it back when it breaks.
//! So the mapping lasts over restarts, and signatures are checked against the address that it has. Invariant: what can't
//! work is not written.
use super::words::Words;
use crate::{
    config::{Config, TailscaleMode, TunnelKind},
    settings::WEBHOOK_PATH,
    tunnel,
};
use openclaw_plugin_api::{CommandReply, ConfigEdit, Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::borrow::Cow;
use url::Url;

/// Where the plugin's own configuration is.
const PLACE: [&str; 4] = ["plugins", "entries", "voice-call", "config"];
/// Ports that a funnel may have.
const FUNNEL: [u16; 3] = [443, 8443, 10_000];

/// What is wanted.
struct Wanted {
    mode: TailscaleMode,
    /// Port of the listener here.
    port: Option<u16>,
    /// Path of the webhook on the tailnet's name.
    path: Option<String>,
    /// Path of the webhook here.
    serve: Option<String>,
}

/// Runs it.
pub(super) async fn run(words: &Words, config: &Config) -> Result<CommandReply> {
    let wanted = Wanted::read(words)?;
    wanted.fits(config)?;
    let on = wanted.mode != TailscaleMode::Off;
    let address = match on {
        true => Some(tunnel::tailscale_address(config.tailscale.port.unwrap_or(443)).await?),
        false => None,
    };
    let data = wanted.told(config, address.as_ref());
    Ok(CommandReply {
        text: serde_json::to_string_pretty(&data)?,
        data,
        edits: wanted.edits(),
        ..CommandReply::default()
    })
}

// === impl Wanted ===

impl Wanted {
    fn read(words: &Words) -> Result<Self> {
        let mode = match words.get("mode").as_deref() {
            None | Some("funnel") => TailscaleMode::Funnel,
            Some("serve") => TailscaleMode::Serve,
            Some("off") => TailscaleMode::Off,
            Some(_) => return Err(Error::invalid("--mode is funnel, serve or off")),
        };
        let port = words.get("port").map(|port| port.parse::<u16>());
        let port = port.transpose().ok().filter(|port| *port != Some(0));
        Ok(Self {
            mode,
            port: port
                .ok_or_else(|| Error::invalid("--port is the port of the listener here, 3334 for example"))?,
            path: path(words, "path")?,
            serve: path(words, "serve")?,
        })
    }

    /// Would it have any effect?
    fn fits(&self, config: &Config) -> Result<()> {
        let wrong = |text: &str| Err(Error::new(ErrorKind::Config, text));
        if self.mode == TailscaleMode::Off {
            return match config.tunnel.provider {
                TunnelKind::TailscaleServe | TunnelKind::TailscaleFunnel => wrong(
                    "tunnel.provider keeps a tunnel of Tailscale open; set it to \"none\" to close that one",
                ),
                TunnelKind::None | TunnelKind::Ngrok => Ok(()),
            };
        }
        let port = config.tailscale.port.unwrap_or(443);
        match (config.public_url.is_some(), config.tunnel.provider) {
            (true, _) => wrong("publicUrl names the way in, and it wins over tunnels; remove it first"),
            (false, TunnelKind::None) if self.mode == TailscaleMode::Funnel && !FUNNEL.contains(&port) => {
                wrong("a funnel has port 443, 8443 or 10000; change tailscale.port")
            }
            (false, TunnelKind::None) => Ok(()),
            (false, _) => wrong("tunnel.provider names the way in, and it wins; set it to \"none\" first"),
        }
    }

    fn mode(&self) -> &'static str {
        match self.mode {
            TailscaleMode::Off => "off",
            TailscaleMode::Serve => "serve",
            TailscaleMode::Funnel => "funnel",
        }
    }

    fn told(&self, config: &Config, address: Option<&Url>) -> Value {
        let serve = self.serve.as_deref().map_or(config.webhook_path(), Cow::Borrowed);
        let path = self.path.as_deref().or(config.tailscale.path.as_deref());
        let path = path.unwrap_or(&serve);
        let port = self.port.or(config.serve.port);
        let local = port.map(|port| format!("http://127.0.0.1:{port}{serve}"));
        let public = address.map(|address| {
            let mut url = address.clone();
            url.set_path(path);
            url.to_string()
        });
        let hint = match (&public, self.mode) {
            (Some(url), TailscaleMode::Funnel) => format!(
                "paste {url} as the number's webhook (POST) in your carrier's console; `openclaw voicecall setup` shows \
                 what goes where"
            ),
            (Some(_), _) => {
                "only this tailnet reaches it, and carriers don't; `--mode funnel` lets them in".to_owned()
            }
            (None, _) => "nothing leads here from outside any more".to_owned(),
        };
        json!({
            "ok": true, "mode": self.mode(), "path": path, "localUrl": local, "publicUrl": public, "hint": hint,
        })
    }

    fn edits(&self) -> Vec<ConfigEdit> {
        let edit = |path: [&str; 2], value: Value| ConfigEdit {
            path: PLACE.iter().chain(&path).map(|key| (*key).to_owned()).collect(),
            value,
        };
        let mut edits = vec![edit(["tailscale", "mode"], json!(self.mode()))];
        edits.extend(
            self.path
                .as_ref()
                .map(|path| edit(["tailscale", "path"], json!(path))),
        );
        edits.extend(self.port.map(|port| edit(["serve", "port"], json!(port))));
        edits.extend(
            self.serve
                .as_ref()
                .map(|path| edit(["serve", "path"], json!(path))),
        );
        edits
    }
}

/// A path as the configuration takes it.
fn path(words: &Words, name: &str) -> Result<Option<String>> {
    let Some(path) = words.get(name) else {
        return Ok(None);
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "._~/-".contains(c);
    match path.len() > 1 && path.starts_with('/') && path.chars().all(fits) {
        true => Ok(Some(path)),
        false => Err(Error::invalid(format_args!(
            "a path is written as {WEBHOOK_PATH}, with letters, digits and . _ ~ -"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(line: &str) -> Result<Wanted> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Wanted::read(&Words::read(&args)?)
    }

    fn config(config: Value) -> Config {
        serde_json::from_value(config).expect("it fits")
    }

    #[test]
    fn what_is_wanted_is_written_down_and_told() {
        let all = wanted("expose --mode funnel --path /calls --port 3334 --serve-path /hook").expect("words");
        let written: Vec<_> = all
            .edits()
            .into_iter()
            .map(|edit| (edit.path[4..].join("."), edit.value))
            .collect();
        let expected = [
            ("tailscale.mode", json!("funnel")),
            ("tailscale.path", json!("/calls")),
            ("serve.port", json!(3334)),
            ("serve.path", json!("/hook")),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value));
        assert_eq!(written, expected);
        let address = Url::parse("https://box.tail.ts.net:8443/").expect("an address");
        let told = all.told(&Config::default(), Some(&address));
        assert_eq!(told["publicUrl"], "https://box.tail.ts.net:8443/calls");
        assert_eq!(told["localUrl"], "http://127.0.0.1:3334/hook");
        assert_eq!(
            (&told["mode"], &told["path"]),
            (&json!("funnel"), &json!("/calls"))
        );
        let usual = wanted("expose").expect("words");
        assert_eq!((usual.mode(), usual.edits().len()), ("funnel", 1));
        let told = usual.told(&config(json!({"serve": {"path": "/own/"}})), Some(&address));
        assert_eq!(told["publicUrl"], "https://box.tail.ts.net:8443/own");
        assert_eq!(told["localUrl"], Value::Null);
        let off = wanted("expose --mode off")
            .expect("words")
            .told(&Config::default(), None);
        assert_eq!((&off["ok"], &off["publicUrl"]), (&json!(true), &Value::Null));
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        for (line, own, words) in [
            ("expose", json!({"publicUrl": "https://a.example/"}), "publicUrl"),
            (
                "expose",
                json!({"tunnel": {"provider": "ngrok"}}),
                "tunnel.provider",
            ),
            ("expose", json!({"tailscale": {"port": 444}}), "8443"),
            (
                "expose --mode serve",
                json!({"tunnel": {"provider": "tailscale-serve"}}),
                "it wins",
            ),
            (
                "expose --mode off",
                json!({"tunnel": {"provider": "tailscale-funnel"}}),
                "close",
            ),
        ] {
            let error = wanted(line).expect("words").fits(&config(own)).expect_err(line);
            assert!(error.message().contains(words), "{line}: {error}");
        }
        for (line, own) in [
            ("expose --mode serve", json!({"tailscale": {"port": 444}})),
            (
                "expose --mode off",
                json!({"publicUrl": "https://a.example/", "tunnel": {"provider": "ngrok"}}),
            ),
        ] {
            wanted(line).expect("words").fits(&config(own)).expect(line);
        }
        for wrong in [
            "--mode on",
            "--port no",
            "--port 0",
            "--path calls",
            "--path /a?b",
            "--serve-path /",
        ] {
            assert!(wanted(&format!("expose {wrong}")).is_err(), "{wrong}");
        }
    }
}
