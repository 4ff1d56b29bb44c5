//! Commands in containers, with a program that takes an engine's place and shows what it was told.
mod common;

use common::{
    Bench,
    engine::{boxes, engine, hand_over, sandbox, told, verbs},
    gone,
};
use openclaw_plugin_api::{prelude::*, surface::ids};
use std::{fs, time::Duration};

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
    let podman = folder.path().join("podman");
    fs::copy(engine(folder.path()), &podman).expect("copied");
    for (n, other) in [
        json!({ "memory": "2g" }),
        json!({ "image": "other" }),
        json!({ "setupCommand": "echo other > setup" }),
        json!({}),
        json!({ "engine": podman }),
    ]
    .into_iter()
    .enumerate()
    {
        let settings = json!({ "workspaceRoot": root, "docker": other });
        let other = Bench::new(sandbox(folder.path(), settings));
        let run = other.exec(json!({ "command": "echo there" })).await;
        assert_eq!(run["status"], "completed", "{run}");
        assert_eq!(
            boxes(folder.path()).len(),
            n + 2,
            "other settings are another container"
        );
    }
    assert!(folder.path().join("setup").exists());
}

#[tokio::test]
async fn a_setup_that_was_broken_off_is_done_anew() {
    for is_later in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let setup = "test -e calm || { echo > hung; exec sleep 86399; }; echo done >> setups";
        let settings =
            json!({ "workspaceRoot": folder.path().join("boxes"), "docker": { "setupCommand": setup } });
        let mut bench = Bench::new(sandbox(folder.path(), settings.clone()));
        let (calm, hung) = (folder.path().join("calm"), folder.path().join("hung"));
        fs::write(&calm, "").expect("written");
        let run = bench.exec(json!({ "command": "cat setups" })).await;
        assert_eq!(run["aggregated"], "done\n", "{run}");
        // somebody takes it away
        let name = boxes(folder.path()).pop().expect("a container");
        fs::remove_file(folder.path().join(format!("box-{name}"))).expect("removed");
        fs::remove_file(&calm).expect("removed");
        let hangs = async {
            while !hung.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            run = bench.exec(json!({ "command": "true" })) => panic!("it was not set up: {run}"),
            within = tokio::time::timeout(Duration::from_secs(60), hangs) => within.expect("it is being set up"),
        }
        // nobody waits for it any more
        gone("sleep 86399").await;
        fs::write(&calm, "").expect("written");
        if is_later {
            let later = Bench::new(sandbox(folder.path(), settings));
            hand_over(folder.path(), &bench, &later).await;
            bench = later;
        }
        for _ in 0..2 {
            let run = bench.exec(json!({ "command": "cat setups" })).await;
            assert_eq!(run["aggregated"], "done\ndone\n", "{run}");
        }
        let verbs = verbs(folder.path());
        let count = |verb: &str| verbs.iter().filter(|each| *each == verb).count();
        assert_eq!((count("create"), count("rm"), count("restart")), (3, 1, 0));
        assert_eq!(boxes(folder.path()).len(), 1);
    }
}

#[tokio::test]
async fn an_engine_hears_what_the_operator_set_and_nothing_of_the_gateways_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = sandbox(folder.path(), json!({}));
    config["env"] = json!({ "SIDE": "far" });
    let run = Bench::new(config).exec(json!({ "command": "true" })).await;
    assert_eq!(run["status"], "completed", "{run}");
    let variables = fs::read_to_string(folder.path().join("variables")).expect("there were calls");
    let calls: Vec<_> = variables.lines().collect();
    let expected = ["inspect", "create", "start", "exec", "exec"].map(|verb| format!("{verb} far "));
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn what_an_earlier_process_left_running_is_ended_before_the_container_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut earlier: Option<Bench> = None;
    for expected in [0, 1] {
        let mut bench = Bench::new(sandbox(
            folder.path(),
            json!({ "scope": "shared", "workspaceAccess": "none",
            "workspaceRoot": folder.path().join("boxes") }),
        ));
        bench.agent = "main";
        if let Some(earlier) = &earlier {
            hand_over(folder.path(), earlier, &bench).await;
        }
        assert_eq!(
            bench.exec(json!({ "command": "true" })).await["status"],
            "completed"
        );
        let restarts = verbs(folder.path())
            .iter()
            .filter(|verb| *verb == "restart")
            .count();
        assert_eq!(restarts, expected);
        earlier = Some(bench);
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
    let mut config = sandbox(folder.path(), json!({}));
    config["env"] = json!({ "SIDE": "far" });
    let later = Bench::new(config);
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
    let variables = fs::read_to_string(folder.path().join("variables")).expect("there were calls");
    assert!(variables.ends_with("rm far \n"), "{variables}");
}

/// The container's own folder, by its name.
async fn own_folder(scope: &str, agent: &'static str, session: &'static str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::new(sandbox(folder.path(), json!({ "scope": scope })));
    (bench.agent, bench.session) = (agent, session);
    let run = bench.exec(json!({ "command": "echo there" })).await;
    assert_eq!(run["aggregated"], "there\n", "{run}");
    let told = told(folder.path());
    let bound = told[1].split("/sandboxes/").nth(1).expect("it has one");
    let name = bound.split(":/workspace:rw").next().expect("a name");
    name.to_owned()
}

#[tokio::test]
async fn what_lasts_of_a_container_is_shared_as_the_operator_says() {
    let key = "agent:main:pager:group:1";
    for (agent, scope, expected) in [
        ("main", "agent", "agents-main"),
        // each of these may be the id of an agent
        ("dev-ops", "agent", "agents-dev-ops"),
        ("dev_ops", "agent", "agents-dev_ops"),
        ("main", "shared", "shared"),
    ] {
        assert_eq!(own_folder(scope, agent, key).await, expected, "{scope}");
    }
    let own = own_folder("session", "main", key).await;
    assert!(own.starts_with("agent-main-pager-group-1-"), "{own}");
    assert_eq!(own_folder("session", "main", key).await, own);
}

#[tokio::test]
async fn two_conversations_have_two_folders_however_alike_their_names_are() {
    let mut folders = std::collections::BTreeSet::new();
    for key in [
        "agent:main:mail:direct:ada.b@example.org",
        "agent:main:mail:direct:ada-b@example.org",
        "agent:main:mail:direct:ada@b.example.org",
    ] {
        folders.insert(own_folder("session", "main", key).await);
    }
    assert_eq!(folders.len(), 3, "{folders:?}");
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
