//! How tools at work are told.
use super::{
    event::{Event, To},
    tale::Tale,
};
use openclaw_plugin_api::ToolOutput;
use serde_json::{Value, json};

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
        self.tools.insert(id.to_owned(), (name.to_owned(), now_ms));
        let mut item = item(id, name, "start", "running");
        item["startedAt"] = json!(now_ms);
        out.push(self.agent("item", item, now_ms));
        let data = json!({ "phase": "start", "name": name, "toolCallId": id, "args": args });
        out.push(self.tool(data, now_ms));
    }

    /// A tool has ended.
    pub(super) fn tool_ended(&mut self, id: &str, output: &ToolOutput, now_ms: i64, out: &mut Vec<Event>) {
        let (name, began) = self.tools.remove(id).unwrap_or_else(|| (String::new(), now_ms));
        let mut result = json!({ "content": output.content });
        if !output.details.is_null() {
            result["details"] = output.details.clone();
        }
        let data = json!({
            "phase": "result", "name": name, "toolCallId": id, "isError": output.is_error, "result": result,
        });
        out.push(self.tool(data, now_ms));
        let status = if output.is_error { "failed" } else { "completed" };
        let mut item = item(id, &name, "end", status);
        item["startedAt"] = json!(began);
        item["endedAt"] = json!(now_ms);
        out.push(self.agent("item", item, now_ms));
    }

    fn tool(&mut self, data: Value, now_ms: i64) -> Event {
        Event {
            to: To::ToolWatchers,
            ..self.agent("tool", data, now_ms)
        }
    }
}

fn item(id: &str, name: &str, phase: &str, status: &str) -> Value {
    let mut title = name.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    json!({
        "itemId": format!("tool:{id}"), "toolCallId": id, "name": name, "kind": "tool", "phase": phase,
        "title": title, "status": status,
    })
}
