//! The tests. Each starts processes of its own and ends them.
use openclaw_host::plugins::isolate::{
    Confinement, Creation, Enforced, Exit, Isolated, Landlock, Network, Program, spawn,
};
use openclaw_plugin_api::{
    Environment, ToolCall, ToolOutput,
    abi::{Call, Fault, HostServices, Level, LogRecord},
};
use serde_json::json;
use std::{
    future::Future,
    path::Path,
    pin::Pin,
    process::{Command, ExitCode, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Longest that any event is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// Answers every call with its target, and keeps what is logged.
#[derive(Default)]
pub struct TestHost {
    lines: Mutex<Vec<(Level, String)>>,
    logged: watch::Sender<usize>,
}

impl HostServices for TestHost {
    fn call(&self, call: Call<'_>) -> Boxed<Result<Vec<u8>, Fault>> {
        let answer = format!("{} {}", call.method, call.target).into_bytes();
        Box::pin(async move { Ok([&b"\x01"[..], &answer].concat()) })
    }

    fn spawn(&self, _: Boxed<()>) {}

    fn sleep(&self, _: Duration) -> Boxed<()> {
        Box::pin(std::future::pending())
    }

    fn log_enabled(&self, _: Level, _: &str) -> bool {
        true
    }

    fn log(&self, record: &LogRecord<'_>) {
        self.lines
            .lock()
            .expect("not poisoned")
            .push((record.level, record.message.to_owned()));
        self.logged.send_modify(|n| *n += 1);
    }
}

impl TestHost {
    async fn line(&self, level: Level, part: &str) {
        let here = |_: &usize| {
            let lines = self.lines.lock().expect("not poisoned");
            lines.iter().any(|(l, text)| *l == level && text.contains(part))
        };
        let found = tokio::time::timeout(DEADLINE, self.logged.subscribe().wait_for(here))
            .await
            .is_ok();
        assert!(found, "no line with {part:?} in {:?}", self.lines.lock());
    }
}

pub fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(4 * DEADLINE, test).await })
        .expect("in time");
}

fn creation(confinement: Confinement) -> Creation {
    let environment = serde_json::to_string(&Environment::default()).expect("JSON");
    Creation {
        instance: "doer".into(),
        config: "{}".into(),
        environment,
        confinement,
        finest_level: Level::Info as u8,
    }
}

fn program(args: &[&str]) -> Program {
    let args = ["child"].iter().chain(args).map(Into::into).collect();
    Program {
        path: std::env::current_exe().expect("this program"),
        args,
    }
}

pub async fn started(confinement: Confinement) -> (Isolated, Arc<TestHost>) {
    let host = Arc::new(TestHost::default());
    match spawn(program(&[]), creation(confinement), host.clone(), DEADLINE).await {
        Ok(isolated) => (isolated, host),
        Err(fault) => panic!("{fault}; {:?}", host.lines.lock()),
    }
}

pub fn body(what: &str, path: &Path) -> Vec<u8> {
    let arguments = json!({ "what": what, "path": path });
    serde_json::to_vec(&ToolCall {
        arguments,
        ..ToolCall::default()
    })
    .expect("JSON")
}

async fn tell(plugin: &Isolated, what: &str, path: impl AsRef<Path>) -> Result<String, Fault> {
    let reply = plugin.call(Call::new("tool/1/invoke", "do", body(what, path.as_ref())));
    let reply = tokio::time::timeout(DEADLINE, reply).await.expect("in time")?;
    let output: ToolOutput = serde_json::from_slice(&reply).expect("an output");
    match output.content.first() {
        Some(openclaw_plugin_api::Content::Text { text, .. }) => Ok(text.clone()),
        _ => Ok(String::new()),
    }
}

async fn refused(plugin: &Isolated, what: &str, path: impl AsRef<Path>) {
    let outcome = tell(plugin, what, path).await;
    let message = outcome
        .as_ref()
        .err()
        .map(|fault| fault.message.to_string())
        .unwrap_or_default();
    assert!(
        message.contains("ermi") || message.contains("EPERM"),
        "{what}: {outcome:?}"
    );
}

