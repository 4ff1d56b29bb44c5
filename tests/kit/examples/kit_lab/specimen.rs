//! A plugin with a bit of everything and, by name, one fault.
#![allow(clippy::disallowed_methods, reason = "faults do what the lints forbid")]

use openclaw_plugin_api::prelude::*;
use std::{
    collections::HashMap,
    fs::File,
    future::poll_fn,
    path::Path,
    process,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
};

static FAULT: OnceLock<String> = OnceLock::new();

/// The fault that the file's name asks for.
pub fn choose(library: &Path) {
    let name = library
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned());
    FAULT.get_or_init(|| name.unwrap_or_default());
}

/// Is this the fault?
pub fn is(fault: &str) -> bool {
    FAULT.get().is_some_and(|name| name == fault)
}

#[derive(Deserialize, JsonSchema)]
struct Args {
    /// Any text.
    text: String,
}

/// Runs when a call is dropped, or an instance.
struct BlocksWhenDropped;

impl Drop for BlocksWhenDropped {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

struct Count {
    _guard: Option<BlocksWhenDropped>,
}

impl Tool for Count {
    const NAME: &'static str = "count";
    const DESCRIPTION: &'static str = "Counts the characters of a text.";
    type Args = Args;

    async fn invoke(&self, args: Args, mut context: ToolContext) -> Result<ToolOutput> {
        match FAULT.get().map(String::as_str) {
            Some("leaks") => std::mem::forget(vec![1_u8; 4 << 10]),
            Some("floods-log") => (0..1_000).for_each(|line| tracing::warn!(line, "a flood")),
            Some("aborts") => process::abort(),
            Some("exits") => process::exit(3),
            Some("changes-folder") => std::env::set_current_dir("/")?,
            Some("loses-file") => std::mem::forget(File::open("/dev/null")?),
            Some("unnamed-thread") => drop(thread::spawn(|| BlocksWhenDropped)),
            Some("hangs") => std::future::pending().await,
            Some("blocks") => drop(BlocksWhenDropped),
            _ => {}
        }
        let _guard = is("blocks-cancel").then(|| BlocksWhenDropped);
        if is("blocks-cancel") {
            std::future::pending::<()>().await;
        }
        context.progress("counting").await;
        Ok(args.text.chars().count().to_string().into())
    }
}

struct Parrot;

impl Provider for Parrot {
    const ID: &'static str = "parrot";

    async fn complete(&self, request: CompletionRequest, mut out: Deltas) -> Result<Completion> {
        let last = request
            .messages
            .last()
            .ok_or_else(|| Error::invalid("there is nothing to repeat"))?;
        let text = last.plain_text();
        if is("hoards") {
            hoard().await;
        }
        for word in text.split_inclusive(' ') {
            if is("ignores-reader") {
                while out.text(word).await.is_err() {}
            }
            out.text(word).await?;
        }
        Ok(Completion::default())
    }
}

/// Produces whether anybody reads or not.
async fn hoard() {
    let mut all = Vec::new();
    poll_fn(|cx| {
        all.push(vec![1_u8; 16 << 20]);
        cx.waker().wake_by_ref();
        if all.len() < 32 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

#[derive(Default)]
struct Echo {
    started: AtomicBool,
    sent: Mutex<HashMap<String, Receipt>>,
}

/// Messages that are remembered, so that a key is delivered once.
const MAX_SENT: usize = 1_000;

impl Channel for Echo {
    const ID: &'static str = "echo";

    fn info(&self) -> ChannelInfo {
        ChannelInfo {
            idempotent_send: true,
            ..ChannelInfo::default()
        }
    }

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        self.started.store(true, Ordering::Relaxed);
        host.status(&ChannelStatus {
            account_id: account.id,
            ..ChannelStatus::default()
        })
        .await
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        if !self.started.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "this channel is not started"));
        }
        if is("hates-emoji") {
            assert!(!message.text.contains('👩'), "not this one");
        }
        if is("sticks") && message.idempotency_key.starts_with("kit-stop") {
            std::future::pending::<()>().await;
        }
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() > MAX_SENT {
            sent.clear();
        }
        let id = if is("sends-twice") {
            sent.len().to_string()
        } else {
            message.idempotency_key.clone()
        };
        let receipt = Receipt {
            message_ids: vec![id.clone()],
        };
        sent.insert(id, receipt.clone());
        Ok(receipt)
    }
}

struct Hello;

impl Commands for Hello {
    fn commands(&self) -> Vec<openclaw_plugin_api::CommandSpec> {
        vec![openclaw_plugin_api::CommandSpec {
            name: "hello".into(),
            ..Default::default()
        }]
    }

    async fn run(&self, call: openclaw_plugin_api::CommandCall) -> Result<openclaw_plugin_api::CommandReply> {
        let whom = if is("panics") {
            &call.args[0]
        } else {
            call.args.first().map_or("", String::as_str)
        };
        Ok(format!("hello {whom}").into())
    }
}

struct Idle(Host);

impl Service for Idle {
    const ID: &'static str = "idle";

    async fn start(&self) -> Result<()> {
        let host = self.0.clone();
        let stored = host.store().put("started", "yes").await;
        if is("trusts-host") {
            stored.expect("the store works");
        } else {
            stored?;
        }
        Ok(())
    }
}

const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": { "limit": { "type": "integer", "minimum": 1 }, "name": { "type": "string" } }
}"#;

export_plugin!(
    Declaration::new("specimen", "Specimen")
        .channels(&["echo"])
        .providers(&["parrot"])
        .tools(&["count"])
        .commands(&["hello"])
        .services(&["idle"])
        .config(SCHEMA),
    |api| {
        let config: Value = api.config()?;
        let object = config
            .as_object()
            .ok_or_else(|| Error::new(ErrorKind::Config, "no object"))?;
        if is("trusts-config") && object.contains_key("limit") {
            config["limit"].as_u64().expect("a number");
        }
        if is("refuses-valid") && object.contains_key("limit") {
            return Err(Error::invalid("no limits"));
        }
        if is("leaks-instances") {
            std::mem::forget(vec![1_u8; 256 << 10]);
        }
        api.tool(Count {
            _guard: is("hangs-destroy").then(|| BlocksWhenDropped),
        });
        api.provider(Parrot).channel(Echo::default()).commands(Hello);
        if !is("registers-less") {
            let host = api.host().clone();
            api.service(Idle(host));
        }
        Ok(())
    }
);
