//! How tools at work are told.
//!
//! It knows no tool. What is given a `command` bears a command; what answers with an `exitCode` has run one.
use super::{
    event::{Event, To},
    tale::Tale,
};
use crate::agent::tool_words::about;
use openclaw_plugin_api::{Content, ToolOutput};
use serde_json::{Value, json};

/// Characters that are shown of what a call is about.
const SHOWN: usize = 80;

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    name: String,
    began_ms: i64,
    /// What it is about, for a person.
    meta: Option<String>,
    bears_command: bool,
}

// === impl Call ===

impl Call {
    fn new(name: &str, args: &Value, began_ms: i64) -> Self {
        Self {
            name: name.to_owned(),
            began_ms,
            meta: Some(about(args, SHOWN)).filter(|about| !about.is_empty()),
            bears_command: args["command"].is_string(),
        }
    }

    /// The call as an item of the run.
    fn item(&self, id: &str, phase: &str, status: &str) -> Value {
        let mut title = self.name.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        if let Some(meta) = &self.meta {
            title = format!("{title} {meta}");
        }
        let mut item = json!({
            "itemId": format!("tool:{id}"), "toolCallId": id, "name": self.name, "kind": "tool", "phase": phase,
            "title": title, "status": status,
        });
        self.tell(&mut item);
        item
    }

    fn tell(&self, data: &mut Value) {
        if let Some(meta) = &self.meta {
            data["meta"] = json!(meta);
        }
        if self.bears_command {
            data["commandBearing"] = json!(true);
        }
    }

    /// What a command said, if it was one.
    fn command(&self, id: &str, output: &ToolOutput) -> Option<Value> {
        let details = &output.details;
        details.get("exitCode")?;
        let mut title = String::from("command");
        if let Some(meta) = &self.meta {
            title = format!("{title} {meta}");
        }
        let mut data = json!({
            "itemId": format!("command:{id}"), "phase": "end", "title": title, "toolCallId": id, "name": self.name,
            "output": said(output), "status": if output.is_error { "failed" } else { "completed" },
        });
        for field in ["exitCode", "durationMs", "cwd"] {
            if let Some(value) = details.get(field) {
                data[field] = value.clone();
            }
        }
        Some(data)
    }
}

impl Tale {
    /// A tool begins.
    pub(super) fn tool_began(
        &mut self,
        id: &str,
        name: &str,
        args: &Value,
        now_ms: i64,
        out: &mut Vec<Event>,
    ) {
        let call = Call::new(name, args, now_ms);
        let mut item = call.item(id, "start", "running");
        item["startedAt"] = json!(now_ms);
        self.tools.insert(id.to_owned(), call);
        out.push(self.agent("item", item, now_ms));
        let data = json!({ "phase": "start", "name": name, "toolCallId": id, "args": args });
        out.push(self.tool(data, now_ms));
    }

    /// A tool has ended.
    pub(super) fn tool_ended(&mut self, id: &str, output: &ToolOutput, now_ms: i64, out: &mut Vec<Event>) {
        let call = self.tools.remove(id);
        let call = call.unwrap_or_else(|| Call::new("", &Value::Null, now_ms));
        let mut result = json!({ "content": output.content });
        if !output.details.is_null() {
            result["details"] = output.details.clone();
        }
        let mut data = json!({
            "phase": "result", "name": call.name, "toolCallId": id, "isError": output.is_error, "result": result,
        });
        call.tell(&mut data);
        out.push(self.tool(data, now_ms));
        let status = if output.is_error { "failed" } else { "completed" };
        let mut item = call.item(id, "end", status);
        item["startedAt"] = json!(call.began_ms);
        item["endedAt"] = json!(now_ms);
        out.push(self.agent("item", item, now_ms));
        if let Some(command) = call.command(id, output) {
            out.push(self.agent("command_output", command, now_ms));
        }
    }

    fn tool(&mut self, data: Value, now_ms: i64) -> Event {
        Event {
            to: To::ToolWatchers,
            ..self.agent("tool", data, now_ms)
        }
    }
}

fn said(output: &ToolOutput) -> String {
    let texts = output.content.iter().filter_map(Content::as_text);
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_without_secrets() {
        let meta = |args| Call::new("run", &args, 1).meta;
        assert_eq!(
            meta(json!({ "url": "u", "command": "ls\n-l" })).as_deref(),
            Some("ls -l · u")
        );
        assert_eq!(meta(json!({ "count": 3 })), None);
        let secret = format!("sk-ant-{}", "a1B2c3D4".repeat(6));
        let told = meta(json!({ "command": format!("curl -H {secret}") })).expect("told");
        assert!(told.starts_with("curl") && !told.contains(&secret), "{told}");
    }

    #[test]
    fn what_ends_with_a_code_was_a_command() {
        let call = Call::new("run", &json!({ "command": "ls" }), 1);
        let mut output = ToolOutput {
            content: vec![Content::text("a")],
            ..ToolOutput::default()
        };
        assert_eq!(call.command("c", &output), None);
        output.details = json!({ "exitCode": 0, "cwd": "/x" });
        let told = call.command("c", &output).expect("it was one");
        assert_eq!((&told["output"], &told["cwd"]), (&json!("a"), &json!("/x")));
        assert_eq!(call.item("c", "end", "completed")["commandBearing"], true);
    }
}
