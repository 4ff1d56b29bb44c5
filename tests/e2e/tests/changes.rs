//! A configuration that changes under the real program: whoever writes in the very moment is answered with a configuration
//! and the plugins that belong to it, and a command meets what the one before it has changed.
use openclaw_e2e::world::{ADA, Home, KEY, World, soon};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};

/// Changes of each test.
const CHANGES: usize = 6;

#[tokio::test]
async fn an_address_is_never_asked_by_a_plugin_that_may_not_reach_it() {
    let world = World::new().await;
    let other = OpenAi::start().await.expect("a port");
    other.require_key(KEY);
    for n in 0..CHANGES {
        let model = [&other, &world.model][n % 2];
        world.reconfigure(|config| {
            let provider = config["models"]["providers"]["one"].clone();
            let providers = &mut config["models"]["providers"];
            *providers = json!({});
            providers[format!("of-change-{n}")] = provider;
            providers[format!("of-change-{n}")]["baseUrl"] = json!(model.base_url());
            // the next change begins from this one
            providers["one"] = providers[format!("of-change-{n}")].clone();
            config["agents"]["defaults"]["model"] = json!({ "primary": format!("of-change-{n}/m") });
        });
        world
            .gateway
            .says(&format!("models.providers.of-change-{n}"))
            .await;
        let words = format!("answer number {n}.");
        model.script(Turn::text(&words));
        world.telegram.dm(ADA, "hello");
        world.sent(&words).await;
    }
    assert_eq!(other.complaints(), [""; 0]);
    let log = world.end().await;
    assert!(!log.contains("may not reach"), "{log}");
}

#[tokio::test]
async fn tools_are_offered_as_the_configuration_says() {
    let world = World::with_plugins(&["files"], |config| {
        config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{}", ADA.id)]);
    })
    .await;
    for n in 0..CHANGES {
        let on = n % 2 == 1;
        world.reconfigure(|config| {
            config["plugins"]["entries"]["files"] = json!({ "enabled": on });
            // so that each change is told apart from the others
            config["session"]["identityLinks"] = json!({ format!("of-change-{n}"): ["pager:1"] });
        });
        world.gateway.says(&format!("of-change-{n}")).await;
        let words = format!("answer number {n}.");
        world.model.script(Turn::text(&words));
        world.telegram.dm(ADA, "hello");
        world.sent(&words).await;
        let asked = soon("the model's being asked", world.model.heard(n + 1)).await;
        let offered = asked[n]["tools"].as_array().cloned().unwrap_or_default();
        let reads = |tool: &Value| tool["function"]["name"] == "read";
        assert_eq!(offered.iter().any(reads), on, "change {n}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_command_meets_what_the_one_before_it_has_changed() {
    let home = Home::new(&["demo", "mcp"]);
    home.configure(&json!({}));
    let gateway = home.start().await;
    for n in 0..3 {
        for words in [
            &["mcp", "add", "two", "/bin/cat"][..],
            &["mcp", "list"],
            &["mcp", "remove", "two"],
        ] {
            let output = home
                .command(words)
                .env("OPENCLAW_GATEWAY_PORT", &gateway.port)
                .output()
                .expect("the program runs");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{n}: {words:?}: {said}{err}");
            let expected = match words[1] {
                "list" => "two: stdio",
                _ => "The gateway has taken it up.",
            };
            assert!(said.contains(expected), "{n}: {words:?}: {said}");
        }
    }
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
