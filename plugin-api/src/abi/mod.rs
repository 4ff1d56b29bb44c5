//! The frozen binary surface: five small vtables and one primitive, `call`, in both directions.
//!
//! Everything here is `repr(C)` and its layout is compared when a library is opened. It grows in three ways only:
//! a vtable appends a function after its last prefix field, `Fault::detail` and `CallArgs::meta` (JSON objects) gain
//! fields, and new behaviour is a new *method id*, never a new type. Structs never change.
//!
//! This is the only module of the crate with `unsafe`. What it shows to the rest is safe: [`Sink`], [`Source`],
//! [`PluginHandle`], [`HostHandle`] and the two functions that build the objects behind them.
#![allow(unsafe_code)]
// abi_stable's derive expands to items that newer lints dislike; nothing hand-written here needs these.
#![allow(non_local_definitions, missing_docs, clippy::missing_safety_doc)]

pub mod c;
mod catch;
mod export;
mod host;
mod plugin;
mod root;
mod stream;
#[cfg(test)]
mod tests;

pub use catch::{Catch, panic_text};
pub use export::StaticPlugin;
pub use host::{HostHandle, HostServices, Level, LogRecord, host_object};
pub use plugin::{PluginDispatch, PluginHandle, plugin_object};
pub use root::{CreateArgs, Created, PluginRoot, PluginRootRef, RootHandle, SYMBOL};
pub use stream::{Chunks, Feed, Sink, Source, sink_pair, source_pair};

use abi_stable::{
    StableAbi,
    std_types::{ROption, RResult, RSlice, RStr, RString, RVec},
};
use async_ffi::{FfiContext, FfiFuture, FfiPoll};

/// A future that crosses the boundary. Dropping it cancels the work behind it.
pub type Fut<T> = FfiFuture<T>;
/// What a call resolves to.
pub type Reply = RResult<RVec<u8>, Fault>;

/// An opaque pointer to the state behind an object; only the vtable beside it knows the type.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy)]
pub struct Ptr(pub(crate) *const ());

// SAFETY: every type that is put behind a `Ptr` in this module is `Send + Sync` by the bounds of its constructor.
unsafe impl Send for Ptr {}
// SAFETY: as above.
unsafe impl Sync for Ptr {}

impl Ptr {
    /// Takes ownership of a boxed value.
    fn new<T: Send>(value: Box<T>) -> Self {
        Self(Box::into_raw(value) as *const ())
    }

    /// # Safety
    /// `T` is the type given to [`Ptr::new`], and the value is still owned by this pointer.
    unsafe fn get<'a, T>(self) -> &'a T {
        // SAFETY: the caller's promise.
        unsafe { &*(self.0 as *const T) }
    }

    /// # Safety
    /// As for [`Ptr::get`], and nobody else refers to the value.
    unsafe fn get_mut<'a, T>(self) -> &'a mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *(self.0 as *mut T) }
    }

    /// # Safety
    /// As for [`Ptr::get`]; the pointer is not used afterwards.
    unsafe fn take<T>(self) -> Box<T> {
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(self.0 as *mut T) }
    }
}

/// An error that crosses the boundary. `code` is one of [`crate::ErrorKind`]'s words; `detail` is a JSON object or
/// empty, and is where errors grow.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
pub struct Fault {
    pub code: RString,
    pub message: RString,
    pub detail: RString,
}

/// One call, in either direction. The borrowed strings are valid until `call` returns, not as long as its future.
#[repr(C)]
#[derive(StableAbi)]
pub struct CallArgs<'a> {
    /// Method id with its revision, such as `tool/1/invoke`.
    pub method: RStr<'a>,
    /// Which channel, provider, tool or key the call is about; empty where the method needs none.
    pub target: RStr<'a>,
    /// JSON object ([`crate::Meta`]) or empty.
    pub meta: RStr<'a>,
    /// The payload: JSON for records, raw bytes for values.
    pub body: RVec<u8>,
    /// Where the callee writes its stream.
    pub out: ROption<SinkObj>,
    /// Where the callee reads its stream from.
    pub input: ROption<SourceObj>,
}

/// One log event of a plugin.
#[repr(C)]
#[derive(StableAbi)]
pub struct RawLogRecord<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u8,
    pub target: RStr<'a>,
    pub message: RStr<'a>,
    /// JSON object or empty.
    pub fields: RStr<'a>,
    pub file: RStr<'a>,
    pub line: u32,
}

