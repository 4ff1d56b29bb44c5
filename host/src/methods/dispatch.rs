//! Who answers which method. The rows of [`super::table`] say who may ask.
use super::{
    Methods, agent, agents, approvals, artifacts, channels, chat, config, cron, devices, diagnostics,
    extensions, heartbeat, login, logs, message, models, nodes, of_fleet, pairing, plugins, restart, send,
    sessions, skills, system, themes, tools, work,
};
use crate::gateway::{Caller, Failure, Responder};
use serde_json::Value;

impl Methods {
    /// Answers a request whose caller and parameters are judged already.
    pub(super) async fn answer(
        &self,
        method: &str,
        params: Value,
        caller: &Caller,
        respond: &mut Responder,
    ) -> Result<Value, Failure> {
        let gateway = &self.gateway;
        match method {
            "agent" => agent::run(gateway, caller, params, respond).await,
            "agent.wait" => agent::wait(gateway, &self.runs, params).await,
            "agent.identity.get" => agents::identity(gateway, params),
            "agents.list" => agents::list(gateway, caller, params).await,
            "agents.create" => agents::create(gateway, params).await,
            "agents.update" => agents::update(gateway, params).await,
            "agents.delete" => agents::delete(gateway, params).await,
            "agents.files.list" => agents::list_files(gateway, params).await,
            "agents.files.get" => agents::get_file(gateway, params).await,
            "agents.files.set" => agents::set_file(gateway, params).await,
            "chat.send" => chat::send(gateway, caller, params, respond).await,
            "chat.abort" => chat::abort(gateway, params).await,
            "chat.history" => chat::history(gateway, params).await,
            "chat.startup" => chat::startup(gateway, params).await,
            "chat.message.get" => chat::message(gateway, params).await,
            "chat.inject" => chat::inject(gateway, params).await,
            "chat.metadata" => chat::metadata(gateway, params).await,
            "commands.list" => chat::list_commands(gateway, params),
            "commands.run" => extensions::run_command(gateway, params).await,
            "channels.status" => channels::status(gateway, params).await,
            "channels.start" => channels::start(gateway, params).await,
            "channels.stop" => channels::stop(gateway, params).await,
            "channels.logout" | "web.login.start" | "web.login.wait" => {
                login::call(gateway, &self.logins, method, params).await
            }
            "logs.tail" => logs::tail(params).await,
            "models.list" => models::list(gateway, params).await,
            "models.authStatus" => models::auth_status(gateway, params),
            "plugins.list"
            | "plugins.inspect"
            | "plugins.setEnabled"
            | "plugins.reload"
            | "plugins.catalog.browse"
            | "plugins.catalog.get" => plugins::call(&self.files, &self.reread, method, params, caller).await,
            "channels.pairing.list" | "channels.pairing.approve" | "channels.pairing.dismiss" => {
                pairing::call(&self.files, method, params, caller).await
            }
            "tools.catalog" | "tools.effective" | "tools.invoke" => {
                tools::call(gateway, method, params, caller).await
            }
            _ if method.starts_with("gateway.restart.") => restart::call(gateway, method, params, respond),
            "system.info" | "update.status" => Ok(system::call(method)),
            "themes.list" => themes::list(gateway, params),
            "message.action" => message::act(gateway, caller, params).await,
            "diagnostics.stability" => diagnostics::stability(&self.telemetry, gateway, params),
            "diagnostics.lanes" | "tasks.list" => work::call(gateway, method, params).await,
            "send" => send::send(gateway, caller, params).await,
            "sessions.list" => sessions::list(gateway, params).await,
            "sessions.get" => sessions::get(gateway, params).await,
            "sessions.describe" => sessions::describe(gateway, params).await,
            "sessions.preview" => sessions::preview(gateway, params).await,
            "sessions.resolve" => sessions::resolve(gateway, params).await,
            "sessions.create" => sessions::create(gateway, caller, params).await,
            "sessions.send" => chat::sessions_send(gateway, caller, "sessions.send", params, respond).await,
            "sessions.steer" => chat::sessions_send(gateway, caller, "sessions.steer", params, respond).await,
            "sessions.abort" => sessions::abort(gateway, params).await,
            "sessions.compact" => sessions::compact(gateway, params).await,
            _ if method.starts_with("sessions.groups.") => sessions::group(gateway, method, params).await,
            "sessions.subscribe"
            | "sessions.unsubscribe"
            | "sessions.messages.subscribe"
            | "sessions.messages.unsubscribe" => {
                sessions::subscribe(gateway, &self.subscribers, caller, method, params).await
            }
            "sessions.branches.list" | "sessions.branches.switch" | "sessions.rewind" | "sessions.fork" => {
                sessions::branch(gateway, method, params).await
            }
            "sessions.usage" => sessions::usage(gateway, params).await,
            "sessions.usage.timeseries" => sessions::timeseries(gateway, params).await,
            "sessions.usage.logs" => sessions::logs(gateway, params).await,
            "usage.cost" => sessions::cost(gateway, params).await,
            "usage.status" => Ok(sessions::status(gateway)),
            "sessions.patch" => sessions::patch(gateway, params).await,
            "sessions.reset" => sessions::reset(gateway, params).await,
            "sessions.delete" => sessions::delete(gateway, params).await,
            "config.get"
            | "config.set"
            | "config.apply"
            | "config.patch"
            | "config.schema"
            | "config.schema.lookup"
            | "secrets.reload" => config::call(&self.files, method, params, caller).await,
            "wake" | "system-event" | "last-heartbeat" | "set-heartbeats" => {
                heartbeat::call(gateway, method, params).await
            }
            _ if method.starts_with("skills.") => skills::call(gateway, method, params).await,
            _ if method.starts_with("exec.approval")
                || method.starts_with("approval.")
                || method.ends_with(".approval.list") =>
            {
                approvals::call(gateway, method, params, caller, respond).await
            }
            _ if method.starts_with("artifacts.") => artifacts::call(gateway, method, params).await,
            _ if method.starts_with("cron.") => cron::call(gateway, method, params).await,
            _ if is_of_fleet(method) => of_fleet(&self.fleet, method, params, caller).await,
            _ => extensions::call(gateway, method, params, caller).await,
        }
    }
}

/// Is it about devices and nodes?
fn is_of_fleet(method: &str) -> bool {
    let mut rows = devices::methods().into_iter().chain(nodes::methods());
    rows.any(|row| row.name == method)
}
