//! Commands in containers, with a program that takes an engine's place and shows what it was told.
mod common;

use common::Bench;
use openclaw_plugin_api::prelude::*;
use std::os::unix::fs::PermissionsExt;

/// A script that notes its arguments and runs what stands behind the image.
fn engine(folder: &std::path::Path) -> String {
    let path = folder.join("engine");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> {0}/args\necho == >> {0}/args\nwhile [ $# -gt 0 ]; do\n  if [ \"$1\" = img ]; then shift; exec \"$@\"; fi\n  shift\ndone\n",
        folder.display()
    );
    std::fs::write(&path, script).expect("a file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
    path.display().to_string()
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
    let args = std::fs::read_to_string(folder.path().join("args")).expect("the engine was called");
    let (run, removal) = args.split_once("==\n").expect("two calls");
    for expected in [
        "--network\nnone\n",
        "--cap-drop\nALL\n",
        "--security-opt\nno-new-privileges\n",
        "--read-only\n",
        "--pids-limit\n256\n",
        "--memory\n1g\n",
        "--cpus\n1.5\n",
        "--user\n1000:1000\n",
        "--tmpfs\n/tmp\n",
        "--env\nA=b\n",
        "--workdir\n/workspace\n",
        "img\n/bin/sh\n-c\necho 'in a container'\n",
        &format!("{}:/agent:ro\n", bench.workspace().display()),
        "sandboxes/agents-main:/workspace:rw\n",
    ] {
        assert!(run.contains(expected), "{expected} is missing in {run}");
    }
    assert!(removal.starts_with("rm\n--force\nopenclaw-sbx-"), "{removal}");
}

#[tokio::test]
async fn what_lasts_of_a_container_is_shared_as_the_operator_says() {
    for (scope, expected) in [
        ("session", "sandboxes/agent-main-pager-group-1:/workspace:rw"),
        ("agent", "sandboxes/agents-main:/workspace:rw"),
        ("shared", "sandboxes/shared:/workspace:rw"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let docker = json!({ "engine": engine(folder.path()), "image": "img" });
        let sandbox = json!({ "mode": "all", "scope": scope, "docker": docker });
        let mut bench = Bench::new(json!({ "agents": { "defaults": { "sandbox": sandbox } } }));
        bench.session = "agent:main:pager:group:1";
        let run = bench.exec(json!({ "command": "echo there" })).await;
        assert_eq!(run["aggregated"], "there\n", "{run}");
        let args = std::fs::read_to_string(folder.path().join("args")).expect("the engine was called");
        assert!(args.contains(expected), "{scope}: {args}");
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
