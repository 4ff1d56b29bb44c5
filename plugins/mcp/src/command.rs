//! `openclaw mcp`: which servers there are, whether they answer, what they offer; one more, or one less.
//!
//! The file is changed by the host: this only says what is to be changed.
use crate::{server::Server, servers::Servers};
use openclaw_plugin_api::{CommandCall, CommandReply, CommandSpec, ConfigEdit, prelude::*};
use serde_json::Map;
use std::{sync::Arc, time::Instant};

/// Name of the command.
pub const NAME: &str = "mcp";
const USAGE: &str = "list | test <server> | tools [<server>] | add <server> [--env NAME=VALUE]… [--cwd <folder>] <command> \
                     [<argument>…] | add <server> [--header NAME=VALUE]… <url> | remove <server>";

/// The command.
pub struct Mcp(pub Servers);

impl Commands for Mcp {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec {
            name: NAME.into(),
            description: "Shows, tests, adds and removes servers of the Model Context Protocol.".into(),
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
            ["add", name, ..] => self.add(name, &words[2..]),
            ["remove", name] => self.remove(name),
            _ => Err(usage("")),
        }
    }
}

// === impl Mcp ===

impl Mcp {
    async fn list(&self) -> Result<CommandReply> {
        let mut rows = Vec::new();
        let mut text = String::new();
        for server in self.0.all() {
            let connected = server.is_connected();
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

    /// Asks for the new server to be written into the configuration.
    fn add(&self, name: &str, words: &[&str]) -> Result<CommandReply> {
        if name.is_empty()
            || name.len() > 32
            || !name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        {
            return Err(usage("a server's name has up to 32 letters, digits, - and _"));
        }
        if self.0.named(name).is_ok() {
            return Err(usage(&format!(
                "there is a server {name} already; remove it first"
            )));
        }
        let value = described(words)?;
        let text = format!("Added the MCP server {name}. `openclaw mcp test {name}` says hello to it.");
        Ok(changed(name, text, value))
    }

    fn remove(&self, name: &str) -> Result<CommandReply> {
        self.0.named(name)?;
        Ok(changed(
            name,
            format!("Removed the MCP server {name}."),
            Value::Null,
        ))
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
        ..CommandReply::default()
    }
}

/// A server from the words behind its name: options, and then a program with its arguments or an address.
fn described(words: &[&str]) -> Result<Value> {
    let (mut env, mut headers, mut cwd) = (Map::new(), Map::new(), None);
    let mut words = words.iter().copied();
    let first = loop {
        let word = words
            .next()
            .ok_or_else(|| usage("a program or an address is missing"))?;
        let mut value = || {
            words
                .next()
                .ok_or_else(|| usage(&format!("{word} needs a value")))
        };
        match word {
            "--env" | "-e" => insert(&mut env, value()?)?,
            "--header" | "-H" => insert(&mut headers, value()?)?,
            "--cwd" => cwd = Some(value()?),
            "--" => {}
            option if option.starts_with('-') => return Err(usage(&format!("there is no option {option}"))),
            first => break first,
        }
    };
    let args: Vec<_> = words.collect();
    let mut server = Map::new();
    let mut put = |key: &str, value: Value| drop(server.insert(key.to_owned(), value));
    if first.starts_with("http://") || first.starts_with("https://") {
        if !args.is_empty() || !env.is_empty() || cwd.is_some() {
            return Err(usage("an address takes no arguments, no --env and no --cwd"));
        }
        put("url", first.into());
    } else {
        if !headers.is_empty() {
            return Err(usage("a program takes no --header"));
        }
        put("command", first.into());
        if !args.is_empty() {
            put("args", args.into());
        }
    }
    for (key, values) in [("env", env), ("headers", headers)] {
        if !values.is_empty() {
            put(key, values.into());
        }
    }
    if let Some(cwd) = cwd {
        put("cwd", cwd.into());
    }
    Ok(server.into())
}

fn insert(pairs: &mut Map<String, Value>, pair: &str) -> Result<()> {
    let (name, value) = pair
        .split_once('=')
        .ok_or_else(|| usage(&format!("{pair} is not NAME=VALUE")))?;
    pairs.insert(name.to_owned(), value.into());
    Ok(())
}

/// The change of one server's place, without its values in the answer: they may be secrets.
fn changed(name: &str, text: String, value: Value) -> CommandReply {
    let path = ["mcp", "servers", name].map(str::to_owned).to_vec();
    CommandReply {
        edits: vec![ConfigEdit { path, value }],
        ..reply(text, json!({ "name": name }), 0)
    }
}

fn usage(why: &str) -> Error {
    let colon = if why.is_empty() { "" } else { "; " };
    Error::invalid(format_args!("{why}{colon}usage: openclaw mcp {USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_addresses_are_told_apart() {
        let said = |words: &str| described(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(
            said("--env A=b=c --cwd /x npx -y --json pkg").expect("a program"),
            json!({"command": "npx", "args": ["-y", "--json", "pkg"], "env": {"A": "b=c"}, "cwd": "/x"})
        );
        assert_eq!(
            said("--header X=1 https://x.example/mcp").expect("an address"),
            json!({"url": "https://x.example/mcp", "headers": {"X": "1"}})
        );
        for wrong in [
            "--env A npx",
            "--env",
            "--bad x",
            "https://x.example/ more",
            "--header A=b npx",
            "--cwd /x",
        ] {
            said(wrong).expect_err(wrong);
        }
    }
}
