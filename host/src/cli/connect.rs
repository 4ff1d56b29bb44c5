//! Asks a running gateway: this user's, or one elsewhere.
//!
//! Invariant: a secret goes only to the gateway that it belongs to. What is configured for one gateway is not sent to
//! another one that `--url` names.
use super::{Failure, address, setting::Setting};
use crate::{
    config::{AuthMethod, Env, GatewayMode, SecretInput},
    gateway::{
        Scope,
        client::{self, Client, ClientInfo, Identity, Login},
    },
};
use openclaw_plugin_api::Secret;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Which gateway to ask.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Target {
    /// Address of the gateway, ws://… or wss://… [default: OPENCLAW_GATEWAY_URL, gateway.remote.url, this machine]
    #[arg(long, global = true)]
    url: Option<String>,
    /// Its token [default: OPENCLAW_GATEWAY_TOKEN, gateway.auth.token]
    #[arg(long, global = true)]
    token: Option<String>,
    /// Its password [default: OPENCLAW_GATEWAY_PASSWORD, gateway.auth.password]
    #[arg(long, global = true)]
    password: Option<String>,
    /// Port of the gateway on this machine [default: OPENCLAW_GATEWAY_PORT, gateway.port, 18789]
    #[arg(long, global = true)]
    port: Option<u16>,
}

/// A gateway, and what opens it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) login: Login,
}

impl Place {
    /// Is it this machine?
    pub(super) fn is_here(&self) -> bool {
        is_here(&self.url)
    }
}

/// A runtime for commands that wait for the network.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|e| Failure::io("start the runtime", e))?
        .block_on(work)
}

impl Target {
    /// Where it is and what opens it. To a gateway on another machine this one says which device it is, and to one that
    /// asks for no secret.
    pub(super) fn place(&self, env: &Env, setting: &Setting) -> Result<Place, Failure> {
        let (url, (token, password), asks_none) = self.named(env, setting)?;
        let mut login = Login {
            token,
            password,
            device: None,
        };
        let is_secret = login.token.is_some() || login.password.is_some();
        if !is_here(&url) || asks_none && !is_secret {
            setting.paths.prepare_state_dir().map_err(Failure::config)?;
            let file = setting.paths.state_dir.join("device.key");
            let identity = Identity::load(&file)
                .map_err(|e| Failure::io(format_args!("use the key in {}", file.display()), e))?;
            login.device = Some(Arc::new(identity));
        }
        Ok(Place { url, login })
    }

