//! Commands in containers, with a program that takes an engine's place and shows what it was told.
mod common;

use common::Bench;
use openclaw_plugin_api::{prelude::*, surface::ids};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

/// A program in an engine's place: it notes what it is told, knows which containers there are and which of them run, and runs
/// what is to run in one. A container is a file with its state.
const ENGINE: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
printf '%s\n' "$@" >> args; echo == >> args
verb=$1; shift
last() { for each; do :; done; echo "$each"; }
case $verb in
create)
  while [ "$1" != --name ]; do shift; done
  test ! -e refuse || { cat refuse >&2; exit 1; }
  echo false > "box-$2" ;;
start|restart) name=$(last "$@"); test -e "box-$name" && echo true > "box-$name" ;;
inspect) cat "box-$(last "$@")" 2>/dev/null || { echo "Error: No such object" >&2; exit 1; } ;;
rm) name=$(last "$@"); rm "box-$name" 2>/dev/null || { echo "No such container: $name" >&2; exit 1; } ;;
exec)
  while :; do case $1 in
    --env) export "$2"; shift 2 ;;
    --workdir) shift 2 ;;
    --*) shift ;;
    *) break ;;
  esac; done
  test "$(cat "box-$1")" = true || { echo "$1 is not running" >&2; exit 1; }
  shift; exec "$@" ;;
esac
"#;

