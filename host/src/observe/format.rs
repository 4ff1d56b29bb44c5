//! `12:34:56.789 WARN [plugins] message key=value`, or the same as an object for machines.
use super::{recent, redact::redact_patterns};
use serde_json::json;
use std::fmt::{self, Write};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// One line for each event.
pub(super) struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        SystemTime.format_time(&mut out)?;
        let (colour, word) = match *metadata.level() {
            Level::ERROR => ("31", " ERROR"),
            Level::WARN => ("33", " WARN"),
            Level::INFO => ("", ""),
            Level::DEBUG => ("2", " DEBUG"),
            Level::TRACE => ("2", " TRACE"),
        };
        match out.has_ansi_escapes() && !colour.is_empty() {
            true => write!(out, "\u{1b}[{colour}m{word}\u{1b}[0m")?,
            false => out.write_str(word)?,
        }
        write!(out, " [{}] ", subsystem(metadata.target()))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = redact_patterns(fields.message + &fields.rest);
        writeln!(out, "{text}")
    }
}

/// One JSON object for each event, without what looks like a secret: such lines go to other machines.
pub(super) struct Objects;

impl<S, N> FormatEvent<S, N> for Objects
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = recent::Fields::default();
        event.record(&mut fields);
        let mut object = json!({
            "time": jiff::Timestamp::now().to_string(), "level": metadata.level().as_str().to_ascii_lowercase(),
            "subsystem": subsystem(metadata.target()), "message": fields.message,
        });
        for (name, value) in fields.rest {
            // what every line has is not taken over by a field of the same name
            if object.get(&name).is_none() {
                object[name] = value;
            }
        }
        writeln!(out, "{object}")
    }
}

/// `plugin::demo` is `demo`; `openclaw_host::http::client` is `http`; `openclaw::plugins` is `plugins`.
pub(super) fn subsystem(target: &str) -> &str {
    let mut parts = target.split("::");
    match (parts.next(), parts.next()) {
        (Some("openclaw" | "openclaw_host" | "plugin"), Some(name)) => name,
        (Some(name), _) => name,
        (None, _) => "",
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // where in a plugin's code it was said is for machines
            "at" => Ok(()),
            "fields" => self.fields_of_a_plugin(&format!("{value:?}")),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            "at" => {}
            name => {
                let _ = write!(self.rest, " {name}={}", value.escape_debug());
            }
        }
    }
}

impl Fields {
    /// A plugin's fields come as a JSON object.
    fn fields_of_a_plugin(&mut self, json: &str) -> fmt::Result {
        let Ok(fields) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json) else {
            return write!(self.rest, " {json}");
        };
        for (name, value) in &fields {
            match value.as_str() {
                Some("") => {}
                Some(text) => write!(self.rest, " {name}={}", text.escape_debug())?,
                None => write!(self.rest, " {name}={value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_plugin_look_like_the_gateways_own() {
        let mut fields = Fields::default();
        fields
            .fields_of_a_plugin(r#"{"account":"default","bot":"","tries":3}"#)
            .expect("written");
        assert_eq!(fields.rest, " account=default tries=3");
        fields.fields_of_a_plugin("cut of").expect("written");
        assert!(fields.rest.ends_with(" cut of"));
    }

    #[test]
    fn objects_have_their_subsystem_and_no_secrets() {
        use std::{io, sync::Arc, sync::Mutex};
        use tracing_subscriber::{Layer, prelude::*};
        #[derive(Clone, Default)]
        struct Said(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Said {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("held by nobody").extend(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let said = Said::default();
        let own = said.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || own.clone())
            .event_format(Objects);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.boxed()), || {
            tracing::warn!(target: "openclaw::http", tries = 3, level = "mine", "asked with Bearer abcdef123456");
        });
        let said = String::from_utf8(said.0.lock().expect("held by nobody").clone()).expect("text");
        let line: serde_json::Value = serde_json::from_str(&said).expect("one object");
        assert_eq!(line["subsystem"], "http");
        assert_eq!(line["level"], "warn");
        assert_eq!(line["message"], "asked with Bearer ***");
        assert_eq!(line["tries"], "3");
        assert!(said.ends_with("}\n"), "{said}");
    }

    #[test]
    fn subsystems_are_short() {
        for (target, name) in [
            ("plugin::demo", "demo"),
            ("openclaw_host::http::client", "http"),
            ("openclaw::plugins", "plugins"),
            ("hyper", "hyper"),
        ] {
            assert_eq!(subsystem(target), name);
        }
    }
}
