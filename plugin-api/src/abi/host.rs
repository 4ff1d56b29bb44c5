//! The host as an object: [`host_object`] on the host's side, [`HostHandle`] on the plugin's.
use super::{
    Call, CallArgs, Catch, Fault, Fut, HostObj, HostVt, HostVtRef, Ptr, RawLogRecord, Reply, stream,
};
use abi_stable::{
    prefix_type::WithMetadata,
    std_types::{RErr, ROk, RStr},
};
use async_ffi::FutureExt;
use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

/// A boxed future that may be polled on any thread.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Severity of a log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed and a person should know.
    Error = 1,
    /// Something is wrong but work goes on.
    Warn = 2,
    /// Worth a line in normal operation.
    Info = 3,
    /// For whoever looks for a fault.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// One log event of a plugin.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// Severity.
    pub level: Level,
    /// Module path or subsystem inside the plugin.
    pub target: &'a str,
    /// Fixed text.
    pub message: &'a str,
    /// JSON object or empty.
    pub fields: &'a str,
    /// Source file, or empty.
    pub file: &'a str,
    /// Source line, or 0.
    pub line: u32,
}

/// What stands behind the host object. The gateway, the child process and the test kit each have one.
pub trait HostServices: Send + Sync + 'static {
    /// Serves one call of the plugin.
    fn call(&self, call: Call<'_>) -> Boxed<Result<Vec<u8>, Fault>>;
    /// Runs a task of the plugin until it ends or the instance is dropped.
    fn spawn(&self, task: Boxed<()>);
    /// Waits.
    fn sleep(&self, time: Duration) -> Boxed<()>;
    /// Would an event of this level and target be recorded?
    fn log_enabled(&self, level: Level, target: &str) -> bool;
    /// Records one event.
    fn log(&self, record: &LogRecord<'_>);
}

/// The object that a plugin gets.
pub fn host_object<H: HostServices>(host: Arc<H>) -> HostHandle {
    let this = Ptr(Arc::into_raw(host) as *const ());
    HostHandle(HostObj {
        this,
        vt: HostVtRef(Vts::<H>::HOST.as_prefix()),
    })
}

/// A plugin's reference to its host.
#[repr(transparent)]
#[derive(abi_stable::StableAbi)]
pub struct HostHandle(pub(super) HostObj);

// === impl HostHandle ===

impl HostHandle {
    /// Calls the host.
    pub fn call(
        &self,
        call: Call<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send + 'static + use<> {
        // SAFETY: the object is alive; the borrowed strings live until the call returns.
        let reply = unsafe { self.0.vt.call()(self.0.this, call.into_args()) };
        async move {
            match Catch::new(reply).await {
                Ok(reply) => stream::reply_to_result(reply),
                Err(text) => Err(Fault::new(
                    "internal",
                    format_args!("the host panicked in this call: {text}"),
                )),
            }
        }
    }

    /// Hands a task to the host's executor.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // SAFETY: the object is alive.
        unsafe { self.0.vt.spawn()(self.0.this, task.into_ffi()) }
    }

    /// Waits.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the object is alive.
        unsafe { self.0.vt.sleep_ms()(self.0.this, ms) }
    }

    /// Would an event of this level and target be recorded?
    pub fn log_enabled(&self, level: Level, target: &str) -> bool {
        // SAFETY: the object is alive.
        unsafe { self.0.vt.log_enabled()(self.0.this, level as u8, target.into()) }
    }

    /// Records one event.
    pub fn log(&self, record: &LogRecord<'_>) {
        let raw = RawLogRecord {
            level: record.level as u8,
            target: record.target.into(),
            message: record.message.into(),
            fields: record.fields.into(),
            file: record.file.into(),
            line: record.line,
        };
        // SAFETY: the object is alive.
        unsafe { self.0.vt.log()(self.0.this, &raw) }
    }
}

impl Clone for HostHandle {
    fn clone(&self) -> Self {
        // SAFETY: the object is alive.
        let this = unsafe { self.0.vt.clone_ref()(self.0.this) };
        Self(HostObj { this, vt: self.0.vt })
    }
}

impl fmt::Debug for HostHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostHandle")
    }
}

// === impl Level ===

impl Level {
    /// From the number on the wire; anything above 4 is the finest.
    pub fn from_wire(level: u8) -> Self {
        match level {
            0 | 1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        }
    }
}

// === the vtable ===
// These functions run code of the host. A panic in one aborts, except in `call`, whose future is caught.

struct Vts<H>(std::marker::PhantomData<H>);
impl<H: HostServices> Vts<H> {
    abi_stable::staticref!(const HOST: WithMetadata<HostVt> = WithMetadata::new(HostVt {
        clone_ref: host_clone::<H>, drop: host_drop::<H>, call: host_call::<H>, spawn: host_spawn::<H>,
        sleep_ms: host_sleep::<H>, log_enabled: host_log_enabled::<H>, log: host_log::<H> }));
}

unsafe extern "C" fn host_clone<H: HostServices>(this: Ptr) -> Ptr {
    // SAFETY: `this` came from `Arc::into_raw` of this type and is alive.
    unsafe { Arc::increment_strong_count(this.0 as *const H) };
    this
}

unsafe extern "C" fn host_drop<H: HostServices>(this: Ptr) {
    // SAFETY: as in `host_clone`; this reference is given up here.
    drop(unsafe { Arc::from_raw(this.0 as *const H) });
}

unsafe extern "C" fn host_call<H: HostServices>(this: Ptr, args: CallArgs<'_>) -> Fut<Reply> {
    // SAFETY: as in `host_clone`.
    let host = unsafe { this.get::<H>() };
    let reply = Catch::new(host.call(Call::from_args(args)));
    async move {
        match reply.await {
            Ok(Ok(bytes)) => ROk(bytes.into()),
            Ok(Err(fault)) => RErr(fault),
            Err(text) => RErr(Fault::new(
                "internal",
                format_args!("the host panicked in this call: {text}"),
            )),
        }
    }
    .into_ffi()
}

unsafe extern "C" fn host_spawn<H: HostServices>(this: Ptr, task: Fut<()>) {
    // SAFETY: as in `host_clone`.
    unsafe { this.get::<H>() }.spawn(Box::pin(async move {
        let _ = Catch::new(task).await;
    }));
}

unsafe extern "C" fn host_sleep<H: HostServices>(this: Ptr, ms: u64) -> Fut<()> {
    // SAFETY: as in `host_clone`.
    unsafe { this.get::<H>() }
        .sleep(Duration::from_millis(ms))
        .into_ffi()
}

unsafe extern "C" fn host_log_enabled<H: HostServices>(this: Ptr, level: u8, target: RStr<'_>) -> bool {
    // SAFETY: as in `host_clone`.
    unsafe { this.get::<H>() }.log_enabled(Level::from_wire(level), target.as_str())
}

unsafe extern "C" fn host_log<H: HostServices>(this: Ptr, raw: &RawLogRecord<'_>) {
    // SAFETY: as in `host_clone`.
    unsafe { this.get::<H>() }.log(&LogRecord {
        level: Level::from_wire(raw.level),
        target: raw.target.as_str(),
        message: raw.message.as_str(),
        fields: raw.fields.as_str(),
        file: raw.file.as_str(),
        line: raw.line,
    });
}