fn engine(folder: &Path) -> String {
    let path = folder.join("engine");
    fs::write(&path, ENGINE).expect("a file");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

/// What the engine was told so far, each call in one line.
fn told(folder: &Path) -> Vec<String> {
    let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
    let calls = args.split_terminator("==\n");
    calls.map(|call| call.trim_end().replace('\n', " ")).collect()
}

/// The same, only what was done.
fn verbs(folder: &Path) -> Vec<String> {
    let verb = |call: String| call.split(' ').next().unwrap_or_default().to_owned();
    told(folder).into_iter().map(verb).collect()
}

/// The containers that there are.
fn boxes(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).expect("a folder").flatten();
    let names = all.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("box-")?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A sandbox of all conversations, with this engine.
fn sandbox(folder: &Path, more: Value) -> Value {
    let mut sandbox = json!({ "mode": "all", "docker": { "engine": engine(folder), "image": "img" } });
    for (key, value) in more.as_object().expect("an object") {
        match key.as_str() {
            "docker" => value.as_object().into_iter().flatten().for_each(|(key, value)| {
                sandbox["docker"][key] = value.clone();
            }),
            _ => sandbox[key] = value.clone(),
        }
    }
    json!({ "agents": { "defaults": { "sandbox": sandbox } } })
}

#[tokio::test]
async fn a_conversation_that_is_not_the_main_one_gets_a_container() {
    let folder = tempfile::tempdir().expect("a folder");
    let docker = json!({ "engine": engine(folder.path()), "image": "img", "memory": "1g", "cpus": 1.5, "user": "1000:1000" });
    let sandbox = json!({ "mode": "non-main", "workspaceAccess": "ro", "docker": docker });
    let mut bench = Bench::new(json!({ "agents": { "defaults": { "sandbox": sandbox } } }));
    assert_eq!(
        bench.exec(json!({ "command": "echo main" })).await["status"],
        "completed"
    );
    assert!(
        !folder.path().join("args").exists(),
        "the main conversation needs none"
    );
    bench.session = "agent:main:pager:group:1";
    let run = bench
        .exec(json!({ "command": "echo 'in a container'", "env": { "A": "b" } }))
        .await;
    assert_eq!(run["aggregated"], "in a container\n", "{run}");
    let told = told(folder.path());
    let verbs = verbs(folder.path());
    assert_eq!(verbs, ["inspect", "create", "start", "exec", "exec"]);
    for expected in [
        "--network none ",
        "--cap-drop ALL ",
        "--security-opt no-new-privileges ",
        "--read-only ",
        "--pids-limit 256 ",
        "--memory 1g ",
        "--cpus 1.5 ",
        "--user 1000:1000 ",
        "--tmpfs /tmp ",
        "--workdir /workspace ",
        "--name openclaw-sbx-agents-main-",
        " img sleep infinity",
        &format!("{}:/agent:ro ", bench.workspace().display()),
        "sandboxes/agents-main:/workspace:rw ",
    ] {
        assert!(told[1].contains(expected), "{expected} is missing in {}", told[1]);
    }
    for expected in [
        "--workdir /workspace ",
        "--env A=b ",
        " /bin/sh -c echo 'in a container'",
    ] {
        assert!(told[3].contains(expected), "{expected} is missing in {}", told[3]);
    }
    let mark = told[3].split("OPENCLAW_EXEC=").nth(1).expect("a mark");
    let mark = mark.split(' ').next().expect("a word");
    assert!(
        mark.len() == 16 && told[4].ends_with(mark),
        "what is left is ended: {}",
        told[4]
    );
}

#[tokio::test]
async fn a_container_lasts_and_each_has_what_is_set_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("boxes");
    let setup = json!({ "workspaceRoot": root, "docker": { "setupCommand": ["echo set", "echo up"] } });
    let bench = Bench::new(sandbox(folder.path(), setup));
    for _ in 0..3 {
        let run = bench.exec(json!({ "command": "echo there" })).await;
        assert_eq!(run["aggregated"], "there\n", "{run}");
    }
    let made = boxes(folder.path());
    assert_eq!(made.len(), 1, "{made:?}");
    let all = told(folder.path());
    let count = |verb: &str| all.iter().filter(|call| call.starts_with(verb)).count();
    assert_eq!(
        (count("create"), count("start"), count("rm"), count("restart")),
        (1, 1, 0, 0)
    );
    let setups: Vec<_> = all.iter().filter(|call| call.contains(" -lc ")).collect();
    assert!(
        setups.len() == 1 && setups[0].ends_with("echo set echo up"),
        "{setups:?}"
    );
    // somebody has stopped it, and then taken it away
    fs::write(folder.path().join(format!("box-{}", made[0])), "false").expect("written");
    let run = bench.exec(json!({ "command": "echo again" })).await;
    assert_eq!(run["aggregated"], "again\n", "{run}");
    fs::remove_file(folder.path().join(format!("box-{}", made[0]))).expect("removed");
    let run = bench.exec(json!({ "command": "echo anew" })).await;
    assert_eq!(run["aggregated"], "anew\n", "{run}");
    assert_eq!(boxes(folder.path()), made);
    let other = Bench::new(sandbox(
        folder.path(),
        json!({ "workspaceRoot": root, "docker": { "memory": "2g" } }),
    ));
    let run = other.exec(json!({ "command": "echo with more memory" })).await;
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(
        boxes(folder.path()).len(),
        2,
        "other settings are another container"
    );
}

#[tokio::test]
async fn what_an_earlier_process_left_running_is_ended_before_the_container_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    for expected in [0, 1] {
        let mut bench = Bench::new(sandbox(
            folder.path(),
            json!({ "scope": "shared", "workspaceAccess": "none",
            "workspaceRoot": folder.path().join("boxes") }),
        ));
        bench.agent = "main";
        assert_eq!(
            bench.exec(json!({ "command": "true" })).await["status"],
            "completed"
        );
        let restarts = verbs(folder.path())
            .iter()
            .filter(|verb| *verb == "restart")
            .count();
        assert_eq!(restarts, expected);
    }
    assert_eq!(boxes(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_container_that_cant_be_made_is_said_and_nothing_runs_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(sandbox(folder.path(), json!({})));
    fs::write(folder.path().join("refuse"), "no space left").expect("written");
    let refused = bench.exec(json!({ "command": "touch f" })).await;
    let why = refused["reason"].as_str().unwrap_or_default();
    assert!(
        why.contains("container") && why.contains("no space left"),
        "{refused}"
    );
    assert!(!bench.workspace().join("f").exists());
    let open = sandbox(folder.path(), json!({ "docker": { "network": "host" } }));
    let refused = Bench::new(open).exec(json!({ "command": "touch f" })).await;
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|why| why.contains("network")),
        "{refused}"
    );
    // a setup that fails leaves no half of a container
    fs::remove_file(folder.path().join("refuse")).expect("removed");
    let setup = sandbox(
        folder.path(),
        json!({ "docker": { "setupCommand": "echo not so >&2; false" } }),
    );
    let refused = Bench::new(setup).exec(json!({ "command": "touch f" })).await;
    let why = refused["reason"].as_str().unwrap_or_default();
    assert!(
        why.contains("setupCommand") && why.contains("not so"),
        "{refused}"
    );
    assert_eq!(boxes(folder.path()), [""; 0]);
}

