//! Commands as people write them, and what they do.
use super::*;
use openclaw_plugin_api::ChatKind;
use serde_json::json;

fn models() -> Vec<ModelChoice> {
    let model = |reference: &str, alias: &str| ModelChoice {
        reference: reference.into(),
        aliases: Some(alias)
            .filter(|alias| !alias.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect(),
        ..ModelChoice::default()
    };
    vec![
        model("acme/opus-4-6", "opus"),
        model("acme/sonnet-4-5", ""),
        model("beta/gpt-4o", "gpt"),
        model("beta/gpt-4o-mini", ""),
        model("gamma/meta/llama-3", ""),
    ]
}

fn plugins() -> Vec<PluginCommand> {
    let plugin = |name: &str, require_auth| PluginCommand {
        name: name.into(),
        description: "Does it.".into(),
        require_auth,
    };
    vec![plugin("dice", true), plugin("ping", false)]
}

fn read(text: &str, authorized: bool) -> Parsed {
    let (models, plugins) = (models(), plugins());
    let triggers = ["fresh start".to_owned()];
    let context = ParseContext {
        authorized,
        plugins: &plugins,
        models: &models,
        reset_triggers: &triggers,
    };
    parse(text, &context)
}

fn builtin(name: Builtin, args: &str) -> Command {
    Command {
        name: CommandName::Builtin(name),
        args: args.into(),
    }
}

fn context(models: &[ModelChoice]) -> CommandContext<'_> {
    CommandContext {
        version: "0.1.0",
        commit: "abc123",
        channel: "chat",
        session_key: "agent:main:main",
        updated: "just now",
        default_model: "acme/opus-4-6",
        auth: "api-key (default)",
        models,
        thinking: Thinking::Low,
        tokens: Tokens {
            input: 1200,
            output: 340,
            context: 12_000,
            window: 200_000,
            compactions: 1,
            cost: 0.5,
        },
        ..CommandContext::default()
    }
}

/// What a command says and what it leaves, in a fresh conversation.
fn given(text: &str) -> (String, SessionSettings) {
    let Parsed::Commands(commands) = read(text, true) else {
        panic!("{text:?} is no command");
    };
    let (models, mut settings) = (models(), SessionSettings::default());
    let context = context(&models);
    let said = commands
        .iter()
        .filter_map(|command| run(command, &context, &mut settings).reply);
    let said = said.collect::<Vec<_>>().join("\n");
    (said, settings)
}

#[test]
fn commands_stand_alone() {
    let cases = [
        ("/help", Builtin::Help, ""),
        (" /STATUS ", Builtin::Status, ""),
        ("/id", Builtin::Whoami, ""),
        ("/help@my_bot", Builtin::Help, ""),
        ("/new", Builtin::New, ""),
        ("/new gpt tell me", Builtin::New, "gpt tell me"),
        ("/new:\nhello\nyou", Builtin::New, "hello\nyou"),
        ("fresh start", Builtin::New, ""),
        ("Fresh Start now", Builtin::New, "now"),
        ("/stop", Builtin::Stop, ""),
        ("stop", Builtin::Stop, ""),
        ("Abort!", Builtin::Stop, ""),
        ("/compact keep the names", Builtin::Compact, "keep the names"),
        ("/think", Builtin::Think, ""),
        ("/t: high", Builtin::Think, "high"),
        ("/think nonsense", Builtin::Think, "nonsense"),
        ("/model acme/opus-4-6@work", Builtin::Model, "acme/opus-4-6@work"),
        ("/models beta", Builtin::Models, "beta"),
        (
            "/queue collect debounce:2s cap:5",
            Builtin::Queue,
            "collect debounce:2s cap:5",
        ),
        ("/context list", Builtin::Context, "list"),
        ("/v on", Builtin::Verbose, "on"),
    ];
    for (text, name, args) in cases {
        assert_eq!(
            read(text, true),
            Parsed::Commands(vec![builtin(name, args)]),
            "{text:?}"
        );
    }
    let dice = Command {
        name: CommandName::Plugin("dice".into()),
        args: "2d6 now".into(),
    };
    assert_eq!(read("/dice 2d6 now", true), Parsed::Commands(vec![dice]));
    let several = vec![builtin(Builtin::Think, "high"), builtin(Builtin::Verbose, "on")];
    assert_eq!(read("/think high /verbose on", true), Parsed::Commands(several));
}

