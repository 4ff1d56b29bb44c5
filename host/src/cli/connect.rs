//! Asks a running gateway: this user's, or one elsewhere.
//!
//! Invariant: a secret goes only to the gateway that it belongs to. What is configured for one gateway is not sent to
//! another one that `--url` names.
use super::{Failure, address, setting::Setting};
use crate::{
    config::{Env, GatewayMode, SecretInput},
    gateway::{
        Scope,
        client::{Client, ClientInfo, Identity, Login},
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

/// A runtime for commands that wait for the network.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|e| Failure::io("start the runtime", e))?
        .block_on(work)
}

impl Target {
    /// Where it is and what opens it. To a gateway on another machine this one says which device it is.
    pub(super) fn place(&self, env: &Env, setting: &Setting) -> Result<Place, Failure> {
        let mut place = self.named(env, setting)?;
        if !is_here(&place.url) {
            setting.paths.prepare_state_dir().map_err(Failure::config)?;
            let file = setting.paths.state_dir.join("device.key");
            let identity = Identity::load(&file)
                .map_err(|e| Failure::io(format_args!("use the key in {}", file.display()), e))?;
            place.login.device = Some(Arc::new(identity));
        }
        Ok(place)
    }

    fn named(&self, env: &Env, setting: &Setting) -> Result<Place, Failure> {
        let config = &setting.config.gateway;
        let given = |flag: &Option<String>, variable: &str| {
            flag.as_deref().or_else(|| env.var(variable)).map(Secret::new)
        };
        let token = given(&self.token, "OPENCLAW_GATEWAY_TOKEN");
        let password = given(&self.password, "OPENCLAW_GATEWAY_PASSWORD");
        let written =
            |secret: &Option<SecretInput>| secret.as_ref().and_then(|secret| secret.secret().cloned());
        let named = match (&self.url, self.port) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(_)) => None,
            (None, None) => env.var("OPENCLAW_GATEWAY_URL").map(str::to_owned),
        };
        if let Some(url) = named {
            check(&url)?;
            return Ok(Place {
                url,
                login: Login {
                    token,
                    password,
                    device: None,
                },
            });
        }
        let remote = config.remote.url.clone().filter(|_| self.port.is_none());
        if let (Some(GatewayMode::Remote), Some(url)) = (config.mode, remote) {
            let login = Login {
                token: token.or_else(|| written(&config.remote.token)),
                password: password.or_else(|| written(&config.remote.password)),
                device: None,
            };
            return Ok(Place { url, login });
        }
        let port = address::port(self.port, env, setting)?;
        let token = token
            .or_else(|| address::configured_token(env, setting))
            .or_else(|| address::own_token(setting));
        let login = Login {
            token,
            password: password.or_else(|| written(&config.auth.password)),
            device: None,
        };
        Ok(Place {
            url: format!("ws://127.0.0.1:{port}"),
            login,
        })
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
