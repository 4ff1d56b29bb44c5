//! A plugin with one tool that does what it is told, for good or ill.
use openclaw_plugin_api::prelude::*;
use std::{
    fs,
    io::{self, Read},
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixStream,
    process::Command,
};

#[derive(Deserialize, JsonSchema)]
pub struct Args {
    what: String,
    #[serde(default)]
    path: String,
}

struct Do(Host);

impl Tool for Do {
    const NAME: &'static str = "do";
    const DESCRIPTION: &'static str = "Does it.";
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        let path = &args.path;
        let done: io::Result<String> = match args.what.as_str() {
            "nothing" => Ok(String::new()),
            "ask" => return Ok(text(self.0.store().get("key").await?.unwrap_or_default()).into()),
            "die" => die(path),
            "read" => fs::read_to_string(path),
            "list" => fs::read_dir(path).map(|entries| entries.count().to_string()),
            "write" => fs::write(path, "written").map(|()| String::new()),
            "exec" => Command::new(path)
                .output()
                .map(|output| output.status.to_string()),
            "leave" => Command::new(path)
                .arg("1000")
                .spawn()
                .map(|left| left.id().to_string()),
            "udp" => UdpSocket::bind("127.0.0.1:0").map(|_| String::new()),
            "tcp" => TcpListener::bind("127.0.0.1:0").map(|_| String::new()),
            "unix" => UnixStream::connect(path).map(|_| String::new()),
            "socketpair" => UnixStream::pair().map(|_| String::new()),
            "signal parent" => rustix::process::getppid()
                .map_or(Ok(()), rustix::process::test_kill_process)
                .map(|()| String::new())
                .map_err(Into::into),
            "limit parent" => limit_parent(),
            "thread" => std::thread::spawn(|| "from a thread".to_owned())
                .join()
                .map_err(|_| io::Error::other("no")),
            "environment" => Ok(std::env::vars_os()
                .map(|(name, _)| text(name.into_encoded_bytes()) + " ")
                .collect()),
            "stdin" => {
                let mut input = String::new();
                io::stdin().read_to_string(&mut input).map(|_| input)
            }
            "print" => {
                println!("printed");
                eprintln!("complained");
                Ok(String::new())
            }
            unknown => Err(io::Error::other(unknown.to_owned())),
        };
        Ok(done?.into())
    }
}

fn limit_parent() -> io::Result<String> {
    use rustix::process::{Resource, Rlimit, getppid, prlimit};
    let limit = Rlimit {
        current: Some(100),
        maximum: Some(100),
    };
    prlimit(getppid(), Resource::Nofile, limit)?;
    Ok(String::new())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ends this process, or makes it useless.
#[allow(clippy::disallowed_methods)] // A plugin that exits is one of the things to get over.
pub fn die(how: &str) -> ! {
    match how {
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "segv" => loop {
            // Once for the handler of the standard library, which then steps aside.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV);
        },
        "overflow" => {
            let depth = recurse(1);
            panic!("{depth}");
        }
        "leak" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
            }
        }
        _ => loop {
            std::thread::park();
        },
    }
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn recurse(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    recurse(page[0] + 1) + page[511]
}

export_plugin!(
    Declaration::new("doer", "Does what it is told").tools(&["do"]),
    |api| {
        let host = api.host().clone();
        api.tool(Do(host));
        Ok(())
    }
);
