//! A live instance under test. Every call of it has a deadline, and a panic in it fails the test whatever was asked.
use crate::{
    bench::blocking,
    fake::FakeHost,
    journal::Journal,
    outcome::{Stop, Verdict},
};
use openclaw_plugin_api::{
    Registrations, Sink, Source,
    abi::{Call, Chunks, Fault, PluginHandle, sink_pair, source_pair},
    surface::ids,
};
use serde_json::Value;
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// How long an answer may take. The kit's host answers at once, so this is time for the plugin alone.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(5);
/// Slots of a stream that the plugin writes, chunks.
const CHUNKS: usize = 16;
/// Chunks that are kept of an answer; the rest is read and dropped.
const MAX_CHUNKS: usize = 4_096;
/// How much of a fault's text is shown, characters.
const MAX_FAULT: usize = 200;

/// A live instance.
#[derive(Debug)]
pub(crate) struct Subject {
    handle: Arc<PluginHandle>,
    journal: Arc<Journal>,
    pool: Handle,
    pub(crate) host: FakeHost,
    pub(crate) registrations: Registrations,
}

/// One thing to ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Result<Vec<u8>, Fault>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

// === impl Subject ===

impl Subject {
    pub(crate) fn new(
        handle: PluginHandle,
        registrations: Registrations,
        host: FakeHost,
        journal: Arc<Journal>,
        pool: Handle,
    ) -> Self {
        Self {
            handle: Arc::new(handle),
            journal,
            pool,
            host,
            registrations,
        }
    }

    /// The object itself, for tests that drive a call by hand.
    pub(crate) fn handle(&self) -> Arc<PluginHandle> {
        self.handle.clone()
    }

    /// Where the plugin's futures are polled.
    pub(crate) fn pool(&self) -> &Handle {
        &self.pool
    }

    /// Everything that can be called: each method with each target that belongs to its capability.
    pub(crate) fn endpoints(&self) -> Vec<Request> {
        let mut all = Vec::new();
        for method in &self.registrations.methods {
            if is_lifecycle(method) {
                all.push(Request::new(method, "", Vec::new()));
                continue;
            }
            let targets = self
                .registrations
                .registrations
                .iter()
                .filter(|r| belongs(method, &r.capability));
            all.extend(targets.map(|target| Request::new(method, &target.id, Vec::new())));
        }
        // A stop makes what follows meaningless, so it comes last.
        all.sort_by_key(|request| (request.method == ids::plugin::STOP, request.to_string()));
        all
    }

    /// Asks, with an empty stream to read and a stream that is read to its end.
    pub(crate) async fn call(&self, request: &Request) -> Verdict<Answer> {
        let (feed, input) = source_pair(1);
        let (out, chunks) = sink_pair(CHUNKS);
        // Dropping the feed ends the stream.
        drop(feed);
        self.call_with(request, Some(out), Some(input), chunks).await
    }

    /// Asks without any stream.
    pub(crate) async fn call_bare(&self, request: &Request) -> Verdict<Answer> {
        let (out, chunks) = sink_pair(0);
        drop(out);
        self.call_with(request, None, None, chunks).await
    }

    /// Asks with streams of the caller's own. What is written is read until the writer drops it.
    pub(crate) async fn call_with(
        &self,
        request: &Request,
        out: Option<Sink>,
        input: Option<Source>,
        chunks: Chunks,
    ) -> Verdict<Answer> {
        self.journal.doing(format_args!("calling {request}"));
        let reader = tokio::spawn(read(chunks));
        let reply = self
            .within_deadline(request, self.spawn(request, out, input))
            .await?;
        let chunks = timeout(CALL_DEADLINE, reader).await.map_err(|_| {
            Stop::failed(format_args!(
                "{request} answered but keeps its stream open; drop the stream at the end"
            ))
        })?;
        Ok(Answer {
            reply,
            chunks: chunks.map_err(broken)?,
        })
    }

    /// Starts a call in a task of its own, so that a plugin that blocks keeps one thread and not the test.
    pub(crate) fn spawn(
        &self,
        request: &Request,
        out: Option<Sink>,
        input: Option<Source>,
    ) -> tokio::task::JoinHandle<Result<Vec<u8>, Fault>> {
        let (handle, request) = (self.handle.clone(), request.clone());
        self.pool.spawn(async move {
            let reply = handle.call(request.with(out, input));
            drop(handle);
            reply.await
        })
    }

