//! Commands outside the sandbox: what the host is asked, and what its answer leads to.
mod common;

use common::Bench;
use openclaw_plugin_api::{
    ApprovalBasis, ApprovalDecision, ApprovalRequest, ApprovalVerdict, ExecAsk, ExecSecurity, prelude::*,
};

fn gateway() -> Value {
    json!({ "tools": { "exec": { "host": "gateway" } } })
}

/// Rules for `echo`, `cat` and `sort`, as a host with an allowlist has them; nobody else is there to ask.
fn rules(request: &ApprovalRequest) -> ApprovalDecision {
    let allowed = |path: &str| {
        ["/echo", "/cat", "/sort", "/find"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    let known = !request.segments.is_empty()
        && request
            .segments
            .iter()
            .all(|segment| segment.safe || allowed(&segment.resolved_path));
    ApprovalDecision {
        verdict: if known {
            ApprovalVerdict::AllowOnce
        } else {
            ApprovalVerdict::Deny
        },
        basis: ApprovalBasis::Rule,
        ..ApprovalDecision::default()
    }
}

#[tokio::test]
async fn what_rules_allow_is_run_exactly() {
    let bench = Bench::with(gateway(), rules);
    std::fs::write(bench.workspace().join("f"), "b\na\n").expect("a file");
    let plain = bench.exec(json!({ "command": "echo 'a  b' \"c\"" })).await;
    assert_eq!(plain["aggregated"], "a  b c\n", "{plain}");
    let chain = bench
        .exec(json!({ "command": "cat f | sort | head -n 1 && echo '$HOME' || cat nothing" }))
        .await;
    assert_eq!(chain["aggregated"], "a\n$HOME\n", "{chain}");
    let asked = bench.host.asked();
    let last = asked.last().expect("it asked");
    assert_eq!(
        (last.security, last.ask),
        (Some(ExecSecurity::Allowlist), Some(ExecAsk::OnMiss))
    );
    assert_eq!(
        (last.host.as_str(), last.segments.len(), last.segments[2].safe),
        ("gateway", 5, true)
    );
    assert_eq!(last.origin.sender_id, "7");
    assert!(
        last.segments
            .iter()
            .all(|segment| segment.resolved_path.starts_with('/'))
    );
}

/// Whatever would run something that no rule was asked about comes without segments, so that none can allow it.
#[tokio::test]
async fn nothing_passes_a_rule_that_it_does_not_fit() {
    let bench = Bench::with(gateway(), rules);
    let marker = bench.workspace().join("pwned");
    std::fs::write(bench.workspace().join("cat"), "#!/bin/sh\ntouch pwned\n").expect("a file");
    std::fs::set_permissions(
        bench.workspace().join("cat"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("a mode");
    std::os::unix::fs::symlink("/bin/sh", bench.workspace().join("echo")).expect("a link");
    for command in [
        "touch pwned",
        "echo x; touch pwned",
        "echo x && touch pwned",
        "echo x | touch pwned",
        "echo x & touch pwned",
        "echo x\ntouch pwned",
        "echo x\rtouch pwned",
        "echo $(touch pwned)",
        "echo `touch pwned`",
        "echo \"$(touch pwned)\"",
        "echo \"`touch pwned`\"",
        "echo x > pwned",
        "echo x >> pwned",
        "echo <(touch pwned)",
        "cat < f > pwned",
        "env touch pwned",
        "env -S 'touch pwned'",
        "env -i echo x",
        "sh -c 'touch pwned'",
        "bash -c 'touch pwned'",
        "xargs touch pwned",
        "nice touch pwned",
        "nohup touch pwned",
        "timeout 5 touch pwned",
        "time touch pwned",
        "command touch pwned",
        "eval touch pwned",
        "exec touch pwned",
        "sudo touch pwned",
        "busybox touch pwned",
        "python3 -c 'open(\"pwned\",\"w\")'",
        "perl -e 'open(F,\">pwned\")'",
        "awk 'BEGIN{system(\"touch pwned\")}'",
        "sed 'w pwned' f",
        "find . -exec touch pwned ;",
        "find . -fprint pwned",
        "sort --compress-program=./cat f",
        "sort --compress-prog ./cat f",
        "sort -o pwned f",
        "sort --outp=pwned f",
        "./cat x",
        "./echo -c 'touch pwned'",
        "PATH=. cat x",
        "LD_PRELOAD=./x echo x",
        "A=b touch pwned",
        "if true; then touch pwned; fi",
        "! touch pwned",
        "{ touch pwned; }",
        "(touch pwned)",
        "echo x #\ntouch pwned",
        "echo x\u{a0}; touch pwned",
        "еcho x; touch pwned",
        "echo\u{200b} x",
        "echo x \u{202e} dewnp hcuot",
        "\"\"touch pwned",
        "to\\uch pwned",
        "'touch' pwned",
        "/usr/bin/../bin/touch pwned",
        "/proc/self/root/usr/bin/touch pwned",
    ] {
        let refused = bench.exec(json!({ "command": command })).await;
        assert!(
            refused["status"] == "failed" || refused["status"] == "error",
            "{command:?}: {refused}"
        );
        assert!(!marker.exists(), "{command:?} has run");
    }
    let env = json!({ "command": "echo x", "env": { "HARMLESS": "yes" } });
    assert_eq!(
        bench.exec(env).await["status"],
        "failed",
        "variables are not what the rule was for"
    );
}

#[tokio::test]
async fn a_person_decides_about_what_was_shown() {
    let bench = Bench::with(gateway(), |request| {
        ApprovalDecision::new(match request.command.contains("please") {
            true => ApprovalVerdict::AllowOnce,
            false => ApprovalVerdict::Deny,
        })
    });
    let allowed = bench
        .exec(json!({ "command": "echo please > f && cat f", "title": "a test" }))
        .await;
    assert_eq!(allowed["aggregated"], "please\n", "{allowed}");
    let reason = bench.host.asked()[0].reason.clone();
    assert!(
        reason.contains("a test") && reason.contains("redirects"),
        "{reason}"
    );
    let denied = bench
        .call("exec", json!({ "command": "touch f2" }))
        .await
        .expect("it answers");
    assert!(denied.is_error && !bench.workspace().join("f2").exists());
    let text = denied.content[0].as_text().expect("text");
    assert!(text.contains("the operator does not allow it"), "{text}");
}

#[tokio::test]
async fn silence_and_absence_allow_nothing() {
    for (verdict, why) in [
        (ApprovalVerdict::TimedOut, "did not answer in time"),
        (ApprovalVerdict::Unavailable, "nobody who could allow it"),
    ] {
        let bench = Bench::with(gateway(), move |_| ApprovalDecision::new(verdict));
        let refused = bench.exec(json!({ "command": "touch f" })).await;
        assert!(
            refused["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains(why)),
            "{refused}"
        );
        assert!(!bench.workspace().join("f").exists());
    }
}

#[tokio::test]
async fn a_program_that_was_swapped_meanwhile_is_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("tool");
    std::fs::copy("/bin/echo", &program).expect("copied");
    let path = program.clone();
    let bench = Bench::with(gateway(), move |_| {
        std::fs::remove_file(&path).expect("removed");
        std::fs::copy("/bin/cat", &path).expect("copied");
        ApprovalDecision {
            basis: ApprovalBasis::Rule,
            ..ApprovalDecision::new(ApprovalVerdict::AllowOnce)
        }
    });
    let refused = bench
        .exec(json!({ "command": format!("{} x", program.display()) }))
        .await;
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|why| why.contains("replaced")),
        "{refused}"
    );
}

#[tokio::test]
async fn the_operators_settings_hold() {
    let full = json!({ "tools": { "exec": { "host": "gateway", "security": "full", "ask": "off" } } });
    let bench = Bench::with(full, |request| {
        assert_eq!(
            (request.security, request.ask),
            (Some(ExecSecurity::Full), Some(ExecAsk::Off))
        );
        ApprovalDecision {
            basis: ApprovalBasis::Policy,
            ..ApprovalDecision::new(ApprovalVerdict::AllowOnce)
        }
    });
    let outside = bench.outside().join("f");
    let run = bench
        .exec(json!({ "command": format!("echo x > {}", outside.display()) }))
        .await;
    assert_eq!(run["status"], "completed", "{run}");
    assert!(outside.exists(), "what is approved is not confined");
    let seen = bench.exec(json!({ "command": "env" })).await;
    assert!(
        !seen["aggregated"]
            .as_str()
            .expect("text")
            .contains(common::SECRET)
    );

    let off = Bench::new(json!({ "tools": { "exec": { "security": "deny" } } }));
    assert!(
        off.exec(json!({ "command": "true" })).await["reason"]
            .as_str()
            .expect("why")
            .contains("switched off")
    );
    let always = Bench::new(json!({ "tools": { "exec": { "ask": "always" } } }));
    assert_eq!(
        always.exec(json!({ "command": "true" })).await["status"],
        "failed"
    );
    assert_eq!(always.host.asked()[0].host, "sandbox");
}

#[tokio::test]
async fn a_call_can_ask_to_leave_the_sandbox() {
    let bench = Bench::with(json!({}), |_| ApprovalDecision::new(ApprovalVerdict::AllowOnce));
    let outside = bench.outside().join("f");
    let command = format!("echo x > {}", outside.display());
    assert_eq!(
        bench.exec(json!({ "command": command })).await["status"],
        "failed"
    );
    assert!(!outside.exists() && bench.host.asked().is_empty());
    let left = bench
        .exec(json!({ "command": command, "host": "gateway", "ask": "off", "security": "full" }))
        .await;
    assert_eq!(left["status"], "completed", "{left}");
    assert!(outside.exists());
    assert_eq!(bench.host.asked()[0].security, Some(ExecSecurity::Allowlist));
}
