//! A plugin with several surfaces, driven through the fake host: traits, records, streams, panics, configuration.
use openclaw_plugin_api::{
    ApprovalDecision, ApprovalRequest, ApprovalVerdict, CommandCall, CommandReply, CommandSpec, Delta,
    HttpCall, MethodCall, MethodSpec, Route, RouteAuth,
    prelude::*,
    testing::{FakeAnswer, TestHost},
};
use std::time::Duration;

#[derive(Deserialize, JsonSchema)]
struct Args {
    /// What to do.
    mode: String,
}

struct Probe(Host);

impl Tool for Probe {
    const NAME: &'static str = "probe";
    const DESCRIPTION: &'static str = "Does what a test asks for.";
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        match args.mode.as_str() {
            "panic" => panic!("as asked"),
            "sleep" => self.0.sleep(Duration::from_secs(3600)).await,
            "tell" => {
                tracing::info!("a call speaks");
                self.0.spawn(async { tracing::info!("a task speaks") });
                self.0.sleep(Duration::from_secs(1)).await;
                tracing::info!("a call goes on");
            }
            "timeout" => {
                self.0
                    .timeout(Duration::from_secs(1), std::future::pending::<()>())
                    .await?;
            }
            "store" => {
                let store = self.0.store();
                store.put("a/1", *b"one").await?;
                assert!(store.add("a/2", *b"two", None).await?);
                assert!(!store.add("a/2", *b"three", None).await?);
                return Ok(format!("{:?} {:?}", store.keys("a/").await?, store.get("nothing").await?).into());
            }
            "fetch" => {
                let mut answer = self
                    .0
                    .http()
                    .post("https://api.example/x")
                    .json(&json!({"a": 1}))
                    .send()
                    .await?;
                let mut text = format!("{}", answer.status());
                while let Some(chunk) = answer.chunk().await? {
                    text += &format!("|{}", String::from_utf8_lossy(&chunk));
                }
                return Ok(text.into());
            }
            "approve" => {
                let request = ApprovalRequest {
                    command: "rm -r build".into(),
                    ..ApprovalRequest::default()
                };
                let decision = self.0.approvals().request(&request).await?;
                return Ok(format!("{:?}", decision.verdict).into());
            }
            "agent" => {
                let mut turn = self.0.agents().run(&Default::default())?;
                let mut n = 0;
                while turn.next().await?.is_some() {
                    n += 1;
                }
                return Ok(format!("{n} events").into());
            }
            "media" => {
                let media = self
                    .0
                    .media()
                    .save("text/plain", "a.txt", b"abc".to_vec())
                    .await?;
                let bytes = self.0.media().open(&media).chunk().await?;
                return Ok(format!("{} {:?}", media.size, bytes).into());
            }
            "secret" => {
                let secret = self.0.secret("KEY").await?.map(|secret| secret.expose().len());
                return Ok(format!("{secret:?} {:?}", self.0.secret("OTHER").await?.is_none()).into());
            }
            _ => {}
        }
        Ok("done".into())
    }
}

struct Pipe;

impl Channel for Pipe {
    const ID: &'static str = "pipe";

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        let inner = host.clone();
        host.host().spawn(async move {
            let event = Inbound {
                event_id: "1".into(),
                account_id: account.id,
                ..Inbound::default()
            };
            while inner.inbound(&event).await.is_err() {
                inner.host().sleep(Duration::from_secs(1)).await;
            }
        });
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        Ok(Receipt {
            message_ids: vec![message.text],
        })
    }
}

struct Parrot;

impl Provider for Parrot {
    const ID: &'static str = "parrot";

    async fn complete(&self, request: CompletionRequest, mut out: Deltas) -> Result<Completion> {
        assert_eq!(request.credential.as_ref().map(Secret::expose), Some("k"));
        out.thinking("hm").await?;
        for word in request.messages[0].plain_text().split(' ') {
            out.text(word).await?;
        }
        out.send(Delta::ToolCall {
            index: 0,
            id: "c1".into(),
            name: "probe".into(),
        })
        .await?;
        out.send(Delta::Arguments {
            index: 0,
            json: "{}".into(),
        })
        .await?;
        Ok(Completion {
            stop_reason: StopReason::ToolUse,
            ..Completion::default()
        })
    }
}

