//! Conversations that are all about their shape: lengths, roles, calls and answers.
use super::{
    super::{
        failover::{Budget, Driver, Failure},
        tokens::Window,
        turn::History,
    },
    shorten::{Shortening, persistently, summarise, whole},
    *,
};
use crate::{
    clock::Clock,
    config::MemoryFlush,
    models::{Cooldowns, Credential, Served, Snapshot},
};
use openclaw_plugin_api::{Content, Error, ErrorKind, Message, ModelInfo, Role, StopReason};
use serde_json::json;
use std::{sync::Arc, time::Duration};

const WINDOW: Window = Window {
    total: 100_000,
    reserve: 20_000,
};

/// A text of about this many tokens.
fn text(role: Role, tokens: usize) -> Message {
    Message::text(role, "x".repeat(tokens * 4))
}

fn call(id: &str) -> Message {
    Message {
        role: Role::Assistant,
        content: vec![Content::ToolCall {
            id: id.into(),
            name: "read".into(),
            arguments: json!({"path": "a"}),
            signature: String::new(),
        }],
        ..Message::default()
    }
}

fn answer(id: &str, tokens: usize) -> Message {
    Message {
        tool_call_id: id.into(),
        tool_name: "read".into(),
        ..text(Role::ToolResult, tokens)
    }
}

fn turns(count: usize, tokens: usize) -> Vec<Message> {
    let turn = || [text(Role::User, tokens / 2), text(Role::Assistant, tokens / 2)];
    (0..count).flat_map(|_| turn()).collect()
}

#[test]
fn the_newest_turns_and_tokens_are_kept() {
    let many_small = turns(100, 1_000);
    let cut = cut(&many_small, Policy::default(), WINDOW).expect("a cut");
    assert!(cut.tokens_kept <= 20_000 && cut.tokens_kept > 18_000, "{cut:?}");
    assert_eq!(many_small[cut.first_kept].role, Role::User);
    assert!(cut.tokens_before > 100_000);
    let few_large = turns(10, 9_000);
    let cut = super::cut(&few_large, Policy::default(), WINDOW).expect("a cut");
    assert_eq!(
        cut.first_kept, 14,
        "three whole turns, though they are over 20,000 tokens"
    );
}

#[test]
fn turns_that_do_not_fit_are_kept_as_far_as_they_do() {
    let huge = turns(4, 30_000);
    let cut = cut(&huge, Policy::default(), WINDOW).expect("a cut");
    assert_eq!(cut.first_kept, 6, "one of them fits into half of the window");
    let mut loop_of_tools = vec![text(Role::User, 10)];
    for n in 0..20 {
        loop_of_tools.extend([call(&n.to_string()), answer(&n.to_string(), 5_000)]);
    }
    let cut = super::cut(&loop_of_tools, Policy::default(), WINDOW).expect("a cut");
    assert_eq!(loop_of_tools[cut.first_kept].role, Role::Assistant);
    assert!(cut.tokens_kept <= 40_000 && cut.tokens_kept > 34_000, "{cut:?}");
}

#[test]
fn a_call_and_its_answer_stay_together() {
    // two calls in one message, their answers far apart and large
    let mut both = call("a");
    both.content.extend(call("b").content);
    let messages = [
        text(Role::User, 10),
        both,
        answer("a", 30_000),
        answer("b", 30_000),
        text(Role::Assistant, 10),
    ];
    let cut = cut(&messages, Policy::default(), WINDOW).expect("a cut");
    assert_eq!(cut.first_kept, 4, "not between the two answers");
    let unanswered = [
        text(Role::User, 50_000),
        call("a"),
        text(Role::User, 10),
        text(Role::Assistant, 10),
    ];
    let cut = super::cut(&unanswered, Policy::default(), WINDOW).expect("a cut");
    assert_eq!(cut.first_kept, 2);
}

#[test]
fn a_short_conversation_is_left_alone_unless_it_must_not_be() {
    assert_eq!(cut(&[], Policy::default(), WINDOW), None);
    let short = turns(3, 1_000);
    assert_eq!(cut(&short, Policy::default(), WINDOW), None);
    let tight = cut(&short, Policy::default().tighter(), WINDOW).expect("the last turn is enough");
    assert!(tight.first_kept > 0 && short[tight.first_kept].role == Role::User);
    assert_eq!(cut(&[text(Role::User, 90_000)], Policy::default(), WINDOW), None);
}

