//! Methods and events of plugins: rows that come and go with them, under names of their own.
//!
//! Invariant: a plugin answers nothing that the gateway answers itself, and without a scope that exists only
//! administrators may call it.
use super::{failed, params as read};
use crate::{
    app::Gateway,
    gateway::{Caller, Events, Failure, Method, Scope},
};
use openclaw_plugin_api::{CommandCall, CommandReply, CommandSpec, MethodCall, MethodSpec, surface::ids};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Capability of methods.
const CAPABILITY: &str = "method/1";

/// Capability of commands.
const COMMANDS: &str = "command/1";

/// Parameters of `commands.run`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    name: String,
    #[serde(default)]
    args: Vec<String>,
}

/// The gateway's own rows about what plugins bring.
pub(super) fn own_methods() -> Vec<Method> {
    vec![Method::new("commands.run", Scope::Admin)]
}

/// Runs a command that a plugin offers on the command line.
pub(super) async fn run_command(gateway: &Gateway, params: Value) -> Result<Value, Failure> {
    let Run { name, args } = read("commands.run", params)?;
    let offered = gateway.registry.offered(COMMANDS).into_iter();
    let mut specs = offered.filter_map(|(_, registered)| CommandSpec::deserialize(&registered.spec).ok());
    let offers = specs.any(|spec| spec.name == name && spec.cli);
    let plugin = gateway.registry.offering(COMMANDS, &name).filter(|_| offers);
    let plugin = plugin.ok_or_else(|| {
        failed(&openclaw_plugin_api::Error::new(
            openclaw_plugin_api::ErrorKind::NotFound,
            format_args!("no running plugin has the command {name}"),
        ))
    })?;
    let call = CommandCall {
        text: args.join(" "),
        json: args.iter().any(|arg| arg == "--json"),
        name: name.clone(),
        args,
        ..CommandCall::default()
    };
    let reply: Result<CommandReply, _> = plugin.call(ids::command::RUN, &name, &call).await;
    reply.map(|reply| json!(reply)).map_err(|error| failed(&error))
}

/// The rows of running plugins.
pub(super) fn methods(gateway: &Gateway) -> Vec<Method> {
    let offered = gateway.registry.offered(CAPABILITY).into_iter();
    offered
        .filter_map(|(_, registered)| row(&MethodSpec::deserialize(&registered.spec).ok()?))
        .collect()
}

/// The row of one method, if a running plugin has it.
pub(super) fn find(gateway: &Gateway, name: &str) -> Option<Method> {
    methods(gateway).into_iter().find(|method| method.name == name)
}

/// Passes a call on to the plugin.
pub(super) async fn call(
    gateway: &Gateway,
    method: &str,
    params: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    let plugin = gateway.registry.offering(CAPABILITY, method);
    let plugin = plugin.ok_or_else(|| Failure::unknown_method(method))?;
    let principal = &caller.principal;
    let call = MethodCall {
        method: method.to_owned(),
        params,
        client_id: principal.device().unwrap_or(&caller.client.id).to_owned(),
        scopes: principal
            .scopes()
            .permitted()
            .iter()
            .map(|scope| scope.name().to_owned())
            .collect(),
    };
    plugin
        .call(ids::method::CALL, method, &call)
        .await
        .map_err(|error| failed(&error))
}

/// Passes events of plugins on to the clients that may see them.
pub(super) fn forward(gateway: &Arc<Gateway>, events: &Events) {
    let (mut told, events) = (gateway.events(), events.clone());
    tokio::spawn(async move {
        loop {
            match told.recv().await {
                Ok((name, payload)) => events.broadcast_of_plugin(&name, &payload),
                Err(RecvError::Lagged(lost)) => {
                    // not louder: a plugin that says too much would fill the log as well
                    tracing::debug!(target: "openclaw::plugins", lost, "events of plugins were dropped: there are too many");
                }
                Err(RecvError::Closed) => return,
            }
        }
    });
}

fn row(spec: &MethodSpec) -> Option<Method> {
    // a name without a prefix is not a plugin's
    spec.name.contains('.').then(|| {
        let scope = Scope::parse(&spec.scope).unwrap_or(Scope::Admin);
        Method::new(spec.name.clone(), scope)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Access;

    #[test]
    fn forgetting_the_scope_opens_nothing() {
        let of = |name: &str, scope: &str| {
            let spec = MethodSpec {
                name: name.into(),
                scope: scope.into(),
                ..MethodSpec::default()
            };
            row(&spec).map(|row| row.access)
        };
        assert_eq!(
            of("weather.today", "operator.read"),
            Some(Access::Operators(Scope::Read))
        );
        assert_eq!(
            of("weather.today", "operator.raed"),
            Some(Access::Operators(Scope::Admin))
        );
        assert_eq!(of("weather", "operator.read"), None);
    }
}