    /// Its address, the secrets that are for it, and whether it may be one that asks for none. Of the command line's secrets
    /// and the others, those of the command line alone are sent.
    fn named(&self, env: &Env, setting: &Setting) -> Result<(String, address::Secrets, bool), Failure> {
        let config = &setting.config.gateway;
        let secret = |text: Option<&str>| text.map(Secret::new);
        let given = (secret(self.token.as_deref()), secret(self.password.as_deref()));
        let or_given = |secrets: address::Secrets| match &given {
            (None, None) => secrets,
            given => given.clone(),
        };
        let variables = || {
            (
                secret(env.var("OPENCLAW_GATEWAY_TOKEN")),
                secret(env.var("OPENCLAW_GATEWAY_PASSWORD")),
            )
        };
        let named = match (&self.url, self.port) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(_)) => None,
            (None, None) => env.var("OPENCLAW_GATEWAY_URL").map(str::to_owned),
        };
        if let Some(url) = named {
            check(&url)?;
            return Ok((url, or_given(variables()), true));
        }
        let remote = config.remote.url.clone().filter(|_| self.port.is_none());
        if let (Some(GatewayMode::Remote), Some(url)) = (config.mode, remote) {
            let written =
                |secret: &Option<SecretInput>| secret.as_ref().and_then(|secret| secret.secret().cloned());
            let (token, password) = variables();
            let token = token.or_else(|| written(&config.remote.token));
            let password = password.or_else(|| written(&config.remote.password));
            return Ok((url, or_given((token, password)), true));
        }
        let port = address::port(self.port, env, setting)?;
        let asks_none = config.auth.mode == Some(AuthMethod::None);
        let secrets = or_given(address::opening(env, setting));
        Ok((format!("ws://127.0.0.1:{port}"), secrets, asks_none))
    }

    /// The command line names a gateway, or what opens one.
    pub(super) fn is_given(&self) -> bool {
        let given = [&self.url, &self.token, &self.password];
        self.port.is_some() || given.iter().any(|given| given.is_some())
    }

    /// The port that was asked for.
    pub(super) fn asked_port(&self) -> Option<u16> {
        self.port
    }

    /// Connects.
    pub(super) async fn connect(
        &self,
        env: &Env,
        setting: &Setting,
        scope: Scope,
    ) -> Result<Client, Failure> {
        self.connect_as(env, setting, &ClientInfo::cli([scope]), CONNECT)
            .await
    }

    /// Connects as this client.
    pub(super) async fn connect_as(
        &self,
        env: &Env,
        setting: &Setting,
        info: &ClientInfo,
        limit: Duration,
    ) -> Result<Client, Failure> {
        let place = self.place(env, setting)?;
        let connected = Client::log_in(&place.url, &place.login, info, limit).await;
        connected.map_err(Failure::new)
    }

    /// Connects and calls one method.
    pub(super) fn ask(
        &self,
        env: &Env,
        setting: &Setting,
        scope: Scope,
        method: &str,
        params: Value,
        limit: Duration,
    ) -> Result<Value, Failure> {
        self.ask_with(env, setting, [scope], method, params, limit)
    }

    /// Connects and calls one method that only reads. None: this machine's own gateway is meant, and it does not run.
    pub(super) fn ask_if_running(
        &self,
        env: &Env,
        setting: &Setting,
        method: &str,
        params: Value,
        limit: Duration,
    ) -> Result<Option<Value>, Failure> {
        let info = ClientInfo::cli([Scope::Read]);
        let place = self.place(env, setting)?;
        let own = self.means_own(env, setting);
        block_on(async {
            let connected = Client::log_in(&place.url, &place.login, &info, CONNECT.min(limit)).await;
            let client = match connected {
                Err(client::Error::NotRunning { .. }) if own => return Ok(None),
                connected => connected.map_err(Failure::new)?,
            };
            let answer = client.call(method, params, limit).await;
            answer.map(Some).map_err(Failure::new)
        })
    }

    /// Is it the gateway whose files are here? Nobody has named another one.
    pub(super) fn means_own(&self, env: &Env, setting: &Setting) -> bool {
        let remote = setting.config.gateway.mode == Some(GatewayMode::Remote);
        let named = env.var("OPENCLAW_GATEWAY_URL").is_some();
        self.url.is_none() && (self.port.is_some() || !named && !remote)
    }

    /// Connects with these scopes and calls one method.
    pub(super) fn ask_with(
        &self,
        env: &Env,
        setting: &Setting,
        scopes: impl IntoIterator<Item = Scope>,
        method: &str,
        params: Value,
        limit: Duration,
    ) -> Result<Value, Failure> {
        let info = ClientInfo::cli(scopes);
        block_on(async {
            let client = self.connect_as(env, setting, &info, CONNECT.min(limit)).await?;
            client.call(method, params, limit).await.map_err(Failure::new)
        })
    }
}