    /// Waits for a call, as long as a call may take, and fails the test on a panic in it.
    pub(crate) async fn within_deadline(
        &self,
        what: &impl fmt::Display,
        call: impl Future<Output = Result<Result<Vec<u8>, Fault>, tokio::task::JoinError>>,
    ) -> Verdict<Result<Vec<u8>, Fault>> {
        let Ok(reply) = timeout(CALL_DEADLINE, call).await else {
            let seconds = CALL_DEADLINE.as_secs();
            return Err(Stop::failed(format_args!(
                "{what} gave no answer within {seconds} s"
            )));
        };
        let reply = reply.map_err(broken)?;
        no_panic(what, &reply)?;
        Ok(reply)
    }

    /// Starts it as the gateway does, and gives what refused to start.
    pub(crate) async fn start(&self) -> Verdict<Vec<Fault>> {
        let mut faults = Vec::from_iter(self.send(ids::plugin::START, "").await?);
        for service in self.of("service/1") {
            faults.extend(self.send(ids::service::START, &service).await?);
        }
        Ok(faults)
    }

    /// Stops it as the gateway does.
    pub(crate) async fn stop(&self) -> Verdict<Vec<Fault>> {
        let mut faults = Vec::new();
        for service in self.of("service/1") {
            faults.extend(self.send(ids::service::STOP, &service).await?);
        }
        faults.extend(self.send(ids::plugin::STOP, "").await?);
        Ok(faults)
    }

    /// Gives it a configuration while it runs.
    pub(crate) async fn configure(&self, config: &Value) -> Verdict<Answer> {
        self.call(&Request::json(ids::plugin::CONFIG, "", config)).await
    }

    /// Is it there and able to say that it does not know something?
    pub(crate) async fn alive(&self) -> Verdict {
        let answer = self
            .call(&Request::new("kit/1/no-such-method", "", Vec::new()))
            .await?;
        match answer.reply {
            Err(fault) if fault.code == "unknown_method" => Ok(()),
            other => Err(Stop::failed(format_args!(
                "it does not answer as before: an unknown method gives {} and not unknown_method",
                show(&other)
            ))),
        }
    }

    /// Destroys it, and then whatever its host runs for it.
    pub(crate) async fn close(self) -> Verdict {
        self.journal.doing("destroying the instance");
        let handle = self.handle;
        blocking("destroying the instance", move || drop(handle)).await?;
        self.host.end().await
    }

    /// Ids that it registered for a capability.
    pub(crate) fn of(&self, capability: &str) -> Vec<String> {
        let all = self.registrations.registrations.iter();
        all.filter(|r| r.capability == capability)
            .map(|r| r.id.clone())
            .collect()
    }

    async fn send(&self, method: &str, target: &str) -> Verdict<Option<Fault>> {
        Ok(self
            .call(&Request::new(method, target, b"null".to_vec()))
            .await?
            .reply
            .err())
    }
}

// === impl Request ===

impl Request {
    pub(crate) fn new(method: &str, target: &str, body: Vec<u8>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            body,
        }
    }

    pub(crate) fn json(method: &str, target: &str, body: &impl serde::Serialize) -> Self {
        Self::new(
            method,
            target,
            serde_json::to_vec(body).expect("the kit's records are JSON"),
        )
    }

    /// As the boundary wants it.
    pub(crate) fn with(&self, out: Option<Sink>, input: Option<Source>) -> Call<'_> {
        Call {
            method: &self.method,
            target: &self.target,
            meta: "",
            body: self.body.clone(),
            out,
            input,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target.as_str() {
            "" => f.write_str(&self.method),
            target => write!(f, "{} of \"{target}\"", self.method),
        }
    }
}

/// A reply in a few words.
pub(crate) fn show(reply: &Result<Vec<u8>, Fault>) -> String {
    match reply {
        Ok(bytes) => format!("a reply of {} bytes", bytes.len()),
        Err(fault) => fault.to_string().chars().take(MAX_FAULT).collect(),
    }
}

/// A panic is a failure of the plugin, whatever was asked.
pub(crate) fn no_panic(what: &impl fmt::Display, reply: &Result<Vec<u8>, Fault>) -> Verdict {
    match reply {
        Err(fault) if fault.code == "panic" => {
            Err(Stop::failed(format_args!("{what} panicked: {}", show(reply))))
        }
        _ => Ok(()),
    }
}

/// Is it about the plugin as a whole?
pub(crate) fn is_lifecycle(method: &str) -> bool {
    method.starts_with("plugin/")
}

/// `tool/1/invoke` belongs to `tool/1`.
fn belongs(method: &str, capability: &str) -> bool {
    method
        .strip_prefix(capability)
        .is_some_and(|rest| rest.starts_with('/'))
}

async fn read(mut chunks: Chunks) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        if all.len() < MAX_CHUNKS {
            all.push(chunk);
        }
    }
    all
}

fn broken(error: tokio::task::JoinError) -> Stop {
    Stop::failed(format_args!("the call ended without an answer: {error}"))
}
