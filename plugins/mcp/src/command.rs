//! `openclaw mcp`: which servers there are, whether they answer, and what they offer.
use crate::{server::Server, servers::Servers};
use openclaw_plugin_api::{CommandCall, CommandReply, CommandSpec, prelude::*};
use std::{sync::Arc, time::Instant};

/// Name of the command.
pub const NAME: &str = "mcp";
const USAGE: &str = "list | test <server> | tools [<server>]";

/// The command.
pub struct Mcp(pub Servers);

impl Commands for Mcp {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec {
            name: NAME.into(),
            description: "Shows and tests the servers of the Model Context Protocol.".into(),
            usage: USAGE.into(),
            chat: false,
            cli: true,
            ..CommandSpec::default()
        }]
    }

    async fn run(&self, call: CommandCall) -> Result<CommandReply> {
        let words: Vec<_> = call
            .args
            .iter()
            .map(String::as_str)
            .filter(|word| *word != "--json")
            .collect();
        match words[..] {
            [] | ["list"] => self.list().await,
            ["test", name] => self.test(name).await,
            ["tools"] => Ok(self.tools(self.0.all().cloned().collect())),
            ["tools", name] => Ok(self.tools(vec![self.0.named(name)?])),
            _ => Err(Error::invalid(format_args!("openclaw mcp {USAGE}"))),
        }
    }
}

// === impl Mcp ===

impl Mcp {
    async fn list(&self) -> Result<CommandReply> {
        let mut rows = Vec::new();
        let mut text = String::new();
        for server in self.0.all() {
            let connected = server.is_connected().await;
            let tools = server.catalog().map(|catalog| catalog.tools.len());
            let way = if server.config.url.is_some() {
                "http"
            } else {
                "stdio"
            };
            let state = if connected { "running" } else { "not running" };
            let count = tools.map_or("tools unknown".into(), |count| format!("{count} tools"));
            text += &format!("- {}: {way}, {state}, {count}\n", server.name);
            rows.push(json!({
                "name": server.name, "transport": way, "running": connected, "tools": tools,
                "command": server.config.command, "url": server.config.url,
            }));
        }
        if rows.is_empty() {
            text = "no MCP server is configured; add one under mcp.servers".into();
        }
        Ok(reply(text, json!({ "servers": rows }), 0))
    }

    async fn test(&self, name: &str) -> Result<CommandReply> {
        let server = self.0.named(name)?;
        let asked = server.clone();
        let begin = Instant::now();
        let outcome = self
            .0
            .engine()
            .run(async move { asked.connection().await.map(drop) })
            .await;
        let ms = begin.elapsed().as_millis() as u64;
        Ok(match outcome {
            Ok(()) => {
                let tools = server.catalog().map_or(0, |catalog| catalog.tools.len());
                let text = format!("{name} answers: {tools} tools, {ms} ms");
                reply(
                    text,
                    json!({ "name": name, "ok": true, "tools": tools, "ms": ms }),
                    0,
                )
            }
            Err(error) => {
                let data = json!({ "name": name, "ok": false, "error": error.message(), "ms": ms });
                reply(error.message().to_owned(), data, 1)
            }
        })
    }

    fn tools(&self, servers: Vec<Arc<Server>>) -> CommandReply {
        let mut rows = Vec::new();
        let mut text = String::new();
        for server in servers {
            let Some(catalog) = server.catalog() else {
                text += &format!(
                    "{}: not asked yet; see `openclaw mcp test {}`\n",
                    server.name, server.name
                );
                continue;
            };
            for tool in &catalog.tools {
                let first = tool.spec.description.lines().next().unwrap_or_default();
                text += &format!("- {}: {first}\n", tool.spec.name);
                rows.push(json!({
                    "server": server.name, "tool": tool.name, "name": tool.spec.name,
                    "description": tool.spec.description, "sideEffects": tool.spec.side_effects,
                }));
            }
        }
        reply(text, json!({ "tools": rows }), 0)
    }
}

fn reply(text: String, data: Value, exit_code: u8) -> CommandReply {
    CommandReply {
        text: text.trim_end().to_owned(),
        data,
        exit_code,
    }
}
