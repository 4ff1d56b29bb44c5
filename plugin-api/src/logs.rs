//! An author's `tracing` events become the host's: filtered at their source by the host's filter, with the names
//! of the open spans beside them. The host's answer is kept for each call site until it says that it has another one.
use crate::{
    Host,
    abi::{Level, LogRecord},
    host::Home,
};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::Write,
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::{
        Mutex, Once, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// A library has one copy of `tracing`, whose subscriber is set once; the hosts behind it come and go with the
/// instances. The newest is last: it gets what no instance can be named for.
static HOSTS: RwLock<Vec<Home>> = RwLock::new(Vec::new());
static INSTALL: Once = Once::new();
/// Open spans that are remembered; beyond it new ones have no name in the log.
const MAX_SPANS: usize = 4096;

struct Forward {
    next: AtomicU64,
    spans: Mutex<HashMap<u64, &'static str>>,
}

thread_local! {
    static STACK: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// The host of the instance whose code runs on this thread right now.
    static HERE: RefCell<Home> = const { RefCell::new(Home::new()) };
}

/// Sends this library's events to `host` from now on.
pub(crate) fn install(host: &Host) {
    let mut hosts = HOSTS.write().unwrap_or_else(PoisonError::into_inner);
    hosts.retain(|home| home.strong_count() > 0);
    hosts.push(host.downgrade());
    drop(hosts);
    INSTALL.call_once(|| {
        // Where the plugin is linked into a test, that test's own subscriber stays.
        let _ = tracing::subscriber::set_global_default(Forward {
            next: AtomicU64::new(1),
            spans: Mutex::default(),
        });
    });
    // Another host may have another filter.
    ask_again();
}

/// Asks the host anew for every call site which of its events are wanted.
pub(crate) fn ask_again() {
    tracing::callsite::rebuild_interest_cache();
}

/// The library's panics go to the host's log instead of standard error. For libraries only, where the hook is the
/// plugin's own.
#[doc(hidden)]
pub fn forward_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info
                .location()
                .map(|at| (at.file().to_owned(), at.line()))
                .unwrap_or_default();
            let message = info.to_string();
            with_host(|host| {
                host.log(&LogRecord {
                    level: Level::Error,
                    target: "panic",
                    message: &message,
                    fields: "",
                    file: &place.0,
                    line: place.1,
                });
            });
        }));
    });
}

/// Forgets a host: its instance is gone.
pub(crate) fn uninstall(host: &Host) {
    let mut hosts = HOSTS.write().unwrap_or_else(PoisonError::into_inner);
    hosts.retain(|home| !host.is_at(home));
}

/// Runs code of an instance, whose events go to its own host whatever other instances this library has.
pub(crate) fn at<T>(home: &mut Home, code: impl FnOnce() -> T) -> T {
    /// Puts things back, after a panic too.
    struct Back<'a>(&'a mut Home);
    impl Drop for Back<'_> {
        fn drop(&mut self) {
            HERE.with_borrow_mut(|here| mem::swap(here, self.0));
        }
    }
    HERE.with_borrow_mut(|here| mem::swap(here, home));
    let _back = Back(home);
    code()
}

/// As [`at`], for each poll of a future. Between polls nothing is counted up or down.
pub(crate) fn of<F: Future>(host: &Host, work: F) -> impl Future<Output = F::Output> + use<F> {
    let mut home = host.downgrade();
    async move {
        let mut work = pin!(work);
        poll_fn(|cx| at(&mut home, || work.as_mut().poll(cx))).await
    }
}

fn with_host<T>(f: impl FnOnce(&crate::abi::HostHandle) -> T) -> Option<T> {
    // A thread that ends may still have something to say.
    let here = HERE.try_with(|here| Host::upgrade(&here.borrow()));
    let host = here.ok().flatten().or_else(newest)?;
    Some(f(host.handle()))
}

fn newest() -> Option<Host> {
    let hosts = HOSTS.read().unwrap_or_else(PoisonError::into_inner);
    hosts.iter().rev().find_map(Host::upgrade)
}

/// What the host's filter says; nothing without a host.
fn is_wanted(metadata: &Metadata<'_>) -> Option<bool> {
    with_host(|host| host.log_enabled(level(metadata.level()), metadata.target()))
}

fn level(level: &tracing::Level) -> Level {
    match *level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

impl Subscriber for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            return Interest::always();
        }
        match is_wanted(metadata) {
            Some(true) => Interest::always(),
            Some(false) => Interest::never(),
            // An instance that begins meanwhile has a host.
            None => Interest::sometimes(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || is_wanted(metadata).unwrap_or(false)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MAX_SPANS {
            spans.insert(id, attributes.metadata().name());
        }
        span::Id::from_u64(id)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let path = self.path();
        if !path.is_empty() {
            line.fields.insert("span".into(), path.into());
        }
        let fields = match line.fields.is_empty() {
            true => String::new(),
            false => serde_json::to_string(&line.fields).unwrap_or_default(),
        };
        let metadata = event.metadata();
        with_host(|host| {
            host.log(&LogRecord {
                level: level(metadata.level()),
                target: metadata.target(),
                message: &line.message,
                fields: &fields,
                file: metadata.file().unwrap_or_default(),
                line: metadata.line().unwrap_or_default(),
            });
        });
    }

    fn enter(&self, id: &span::Id) {
        STACK.with(|stack| stack.borrow_mut().push(id.into_u64()));
    }

    fn exit(&self, id: &span::Id) {
        STACK.with(|stack| {
            let mut stack = stack.borrow_mut();
            if let Some(at) = stack.iter().rposition(|open| *open == id.into_u64()) {
                stack.remove(at);
            }
        });
    }

    fn try_close(&self, id: span::Id) -> bool {
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id.into_u64())
            .is_some()
    }
}

impl Forward {
    /// Names of the open spans of this thread, outermost first.
    fn path(&self) -> String {
        STACK.with(|stack| {
            let stack = stack.borrow();
            if stack.is_empty() {
                return String::new();
            }
            let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            stack
                .iter()
                .filter_map(|id| spans.get(id).copied())
                .collect::<Vec<_>>()
                .join(":")
        })
    }
}

/// One event, taken apart.
#[derive(Default)]
struct Line {
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), &value) {
            ("message", Value::String(text)) => self.message.clone_from(text),
            (name, _) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.set(field, text.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}