/// Writing end of a byte stream: bounded, in order, with back-pressure.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = SinkVtRef, prefix_fields = SinkVtPrefix)))]
#[sabi(missing_field(option))]
pub struct SinkVt {
    pub drop: unsafe extern "C" fn(Ptr),
    /// `Ready(true)`: one slot is reserved. `Ready(false)`: the receiver went away, which means "cancel".
    pub poll_ready: unsafe extern "C" fn(Ptr, &mut FfiContext<'_>) -> FfiPoll<bool>,
    /// Copies the bytes. Only after `poll_ready` said true. 0 taken, 1 closed, 2 full.
    #[sabi(last_prefix_field)]
    pub push: unsafe extern "C" fn(Ptr, RSlice<'_, u8>) -> u8,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct SinkObj {
    pub this: Ptr,
    pub vt: SinkVtRef,
}

/// Reading end of a byte stream. It ends with `None`; an error in the middle is its last item.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = SourceVtRef, prefix_fields = SourceVtPrefix)))]
#[sabi(missing_field(option))]
pub struct SourceVt {
    pub drop: unsafe extern "C" fn(Ptr),
    #[sabi(last_prefix_field)]
    pub poll_next: unsafe extern "C" fn(Ptr, &mut FfiContext<'_>) -> FfiPoll<ROption<Reply>>,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct SourceObj {
    pub this: Ptr,
    pub vt: SourceVtRef,
}

/// What a plugin can do with its host. Every function may be called from any thread.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostVtRef, prefix_fields = HostVtPrefix)))]
#[sabi(missing_field(option))]
pub struct HostVt {
    pub clone_ref: unsafe extern "C" fn(Ptr) -> Ptr,
    pub drop: unsafe extern "C" fn(Ptr),
    pub call: unsafe extern "C" fn(Ptr, CallArgs<'_>) -> Fut<Reply>,
    /// Runs a task of the plugin on the host's executor until it ends or the instance is dropped.
    pub spawn: unsafe extern "C" fn(Ptr, Fut<()>),
    pub sleep_ms: unsafe extern "C" fn(Ptr, u64) -> Fut<()>,
    /// Level, target: would such an event be recorded?
    pub log_enabled: unsafe extern "C" fn(Ptr, u8, RStr<'_>) -> bool,
    #[sabi(last_prefix_field)]
    pub log: unsafe extern "C" fn(Ptr, &RawLogRecord<'_>),
}

#[repr(C)]
#[derive(StableAbi)]
pub struct HostObj {
    pub this: Ptr,
    pub vt: HostVtRef,
}

/// What a host can do with a plugin instance. Every function may be called from any thread, `drop` once and last.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginVtRef, prefix_fields = PluginVtPrefix)))]
#[sabi(missing_field(option))]
pub struct PluginVt {
    pub drop: unsafe extern "C" fn(Ptr),
    pub call: unsafe extern "C" fn(Ptr, CallArgs<'_>) -> Fut<Reply>,
    /// Answers `n + 1`: the cheapest sign of life, and the floor of the benchmarks.
    #[sabi(last_prefix_field)]
    pub ping: unsafe extern "C" fn(Ptr, u64) -> u64,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct PluginObj {
    pub this: Ptr,
    pub vt: PluginVtRef,
}

/// Bytes that came from the other side, as our own. Whether they have to be copied is found out by comparing type ids
/// of both sides, which is a good part of a call; nothing needs no copy.
fn take_bytes(bytes: RVec<u8>) -> Vec<u8> {
    match bytes.is_empty() {
        true => Vec::new(),
        false => bytes.into(),
    }
}

/// Implements what all four objects share: they are sent between threads and dropped through their vtable.
macro_rules! object {
    ($object:ident) => {
        // SAFETY: the constructors of this module put only `Send` state behind the pointer, and a foreign object
        // makes the same promise by the rules of the ABI (every function may be called from any thread).
        unsafe impl Send for $object {}
        impl Drop for $object {
            fn drop(&mut self) {
                // SAFETY: the object owns its state and this is the last use of it.
                unsafe { self.vt.drop()(self.this) }
            }
        }
    };
}
object!(SinkObj);
object!(SourceObj);
object!(HostObj);
object!(PluginObj);

// SAFETY: a host object is used from many threads at once by the rules of the ABI.
unsafe impl Sync for HostObj {}
// SAFETY: as for the host.
unsafe impl Sync for PluginObj {}

impl Fault {
    /// A fault without detail.
    pub fn new(code: &str, message: impl std::fmt::Display) -> Self {
        Self {
            code: code.into(),
            message: message.to_string().into(),
            detail: RString::new(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

/// One call as safe code sees it, on both sides.
pub struct Call<'a> {
    /// Method id with its revision.
    pub method: &'a str,
    /// What the call is about; empty where the method needs no target.
    pub target: &'a str,
    /// JSON object ([`crate::Meta`]) or empty.
    pub meta: &'a str,
    /// The payload.
    pub body: Vec<u8>,
    /// Where the callee writes its stream, if the method has one.
    pub out: Option<Sink>,
    /// Where the callee reads its stream from, if the method has one.
    pub input: Option<Source>,
}

impl<'a> Call<'a> {
    /// A call without streams.
    pub fn new(method: &'a str, target: &'a str, body: Vec<u8>) -> Self {
        Self {
            method,
            target,
            meta: "",
            body,
            out: None,
            input: None,
        }
    }

    fn into_args(self) -> CallArgs<'a> {
        CallArgs {
            method: self.method.into(),
            target: self.target.into(),
            meta: self.meta.into(),
            body: self.body.into(),
            out: self.out.map(Sink::into_object).into(),
            input: self.input.map(Source::into_object).into(),
        }
    }

    fn from_args(args: CallArgs<'a>) -> Self {
        Self {
            method: args.method.as_str(),
            target: args.target.as_str(),
            meta: args.meta.as_str(),
            body: take_bytes(args.body),
            out: args.out.into_option().map(Sink::from_object),
            input: args.input.into_option().map(Source::from_object),
        }
    }
}
