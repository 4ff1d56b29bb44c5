//! Anthropic and Google failing, as people see it: who answers instead, and when nobody else is asked.
use openclaw_e2e::world::{ADA, World, text_of};
use openclaw_fakes::{
    anthropic::Anthropic,
    gemini::Gemini,
    openai::Turn,
    server::{Fault, Server},
};
use serde_json::{Value, json};

/// What the second model says.
const INSTEAD: &str = "I answer instead";
/// More faults than there are requests: a list of models, and a model that is asked again.
const MANY: usize = 12;

/// A vendor with its words.
struct Vendor {
    /// Its plugin and provider.
    id: &'static str,
    model: &'static str,
    /// Its fake; kept as long as it is asked.
    server: Box<dyn AsRef<Server>>,
    base_url: String,
    /// How it says each class of error: status, headers, body.
    errors: Vec<(&'static str, u16, Value)>,
    /// How it says that a request is wrong.
    wrong: (u16, Value),
    /// How it says that a conversation is too long.
    too_long: (u16, Value),
}

struct OfAnthropic(Anthropic);

impl AsRef<Server> for OfAnthropic {
    fn as_ref(&self) -> &Server {
        &self.0.server
    }
}

struct OfGemini(Gemini);

impl AsRef<Server> for OfGemini {
    fn as_ref(&self) -> &Server {
        &self.0.server
    }
}

async fn anthropic() -> Vendor {
    let error =
        |kind: &str, message: &str| json!({ "type": "error", "error": { "type": kind, "message": message } });
    let fake = Anthropic::start().await.expect("a port");
    Vendor {
        id: "anthropic",
        model: "anthropic/claude-opus-4-6",
        base_url: fake.server.url(),
        server: Box::new(OfAnthropic(fake)),
        errors: vec![
            ("auth", 401, error("authentication_error", "invalid x-api-key")),
            (
                "billing",
                400,
                error(
                    "invalid_request_error",
                    "Your credit balance is too low to access the Anthropic API.",
                ),
            ),
            (
                "rate limit",
                429,
                error("rate_limit_error", "This request would exceed your rate limit."),
            ),
            ("overloaded", 529, error("overloaded_error", "Overloaded")),
            ("server", 500, error("api_error", "Internal server error")),
            (
                "not found",
                404,
                error("not_found_error", "model: claude-opus-4-6"),
            ),
        ],
        wrong: (400, error("invalid_request_error", "messages.1: wrong")),
        too_long: (
            400,
            error(
                "invalid_request_error",
                "prompt is too long: 213462 tokens > 200000 maximum",
            ),
        ),
    }
}

async fn google() -> Vendor {
    let error = |code: u16, status: &str, message: &str| json!({ "error": { "code": code, "status": status, "message": message } });
    let fake = Gemini::start().await.expect("a port");
    Vendor {
        id: "google",
        model: "google/gemini-2.5-flash",
        base_url: fake.base_url(),
        server: Box::new(OfGemini(fake)),
        errors: vec![
            (
                "auth",
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "API key not valid. Please pass a valid API key.",
                ),
            ),
            (
                "billing",
                403,
                error(
                    403,
                    "PERMISSION_DENIED",
                    "This API method requires billing to be enabled.",
                ),
            ),
            (
                "rate limit",
                429,
                error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
            ),
            (
                "overloaded",
                503,
                error(
                    503,
                    "UNAVAILABLE",
                    "The model is overloaded. Please try again later.",
                ),
            ),
            (
                "server",
                500,
                error(500, "INTERNAL", "An internal error has occurred."),
            ),
            (
                "not found",
                404,
                error(404, "NOT_FOUND", "models/gemini-2.5-flash is not found"),
            ),
        ],
        wrong: (
            400,
            error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        ),
        too_long: (
            400,
            error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
        ),
    }
}