struct Web;

impl HttpRoutes for Web {
    fn routes(&self) -> Vec<Route> {
        vec![Route {
            path: "/hook".into(),
            auth: RouteAuth::Signature,
            ..Route::default()
        }]
    }

    fn verify(&self, call: &HttpCall) -> Result<()> {
        match call.header("x-sign") {
            Some("good") => Ok(()),
            _ => Err(Error::new(ErrorKind::Auth, "wrong signature")),
        }
    }

    async fn handle(&self, call: HttpCall, answer: openclaw_plugin_api::Answer) -> Result<()> {
        answer.send(202, "text/plain", &call.body).await
    }
}

struct Rpc;

impl Methods for Rpc {
    fn methods(&self) -> Vec<MethodSpec> {
        vec![MethodSpec {
            name: "glue.echo".into(),
            ..MethodSpec::default()
        }]
    }

    async fn call(&self, call: MethodCall) -> Result<Value> {
        Ok(call.params)
    }
}

struct Words;

impl Commands for Words {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec {
            name: "words".into(),
            ..CommandSpec::default()
        }]
    }

    async fn run(&self, call: CommandCall) -> Result<CommandReply> {
        Ok(call.args.len().to_string().into())
    }
}

const DECLARATION: Declaration = Declaration::new("glue", "Glue")
    .tools(&["probe"])
    .channels(&["pipe"])
    .providers(&["parrot"])
    .routes(&["/hook"])
    .methods(&["glue.echo"])
    .commands(&["words"]);

export_plugin!(DECLARATION, |api| {
    let config: Value = api.config()?;
    let mut changes = api.host().config_changes();
    let host = api.host().clone();
    api.host().spawn(async move {
        while let Ok(config) = changes.changed::<Value>().await {
            host.emit("glue.config", &config).await.ok();
        }
    });
    api.tool(Probe(api.host().clone()))
        .channel(Pipe)
        .provider(Parrot)
        .http(Web)
        .methods(Rpc);
    if config.get("forget").is_none() {
        api.commands(Words);
    }
    Ok(())
});