#[test]
fn a_summary_is_made_in_pieces_that_fit() {
    let messages = turns(30, 10_000);
    let parts = parts(&messages, WINDOW);
    assert!(parts.len() > 3);
    assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, messages.len()));
    assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
    for part in parts {
        let request = request(&messages[part], Some("before"), Some("mind the dates"), WINDOW);
        let size = super::super::tokens::of_messages(&request.messages);
        assert!(size < WINDOW.usable(), "{size}");
        let text = request.messages[0].plain_text();
        assert!(text.contains("<summary>\nbefore\n</summary>") && text.ends_with("mind the dates"));
        assert!(request.tools.is_empty() && request.max_tokens == Some(MAX_SUMMARY_TOKENS));
    }
}

#[test]
fn a_summary_is_made_from_words_not_from_pictures_and_thoughts() {
    let mut said = call("1");
    said.content.push(Content::Thinking {
        thinking: "secret thought".into(),
        signature: "proof".into(),
    });
    let mut seen = answer("1", 5_000);
    seen.content.push(Content::Image {
        mime_type: "image/png".into(),
        data: "BASE64".into(),
    });
    let text = request(&[said, seen], None, None, WINDOW).messages[0].plain_text();
    assert!(text.contains("[uses the tool read with {\"path\":\"a\"}]") && text.contains("[image/png]"));
    assert!(!text.contains("BASE64") && !text.contains("secret thought") && !text.contains("<summary>"));
    assert!(text.len() < 3_000, "a long answer of a tool is clipped");
}

#[test]
fn memory_is_flushed_once_shortly_before_a_compaction() {
    let config = MemoryFlush::default();
    let state = Flush {
        tokens: 76_001,
        compactions: 2,
        flushed_at: Some(1),
        writable: true,
    };
    let due = |state| flush_due(&config, WINDOW, state);
    assert!(
        due(state)
            && due(Flush {
                flushed_at: None,
                ..state
            })
    );
    assert!(
        !due(Flush {
            tokens: 76_000,
            ..state
        }),
        "not yet"
    );
    assert!(
        !due(Flush {
            flushed_at: Some(2),
            ..state
        }),
        "once is enough"
    );
    assert!(
        !due(Flush {
            writable: false,
            ..state
        }),
        "there is nowhere to write"
    );
    let off = MemoryFlush {
        enabled: Some(false),
        ..MemoryFlush::default()
    };
    assert!(!flush_due(&off, WINDOW, state));
}

#[test]
fn old_answers_of_tools_are_made_shorter_after_a_pause() {
    let mut messages = vec![text(Role::User, 10)];
    for n in 0..6 {
        messages.extend([call(&n.to_string()), answer(&n.to_string(), 15_000)]);
    }
    let (pruning, late) = (Pruning::default(), Duration::from_secs(600));
    let before = messages.clone();
    assert!(!prune(&mut messages, &pruning, WINDOW, Duration::from_secs(10)) && messages == before);
    assert!(prune(&mut messages, &pruning, WINDOW, late));
    let length = |at: usize| messages[at].plain_text().len();
    assert!(
        length(2) < 4_000 && length(6) < 4_000,
        "old ones lose their middle"
    );
    assert_eq!(
        messages[7..],
        before[7..],
        "the last three answers and their tools stay"
    );
    let mut many: Vec<_> = (0..30)
        .flat_map(|n| [call(&n.to_string()), answer(&n.to_string(), 990)])
        .collect();
    let small = Window {
        total: 50_000,
        reserve: 10_000,
    };
    assert!(prune(&mut many, &pruning, small, late));
    assert_eq!(many[1].plain_text(), pruning.placeholder);
    assert_eq!(many[59].plain_text().len(), 3_960);
}

fn history(messages: Vec<Message>) -> History {
    History {
        summary: Some("before".into()),
        tokens: super::super::tokens::of_messages(&messages),
        messages,
    }
}

fn how(policy: Policy) -> Shortening<'static> {
    Shortening {
        policy,
        window: WINDOW,
        instructions: None,
    }
}

