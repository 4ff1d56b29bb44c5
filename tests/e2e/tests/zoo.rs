//! Every specimen of the zoo is refused or contained exactly as its row says, in the process and isolated, and the other
//! plugins go on serving.
use openclaw_bad_plugins::{Expect, Expectation, Stage, Trigger, expectations};
use openclaw_e2e::fixture;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

/// What an exhibition said.
struct Exhibition {
    said: BTreeMap<String, Value>,
    ended_well: bool,
}

#[test]
fn in_process() {
    judge_all("none", |row| row.in_process);
}

#[test]
fn isolated() {
    judge_all("process", |row| row.isolated);
}

fn judge_all(isolation: &str, expected: fn(&Expectation) -> Expect) {
    let mut wrong = Vec::new();
    for row in expectations()
        .iter()
        .filter(|row| row.name != "dup_id" && row.name != "panic_abort_profile")
    {
        let exhibition = exhibit(row, isolation);
        if let Err(why) = judge(&exhibition, expected(row)) {
            let said = serde_json::to_string(&exhibition.said).unwrap_or_default();
            wrong.push(format!(
                "{} ({isolation}): expected {:?}: {why}\n    {said}",
                row.name,
                expected(row)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of the zoo misbehave:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn exhibit(row: &Expectation, isolation: &str) -> Exhibition {
    let trigger = match row.trigger {
        Trigger::Load => "load",
        Trigger::Call => "call",
        Trigger::Destroy => "destroy",
    };
    let output = Command::new(env!("CARGO_BIN_EXE_exhibit"))
        .args([
            fixture(row.name).as_os_str().to_str().expect("UTF-8"),
            isolation,
            trigger,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("the exhibition runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines.map(|line| {
        (
            line["what"].as_str().unwrap_or_default().to_owned(),
            line["value"].clone(),
        )
    });
    Exhibition {
        said: said.collect(),
        ended_well: output.status.success(),
    }
}

fn judge(exhibition: &Exhibition, expected: Expect) -> Result<(), String> {
    let said = |what: &str, key: &str| {
        exhibition
            .said
            .get(what)
            .map(|value| value[key].clone())
            .unwrap_or_default()
    };
    let check = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
    if expected == Expect::TakesProcessDown {
        return check(!exhibition.ended_well, "the process lives");
    }
    if expected == Expect::ChangesProcess {
        // What changed may be the very output that would tell; that it loaded is all there is to say.
        return check(
            exhibition.said.contains_key("load") || !exhibition.ended_well,
            "it did nothing",
        );
    }
    check(exhibition.ended_well, "the process ended")?;
    check(said("others", "serve") == true, "the other plugin does not serve")?;
    let loaded = said("load", "status") == "loaded";
    match expected {
        Expect::Refused(stage) => check(
            said("load", "failedAt") == word(stage),
            "refused elsewhere or not at all",
        ),
        Expect::ChildFailsToStart => check(said("load", "status") == "error", "the child started"),
        Expect::Serves => {
            let called = exhibition.said.get("call").is_none_or(|call| call["ok"] == true);
            check(loaded && called, "it does not serve")
        }
        Expect::Fault(kind) => {
            check(said("call", "kind") == kind, "another kind of error")?;
            check(said("after", "generation") == 1, "the instance was replaced")
        }
        Expect::FaultThenReplaced => {
            check(said("call", "kind") == "panic", "another kind of error")?;
            check(
                said("after", "restarts").as_u64() >= Some(1),
                "the instance was not replaced",
            )
        }
        Expect::TimesOutThenQuarantined => {
            check(said("call", "kind") == "timeout", "it did not time out")?;
            check(
                said("after", "status") == "quarantined" || said("again", "kind") == "overloaded",
                "not set aside",
            )
        }
        Expect::ChildReplaced => {
            check(said("call", "ok") == false, "the call succeeded")?;
            check(said("after", "status") != "error", "it was not replaced")
        }
        Expect::Contained => check(loaded, "it did not load"),
        Expect::TakesProcessDown | Expect::ChangesProcess => Ok(()),
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Manifest | Stage::Duplicate => "manifest",
        Stage::Version => "version",
        Stage::Target => "target",
        Stage::PanicStrategy => "panic-strategy",
        Stage::Header => "header",
        Stage::Layout => "layout",
        Stage::Create => "create",
        Stage::Registration => "registration",
    }
}
