//! Configurations with two plugins, of which each declares something and speaks something.
use super::*;
use openclaw_plugin_api::{CacheRetention, ErrorKind};
use serde_json::json;

fn offers() -> Vec<Offer> {
    let offer = |plugin: &str, providers: &[&str], apis: &[&str]| Offer {
        plugin: plugin.into(),
        providers: providers.iter().map(|&id| id.to_owned()).collect(),
        apis: apis.iter().map(|&api| api.to_owned()).collect(),
        variables: Vec::new(),
        in_environment: true,
    };
    vec![
        offer("first", &["vendor", "zai"], &["messages"]),
        offer("second", &["other"], &["chat", "messages"]),
    ]
}

fn resolver(config: serde_json::Value) -> (Resolver, Agent) {
    let config = Config::from_value(config).expect("valid");
    let agent = config.agents().default_agent().clone();
    let clock = Clock::from_fn(|| 0);
    let resolver = Resolver::new(
        Arc::new(config),
        offers(),
        Profiles::default(),
        Arc::default(),
        clock,
    );
    (resolver, agent)
}

fn local() -> serde_json::Value {
    json!({
        "agents": {"defaults": {
            "model": {"primary": "vendor/big", "fallbacks": ["quick", "box/llama"]},
            "models": {"vendor/small": {"alias": "Quick", "params": {"seed": 1}}, "other/twin": {}}
        }},
        "models": {"providers": {"box": {
            "baseUrl": "http://127.0.0.1:9/v1", "api": "chat", "apiKey": "hunter2", "authHeader": true,
            "headers": {"X-A": "1"}, "params": {"seed": 2, "top": 3, "cacheRetention": "long"},
            "timeoutSeconds": 7,
            "models": [
                {"id": "llama", "compat": {"supportsStore": false}, "headers": {"x-a": "2"}, "contextWindow": 4096},
                {"id": "twin"}, {"id": "m", "api": "messages", "baseUrl": "http://[::1]:9"}
            ]
        }}}
    })
}

#[test]
fn a_service_of_the_configuration_is_served_by_whoever_speaks_its_api() {
    let (resolver, agent) = resolver(local());
    let served = resolver.resolve(&agent, "box/llama", None).expect("served");
    assert_eq!(
        (&*served.plugin, &*served.target, &*served.api, &*served.base_url),
        ("second", "other", "chat", "http://127.0.0.1:9/v1")
    );
    assert_eq!(served.reference.to_string(), "box/llama");
    assert_eq!(
        (served.timeout, served.info.context_window, served.info.max_tokens),
        (Some(Duration::from_secs(7)), 4096, 4096)
    );
    let request = served.request(&served.credentials[0]);
    assert_eq!(
        (&*request.model, &*request.base_url),
        ("llama", "http://127.0.0.1:9/v1")
    );
    assert_eq!(
        (&*request.headers["x-a"], &*request.headers["authorization"]),
        ("2", "Bearer hunter2")
    );
    assert_eq!(
        serde_json::Value::Object(request.params),
        json!({"seed": 2, "top": 3, "compat": {"supportsStore": false}})
    );
    assert_eq!(request.cache, CacheRetention::Long, "no vendor knows this word");
    assert_eq!(served.credentials.len(), 1, "and nobody's variables");
    let text = format!("{served:?} {resolver:?}");
    assert!(!text.contains("hunter2"), "{text}");
    let own = resolver.resolve(&agent, "box/m", None).expect("served");
    assert_eq!((&*own.plugin, &*own.base_url), ("first", "http://[::1]:9"));
}

#[test]
fn a_provider_that_a_plugin_declares_is_its_own() {
    let (resolver, agent) = resolver(local());
    let served = resolver.resolve(&agent, "Z.AI/glm", None).expect("served");
    assert_eq!((&*served.plugin, &*served.target), ("first", "zai"));
    assert!(served.base_url.is_empty() && served.credentials[0].secret.is_none());
    let quick = resolver.resolve(&agent, "quick", None).expect("served");
    assert_eq!(quick.reference.to_string(), "vendor/small");
    assert_eq!(quick.params["seed"], 1);
}

#[test]
fn a_name_without_a_provider_means_what_is_configured() {
    let (resolver, agent) = resolver(local());
    let mean = |written: &str| resolver.reference(&agent, written).map(|found| found.to_string());
    assert_eq!(mean("QUICK").as_deref(), Ok("vendor/small"));
    assert_eq!(mean("llama").as_deref(), Ok("box/llama"));
    assert_eq!(mean("new-one").as_deref(), Ok("vendor/new-one"));
    assert!(matches!(mean("twin"), Err(ResolveError::Ambiguous { models, .. }) if models.len() == 2));
    for written in ["", "/x", "vendor/"] {
        assert!(
            matches!(mean(written), Err(ResolveError::Unknown(_))),
            "{written}"
        );
    }
}

#[test]
fn a_plan_keeps_the_order_and_says_who_can_not_serve() {
    let mut config = local();
    config["agents"]["defaults"]["model"]["fallbacks"] =
        json!(["quick", "gone/x", "vendor/big", "box/llama"]);
    config["models"]["providers"]["odd"] =
        json!({"baseUrl": "http://localhost", "api": "none", "models": []});
    config["models"]["providers"]["lost"] = json!({"api": "chat", "models": []});
    let (resolver, agent) = resolver(config);
    let (plan, errors) = resolver.plan(&agent, agent.model.references(), None);
    let names: Vec<_> = plan.iter().map(|served| served.reference.to_string()).collect();
    assert_eq!(names, ["vendor/big", "vendor/small", "box/llama"]);
    assert_eq!(errors, [ResolveError::NoPlugin("gone".into())]);
    let (plan, errors) = resolver.plan(&agent, ["odd/x", "lost/x"], None);
    assert!(plan.is_empty() && errors[0].to_string().contains("models.providers.odd.api"));
    assert_eq!(errors[1], ResolveError::NoAddress("lost".into()));
    let pinned = resolver.resolve(&agent, "vendor/big", Some("vendor:gone"));
    assert_eq!(pinned.expect_err("no key").to_error().kind(), ErrorKind::Auth);
}
