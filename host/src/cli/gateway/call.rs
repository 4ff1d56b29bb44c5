//! `openclaw gateway call`: asks a running gateway for anything.
use crate::{
    cli::{
        Failure,
        connect::{Target, block_on},
        output,
        setting::Setting,
    },
    config::Env,
    gateway::{
        Access, Scope,
        client::{ClientInfo, Response},
    },
    methods,
};
use serde_json::Value;
use std::time::Duration;

/// Calls a method of the running gateway
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The method, such as health or sessions.list
    method: String,
    /// Its parameters, JSON
    #[arg(long, default_value = "{}")]
    params: String,
    /// Wait for the last response of a method that first says "accepted"
    #[arg(long)]
    expect_final: bool,
    /// How long the gateway may take, milliseconds
    #[arg(long, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON only
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub(super) fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let params: Value = serde_json::from_str(&args.params)
        .map_err(|e| Failure::usage(format_args!("--params is no JSON: {e}")))?;
    let setting = Setting::for_client(env)?;
    let limit = Duration::from_millis(args.timeout);
    let info = ClientInfo::cli(scopes(&args.method));
    let answer = block_on(async {
        let client = args.target.connect_as(env, &setting, &info, limit).await?;
        let failed = |error| Failure::new(format_args!("Gateway call failed: {error}"));
        if !args.expect_final {
            return client.call(&args.method, params, limit).await.map_err(failed);
        }
        let mut responses = client
            .call_streaming(&args.method, params, limit)
            .await
            .map_err(failed)?;
        let mut last = Value::Null;
        while let Some(response) = responses.next().await {
            let (Response::Interim(payload) | Response::Final(payload)) = response.map_err(failed)?;
            last = payload;
        }
        Ok(last)
    })?;
    if !args.json {
        anstream::println!("Gateway call: {}", args.method);
    }
    output::json(&answer)
}

/// The least that the method takes; for one that we don't know, everything.
fn scopes(method: &str) -> Vec<Scope> {
    if matches!(method, "health" | "status" | "system-presence") {
        return vec![Scope::Read];
    }
    let rows = methods::table();
    let row = rows.iter().find(|row| row.name == method);
    match row.map(|row| row.access) {
        // what these take depends on what is asked for
        _ if method.starts_with("device.") || method.starts_with("node.") => {
            vec![Scope::Read, Scope::Pairing, Scope::Admin]
        }
        Some(Access::Operators(scope) | Access::Both(scope)) => vec![scope],
        Some(Access::Nodes) | None => Scope::ALL.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_method_takes_is_asked_for() {
        let table = [
            ("health", vec![Scope::Read]),
            ("logs.tail", vec![Scope::Read]),
            ("send", vec![Scope::Write]),
            ("no.such.method", Scope::ALL.to_vec()),
        ];
        for (method, expected) in table {
            assert_eq!(scopes(method), expected, "{method}");
        }
    }
}