async fn ended(plugin: &Isolated) -> Exit {
    tokio::time::timeout(DEADLINE, plugin.ended())
        .await
        .expect("it ends")
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub fn answers_with_what_its_host_gives() {
    block_on(async {
        let (plugin, _) = started(Confinement::default()).await;
        assert!(
            plugin.registrations().contains(r#""do""#),
            "{}",
            plugin.registrations()
        );
        assert_eq!(tell(&plugin, "nothing", "").await.expect("done"), "");
        let answer = tell(&plugin, "ask", "").await.expect("done");
        assert!(answer.contains("store.get key"), "{answer}");
        let unknown = plugin.call(Call::new("none/1/none", "", Vec::new())).await;
        assert_eq!(unknown.expect_err("unknown").code.as_str(), "unknown_method");
    });
}

pub fn a_real_library_is_opened_inside() {
    let program_path = std::env::current_exe().expect("this program");
    let built = program_path
        .ancestors()
        .nth(2)
        .expect("the folder of the profile");
    let library = built.join("libopenclaw_plugin_loopback.so");
    if !library.exists() {
        return eprintln!(
            "skipped: {} is not built (cargo build -p openclaw-plugin-loopback)",
            library.display()
        );
    }
    block_on(async {
        let path = library.display().to_string();
        let readable = vec![library];
        let creation = creation(Confinement {
            readable,
            ..Confinement::default()
        });
        let host = Arc::new(TestHost::default());
        let plugin = spawn(program(&[&path]), creation, host, DEADLINE)
            .await
            .expect("it starts");
        assert!(
            plugin.registrations().contains("channel/1"),
            "{}",
            plugin.registrations()
        );
        println!(
            "resident: {:?} KiB",
            plugin.usage().map(|usage| usage.rss_bytes >> 10)
        );
        assert_eq!(plugin.stop(DEADLINE).await, Exit::Code(0));
    });
}

pub fn every_death_is_told() {
    block_on(async {
        let memory = Some(1 << 30);
        for (how, words) in [
            ("exit", "exited with code 3"),
            ("abort", "killed by signal 6 (SIGABRT)"),
            ("segv", "killed by signal 11 (SIGSEGV)"),
            ("overflow", "killed by signal 6 (SIGABRT)"),
            ("leak", "killed by signal 6 (SIGABRT)"),
        ] {
            let (plugin, _) = started(Confinement {
                memory,
                ..Confinement::default()
            })
            .await;
            let fault = tell(&plugin, "die", how).await.expect_err("dead");
            assert_eq!(fault.code.as_str(), "closed");
            assert_eq!(
                fault.message.as_str(),
                format!("the plugin process ended ({words})"),
                "{how}"
            );
            assert_eq!(ended(&plugin).await.to_string(), words);
            assert!(!alive(plugin.pid()), "{how}: it was reaped");
            assert!(plugin.usage().is_none());
            assert_eq!(
                tell(&plugin, "nothing", "")
                    .await
                    .expect_err("dead")
                    .code
                    .as_str(),
                "closed"
            );
        }
    });
}

pub fn a_hanging_plugin_is_killed() {
    block_on(async {
        let (plugin, _) = started(Confinement::default()).await;
        let plugin = Arc::new(plugin);
        let hanging = plugin.clone();
        let call = tokio::spawn(async move { tell(&hanging, "die", "hang").await });
        tokio::task::yield_now().await;
        let exit = plugin.stop(Duration::from_millis(200)).await;
        let told = call.await.expect("no panic").expect_err("dead");
        // The request to stop may have overtaken the call.
        assert!(
            exit == Exit::Signal(9) && told.code.as_str() == "closed" || exit == Exit::Code(0),
            "{exit} {told}"
        );
        assert!(!alive(plugin.pid()));
    });
}

pub fn a_constructor_that_dies_fails_the_start() {
    block_on(async {
        let host = Arc::new(TestHost::default());
        let died = spawn(
            program(&["die-early"]),
            creation(Confinement::default()),
            host.clone(),
            DEADLINE,
        )
        .await;
        let fault = died.expect_err("it died");
        assert_eq!(
            fault.message.as_str(),
            "the plugin process ended before it was ready (killed by signal 11 (SIGSEGV))"
        );
        let short = Duration::from_millis(300);
        let hung = spawn(
            program(&["hang-early"]),
            creation(Confinement::default()),
            host.clone(),
            short,
        )
        .await;
        assert_eq!(hung.expect_err("it hangs").code.as_str(), "timeout");
        let absent = Program {
            path: "/absent".into(),
            args: Vec::new(),
        };
        let fault = spawn(absent, Creation::default(), host.clone(), DEADLINE)
            .await
            .expect_err("no program");
        assert!(fault.message.contains("/absent"), "{fault}");
        let stranger = Program {
            path: "/bin/true".into(),
            args: Vec::new(),
        };
        let fault = spawn(stranger, Creation::default(), host, DEADLINE)
            .await
            .expect_err("no plugin");
        assert!(fault.message.contains("exited with code 0"), "{fault}");
    });
}

pub fn what_it_may_not_do_fails() {
    block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "secret").expect("written");
        let (plugin, _) = started(Confinement::default()).await;
        assert!(plugin.enforced().seccomp && plugin.enforced().no_new_privileges);
        for what in ["udp", "tcp", "signal parent", "limit parent"] {
            refused(&plugin, what, "").await;
        }
        refused(&plugin, "unix", "/run/docker.sock").await;
        refused(&plugin, "exec", "/bin/true").await;
        if plugin.enforced().landlock == Landlock::None {
            return eprintln!("the rest was skipped: this kernel has no Landlock");
        }
        let parent = format!("/proc/{}/environ", std::process::id());
        for path in [
            secret.as_path(),
            "/etc/passwd".as_ref(),
            parent.as_ref(),
            "/etc/resolv.conf".as_ref(),
        ] {
            refused(&plugin, "read", path).await;
        }
        refused(&plugin, "write", folder.path().join("new")).await;
        refused(&plugin, "list", "/").await;
    });
}

