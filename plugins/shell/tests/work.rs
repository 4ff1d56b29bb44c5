//! The tools at honest work.
mod common;

use common::Bench;
use openclaw_plugin_api::prelude::*;
use std::sync::Arc;

#[tokio::test]
async fn a_command_is_run_and_its_end_is_told() {
    let bench = Bench::new(json!({}));
    let output = bench
        .call("exec", json!({ "command": "echo out; echo err >&2; exit 3" }))
        .await
        .expect("it ran");
    assert!(output.is_error);
    assert_eq!(
        (&output.details["status"], &output.details["exitCode"]),
        (&json!("failed"), &json!(3))
    );
    let text = output.content[0].as_text().expect("text");
    assert!(
        text.starts_with("out\nerr\n") && text.ends_with("[the command ended with code 3]"),
        "{text}"
    );
    let output = bench
        .call("exec", json!({ "command": "printf hello > f && cat f" }))
        .await
        .expect("it ran");
    assert_eq!(output.content[0].as_text(), Some("hello"));
    assert_eq!(
        output.details["cwd"],
        json!(bench.workspace().display().to_string())
    );
    assert_eq!(
        std::fs::read(bench.workspace().join("f")).expect("a file"),
        b"hello"
    );
}

#[tokio::test]
async fn what_takes_long_goes_on_in_the_background() {
    let bench = Bench::new(json!({}));
    let command = json!({ "command": "echo begun; read line; echo \"heard $line\"; cat", "yieldMs": 50 });
    let started = bench.exec(command).await;
    assert_eq!(started["status"], "running", "{started}");
    let id = started["sessionId"].as_str().expect("an id");
    bench.process("submit", id, json!({ "data": "you" })).await;
    assert!(bench.until(id, "heard you").await.contains("heard you"));
    bench
        .process("write", id, json!({ "data": "the rest", "eof": true }))
        .await;
    let end = bench.end(id).await;
    assert_eq!(
        (&end["status"], &end["exitCode"]),
        (&json!("completed"), &json!(0))
    );
    assert!(
        end["aggregated"]
            .as_str()
            .expect("text")
            .ends_with("heard you\nthe rest")
    );
    let (log, details) = bench.process("log", id, json!({ "offset": 1, "limit": 1 })).await;
    assert!(
        log.starts_with("heard you") && details["totalLines"] == 3,
        "{log} {details}"
    );
    let (list, _) = bench.process("list", "", json!({})).await;
    assert!(list.contains(id) && list.contains("completed"), "{list}");
    bench.process("clear", id, json!({})).await;
    assert_eq!(
        bench.process("log", id, json!({})).await.0,
        "[it has said nothing]"
    );
    bench.process("remove", id, json!({})).await;
    assert_eq!(bench.process("list", "", json!({})).await.0, "no commands");
}

#[tokio::test]
async fn a_terminal_is_one() {
    let bench = Bench::new(json!({}));
    let screen = bench.exec(json!({ "command": "tty; stty size; test -t 0 && test -t 1 && echo yes", "pty": true, "yieldMs": 60000 })).await;
    let said = screen["aggregated"].as_str().expect("text");
    assert!(
        said.contains("/dev/pts/") && said.contains("40 120") && said.contains("yes"),
        "{said}"
    );
    // a shell that is just starting a program may swallow an interrupt, for itself and for the program: it is sent when the
    // program has answered
    let id = bench
        .background(
            json!({ "command": "stty -echo; echo ready; read a; echo \"got $a\"; exec cat", "pty": true }),
        )
        .await;
    bench.until(&id, "ready").await;
    bench
        .process(
            "send-keys",
            &id,
            json!({ "literal": "abc", "keys": ["BSpace", "Enter"] }),
        )
        .await;
    assert!(bench.until(&id, "got ab").await.contains("got ab"));
    bench
        .process(
            "send-keys",
            &id,
            json!({ "literal": "once more", "keys": ["Enter"] }),
        )
        .await;
    assert!(bench.until(&id, "once more").await.contains("once more"));
    bench.process("send-keys", &id, json!({ "keys": ["C-c"] })).await;
    let end = bench.end(&id).await;
    assert_eq!(end["exitCode"], 130, "{end}");
    let id = bench
        .background(
            json!({ "command": "stty raw -echo; echo ready; head -c 21 | tr -d '\\033'", "pty": true }),
        )
        .await;
    bench.until(&id, "ready").await;
    // an end within an end would be one when the inner one is taken out
    bench
        .process("paste", &id, json!({ "text": "a\u{1b}[2\u{1b}[201~01~b\n" }))
        .await;
    let seen = bench.until(&id, "b\n[").await;
    assert!(seen.contains("[200~a[2[201~01~b"), "{seen}");
}