#[tokio::test]
async fn each_piece_is_summarised_on_top_of_the_one_before() {
    let mut history = history(turns(30, 10_000));
    let (asked, whole) = (std::cell::RefCell::new(Vec::new()), history.tokens);
    let how = how(Policy::default());
    let done = summarise(&mut history, &how, |request| {
        let mut asked = asked.borrow_mut();
        asked.push(request.messages[0].plain_text());
        let answer = format!(" summary {} ", asked.len());
        async move { Ok(answer) }
    });
    let shortened = done.await.expect("a summary").expect("something to summarise");
    let asked = asked.into_inner();
    assert!(asked.len() > 2 && asked[0].contains("before") && asked[1].contains("summary 1\n"));
    assert_eq!(history.summary, Some(format!("summary {}", asked.len())));
    assert_eq!((shortened.tokens_before, history.messages.len()), (whole, 6));
    assert!(history.tokens < 40_000 && history.tokens == shortened.tokens_after);
}

#[tokio::test]
async fn a_summary_that_fails_or_is_empty_changes_nothing() {
    let mut history = history(turns(30, 10_000));
    let before = history.clone();
    let how = how(Policy::default());
    let failed = summarise(&mut history, &how, async |_| {
        Err(Error::new(ErrorKind::Server, "no"))
    });
    assert_eq!(failed.await.expect_err("no summary").kind(), ErrorKind::Server);
    let empty = summarise(&mut history, &how, async |_| Ok("  ".to_owned())).await;
    assert!(empty.is_err() && history == before);
    history.messages.truncate(2);
    let nothing = summarise(&mut history, &how, async |_| Ok("x".to_owned())).await;
    assert!(nothing.expect("no fault").is_none());
}

#[tokio::test]
async fn a_summary_that_broke_off_is_asked_for_again_and_counts_as_whole_only_if_it_is() {
    let cut = |text: &'static str| (text, StopReason::Length);
    for (answers, asked, told) in [
        (vec![("all of it", StopReason::Stop)], 1, "all of it"),
        (vec![cut("much of"), ("all", StopReason::Stop)], 2, "all"),
        (
            vec![cut("much of"), cut("mo")],
            2,
            "mo\n[The summary breaks off here",
        ),
        (
            vec![cut("much of"), cut(" ")],
            2,
            "much of\n[The summary breaks off here",
        ),
        (vec![cut(""), cut("")], 2, ""),
    ] {
        let (mut answers, mut requests) = (answers.into_iter(), Vec::new());
        let made = whole(request(&turns(1, 100), None, None, WINDOW), 4_000, |request| {
            requests.push(request.messages[0].plain_text());
            let (text, stop) = answers.next().expect("it is asked so often");
            async move { Ok((text.to_owned(), stop)) }
        });
        let made = made.await.expect("a summary");
        assert!(
            made.starts_with(told) && made.is_empty() == told.is_empty(),
            "{made}"
        );
        let brief: Vec<_> = requests.iter().map(|text| text.contains("1000 words")).collect();
        assert_eq!(brief, [false, true][..asked], "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_costs_no_summary() {
    let cooldowns = Cooldowns::new(Clock::from_fn(|| 0), Default::default(), Snapshot::new());
    let driver = Driver {
        cooldowns: &cooldowns,
        budget: Budget::of(Duration::from_secs(300)),
        jitter: || 0.0,
    };
    let key = |id: &str| Credential {
        id: id.into(),
        ..Credential::default()
    };
    let served = Arc::new(Served {
        credentials: vec![key("a"), key("b")],
        ..Served::default()
    });
    let faults = [ErrorKind::Auth, ErrorKind::Overloaded, ErrorKind::Network];
    let mut faults = faults.into_iter();
    let asked = persistently(driver, &served, |now| {
        let fault = faults.next().map(|kind| Failure::early(Error::new(kind, "no")));
        async move { fault.map_or(Ok(now.credential.id), Err) }
    });
    assert_eq!(asked.await.expect("a summary"), "b");
}

#[test]
fn a_conversation_is_read_until_its_window_is_full_so_that_its_beginning_is_summarised() {
    for window in [200_000, 400_000, 1_050_000] {
        let info = ModelInfo {
            context_window: window,
            ..ModelInfo::default()
        };
        for cap in [None, Some(50_000)] {
            let read = Policy::default().read_back(cap);
            // a long answer and a long message come on top of what fitted
            let most = Window::new(&info, cap, None).total + 400_000;
            assert!(read > most, "{window} {cap:?}");
        }
    }
    let never = Policy {
        automatic: false,
        ..Policy::default()
    };
    assert_eq!(never.read_back(Some(50_000)), 50_000);
}
