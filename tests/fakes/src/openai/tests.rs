//! The fake keeps to the vendor's description itself.
use super::*;

fn turn() -> Turn {
    Turn::default()
        .and_thought("let me see")
        .and_text("I will look.")
        .and_call("call_1", "look", &json!({ "at": "é" }))
        .usage(10, 4, 3)
}

fn check_all(schema: &str, events: &[Value]) {
    let Some(validator) = spec::validator(schema) else {
        return;
    };
    for event in events {
        assert_eq!(crate::spec::judge(&validator, event), Ok(()), "{event}");
    }
}

#[test]
fn responses_are_as_described() {
    let request = json!({ "model": "gpt-5", "reasoning": { "summary": "auto" }, "include": ["reasoning.encrypted_content"] });
    check_all(
        "ResponseStreamEvent",
        &events::render(Api::Responses, &turn(), &request, 1),
    );
    let mut refused = Turn::text("x").stop("length");
    refused.parts.push(Part::Refusal("no".into()));
    check_all(
        "ResponseStreamEvent",
        &events::render(Api::Responses, &refused, &request, 1),
    );
}

#[test]
fn chunks_are_as_described() {
    let request = json!({ "model": "gpt-4o", "stream_options": { "include_usage": true } });
    check_all(
        "CreateChatCompletionStreamResponse",
        &events::render(Api::Completions, &turn(), &request, 1),
    );
}

#[test]
fn what_the_vendor_refuses_is_refused() {
    let call = json!({ "type": "function_call", "call_id": "a", "name": "look", "arguments": "{}" });
    let output = json!({ "type": "function_call_output", "call_id": "a", "output": "seen" });
    let check = |input: Value| spec::check_calls(Api::Responses, &json!({ "input": input }));
    assert_eq!(check(json!([call, output])), Ok(()));
    assert!(check(json!([call])).is_err() && check(json!([output])).is_err());
    if spec::validator("CreateResponse").is_some() {
        assert!(
            spec::check(
                Api::Responses,
                &json!({ "model": "m", "input": [{ "role": "nobody", "content": "x" }] })
            )
            .is_err()
        );
        assert!(spec::check(Api::Responses, &json!({ "model": "m", "max_output_tokens": 1 })).is_err());
        assert!(spec::check(Api::Completions, &json!({ "model": "m", "messages": [] })).is_err());
    }
}

#[test]
fn without_a_script_it_repeats_and_asks_for_tools() {
    let said = |content: &str| {
        Turn::echo(
            Api::Completions,
            &json!({ "messages": [{ "role": "user", "content": content }] }),
        )
    };
    assert_eq!(said("a b").parts, Turn::text("You said: a b").parts);
    assert_eq!(
        said("/tool look {\"at\":1}").parts,
        Turn::call("call_1", "look", &json!({ "at": 1 })).parts
    );
}

/// Sends one request and reads until the other side closes: head and body as they came.
async fn post(fake: &OpenAi, path: &str, key: &str, body: &Value) -> io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = body.to_string();
    let head = format!(
        "POST /v1{path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(fake.address).await?;
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn hello() -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hello there" }] })
}

#[tokio::test]
async fn it_answers_over_the_wire_and_remembers() -> io::Result<()> {
    let fake = OpenAi::start().await?;
    assert!(fake.base_url().starts_with("http://127.0.0.1:") && fake.base_url().ends_with("/v1"));
    let answer = post(&fake, "/chat/completions", "k", &hello()).await?;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("text/event-stream"),
        "{answer}"
    );
    assert!(
        answer.contains("there") && answer.contains("data: [DONE]"),
        "{answer}"
    );
    let asked = fake.asked();
    assert_eq!(
        (asked[0].path.as_str(), &asked[0].body),
        ("/v1/chat/completions", &hello())
    );
    assert_eq!(fake.complaints(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn it_refuses_wrong_keys_and_wrong_bodies() -> io::Result<()> {
    let fake = OpenAi::start().await?;
    fake.require_key("right");
    let answer = post(&fake, "/chat/completions", "wrong", &hello()).await?;
    assert!(
        answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_api_key"),
        "{answer}"
    );
    let loose =
        json!({ "model": "gpt-4o", "messages": [{ "role": "tool", "content": "x", "tool_call_id": "c" }] });
    let answer = post(&fake, "/chat/completions", "right", &loose).await?;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(fake.complaints(), ["there is no call for the result \"c\""]);
    Ok(())
}

#[tokio::test]
async fn it_fails_as_the_script_says() -> io::Result<()> {
    let fake = OpenAi::start().await?;
    fake.script(Turn::rate_limit(7));
    fake.script(Turn::error(529, "overloaded_error", "busy"));
    fake.script(Turn::text("one two three").fault(Fault::Cut { after: 2 }));
    fake.script(Turn::text("one two three").fault(Fault::Close { after: 2 }));
    fake.script(Turn::text("one").fault(Fault::Malformed { after: 1 }));
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(post(&fake, "/chat/completions", "k", &hello()).await?);
    }
    assert!(
        answers[0].starts_with("HTTP/1.1 429") && answers[0].contains("retry-after: 7"),
        "{}",
        answers[0]
    );
    assert!(answers[1].starts_with("HTTP/1.1 529"), "{}", answers[1]);
    // What ends in good order ends with an empty chunk; what is cut does not.
    assert!(
        !answers[2].contains("three") && !answers[2].ends_with("0\r\n\r\n"),
        "{}",
        answers[2]
    );
    assert!(
        !answers[3].contains("three") && answers[3].ends_with("0\r\n\r\n"),
        "{}",
        answers[3]
    );
    assert!(answers[4].contains("data: {\"type\":\n\n"), "{}", answers[4]);
    Ok(())
}