#[test]
fn everything_else_is_for_the_model() {
    let texts = [
        "hello",
        "/foo bar",
        "/",
        "/etc/passwd is a file",
        "stop the car",
        "/stop the car",
        "cd /t and look",
        "see /model for it",
        "a/think high",
        "```\n/think high\n```\nwhat is it?",
        "`/think high` is what",
        "fresh starter",
        "/newer",
    ];
    for text in texts {
        let expected = Parsed::Text {
            text: text.into(),
            directives: vec![],
            shortcuts: vec![],
        };
        assert_eq!(read(text, true), expected, "{text:?}");
        assert_eq!(read(text, false), expected, "{text:?}");
    }
}

#[test]
fn directives_are_taken_from_a_text() {
    let cases = [
        ("/think high solve it", "solve it", Builtin::Think, "high"),
        ("solve /think:high it", "solve it", Builtin::Think, "high"),
        ("solve it /t high", "solve it", Builtin::Think, "high"),
        (
            "line\n/verbose full\nline",
            "line\nline",
            Builtin::Verbose,
            "full",
        ),
        ("/model opus why?", "why?", Builtin::Model, "opus"),
        (
            "/queue steer cap:3 and go",
            "and go",
            Builtin::Queue,
            "steer cap:3",
        ),
    ];
    for (text, rest, name, args) in cases {
        let expected = Parsed::Text {
            text: rest.into(),
            directives: vec![builtin(name, args)],
            shortcuts: vec![],
        };
        assert_eq!(read(text, true), expected, "{text:?}");
    }
    let expected = Parsed::Text {
        text: "and hello".into(),
        directives: vec![],
        shortcuts: vec![builtin(Builtin::Status, "")],
    };
    assert_eq!(read("/status and hello", true), expected);
}

#[test]
fn strangers_command_nothing() {
    for text in [
        "/status",
        "/new hello",
        "/think high",
        "/think high /verbose on",
        "/dice 1",
    ] {
        assert_eq!(read(text, false), Parsed::Ignored, "{text:?}");
    }
    for text in ["/think high solve it", "well /status then", "stop"] {
        let expected = Parsed::Text {
            text: text.into(),
            directives: vec![],
            shortcuts: vec![],
        };
        assert_eq!(read(text, false), expected, "{text:?}");
    }
    assert!(matches!(read("/ping", false), Parsed::Commands(_)));
}

#[test]
fn settings_are_changed_and_acknowledged() {
    let cases = [
        (
            "/think high",
            "Thinking level set to high.",
            json!({"thinkingLevel": "high"}),
        ),
        (
            "/think off",
            "Thinking disabled.",
            json!({"thinkingLevel": "off"}),
        ),
        (
            "/verbose on",
            "⚙️ Verbose logging enabled.",
            json!({"verboseLevel": "on"}),
        ),
        (
            "/reasoning stream",
            "⚙️ Reasoning is shown while it comes.",
            json!({"reasoningLevel": "stream"}),
        ),
        (
            "/usage full",
            "⚙️ Usage footer: full.",
            json!({"responseUsage": "full"}),
        ),
        (
            "/usage",
            "⚙️ Usage footer: tokens.",
            json!({"responseUsage": "tokens"}),
        ),
        (
            "/send off",
            "⚙️ Send policy set to off.",
            json!({"sendPolicy": "deny"}),
        ),
        (
            "/queue steer debounce:1.5s cap:5 drop:old",
            "⚙️ Queue set: mode=steer, debounce=1500ms, cap=5, drop=old.",
            json!({"queueMode": "steer", "queueDebounceMs": 1500, "queueCap": 5, "queueDrop": "old"}),
        ),
        (
            "/model gpt",
            "Model set to beta/gpt-4o.",
            json!({"providerOverride": "beta", "modelOverride": "gpt-4o"}),
        ),
        (
            "/model gpt-4o-mini@work",
            "Model set to beta/gpt-4o-mini with work.",
            json!({
                "providerOverride": "beta", "modelOverride": "gpt-4o-mini",
                "authProfileOverride": "work", "authProfileOverrideSource": "user",
            }),
        ),
        ("/model opus", "Model set to acme/opus-4-6.", json!({})),
    ];
    for (text, said, stored) in cases {
        let (reply, settings) = given(text);
        assert_eq!(reply, said, "{text:?}");
        assert_eq!(
            serde_json::to_value(settings).expect("plain data"),
            stored,
            "{text:?}"
        );
    }
}

