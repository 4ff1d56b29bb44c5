//! A plugin instance as an object: [`plugin_object`] on the plugin's side, [`PluginHandle`] on the host's.
use super::{
    Call, CallArgs, Catch, Fault, Fut, PluginObj, PluginVt, PluginVtRef, Ptr, Reply, panic_text, stream,
};
use abi_stable::{prefix_type::WithMetadata, std_types::RErr};
use async_ffi::FutureExt;
use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What stands behind a plugin object.
pub trait PluginDispatch: Send + Sync + 'static {
    /// Starts one call. The future is polled by the host; its panics are caught before they reach it.
    fn call(&self, call: Call<'_>) -> Fut<Reply>;
}

/// The object that a host gets.
pub fn plugin_object<P: PluginDispatch>(plugin: P) -> PluginHandle {
    let vt = PluginVtRef(Vts::<P>::PLUGIN.as_prefix());
    PluginHandle(PluginObj {
        this: Ptr::new(Box::new(plugin)),
        vt,
    })
}

/// A host's reference to a plugin instance. Dropping it destroys the instance.
#[repr(transparent)]
#[derive(abi_stable::StableAbi)]
pub struct PluginHandle(pub(super) PluginObj);

impl PluginHandle {
    /// Calls the plugin. A panic that escaped the plugin's own net is a fault with code `panic`.
    pub fn call(
        &self,
        call: Call<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send + 'static + use<> {
        // SAFETY: the object is alive; the borrowed strings live until the call returns.
        let reply = unsafe { self.0.vt.call()(self.0.this, call.into_args()) };
        async move {
            match Catch::new(reply).await {
                Ok(reply) => stream::reply_to_result(reply),
                Err(text) => Err(Fault::new("panic", text)),
            }
        }
    }

    /// Are the functions of the first version there? A null pointer among them is a fault that no layout shows.
    pub(super) fn is_whole(&self) -> bool {
        // SAFETY: an object is two pointers.
        let [_, table] = unsafe { std::mem::transmute_copy::<PluginObj, [*const usize; 2]>(&self.0) };
        // SAFETY: a table begins with two words of metadata, then come its functions.
        !table.is_null() && (2..5).all(|entry| unsafe { table.add(entry).read() } != 0)
    }

    /// Answers `n + 1`.
    pub fn ping(&self, n: u64) -> u64 {
        // SAFETY: the object is alive.
        unsafe { self.0.vt.ping()(self.0.this, n) }
    }
}

impl fmt::Debug for PluginHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PluginHandle")
    }
}

struct Vts<P>(std::marker::PhantomData<P>);
impl<P: PluginDispatch> Vts<P> {
    abi_stable::staticref!(const PLUGIN: WithMetadata<PluginVt> = WithMetadata::new(PluginVt {
        drop: plugin_drop::<P>, call: plugin_call::<P>, ping: plugin_ping }));
}

unsafe extern "C" fn plugin_drop<P: PluginDispatch>(this: Ptr) {
    // SAFETY: `this` was made by `plugin_object`, and drop is the last call.
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(unsafe { this.take::<P>() })));
    if let Err(payload) = outcome {
        panic_text(payload);
    }
}

unsafe extern "C" fn plugin_call<P: PluginDispatch>(this: Ptr, args: CallArgs<'_>) -> Fut<Reply> {
    // SAFETY: `this` was made by `plugin_object` and is alive.
    let plugin = unsafe { this.get::<P>() };
    catch_unwind(AssertUnwindSafe(|| plugin.call(Call::from_args(args)))).unwrap_or_else(|payload| {
        let fault = Fault::new("panic", panic_text(payload));
        async move { RErr(fault) }.into_ffi()
    })
}

unsafe extern "C" fn plugin_ping(_: Ptr, n: u64) -> u64 {
    n.wrapping_add(1)
}
