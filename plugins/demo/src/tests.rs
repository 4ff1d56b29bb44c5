//! The demo through the fake host.
use super::PLUGIN;
use openclaw_plugin_api::{Delta, Message, Role, ToolSpec, prelude::*, testing::TestHost};

fn request(messages: Vec<Message>) -> CompletionRequest {
    let tool = ToolSpec {
        name: "count_words".into(),
        ..ToolSpec::default()
    };
    CompletionRequest {
        model: "echo".into(),
        messages,
        tools: vec![tool],
        ..CompletionRequest::default()
    }
}

fn text(deltas: &[Delta]) -> String {
    deltas
        .iter()
        .filter_map(|delta| {
            if let Delta::Text(text) = delta {
                Some(text.as_str())
            } else {
                None
            }
        })
        .collect()
}

#[tokio::test]
async fn it_repeats_word_by_word() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let (deltas, end) = plugin
        .complete("demo", &request(vec![Message::text(Role::User, "a b c")]))
        .await?;
    assert_eq!(text(&deltas), "You said: a b c");
    assert_eq!(
        (deltas.len(), end.stop_reason, end.usage.input),
        (5, StopReason::Stop, 3)
    );
    Ok(())
}

#[tokio::test]
async fn it_asks_for_a_tool_and_reports_its_answer() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let ask = Message::text(Role::User, r#"/tool count_words {"text":"a b"}"#);
    let (deltas, end) = plugin.complete("demo", &request(vec![ask.clone()])).await?;
    assert_eq!(end.stop_reason, StopReason::ToolUse);
    assert_eq!(
        deltas[1],
        Delta::Arguments {
            index: 0,
            json: r#"{"text":"a b"}"#.into()
        }
    );
    let output = plugin.tool("count_words", json!({"text": "a b"})).await?;
    assert_eq!(output.details["words"], 2);
    let answer = Message {
        role: Role::ToolResult,
        content: output.content,
        tool_name: "count_words".into(),
        ..Message::default()
    };
    let (deltas, _) = plugin.complete("demo", &request(vec![ask, answer])).await?;
    assert!(text(&deltas).starts_with("count_words answered: {"), "{deltas:?}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_tool_is_answered_with_the_known_ones() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let (deltas, _) = plugin
        .complete("demo", &request(vec![Message::text(Role::User, "/tool fly")]))
        .await?;
    assert_eq!(text(&deltas), "I have no tool \"fly\", only: count_words");
    Ok(())
}
