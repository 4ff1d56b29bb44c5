//! From an author's traits to one dispatch table, and from that to the object that the host calls.
use crate::{
    Channel, Commands, Declaration, Environment, Error, ErrorKind, Host, HttpRoutes, Methods, Provider,
    Registration, Registrations, Result, Service, Sink, Source, Speech, Tool, ToolSet,
    abi::{self, Call, Catch, Fault, Fut, PluginDispatch, Reply},
    handlers::{Handler, Handlers},
    logs,
    runtime::Driver,
    surface,
};
use abi_stable::std_types::{RErr, ROk, RResult};
use async_ffi::FutureExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The function that an author gives to [`crate::export_plugin!`]: reads the configuration and registers.
pub type Start = fn(&mut Registrar) -> Result<()>;

/// What a plugin registers itself with.
///
/// Everything registered must be declared in the manifest and the other way round; the host refuses a plugin that
/// differs, and says in what.
pub struct Registrar {
    host: Host,
    config: String,
    driver: Driver,
    poisoned: Arc<AtomicBool>,
    handlers: Handlers,
    registrations: Vec<Registration>,
}

/// One call on its way to a handler.
pub(crate) struct Request {
    /// Only where the handler serves more than one target.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    pub(crate) out: Option<Sink>,
    pub(crate) input: Option<Source>,
}

/// A live plugin.
struct Instance {
    handlers: Handlers,
    host: Host,
    poisoned: Arc<AtomicBool>,
    driver: Driver,
}

// === impl Registrar ===

impl Registrar {
    /// The plugin's configuration, `plugins.entries.<id>.config`; an empty object if there is none.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        // A record can be read from a list of its fields too, which no operator means.
        let config = serde_json::from_str::<Map<String, Value>>(&self.config);
        config
            .and_then(|config| T::deserialize(Value::Object(config)))
            .map_err(|e| {
                Error::new(
                    ErrorKind::Config,
                    format_args!("the configuration of this plugin is wrong: {e}"),
                )
            })
    }

    /// The host. Clone it into whatever needs it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Adds a channel.
    pub fn channel(&mut self, channel: impl Channel) -> &mut Self {
        surface::channel_register(self, channel);
        self
    }

    /// Adds a model provider.
    pub fn provider<P: Provider>(&mut self, provider: P) -> &mut Self {
        self.provider_as(P::ID, provider)
    }

    /// Adds a model provider under another id than its type's: for one type that serves several vendors.
    pub fn provider_as(&mut self, id: &'static str, provider: impl Provider) -> &mut Self {
        surface::provider_register(self, id, provider);
        self
    }

    /// Adds a tool.
    pub fn tool(&mut self, tool: impl Tool) -> &mut Self {
        surface::tool_register(self, tool);
        self
    }

    /// Adds tools that are known only while the plugin runs.
    pub fn tool_set(&mut self, set: impl ToolSet) -> &mut Self {
        surface::toolset_register(self, set);
        self
    }

    /// Adds a speech engine.
    pub fn speech(&mut self, engine: impl Speech) -> &mut Self {
        surface::speech_register(self, engine);
        self
    }

    /// Adds HTTP routes.
    pub fn http(&mut self, routes: impl HttpRoutes) -> &mut Self {
        surface::http_register(self, routes);
        self
    }

    /// Adds gateway methods.
    pub fn methods(&mut self, methods: impl Methods) -> &mut Self {
        surface::method_register(self, methods);
        self
    }

    /// Adds commands.
    pub fn commands(&mut self, commands: impl Commands) -> &mut Self {
        surface::command_register(self, commands);
        self
    }

    /// Adds a background service.
    pub fn service(&mut self, service: impl Service) -> &mut Self {
        surface::service_register(self, service);
        self
    }

    /// Serves a method id of the plugin's own with raw bytes: for benchmarks of the boundary itself.
    #[doc(hidden)]
    pub fn raw<F, R>(&mut self, method: &str, target: &str, handler: F)
    where
        F: Fn(Vec<u8>, Option<Sink>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<u8>>> + Send + 'static,
    {
        self.handle(method, target, move |request| handler(request.body, request.out));
    }

    /// Records that something is offered. Its methods follow by [`Registrar::handle`].
    pub(crate) fn declare(&mut self, capability: &str, id: &str, spec: &impl Serialize) {
        let spec = serde_json::to_value(spec).unwrap_or(Value::Null);
        self.registrations.push(Registration {
            capability: capability.into(),
            id: id.into(),
            spec,
        });
    }

    /// Serves one method id for one target.
    pub(crate) fn handle<F, R>(&mut self, method: &str, target: &str, handler: F)
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<u8>>> + Send + 'static,
    {
        let host = self.host.clone();
        let driver = self.driver.clone();
        let poisoned = self.poisoned.clone();
        let handler: Handler = Box::new(move |request| {
            let work = logs::at(&mut host.downgrade(), || handler(request));
            drive(&driver, &poisoned, logs::of(&host, work))
        });
        let targets = self.handlers.entry(method.to_owned()).or_default();
        targets.insert(target, handler);
    }

    /// Serves a method id whose body and reply are records.
    pub(crate) fn unary<A, B, F, R>(&mut self, method: &str, target: &str, handler: F)
    where
        A: DeserializeOwned + Send + 'static,
        B: Serialize + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output = Result<B>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.handle(method, target, move |request| {
            let handler = handler.clone();
            async move { to_json(&handler(request.record()?).await?) }
        });
    }

    fn serve_lifecycle(&mut self) {
        use surface::ids::plugin;
        let host = self.host.clone();
        self.unary(plugin::START, "", |_: Value| async { Ok(()) });
        self.unary(plugin::STOP, "", move |_: Value| {
            host.begin_shutdown();
            async { Ok(()) }
        });
        let host = self.host.clone();
        self.unary(plugin::CONFIG, "", move |config: Value| {
            let outcome = host.config_changed(config);
            async move { outcome }
        });
        self.unary(plugin::LOG, "", |_: Value| {
            logs::ask_again();
            async { Ok(()) }
        });
    }
}