#[test]
fn nonsense_changes_nothing_and_says_what_would_do() {
    let cases = [
        ("/think nonsense", "Valid: off, minimal, low"),
        ("/verbose loud", "Valid: off, on, full"),
        ("/queue sideways", "Valid: steer"),
        ("/queue debounce:forever", "write 500ms"),
        ("/queue cap:0", "from 1 to"),
        ("/model nothing-like-it", "/models lists them"),
        ("/model 4o@", "not set"),
        ("/usage much", "Valid: off, tokens, full, cost"),
        ("/think", "Current thinking level: low."),
        (
            "/queue",
            "🪢 Queue: mode=collect, debounce=1000ms, cap=20, drop=summarize",
        ),
        ("/activation always", "for groups"),
        ("/usage cost", "$0.5000"),
    ];
    for (text, hint) in cases {
        let (reply, settings) = given(text);
        assert!(reply.contains(hint), "{text:?}: {reply}");
        assert_eq!(settings, SessionSettings::default(), "{text:?}");
    }
}

#[test]
fn models_are_found_by_what_people_write() {
    let models = models();
    let cases = [
        ("OPUS", "acme/opus-4-6"),
        ("sonnet", "acme/sonnet-4-5"),
        ("sonet", "acme/sonnet-4-5"),
        ("beta/gpt-4o", "beta/gpt-4o"),
        ("gpt-4o-mini", "beta/gpt-4o-mini"),
        ("mini", "beta/gpt-4o-mini"),
        ("gpt4o", "several"),
        ("llama", "gamma/meta/llama-3"),
        ("meta/llama-3", "gamma/meta/llama-3"),
        ("zzz", "unknown"),
    ];
    for (text, expected) in cases {
        let found = match fuzzy(text, &models) {
            Ok(model) => model.reference.as_str(),
            Err(PickError::Several(_)) => "several",
            Err(PickError::Unknown) => "unknown",
        };
        assert_eq!(found, expected, "{text:?}");
    }
    let mut context = context(&models);
    let mut chosen = |name: &str, only| {
        let mut settings = SessionSettings::default();
        context.models_only = only;
        run(&builtin(Builtin::Model, name), &context, &mut settings);
        settings.model()
    };
    assert_eq!(
        chosen("acme/brand-new-9", false).as_deref(),
        Some("acme/brand-new-9")
    );
    assert_eq!(chosen("acme/brand-new-9", true), None);
    assert_eq!(chosen("nobody/brand-new-9", false), None);
    assert_eq!(chosen("3", false).as_deref(), Some("beta/gpt-4o"));
}

#[test]
fn a_new_session_may_have_a_model_and_a_message() {
    let models = models();
    let cases = [
        ("", None, "", Some("✅ New session started.")),
        (
            "sonnet",
            Some("acme/sonnet-4-5"),
            "",
            Some("✅ New session started with acme/sonnet-4-5."),
        ),
        ("sonnet tell me", Some("acme/sonnet-4-5"), "tell me", None),
        ("tell me", None, "tell me", None),
        ("an apple", None, "an apple", None),
    ];
    for (args, model, rest, reply) in cases {
        let mut settings = SessionSettings::default();
        let outcome = run(&builtin(Builtin::New, args), &context(&models), &mut settings);
        assert_eq!(outcome.reply.as_deref(), reply, "{args:?}");
        assert_eq!(settings.model().as_deref(), model, "{args:?}");
        let effect = Effect::Reset {
            model: model.map(str::to_owned),
            rest: rest.into(),
        };
        assert_eq!(outcome.effect, effect, "{args:?}");
    }
}

#[test]
fn the_status_card_has_its_lines() {
    let models = models();
    let settings = SessionSettings::default();
    let said = cards::status(&context(&models), &settings);
    assert_eq!(
        said,
        "🦞 OpenClaw 0.1.0 (abc123)\n🧠 Model: acme/opus-4-6 · 🔑 api-key (default)\n🧮 Tokens: 1.2k in / 340 \
         out\n📚 Context: 12k/200k (6%) · 🧹 Compactions: 1\n🧵 Session: agent:main:main • updated just now\n⚙️ \
         Runtime: direct · Think: low\n🪢 Queue: collect (depth 0)"
    );
    assert_eq!(
        compacted(12_345, 200_000),
        "⚙️ Compacted • Context 12.3k/200k (6%)"
    );
}

