//! Asks a running gateway of this user.
use super::{Failure, address, setting::Setting};
use crate::{
    config::Env,
    gateway::{
        Scope,
        client::{Client, ClientInfo},
    },
};
use serde_json::Value;
use std::time::Duration;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Which gateway to ask.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Target {
    /// Port of the gateway [default: OPENCLAW_GATEWAY_PORT, gateway.port, 18789]
    #[arg(long)]
    port: Option<u16>,
}

/// A runtime for commands that wait for the network.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|e| Failure::io("start the runtime", e))?
        .block_on(work)
}

impl Target {
    /// Connects.
    pub(super) async fn connect(
        &self,
        env: &Env,
        setting: &Setting,
        scope: Scope,
    ) -> Result<Client, Failure> {
        let port = address::port(self.port, env, setting)?;
        let url = format!("ws://127.0.0.1:{port}");
        let token = address::configured_token(env, setting).or_else(|| address::own_token(setting));
        Client::connect(&url, token.as_ref(), &ClientInfo::cli([scope]), CONNECT)
            .await
            .map_err(Failure::new)
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
        block_on(async {
            let client = self.connect(env, setting, scope).await?;
            client.call(method, params, limit).await.map_err(Failure::new)
        })
    }
}