pub fn what_it_may_do_works() {
    block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        for folder in [&input, &output] {
            std::fs::create_dir(folder).expect("made");
        }
        let file = input.join("file");
        std::fs::write(&file, "content").expect("written");
        let (readable, writable) = (vec![input.clone()], vec![output.clone()]);
        let (plugin, _) = started(Confinement {
            readable,
            writable,
            ..Confinement::default()
        })
        .await;
        assert_eq!(tell(&plugin, "read", &file).await.expect("allowed"), "content");
        assert_eq!(tell(&plugin, "list", &input).await.expect("allowed"), "1");
        tell(&plugin, "write", output.join("new")).await.expect("allowed");
        assert_eq!(
            std::fs::read_to_string(output.join("new")).expect("there"),
            "written"
        );
        assert_eq!(
            tell(&plugin, "thread", "").await.expect("allowed"),
            "from a thread"
        );
        tell(&plugin, "socketpair", "").await.expect("allowed");
        if plugin.enforced().landlock != Landlock::None {
            refused(&plugin, "write", input.join("new")).await;
        }
        let (plugin, _) = started(Confinement {
            processes: true,
            ..Confinement::default()
        })
        .await;
        let status = tell(&plugin, "exec", "/bin/true").await.expect("allowed");
        assert_eq!(status, "exit status: 0");
        refused(&plugin, "udp", "").await;
    });
}

pub fn its_own_network_is_internet_only() {
    block_on(async {
        let (plugin, _) = started(Confinement {
            network: Network::Own,
            ..Confinement::default()
        })
        .await;
        for what in ["udp", "tcp"] {
            tell(&plugin, what, "").await.expect("allowed");
        }
        refused(&plugin, "unix", "/run/docker.sock").await;
        refused(&plugin, "read", "/etc/passwd").await;
    });
}