#[test]
fn whoami_tells_the_ids() {
    let allow = ["7".to_owned()];
    let context = CommandContext {
        channel: "chat",
        sender: Sender {
            id: "7".into(),
            username: "ada".into(),
            ..Sender::default()
        },
        chat: Chat {
            id: "-5".into(),
            kind: ChatKind::Group,
            ..Chat::default()
        },
        allow_from: &allow,
        ..CommandContext::default()
    };
    assert_eq!(
        cards::whoami(&context),
        "🧭 Identity\nChannel: chat\nUser id: 7\nUsername: @ada\nChat id: -5\nAllowFrom: 7"
    );
}

#[test]
fn lists_name_everything() {
    let (models, plugins) = (models(), plugins());
    let context = CommandContext {
        plugins: &plugins,
        ..context(&models)
    };
    let said = cards::commands(&context);
    for entry in TABLE {
        assert!(
            said.contains(&format!("\n/{}", entry.names[0])),
            "{}",
            entry.names[0]
        );
    }
    assert!(said.ends_with("\n/dice - Does it.\n/ping - Does it."));
    assert!(
        cards::models("beta", &context).contains("Models (2)\n3. beta/gpt-4o (gpt)\n4. beta/gpt-4o-mini\n")
    );
    assert!(cards::models("nobody", &context).contains("No models of \"nobody\""));
    let native = native(&plugins);
    assert_eq!(native.len(), TABLE.len() + 2);
    let names: std::collections::HashSet<_> = native.iter().map(|command| &command.name).collect();
    assert_eq!(names.len(), native.len());
}

#[test]
fn the_context_card_lists_the_files() {
    let report = PromptReport {
        stable_chars: 100,
        dynamic_chars: 20,
        tools: 3,
        files: vec![crate::agent::prompt::FileReport {
            name: "AGENTS.md".into(),
            raw_chars: 30_000,
            injected_chars: 18_000,
            truncated: true,
            missing: false,
        }],
    };
    let context = CommandContext {
        prompt: Some(&report),
        ..CommandContext::default()
    };
    let said = cards::context("list", &context);
    assert!(
        said.contains("- AGENTS.md: TRUNCATED | raw 30000 chars | injected 18000 chars"),
        "{said}"
    );
    assert!(cards::context("json", &context).contains("\"rawChars\": 30000"));
    assert!(cards::context("", &context).contains("120 chars, 1 workspace files"));
    assert!(cards::context("", &CommandContext::default()).contains("No prompt"));
}

#[test]
fn an_entry_of_the_store_keeps_what_it_doesnt_know() {
    let stored = json!({
        "thinkingLevel": "xhigh", "queueMode": "steer-backlog", "sessionId": "s1", "totalTokens": 5,
    });
    let settings: SessionSettings = serde_json::from_value(stored).expect("an entry");
    assert_eq!(settings.thinking_level, Some(Thinking::Xhigh));
    assert_eq!(settings.queue_mode, Some(QueueMode::Steer));
    let again = serde_json::to_value(&settings).expect("plain data");
    assert_eq!(
        again,
        json!({"thinkingLevel": "xhigh", "queueMode": "steer", "sessionId": "s1", "totalTokens": 5})
    );
}

#[test]
fn inline_directives_hold_for_one_message() {
    let models = models();
    let settings = SessionSettings::default();
    let directives = [builtin(Builtin::Think, "high"), builtin(Builtin::Model, "gpt")];
    let once = for_this_message(&directives, &context(&models), &settings);
    assert_eq!(once.thinking_level, Some(Thinking::High));
    assert_eq!(once.model().as_deref(), Some("beta/gpt-4o"));
    assert_eq!(settings, SessionSettings::default());
}

#[test]
fn native_commands_become_text() {
    let mut inbound = Inbound {
        value: "queue".into(),
        ..Inbound::default()
    };
    inbound.options.insert("mode".into(), json!("steer"));
    inbound.options.insert("cap".into(), json!(5));
    assert_eq!(native_text(&inbound), "/queue steer 5");
}
