//! What a model that was talked into mischief tries with commands.
mod common;

use common::{Bench, SECRET};
use openclaw_plugin_api::prelude::*;

#[tokio::test]
async fn a_command_changes_nothing_outside_the_workspace() {
    let bench = Bench::new(json!({}));
    let outside = bench.outside();
    std::fs::write(outside.join("secret"), SECRET).expect("a file");
    let target = outside.display();
    for attempt in [
        format!("echo x > {target}/new"),
        format!("cat {target}/secret"),
        format!("ls {target}"),
        format!("ln -s {target}/secret l; cat l"),
        format!("ln {target}/secret h; cat h"),
        format!("cp /bin/ls {target}/"),
        format!("rm -rf {target}"),
        format!("mv {target}/secret ."),
        format!("chmod 777 {target}/secret"),
        format!("touch {target}/secret; echo x >> {target}/secret"),
        format!("mkdir {target}/d"),
        format!("sh -c 'cd {target} && cat secret'"),
        format!("cat /proc/$PPID/root{target}/secret"),
        format!("mkdir m; mount --bind {target} m; cat m/secret"),
        "cat /etc/shadow; cat ~root/.bashrc; ls ~root".to_owned(),
        "echo x > /tmp/openclaw-escaped; echo x > /dev/shm/openclaw-escaped".to_owned(),
        "cat /proc/1/environ | tr '\\0' '\\n'".to_owned(),
        "for p in /proc/[0-9]*; do cat $p/environ; done 2>/dev/null | tr '\\0' '\\n' | grep OPENCLAW"
            .to_owned(),
        "chroot / cat /etc/shadow; unshare -r cat /etc/shadow; nsenter -t 1 -a cat /etc/shadow".to_owned(),
    ] {
        let said = bench.sh(&attempt).await;
        assert!(
            !said.contains(SECRET) && !said.contains("root:$") && !said.contains("OPENCLAW_"),
            "{attempt}: {said}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(outside.join("secret")).expect("still there"),
        SECRET
    );
    assert_eq!(std::fs::read_dir(&outside).expect("still there").count(), 1);
    for path in ["/tmp/openclaw-escaped", "/dev/shm/openclaw-escaped"] {
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }
}

#[tokio::test]
async fn a_command_has_no_network_unless_it_is_opened() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let attempt = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    let command = format!("bash -c '{attempt}'");
    let closed = Bench::new(json!({})).sh(&command).await;
    assert!(!closed.contains("connected"), "{closed}");
    let open = Bench::new(json!({ "sandbox": { "network": true } }))
        .sh(&command)
        .await;
    assert!(open.contains("connected"), "{open}");
}

#[tokio::test]
async fn a_command_sees_no_secrets() {
    let bench = Bench::new(json!({ "env": { "MINE": "yes" } }));
    let seen = bench.sh("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
    assert_eq!(seen.trim(), "HOME LANG MINE PATH PWD TERM TMPDIR");
    assert!(
        !bench
            .sh("env; cat /proc/self/environ /proc/$PPID/environ")
            .await
            .contains(SECRET)
    );
    let given = bench
        .exec(json!({ "command": "echo $A $MINE", "env": { "A": "b" } }))
        .await;
    assert_eq!(given["aggregated"], "b yes\n");
}

#[tokio::test]
async fn a_command_gains_no_rights_and_signals_nobody_else() {
    let bench = Bench::new(json!({}));
    let rights = bench
        .sh("grep -E 'NoNewPrivs|CapEff|Seccomp:' /proc/self/status")
        .await;
    assert!(
        rights.contains("NoNewPrivs:\t1") && rights.contains("Seccomp:\t2"),
        "{rights}"
    );
    assert!(rights.contains("CapEff:\t0000000000000000"), "{rights}");
    let mut other = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("a program");
    bench.sh(&format!("kill -9 {}", other.id())).await;
    assert!(
        other.try_wait().expect("it is ours").is_none(),
        "another process was ended"
    );
    other.kill().expect("it runs");
    other.wait().expect("it is ours");
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let bench = Bench::new(json!({}));
    let flood = bench.exec(json!({ "command": "echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last", "yieldMs": 60000 })).await;
    assert_eq!(flood["status"], "completed", "{}", flood["reason"]);
    let said = flood["aggregated"].as_str().expect("text");
    assert!(said.len() < 300_000 && said.starts_with("first\n") && said.ends_with("\nlast\n"));
    assert!(said.contains("bytes are left out here"));
    let endless = bench.background(json!({ "command": "yes" })).await;
    bench.until(&endless, "y\ny").await;
    assert_eq!(
        bench.process("kill", &endless, json!({})).await.1["status"],
        "failed"
    );
}

#[tokio::test]
async fn a_storm_of_processes_is_ended() {
    let bench = Bench::new(json!({ "sandbox": { "processes": 40 } }));
    let storm = bench
        .exec(json!({ "command": "i=0; while [ $i -lt 400 ]; do sleep 12345.7 & i=$((i+1)); done; wait", "yieldMs": 60000 }))
        .await;
    assert_eq!(storm["status"], "failed", "{storm}");
    common::gone("12345.7").await;
    // one that doubles again and again; slowly, for the sake of whatever else runs here
    let command = "f() { sleep 0.1; [ $1 -lt 9 ] && { f $(($1+1)) & f $(($1+1)) & }; sleep 12345.8; }; f 0";
    let storm = bench.exec(json!({ "command": command, "yieldMs": 60000 })).await;
    assert_eq!(storm["status"], "failed", "{storm}");
    common::gone("12345.8").await;
}

#[tokio::test]
async fn a_link_in_place_of_a_folder_leads_nowhere() {
    let bench = Bench::new(json!({}));
    std::os::unix::fs::symlink(bench.outside(), bench.workspace().join(".openclaw")).expect("a link");
    let refused = bench.exec(json!({ "command": "true" })).await;
    assert_eq!(refused["status"], "error", "{refused}");
    assert_eq!(std::fs::read_dir(bench.outside()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn input_that_nobody_reads_holds_nobody_up() {
    let bench = Bench::new(json!({}));
    let id = bench
        .background(json!({ "command": "echo on; sleep 12345.9" }))
        .await;
    bench.until(&id, "on").await;
    for _ in 0..20 {
        let data = "x".repeat(60_000);
        if bench
            .call(
                "process",
                json!({ "action": "write", "sessionId": id, "data": data }),
            )
            .await
            .is_err()
        {
            break;
        }
    }
    assert_eq!(bench.process("kill", &id, json!({})).await.1["status"], "failed");
    common::gone("12345.9").await;
}
