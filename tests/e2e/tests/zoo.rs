//! Every specimen of the zoo is refused or contained exactly as its row says, in the process and isolated, and the other
//! plugins go on serving.
use openclaw_bad_plugins::{Expect, Expectation, Stage, Trigger, expectations};
use openclaw_e2e::{exhibition, fixture};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an exhibition said.
type Said = BTreeMap<String, Value>;

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
        let exhibited = exhibit(row, isolation);
        if let Err(why) = judge(&exhibited, expected(row)) {
            let said = serde_json::to_string(&exhibited).unwrap_or_default();
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

fn exhibit(row: &Expectation, isolation: &str) -> Said {
    let trigger = match row.trigger {
        Trigger::Load => "load",
        Trigger::Call => "call",
        Trigger::Destroy => "destroy",
    };
    exhibition(&fixture(row.name), isolation, trigger)
}

fn judge(exhibited: &Said, expected: Expect) -> Result<(), String> {
    let said = |what: &str, key: &str| exhibited[what][key].clone();
    let ended_well = said("ended", "well") == true;
    let check = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
    if expected == Expect::TakesProcessDown {
        return check(!ended_well, "the process lives");
    }
    if expected == Expect::ChangesProcess {
        // What changed may be the very output that would tell; that it loaded is all there is to say.
        return check(!exhibited["load"].is_null() || !ended_well, "it did nothing");
    }
    check(ended_well, "the process ended")?;
    check(said("others", "serve") == true, "the other plugin does not serve")?;
    let loaded = said("load", "status") == "loaded";
    match expected {
        Expect::Refused(stage) => check(
            said("load", "failedAt") == word(stage),
            "refused elsewhere or not at all",
        ),
        Expect::ChildFailsToStart => check(said("load", "status") == "error", "the child started"),
        Expect::Serves => {
            let called = exhibited["call"].is_null() || said("call", "ok") == true;
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
