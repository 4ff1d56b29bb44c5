//! Log events of plugins become events of the host, with target `plugin::<id>`, so that the operator's filter
//! (`plugin::demo=debug`) works on them. One call site for each level and target is made and kept; their number is
//! bounded.
use openclaw_plugin_api::abi::{Level, LogRecord};
use std::{
    collections::HashMap,
    sync::{OnceLock, PoisonError, RwLock},
};
use tracing::{
    Event, Metadata,
    callsite::{Callsite, Identifier},
    dispatcher,
    field::{FieldSet, Value},
    metadata::Kind,
    subscriber::Interest,
};

/// Call sites that are made at most; events of further targets go under `plugin`.
const MAX_SITES: usize = 4096;
/// Characters of a message or of its fields that are kept.
const MAX_TEXT: usize = 2048;

struct Site(OnceLock<Metadata<'static>>);

type Sites = HashMap<(Level, String), &'static Site>;

static SITES: RwLock<Option<Sites>> = RwLock::new(None);
static FIELDS: &[&str] = &["message", "at", "fields"];

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
            .get()
            .expect("a site is published after its metadata is set")
    }
}

/// Would an event of this plugin be recorded by anybody?
pub fn enabled(plugin: &str, level: Level) -> bool {
    let site = site(level, plugin);
    // not `Dispatch::enabled`: where each layer has a filter of its own, that says yes to everything
    dispatcher::get_default(|dispatch| !dispatch.register_callsite(site.metadata()).is_never())
}

/// The finest level of this plugin's events that anybody records; 0 for none.
pub fn finest(plugin: &str) -> u8 {
    let all = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
    let finest = all.into_iter().find(|level| enabled(plugin, *level));
    finest.map_or(0, |level| level as u8)
}

/// Records one event of a plugin.
pub fn emit(plugin: &str, record: &LogRecord<'_>) {
    let metadata = site(record.level, plugin).metadata();
    dispatcher::get_default(|dispatch| {
        if !dispatch.enabled(metadata) {
            return;
        }
        let (message, fields) = (clean(record.message), clean(record.fields));
        let (message, fields) = (tracing::field::display(message), tracing::field::display(fields));
        let at = (!record.target.is_empty()).then_some(record.target);
        let keys: Vec<_> = metadata.fields().iter().collect();
        let [message_key, at_key, fields_key] = keys.as_slice() else {
            return;
        };
        let fields: Option<&dyn Value> = if record.fields.is_empty() {
            None
        } else {
            Some(&fields)
        };
        let at: Option<&dyn Value> = at.as_ref().map(|at| at as &dyn Value);
        let values = [
            (message_key, Some(&message as &dyn Value)),
            (at_key, at),
            (fields_key, fields),
        ];
        dispatch.event(&Event::new(metadata, &metadata.fields().value_set(&values)));
    });
}

/// A text without control characters and of bounded length: it comes from code that we don't know.
fn clean(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(MAX_TEXT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        out.push('…');
    }
    out
}

fn site(level: Level, plugin: &str) -> &'static Site {
    let key = (level, plugin.to_owned());
    let sites = SITES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(site) = sites.as_ref().and_then(|sites| sites.get(&key)) {
        return site;
    }
    drop(sites);
    let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
    let sites = sites.get_or_insert_with(HashMap::new);
    let key = if sites.len() < MAX_SITES {
        key
    } else {
        (level, String::new())
    };
    sites
        .entry(key)
        .or_insert_with_key(|(level, plugin)| new_site(*level, plugin))
}

fn new_site(level: Level, plugin: &str) -> &'static Site {
    let site: &'static Site = Box::leak(Box::new(Site(OnceLock::new())));
    let target = if plugin.is_empty() {
        "plugin".to_owned()
    } else {
        format!("plugin::{plugin}")
    };
    let fields = FieldSet::new(FIELDS, Identifier(site));
    let target: &'static str = Box::leak(target.into_boxed_str());
    let level = match level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
        Level::Trace => tracing::Level::TRACE,
    };
    let metadata = Metadata::new(
        "event of a plugin",
        target,
        level,
        None,
        None,
        None,
        fields,
        Kind::EVENT,
    );
    let _ = site.0.set(metadata);
    site
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::{
        EnvFilter, Layer, Registry,
        fmt::{self, MakeWriter},
        layer::SubscriberExt,
    };

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Buffer {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn what_no_layer_wants_is_not_enabled() {
        let buffer = Buffer::default();
        let layer = |filter: &str| {
            let lines = fmt::layer().with_writer(buffer.clone());
            lines.with_filter(EnvFilter::new(filter)).boxed()
        };
        let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> =
            vec![layer("info"), layer("info,plugin::loud=debug")];
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), || {
            assert!(enabled("quiet", Level::Info) && enabled("loud", Level::Debug));
            assert!(!enabled("quiet", Level::Debug) && !enabled("loud", Level::Trace));
        });
    }

    #[test]
    fn the_filter_of_the_host_rules_and_control_characters_go() {
        let buffer = Buffer::default();
        let filter = EnvFilter::new("warn,plugin::loud=debug");
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(buffer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            assert!(enabled("loud", Level::Debug) && !enabled("quiet", Level::Info));
            let record = LogRecord {
                level: Level::Info,
                target: "x",
                message: "two\nlines\u{1b}[31m",
                fields: r#"{"a":1}"#,
                file: "",
                line: 0,
            };
            emit("loud", &record);
            emit("quiet", &record);
        });
        let text = String::from_utf8(buffer.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("plugin::loud") && text.contains(r#"{"a":1}"#),
            "{text}"
        );
    }
}
