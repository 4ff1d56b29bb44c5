//! The tools of servers, and two of our own for resources and prompts of all of them.
use crate::{convert, server::Server, servers::Servers};
use openclaw_plugin_api::{ToolSet, ToolSpec, prelude::*};
use rmcp::model::{CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams};
use serde_json::Map;
use std::sync::Arc;

/// Lists and reads resources.
const RESOURCES: &str = "mcp_resources";
/// Lists and gives prompts.
const PROMPTS: &str = "mcp_prompts";
/// Resources or prompts that are listed of one server.
const MAX_LISTED: usize = 200;

/// All tools of all servers.
pub struct Tools(pub Servers);

#[derive(Deserialize)]
struct OfResources {
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    uri: Option<String>,
}

#[derive(Deserialize)]
struct OfPrompts {
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

/// How the tool for resources looks to a model.
pub fn resources() -> ToolSpec {
    ToolSpec {
        name: RESOURCES.into(),
        description: "Resources of MCP servers: lists them, or reads one of a server by its uri.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "server": { "type": "string" }, "uri": { "type": "string" } },
        }),
        idempotent: true,
        side_effects: false,
    }
}

/// How the tool for prompts looks to a model.
pub fn prompts() -> ToolSpec {
    ToolSpec {
        name: PROMPTS.into(),
        description: "Prompts of MCP servers: lists them, or gives one of a server by its name.".into(),
        parameters: json!({
            "type": "object",
            "properties": {
                "server": { "type": "string" }, "name": { "type": "string" }, "arguments": { "type": "object" },
            },
        }),
        idempotent: true,
        side_effects: false,
    }
}

impl ToolSet for Tools {
    async fn invoke(&self, name: &str, arguments: Value, _: ToolContext) -> Result<ToolOutput> {
        match name {
            RESOURCES => self.resources(read(arguments)?).await,
            PROMPTS => self.prompts(read(arguments)?).await,
            _ => self.call(name, arguments).await,
        }
    }
}

// === impl Tools ===

impl Tools {
    async fn call(&self, tool: &str, arguments: Value) -> Result<ToolOutput> {
        let Some((server, own_name)) = self.0.owner(tool) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format_args!("no MCP server has a tool {tool}"),
            ));
        };
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            Value::Null => Map::new(),
            _ => {
                return Err(Error::invalid(format_args!(
                    "the arguments of {tool} are no object"
                )));
            }
        };
        let name = server.name.clone();
        let asked = async move {
            let question = CallToolRequestParams::new(own_name).with_arguments(arguments);
            server
                .ask(|peer| async move { peer.call_tool(question).await })
                .await
        };
        let result = self.0.engine().run(asked).await?;
        Ok(convert::of_tool(&name, result))
    }

    async fn resources(&self, wanted: OfResources) -> Result<ToolOutput> {
        let Some(uri) = wanted.uri else {
            return self.list(wanted.server, "resources", list_resources).await;
        };
        let server = self.0.named(&wanted.server.unwrap_or_default())?;
        let name = server.name.clone();
        let asked = async move {
            let question = ReadResourceRequestParams::new(uri);
            server
                .ask(|peer| async move { peer.read_resource(question).await })
                .await
        };
        let result = self.0.engine().run(asked).await?;
        Ok(convert::of_resource(&name, result))
    }

    async fn prompts(&self, wanted: OfPrompts) -> Result<ToolOutput> {
        let Some(prompt) = wanted.name else {
            return self.list(wanted.server, "prompts", list_prompts).await;
        };
        let server = self.0.named(&wanted.server.unwrap_or_default())?;
        let name = server.name.clone();
        let asked = async move {
            let mut question = GetPromptRequestParams::new(prompt);
            question.arguments = wanted.arguments;
            server
                .ask(|peer| async move { peer.get_prompt(question).await })
                .await
        };
        let result = self.0.engine().run(asked).await?;
        Ok(convert::of_prompt(&name, result))
    }

    /// One server's list, or those of all that have any. A server that fails has a line that says so.
    async fn list<F>(
        &self,
        server: Option<String>,
        what: &str,
        ask: fn(Arc<Server>) -> F,
    ) -> Result<ToolOutput>
    where
        F: Future<Output = Result<Vec<String>>> + Send + 'static,
    {
        let servers = match server {
            Some(name) => vec![self.0.named(&name)?],
            None => self
                .0
                .all()
                .filter(|server| offers(server, what))
                .cloned()
                .collect(),
        };
        let mut text = String::new();
        for server in servers {
            let name = server.name.clone();
            let lines = match self.0.engine().run(ask(server)).await {
                Ok(lines) if lines.is_empty() => format!("the MCP server {name} has no {what}"),
                Ok(lines) => convert::listing(&name, &lines.join("\n")),
                Err(error) => error.to_string(),
            };
            text += &lines;
            text.push('\n');
        }
        if text.is_empty() {
            text = format!("no MCP server has {what}");
        }
        Ok(text.trim_end().into())
    }
}

async fn list_resources(server: Arc<Server>) -> Result<Vec<String>> {
    let told = server
        .ask(|peer| async move { peer.list_resources(None).await })
        .await?;
    let lines = told.resources.into_iter().take(MAX_LISTED).map(|resource| {
        let description = resource.description.or(resource.title).unwrap_or_default();
        line(&resource.uri, &format!("{} {description}", resource.name))
    });
    Ok(lines.collect())
}

async fn list_prompts(server: Arc<Server>) -> Result<Vec<String>> {
    let told = server
        .ask(|peer| async move { peer.list_prompts(None).await })
        .await?;
    let lines = told.prompts.into_iter().take(MAX_LISTED).map(|prompt| {
        let arguments = prompt.arguments.unwrap_or_default();
        let names: Vec<_> = arguments.iter().map(|argument| argument.name.as_str()).collect();
        line(
            &format!("{}({})", prompt.name, names.join(", ")),
            &prompt.description.unwrap_or_default(),
        )
    });
    Ok(lines.collect())
}

fn line(name: &str, about: &str) -> String {
    let short = |text: &str| {
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(200)
            .collect::<String>()
    };
    format!("- {}: {}", short(name), short(about))
}

fn offers(server: &Server, what: &str) -> bool {
    server.catalog().is_some_and(|catalog| match what {
        "resources" => catalog.resources,
        _ => catalog.prompts,
    })
}

fn read<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T> {
    let arguments = if arguments.is_null() { json!({}) } else { arguments };
    serde_json::from_value(arguments)
        .map_err(|e| Error::invalid(format_args!("the arguments don't fit: {e}")))
}