pub fn it_inherits_neither_environment_nor_input() {
    block_on(async {
        assert!(
            std::env::var_os("PATH").is_some(),
            "there is something to inherit"
        );
        let (plugin, _) = started(Confinement::default()).await;
        let names = tell(&plugin, "environment", "").await.expect("done");
        let allowed = ["LANG", "LC_ALL", "TZ", "RUST_BACKTRACE"];
        assert!(
            names.split_whitespace().all(|name| allowed.contains(&name)),
            "{names}"
        );
        assert_eq!(tell(&plugin, "stdin", "").await.expect("done"), "");
    });
}

pub fn what_it_prints_and_logs_arrives() {
    block_on(async {
        let (plugin, host) = started(Confinement::default()).await;
        tell(&plugin, "print", "").await.expect("done");
        host.line(Level::Info, "printed").await;
        host.line(Level::Warn, "complained").await;
        tell(&plugin, "die", "overflow").await.expect_err("dead");
        host.line(Level::Warn, "overflowed its stack").await;
    });
}

pub fn it_stops_when_asked_and_is_small() {
    block_on(async {
        let (plugin, _) = started(Confinement::default()).await;
        let usage = plugin.usage().expect("alive");
        assert_eq!(usage.pid, plugin.pid());
        println!("resident: {} KiB, {:?}", usage.rss_bytes >> 10, plugin.enforced());
        assert!(usage.rss_bytes > 0 && usage.rss_bytes < 16 << 20, "{usage:?}");
        let all = Enforced {
            landlock: plugin.enforced().landlock,
            seccomp: true,
            no_new_privileges: true,
            no_capabilities: true,
            limits: true,
        };
        assert_eq!(*plugin.enforced(), all);
        assert_eq!(plugin.stop(DEADLINE).await, Exit::Code(0));
        assert!(!alive(plugin.pid()));
        let fault = tell(&plugin, "nothing", "").await.expect_err("stopped");
        assert_eq!(fault.code.as_str(), "closed");
    });
}

pub fn dropping_it_ends_it() {
    block_on(async {
        let (plugin, _) = started(Confinement::default()).await;
        let ended = plugin.ended();
        let call = plugin.call(Call::new("tool/1/invoke", "do", body("nothing", "".as_ref())));
        drop(plugin);
        tokio::time::timeout(DEADLINE, ended).await.expect("it ends");
        // Answered or refused, but never forgotten.
        let _ = tokio::time::timeout(DEADLINE, call).await.expect("resolved");
    });
}

/// Is it there, and not only the note of its end?
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

pub fn what_it_has_started_ends_with_it() {
    block_on(async {
        for how in ["", "exit"] {
            let (plugin, _) = started(Confinement {
                processes: true,
                ..Confinement::default()
            })
            .await;
            let left = tell(&plugin, "leave", "/bin/sleep").await.expect("allowed");
            assert!(runs(&left));
            let ended = plugin.ended();
            if how == "exit" {
                tell(&plugin, "die", how).await.expect_err("dead");
            }
            drop(plugin);
            let gone = async {
                ended.await;
                while runs(&left) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(DEADLINE, gone).await.expect("it ends");
        }
    });
}

/// A gateway that says who its child is, and is then killed.
pub fn gateway() -> ExitCode {
    block_on(async {
        let (plugin, _) = started(Confinement::default()).await;
        println!("{}", plugin.pid());
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

pub fn it_dies_with_its_gateway() {
    use std::io::{BufRead, BufReader};
    let program = std::env::current_exe().expect("this program");
    let mut gateway = Command::new(program)
        .arg("gateway")
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    let stat = format!("/proc/{}/stat", line.trim());
    let running = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(running(), "{line}");
    gateway.kill().expect("killed");
    gateway.wait().expect("reaped");
    block_on(async {
        let gone = async {
            // Whose child it is now is not known, so nobody can be asked to wait for it.
            while running() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, gone).await.expect("it dies too");
    });
}