#[tokio::test]
async fn containers_that_nobody_uses_are_taken_away_and_others_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(sandbox(
        folder.path(),
        json!({ "scope": "session", "prune": { "idleHours": 1 } }),
    ));
    assert_eq!(
        bench.exec(json!({ "command": "true" })).await["status"],
        "completed"
    );
    let name = boxes(folder.path()).pop().expect("a container");
    let key = format!("container/{name}");
    let noted = bench.host.stored(&key).expect("it is noted");
    let mut noted: Value = serde_json::from_slice(&noted).expect("a record");
    assert_eq!(
        (&noted["idleHours"], &noted["maxAgeDays"]),
        (&json!(1), &json!(7))
    );
    // another process finds it, long after
    let later = Bench::new(sandbox(folder.path(), json!({})));
    noted["usedMs"] = json!(1);
    let store = later.host.host().store();
    store.put_json(&key, &noted).await.expect("stored");
    let mut fresh = noted.clone();
    fresh["usedMs"] = noted["madeMs"].clone();
    store.put_json("container/fresh", &fresh).await.expect("stored");
    fs::write(folder.path().join("box-fresh"), "true").expect("written");
    let () = later
        .plugin
        .call(ids::service::START, "shell", &())
        .await
        .expect("it starts");
    let gone = async {
        while boxes(folder.path()) != ["fresh"] || later.host.stored(&key).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone)
        .await
        .expect("it is taken away");
    assert!(later.host.stored("container/fresh").is_some());
}

#[tokio::test]
async fn what_lasts_of_a_container_is_shared_as_the_operator_says() {
    for (agent, scope, expected) in [
        (
            "main",
            "session",
            "sandboxes/agent-main-pager-group-1:/workspace:rw",
        ),
        ("main", "agent", "sandboxes/agents-main:/workspace:rw"),
        // each of these may be the id of an agent
        ("dev-ops", "agent", "sandboxes/agents-dev-ops:/workspace:rw"),
        ("dev_ops", "agent", "sandboxes/agents-dev_ops:/workspace:rw"),
        ("main", "shared", "sandboxes/shared:/workspace:rw"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bench = Bench::new(sandbox(folder.path(), json!({ "scope": scope })));
        (bench.agent, bench.session) = (agent, "agent:main:pager:group:1");
        let run = bench.exec(json!({ "command": "echo there" })).await;
        assert_eq!(run["aggregated"], "there\n", "{run}");
        let told = told(folder.path());
        assert!(told[1].contains(expected), "{scope}: {told:?}");
    }
}

#[tokio::test]
async fn without_an_engine_nothing_runs() {
    let docker = json!({ "engine": "no-such-engine" });
    let sandbox = json!({ "mode": "all", "docker": docker });
    let bench = Bench::new(json!({ "agents": { "defaults": { "sandbox": sandbox } } }));
    let refused = bench.exec(json!({ "command": "touch f" })).await;
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|why| why.contains("containers")),
        "{refused}"
    );
    assert!(!bench.workspace().join("f").exists());
}
