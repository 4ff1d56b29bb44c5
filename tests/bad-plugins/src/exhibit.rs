//! Faults of ordinary code: a plugin with one tool, made by `export_plugin!` as any other.
use openclaw_plugin_api::{Host, Result, Tool, ToolContext, ToolOutput};
use std::{
    future::Future,
    marker::PhantomData,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// A tool without arguments, whose body is a function. It keeps `state` until the instance is destroyed.
pub struct Exhibit<N, S, F> {
    host: Host,
    call: F,
    _state: S,
    _name: PhantomData<N>,
}

/// The name of an [`Exhibit`], which has to be a constant of a type.
pub trait Named: Send + Sync + 'static {
    /// Name of the tool.
    const TOOL: &'static str;
}

/// No arguments.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct NoArgs {}

impl<N, S, F> Exhibit<N, S, F> {
    /// A tool that does what `call` does.
    pub fn new(host: Host, state: S, call: F) -> Self {
        Self {
            host,
            call,
            _state: state,
            _name: PhantomData,
        }
    }
}

impl<N, S, F, R> Tool for Exhibit<N, S, F>
where
    N: Named,
    S: Send + Sync + 'static,
    F: Fn(Host) -> R + Send + Sync + 'static,
    R: Future<Output = Result<ToolOutput>> + Send + 'static,
{
    const NAME: &'static str = N::TOOL;
    const DESCRIPTION: &'static str = "Shows one fault.";
    type Args = NoArgs;

    async fn invoke(&self, _: NoArgs, _: ToolContext) -> Result<ToolOutput> {
        (self.call)(self.host.clone()).await
    }
}

/// Exports a plugin with one tool: plugin id, tool name, what to do while the instance is made (its result is kept until
/// the instance is destroyed), and the tool's body.
#[macro_export]
macro_rules! exhibit {
    ($id:literal, $tool:literal, $call:expr $(,)?) => {
        $crate::exhibit!($id, $tool, |_: &Host| (), $call);
    };
    ($id:literal, $tool:literal, $start:expr, $call:expr $(,)?) => {
        struct Name;
        impl $crate::Named for Name {
            const TOOL: &'static str = $tool;
        }
        export_plugin!(Declaration::new($id, $id).tools(&[$tool]), |api| {
            let state = ($start)(api.host());
            let exhibit = $crate::Exhibit::<Name, _, _>::new(api.host().clone(), state, $call);
            api.tool(exhibit);
            Ok(())
        });
    };
}

/// Waits for a future on the calling thread, as code does that knows nothing of the host's executor.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