#[tokio::test]
async fn a_command_that_hears_nothing_is_ended_at_once() {
    let bench = Arc::new(Bench::new(json!({})));
    let deaf = json!({ "command": "stty raw -echo; echo on; exec sleep 86397", "pty": true });
    let id = bench.background(deaf).await;
    bench.until(&id, "on").await;
    let write = || {
        let data = "x".repeat(60_000);
        let (bench, args) = (
            bench.clone(),
            json!({ "action": "write", "sessionId": id, "data": data }),
        );
        tokio::spawn(async move { bench.call("process", args).await })
    };
    let writes = [write(), write(), write(), write()];
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let (_, details) = bench.process("kill", &id, json!({})).await;
    assert_eq!(details["status"], "failed", "{details}");
    for write in writes {
        let unheard = write.await.expect("no panic").expect_err("nobody heard it");
        assert!(unheard.message().contains("has ended"), "{unheard}");
    }
}

#[tokio::test]
async fn a_command_ends_with_all_that_it_started() {
    let bench = Bench::new(json!({}));
    let id = bench.background(json!({ "command": "trap '' TERM; setsid sleep 12345.1 & (sleep 12345.1 &) ; echo on; sleep 12345.1" })).await;
    bench.until(&id, "on").await;
    assert!(common::runs("12345.1"));
    let (text, details) = bench.process("kill", &id, json!({})).await;
    assert!(
        text.contains("ended") && details["status"] == "failed",
        "{text} {details}"
    );
    common::gone("12345.1").await;
    // and what an ended command leaves behind goes with it
    bench.sh("setsid sleep 12345.2 >/dev/null 2>&1 & echo left").await;
    common::gone("12345.2").await;
}

#[tokio::test]
async fn time_is_limited() {
    let bench = Bench::new(json!({}));
    let ended = bench.exec(json!({ "command": "trap '' TERM; while :; do sleep 12345.3; done", "timeout": 1, "yieldMs": 60000 })).await;
    assert_eq!(
        (&ended["status"], &ended["timedOut"]),
        (&json!("failed"), &json!(true)),
        "{ended}"
    );
    common::gone("12345.3").await;
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_its_command() {
    let bench = Bench::new(json!({}));
    let call = bench.exec(json!({ "command": "echo x > begun; sleep 12345.4", "yieldMs": 100_000 }));
    let begun = async {
        while !bench.workspace().join("begun").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = call => panic!("{ended}"),
        () = begun => {}
    }
    common::gone("12345.4").await;
}

#[tokio::test]
async fn commands_end_with_the_plugin() {
    let bench = Bench::new(json!({}));
    let id = bench
        .background(json!({ "command": "echo on; setsid sleep 12345.5" }))
        .await;
    bench.until(&id, "on").await;
    bench
        .plugin
        .call::<Value>("service/1/stop", "shell", &json!(null))
        .await
        .expect("it stops");
    assert!(!common::runs("12345.5"));
    // without being asked, too
    let id = bench
        .background(json!({ "command": "echo on; setsid sleep 12345.6" }))
        .await;
    bench.until(&id, "on").await;
    drop(bench);
    common::gone("12345.6").await;
}

#[tokio::test]
async fn a_conversation_sees_its_own_commands_only() {
    let mut bench = Bench::new(json!({}));
    let id = bench.background(json!({ "command": "sleep 1000" })).await;
    bench.session = "agent:main:pager:group:1";
    assert_eq!(bench.process("list", "", json!({})).await.0, "no commands");
    for action in ["poll", "log", "write", "kill", "remove"] {
        let other = bench
            .call(
                "process",
                json!({ "action": action, "sessionId": id, "data": "x" }),
            )
            .await;
        assert!(
            other.expect_err("not its own").message().contains("no command"),
            "{action}"
        );
    }
}

#[tokio::test]
async fn there_are_only_so_many() {
    let bench = Bench::new(json!({ "maxSessions": 2 }));
    let first = bench.background(json!({ "command": "sleep 1000" })).await;
    bench.background(json!({ "command": "sleep 1000" })).await;
    let third = bench.exec(json!({ "command": "true" })).await;
    assert!(
        third["reason"]
            .as_str()
            .is_some_and(|why| why.contains("2 commands")),
        "{third}"
    );
    bench.process("kill", &first, json!({})).await;
    assert_eq!(
        bench.exec(json!({ "command": "true" })).await["status"],
        "completed"
    );
}

#[tokio::test]
async fn wrong_arguments_are_explained() {
    let bench = Bench::new(json!({}));
    for (arguments, why) in [
        (json!({}), "command"),
        (json!({ "command": " " }), "command"),
        (json!({ "command": "ls", "workdir": "/no/such" }), "workdir"),
        (json!({ "command": "ls", "node": "phone" }), "host=node"),
        (json!({ "command": "ls", "host": "node" }), "no device"),
        (json!({ "command": "ls", "host": "moon" }), "schema"),
        (json!({ "command": "ls", "elevated": true }), "tools.elevated"),
        (
            json!({ "command": "ls", "env": { "LD_PRELOAD": "x" } }),
            "LD_PRELOAD",
        ),
        (json!({ "command": "a\0b" }), "command"),
    ] {
        let refused = bench.exec(arguments.clone()).await;
        assert!(
            refused["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains(why)),
            "{arguments}: {refused}"
        );
    }
    let unknown = bench
        .call("process", json!({ "action": "poll", "sessionId": "cmd-1" }))
        .await;
    assert!(unknown.expect_err("none").message().contains("no command"));
    assert!(bench.call("process", json!({ "action": "dance" })).await.is_err());
}