/// Is it an address of this machine?
fn is_here(url: &str) -> bool {
    let parsed = url::Url::parse(url).ok();
    match parsed.as_ref().and_then(url::Url::host) {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An address of the command line or of the environment.
fn check(url: &str) -> Result<(), Failure> {
    let parsed = url::Url::parse(url).ok();
    let scheme = parsed.as_ref().map(url::Url::scheme);
    if matches!(scheme, Some("ws" | "wss")) {
        return Ok(());
    }
    Err(Failure::usage(
        "the gateway's address has to be ws://… or wss://…",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command, devices, nodes};
    use clap::Parser;

    #[test]
    fn only_this_machine_is_here() {
        for (url, here) in [
            ("ws://127.0.0.1:1", true),
            ("ws://[::1]:1", true),
            ("ws://localhost:1", true),
            ("ws://localhost.example:1", false),
            ("wss://192.0.2.1", false),
        ] {
            assert_eq!(is_here(url), here, "{url}");
        }
    }

    /// What is shown at the door: token, password, device.
    fn shown(config: &str, own: bool, target: &Target) -> (Option<String>, Option<String>, bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path();
        std::fs::write(state.join("openclaw.json"), config).expect("written");
        if own {
            std::fs::write(state.join("gateway.token"), "own").expect("written");
        }
        let text = state.to_str().expect("a name");
        let env = [
            ("OPENCLAW_STATE_DIR", text),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", text),
        ];
        let env: Env = env.into_iter().collect();
        let setting = Setting::for_client(&env).expect("read");
        let login = target.place(&env, &setting).expect("a place").login;
        let open = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let key = state.join("device.key").exists();
        assert_eq!(key, login.device.is_some(), "a key is made for who shows it");
        (open(&login.token), open(&login.password), login.device.is_some())
    }

    #[test]
    fn what_is_shown_is_what_the_gateway_asks_for() {
        let auth = |auth: &str| format!("{{\"gateway\": {{\"auth\": {{{auth}}}}}}}");
        let both = "\"token\": \"written\", \"password\": \"word\"";
        let mode = |mode: &str| auth(&format!("\"mode\": \"{mode}\", {both}"));
        let table = [
            ("{}".to_owned(), (Some("own"), None, false)),
            (auth(both), (Some("written"), Some("word"), false)),
            (mode("token"), (Some("written"), None, false)),
            // not the token that an earlier start has left
            (auth("\"password\": \"word\""), (None, Some("word"), false)),
            (mode("password"), (None, Some("word"), false)),
            (mode("none"), (None, None, true)),
            (auth("\"mode\": \"none\""), (None, None, true)),
        ];
        for (config, (token, password, device)) in table {
            let expected = (token.map(str::to_owned), password.map(str::to_owned), device);
            assert_eq!(shown(&config, true, &Target::default()), expected, "{config}");
        }
        assert_eq!(shown("{}", false, &Target::default()), (None, None, false));
    }

    #[test]
    fn who_asks_a_gateway_fetches_no_secret_of_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = r#"{"models": {"providers": {"p": {"apiKey": {"source": "env", "id": "NOT_SET"}}}}}"#;
        std::fs::write(folder.path().join("openclaw.json"), config).expect("written");
        let state = folder.path().to_str().expect("a name");
        let env = [
            ("OPENCLAW_STATE_DIR", state),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
        ];
        let env: Env = env.into_iter().collect();
        for words in ["devices list", "nodes status"] {
            let words = ["openclaw"].into_iter().chain(words.split(' '));
            let cli = Cli::try_parse_from(words.chain(["--port", "1"])).expect("a command");
            let error = match cli.command {
                Command::Devices(args) => devices::run(&args, &env),
                Command::Nodes(args) => nodes::run(&args, &env),
                other => panic!("{other:?}"),
            };
            let error = error.expect_err("nobody listens").to_string();
            assert!(error.contains("no gateway answers"), "{error}");
        }
    }

    #[test]
    fn files_stand_for_no_other_gateway() {
        let own = |config: &str, url: Option<&str>, target: &Target| {
            let folder = tempfile::tempdir().expect("a folder");
            let state = folder.path().to_str().expect("a name");
            std::fs::write(folder.path().join("openclaw.json"), config).expect("written");
            let env = [
                ("OPENCLAW_STATE_DIR", state),
                ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
            ];
            let url = url.map(|url| ("OPENCLAW_GATEWAY_URL", url));
            let env: Env = env.into_iter().chain(url).collect();
            let setting = Setting::for_client(&env).expect("read");
            target.means_own(&env, &setting)
        };
        let elsewhere = Some("ws://127.0.0.1:1");
        let remote = r#"{"gateway": {"mode": "remote", "remote": {"url": "ws://127.0.0.1:1"}}}"#;
        let nothing = Target::default();
        let port = Target {
            port: Some(1),
            ..Target::default()
        };
        let named = Target {
            url: elsewhere.map(str::to_owned),
            ..Target::default()
        };
        assert!(own("{}", None, &nothing) && own("{}", None, &port));
        assert!(own(remote, elsewhere, &port), "a port is one of this machine");
        assert!(!own("{}", None, &named) && !own("{}", elsewhere, &nothing));
        assert!(!own(remote, None, &nothing));
    }

    #[test]
    fn what_the_command_line_gives_is_shown_alone() {
        let password = Target {
            password: Some("given".into()),
            ..Target::default()
        };
        for config in ["{}", "{\"gateway\": {\"auth\": {\"mode\": \"none\"}}}"] {
            assert_eq!(
                shown(config, true, &password),
                (None, Some("given".into()), false)
            );
        }
        let named = Target {
            url: Some("ws://localhost:1".into()),
            ..Target::default()
        };
        // it may ask for none; ours is not sent there
        assert_eq!(shown("{}", true, &named), (None, None, true));
    }

    #[test]
    fn only_websocket_addresses_are_taken() {
        for (url, good) in [
            ("ws://127.0.0.1:1", true),
            ("wss://gateway.example", true),
            ("http://gateway.example", false),
            ("gateway.example", false),
            ("", false),
        ] {
            assert_eq!(check(url).is_ok(), good, "{url}");
        }
    }
}