#[tokio::test(start_paused = true)]
async fn tools_reach_every_service_of_the_host() -> Result<()> {
    let host = TestHost::new().secret("KEY", "hunter2").web(|request| {
        assert_eq!(request.body, br#"{"a":1}"#);
        Ok(FakeAnswer {
            chunks: vec![b"x".to_vec(), b"y".to_vec()],
            ..FakeAnswer::new(201, "")
        })
    });
    let plugin = host.load(&PLUGIN, json!({}))?;
    for (mode, expected) in [
        ("store", r#"["a/1", "a/2"] None"#),
        ("fetch", "201|x|y"),
        ("agent", "3 events"),
        ("media", "3 Some([97, 98, 99])"),
        ("secret", "Some(7) true"),
        ("sleep", "done"),
    ] {
        let output = plugin.tool("probe", json!({ "mode": mode })).await?;
        assert_eq!(output.content[0].as_text(), Some(expected), "{mode}");
    }
    let error = plugin
        .tool("probe", json!({"mode": "timeout"}))
        .await
        .expect_err("too late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let error = plugin
        .tool("probe", json!({"mood": 1}))
        .await
        .expect_err("wrong arguments");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[tokio::test]
async fn a_cut_answer_is_an_error_after_its_chunks() -> Result<()> {
    let host = TestHost::new().web(|_| {
        Ok(FakeAnswer {
            cut: true,
            ..FakeAnswer::new(200, "half")
        })
    });
    let plugin = host.load(&PLUGIN, json!({}))?;
    let error = plugin
        .tool("probe", json!({"mode": "fetch"}))
        .await
        .expect_err("cut");
    assert_eq!(error.kind(), ErrorKind::Network);
    Ok(())
}

#[tokio::test]
async fn a_panic_poisons_the_instance_and_nothing_else() -> Result<()> {
    let host = TestHost::new();
    let (first, second) = (host.load(&PLUGIN, json!({}))?, host.load(&PLUGIN, json!({}))?);
    let error = first
        .tool("probe", json!({"mode": "panic"}))
        .await
        .expect_err("panics");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Panic, "as asked"));
    let error = first
        .tool("probe", json!({"mode": ""}))
        .await
        .expect_err("poisoned");
    assert_eq!(error.kind(), ErrorKind::Panic);
    second.tool("probe", json!({"mode": ""})).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_logs_reaches_its_own_host() -> Result<()> {
    let (older, newer) = (TestHost::new(), TestHost::new());
    let plugin = older.load(&PLUGIN, json!({}))?;
    let _other = newer.load(&PLUGIN, json!({}))?;
    plugin.tool("probe", json!({"mode": "tell"})).await?;
    let lines: Vec<_> = older.logs().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["a call speaks", "a task speaks", "a call goes on"]);
    assert_eq!(newer.logs(), []);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_channel_retries_until_the_host_has_the_event() -> Result<()> {
    let host = TestHost::new();
    host.refuse_inbound(true);
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("pipe", json!({})).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    host.refuse_inbound(false);
    let (channel, event) = host.next_inbound().await;
    assert_eq!((channel.as_str(), event.account_id.as_str()), ("pipe", "default"));
    let receipt = plugin
        .send(
            "pipe",
            &Outbound {
                text: "hi".into(),
                ..Outbound::default()
            },
        )
        .await?;
    assert_eq!(receipt.message_ids, ["hi"]);
    Ok(())
}

#[tokio::test]
async fn a_provider_streams_and_ends() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let request = CompletionRequest {
        messages: vec![openclaw_plugin_api::Message::text(Default::default(), "a b")],
        credential: Some(Secret::new("k")),
        ..CompletionRequest::default()
    };
    let (deltas, completion) = plugin.complete("parrot", &request).await?;
    assert_eq!(
        deltas[..3],
        [
            Delta::Thinking("hm".into()),
            Delta::Text("a".into()),
            Delta::Text("b".into())
        ]
    );
    assert_eq!(deltas.len(), 5);
    assert_eq!(completion.stop_reason, StopReason::ToolUse);
    Ok(())
}

#[tokio::test]
async fn routes_methods_and_commands_answer() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let mut call = HttpCall {
        body: b"body".to_vec(),
        ..HttpCall::default()
    };
    let error = plugin.http("/hook", &call).await.expect_err("unsigned");
    assert_eq!(error.kind(), ErrorKind::Auth);
    call.headers.push(("x-sign".into(), "good".into()));
    let (head, body) = plugin.http("/hook", &call).await?;
    assert_eq!((head.status, body.as_slice()), (202, b"body".as_slice()));
    assert_eq!(plugin.method("glue.echo", json!([1])).await?, json!([1]));
    let call = CommandCall {
        name: "words".into(),
        args: vec!["a".into(), "b".into()],
        ..CommandCall::default()
    };
    assert_eq!(plugin.command(&call).await?.text, "2");
    Ok(())
}

#[tokio::test]
async fn a_new_configuration_reaches_whoever_follows_it() -> Result<()> {
    let host = TestHost::new();
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.configure(&json!({"n": 2})).await?;
    while host.events().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.events(), [("glue.config".to_owned(), json!({"n": 2}))]);
    Ok(())
}

#[tokio::test]
async fn the_operator_is_whom_the_test_says() -> Result<()> {
    let nobody = TestHost::new().load(&PLUGIN, json!({}))?;
    let output = nobody.tool("probe", json!({"mode": "approve"})).await?;
    assert_eq!(output.content[0].as_text(), Some("Unavailable"));
    let host = TestHost::new().operator(|asked| {
        ApprovalDecision::new(match asked.command.starts_with("rm") {
            true => ApprovalVerdict::Deny,
            false => ApprovalVerdict::AllowOnce,
        })
    });
    let output = host
        .load(&PLUGIN, json!({}))?
        .tool("probe", json!({"mode": "approve"}))
        .await?;
    assert_eq!(output.content[0].as_text(), Some("Deny"));
    assert_eq!(host.asked()[0].command, "rm -r build");
    Ok(())
}

#[tokio::test]
async fn what_is_registered_must_be_declared() {
    let error = TestHost::new()
        .load(&PLUGIN, json!({"forget": true}))
        .expect_err("a difference");
    assert!(
        error
            .message()
            .contains(r#"declared but missing: command/1 "words""#),
        "{error}"
    );
}