// === impl Request ===

impl Request {
    /// The body as a record.
    pub(crate) fn record<T: DeserializeOwned>(&self) -> Result<T> {
        let body: &[u8] = if self.body.is_empty() { b"null" } else { &self.body };
        serde_json::from_slice(body)
            .map_err(|e| Error::invalid(format_args!("the call's body is not as expected: {e}")))
    }

    /// The body as a record, and the streams; the one to write to has to be there.
    pub(crate) fn streams<T: DeserializeOwned>(self) -> Result<(T, Option<Source>, Sink)> {
        let record = self.record()?;
        let out = self
            .out
            .ok_or_else(|| Error::invalid("this call needs a stream to write to"))?;
        Ok((record, self.input, out))
    }
}

/// Serialises a reply.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::from)
}

/// Runs a handler's future where the plugin wants it, with its panics caught. After a panic the instance is poisoned:
/// its state may be half changed, so nothing of it is called again.
fn drive<R>(driver: &Driver, poisoned: &Arc<AtomicBool>, future: R) -> Fut<Reply>
where
    R: Future<Output = Result<Vec<u8>>> + Send + 'static,
{
    let poisoned = poisoned.clone();
    let settle = move |outcome: Result<Result<Vec<u8>>, String>| match outcome {
        Ok(Ok(bytes)) => ROk(bytes.into()),
        Ok(Err(error)) => RErr(error.into_fault()),
        Err(text) => {
            poisoned.store(true, Ordering::Relaxed);
            RErr(Fault::new(ErrorKind::Panic.as_str(), text))
        }
    };
    match driver {
        Driver::Host => {
            let future = Catch::new(future);
            async move { settle(future.await) }.into_ffi()
        }
        #[cfg(feature = "tokio")]
        Driver::Own(runtime) => {
            let task = runtime.spawn(Catch::new(future));
            async move {
                match task.await {
                    Ok(outcome) => settle(outcome),
                    Err(_) => RErr(Fault::new(
                        ErrorKind::Closed.as_str(),
                        "the plugin's runtime has ended",
                    )),
                }
            }
            .into_ffi()
        }
    }
}

// === impl Instance ===

impl PluginDispatch for Instance {
    fn call(&self, call: Call<'_>) -> Fut<Reply> {
        if self.poisoned.load(Ordering::Relaxed) {
            return refuse(
                ErrorKind::Panic,
                "this instance panicked before and is not used any more".to_owned(),
            );
        }
        let Some(targets) = self.handlers.get(call.method) else {
            return refuse(
                ErrorKind::UnknownMethod,
                format!("this plugin has no method {}", call.method),
            );
        };
        let Some((handler, target)) = targets.find(call.target) else {
            return refuse(
                ErrorKind::NotFound,
                format!("this plugin has no \"{}\" for {}", call.target, call.method),
            );
        };
        handler(Request {
            target,
            body: call.body,
            out: call.out,
            input: call.input,
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.host.begin_shutdown();
        logs::uninstall(&self.host);
        self.handlers.clear();
        self.driver.shut_down();
    }
}

fn refuse(kind: ErrorKind, message: String) -> Fut<Reply> {
    async move { RErr(Fault::new(kind.as_str(), message)) }.into_ffi()
}

/// What `export_plugin!` puts behind [`abi::PluginRoot::create`].
#[doc(hidden)]
pub fn create(
    args: abi::CreateArgs<'_>,
    declaration: &'static Declaration,
    start: Start,
) -> RResult<abi::Created, Fault> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        create_instance(args, declaration, start)
    }));
    match outcome {
        Ok(Ok(created)) => ROk(created),
        Ok(Err(error)) => RErr(error.into_fault()),
        Err(payload) => RErr(Fault::new(ErrorKind::Panic.as_str(), abi::panic_text(payload))),
    }
}

fn create_instance(
    args: abi::CreateArgs<'_>,
    declaration: &Declaration,
    start: Start,
) -> Result<abi::Created> {
    let environment: Environment = serde_json::from_str(args.environment.as_str())?;
    let driver = Driver::for_plugin(declaration)?;
    let host = Host::new(args.host, environment, driver.clone());
    logs::install(&host);
    let mut api = Registrar {
        host: host.clone(),
        config: if args.config.is_empty() {
            "{}".to_owned()
        } else {
            args.config.into()
        },
        driver: driver.clone(),
        poisoned: Arc::default(),
        handlers: Handlers::default(),
        registrations: Vec::new(),
    };
    // Made first: if it comes to nothing, or panics, it ends with what the author's code has begun, its runtime too.
    let mut instance = Instance {
        handlers: Handlers::default(),
        host: host.clone(),
        poisoned: api.poisoned.clone(),
        driver: driver.clone(),
    };
    api.serve_lifecycle();
    logs::at(&mut host.downgrade(), || driver.enter(|| start(&mut api)))?;
    let methods = api.handlers.keys().cloned().collect();
    let registrations = Registrations {
        registrations: api.registrations,
        methods,
    };
    instance.handlers = api.handlers;
    Ok(abi::Created {
        registrations: serde_json::to_string(&registrations)?.into(),
        plugin: abi::plugin_object(instance),
    })
}

#[cfg(all(test, feature = "testing", feature = "tokio"))]
mod tests;