impl Vendor {
    /// A world whose first model is the vendor's, with another one behind it.
    async fn world(&self) -> World {
        let world = World::with_plugins(&[self.id], |config| {
            config["models"]["providers"][self.id] = json!({ "baseUrl": self.base_url, "apiKey": "a-key" });
            config["agents"]["defaults"]["model"] = json!({ "primary": self.model, "fallbacks": ["one/m"] });
        })
        .await;
        world.model.script(Turn::text(INSTEAD));
        world
    }

    fn fails(&self, fault: &Fault) {
        let faults = std::iter::repeat_n(fault.clone(), MANY);
        (*self.server).as_ref().script(faults);
    }

    fn asked(&self) -> usize {
        (*self.server).as_ref().asked().len()
    }
}

fn status((code, body): (u16, &Value)) -> Fault {
    Fault::Status {
        code,
        // who says so himself is waited for that long; a person's patience is longer
        headers: vec![("retry-after".into(), "1".into())],
        body: body.to_string(),
    }
}

async fn another_model_answers(vendor: Vendor) {
    let mut faults: Vec<_> = vendor
        .errors
        .iter()
        .map(|(class, code, body)| (*class, status((*code, body))))
        .collect();
    faults.push(("cut before it began", Fault::CutAfter { bytes: 0 }));
    faults.push(("lost", Fault::Lost));
    for (class, fault) in faults {
        let world = vendor.world().await;
        let before = vendor.asked();
        vendor.fails(&fault);
        world.telegram.dm(ADA, "hello");
        let texts = world.texts(1).await;
        assert!(
            texts[0].contains(INSTEAD),
            "{class}: {texts:?}\n{}",
            world.gateway.log()
        );
        assert!(vendor.asked() > before, "{class}: it was asked first");
        world.end().await;
        // the next world's vendor is well again
        (*vendor.server).as_ref().forget();
    }
}

async fn nobody_else_is_asked(vendor: Vendor) {
    let world = vendor.world().await;
    vendor.fails(&status((vendor.wrong.0, &vendor.wrong.1)));
    world.telegram.dm(ADA, "hello");
    let texts = world.texts(1).await;
    assert!(
        texts[0].contains("request rejected"),
        "{texts:?}\n{}",
        world.gateway.log()
    );
    assert_eq!(world.model.asked().len(), 0, "{}", world.gateway.log());
    world.end().await;
}

/// A service that takes a request and never answers leaves time to the next one, in a turn that is short.
async fn silence_is_not_waited_out(vendor: Vendor) {
    let world = vendor.world().await;
    world.reconfigure(|config| config["agents"]["defaults"]["timeoutSeconds"] = json!(6));
    world.gateway.says("changed: agents").await;
    vendor.fails(&Fault::HalfOpen);
    world.telegram.dm(ADA, "hello");
    let texts = world.texts(1).await;
    assert!(texts[0].contains(INSTEAD), "{texts:?}\n{}", world.gateway.log());
    world.end().await;
}

/// A conversation that has become too long is made shorter, and the question answered.
async fn what_is_too_long_is_made_shorter(vendor: Vendor) {
    let world = vendor.world().await;
    for n in 1..=4 {
        world.telegram.dm(ADA, &format!("message {n}"));
        world.sent(&format!("message {n}")).await;
    }
    (*vendor.server)
        .as_ref()
        .script([status((vendor.too_long.0, &vendor.too_long.1))]);
    world.telegram.dm(ADA, "and now?");
    world.sent("and now?").await;
    assert_eq!(world.model.asked().len(), 0, "{}", world.gateway.log());
    let sent = world.telegram.bodies("sendMessage");
    let answers = sent.iter().filter(|body| text_of(body).contains("and now?"));
    assert_eq!(answers.count(), 1, "{}", world.gateway.log());
    world.telegram.dm(ADA, "/status");
    world.sent("Compactions: 1").await;
    world.end().await;
}

macro_rules! of_each_vendor {
    ($($test:ident),+) => {
        mod of_anthropic {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::anthropic().await).await;
            })+
        }
        mod of_google {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::google().await).await;
            })+
        }
    };
}

of_each_vendor!(
    another_model_answers,
    nobody_else_is_asked,
    silence_is_not_waited_out,
    what_is_too_long_is_made_shorter
);
