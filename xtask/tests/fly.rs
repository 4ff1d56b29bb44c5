//! The files for Fly.io: every key is one that Fly documents, with a value of its kind, and both say what they are for.
//!
//! The keys are a transcription of Fly's reference of `fly.toml`, as far as ours use them and a little further; a key that
//! isn't here is a mistake or has to be looked up.
use std::{fs, path::Path};
use toml::{Table, Value};

/// What a value is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    Truth,
    /// Seconds as a number, or `30s`, `5m`.
    Span,
    /// Any text of these.
    One(&'static [&'static str]),
    Texts,
    /// A table whose keys are the user's.
    Map,
    /// `256mb`, `1gb`.
    Size,
}
use Kind::{Map, Number, One, Size, Span, Text, Texts, Truth};

/// Each key by its path; `[]` is any of a list, `*` is a name that the user chooses.
const KEYS: [(&str, Kind); 70] = [
    ("app", Text),
    ("primary_region", Text),
    (
        "kill_signal",
        One(&[
            "SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP",
        ]),
    ),
    ("kill_timeout", Span),
    ("swap_size_mb", Number),
    ("console_command", Text),
    ("build.dockerfile", Text),
    ("build.image", Text),
    ("build.ignorefile", Text),
    ("build.build-target", Text),
    ("build.args", Map),
    (
        "deploy.strategy",
        One(&["rolling", "immediate", "canary", "bluegreen"]),
    ),
    ("deploy.max_unavailable", Number),
    ("deploy.wait_timeout", Span),
    ("deploy.release_command", Text),
    ("deploy.release_command_timeout", Span),
    ("env", Map),
    ("processes", Map),
    ("mounts.source", Text),
    ("mounts.destination", Text),
    ("mounts.initial_size", Size),
    ("mounts.snapshot_retention", Number),
    ("mounts.auto_extend_size_threshold", Number),
    ("mounts.auto_extend_size_increment", Size),
    ("mounts.auto_extend_size_limit", Size),
    ("mounts.processes", Texts),
    ("http_service.internal_port", Number),
    ("http_service.force_https", Truth),
    (
        "http_service.auto_stop_machines",
        One(&["off", "stop", "suspend"]),
    ),
    ("http_service.auto_start_machines", Truth),
    ("http_service.min_machines_running", Number),
    ("http_service.processes", Texts),
    ("http_service.concurrency.type", One(&["connections", "requests"])),
    ("http_service.concurrency.soft_limit", Number),
    ("http_service.concurrency.hard_limit", Number),
    ("http_service.checks[].grace_period", Span),
    ("http_service.checks[].interval", Span),
    ("http_service.checks[].method", One(&["GET", "HEAD"])),
    ("http_service.checks[].path", Text),
    ("http_service.checks[].protocol", One(&["http", "https"])),
    ("http_service.checks[].timeout", Span),
    ("http_service.checks[].tls_server_name", Text),
    ("http_service.checks[].tls_skip_verify", Truth),
    ("http_service.checks[].headers", Map),
    ("http_service.tls_options.alpn", Texts),
    ("http_service.tls_options.versions", Texts),
    ("http_service.tls_options.default_self_signed", Truth),
    ("http_service.http_options.h2_backend", Truth),
    ("checks.*.type", One(&["http", "tcp"])),
    ("checks.*.port", Number),
    ("checks.*.method", One(&["GET", "HEAD"])),
    ("checks.*.path", Text),
    ("checks.*.grace_period", Span),
    ("checks.*.interval", Span),
    ("checks.*.timeout", Span),
    ("checks.*.headers", Map),
    ("checks.*.processes", Texts),
    ("restart[].policy", One(&["always", "never", "on-failure"])),
    ("restart[].retries", Number),
    ("restart[].processes", Texts),
    ("metrics.port", Number),
    ("metrics.path", Text),
    (
        "vm[].size",
        One(&[
            "shared-cpu-1x",
            "shared-cpu-2x",
            "shared-cpu-4x",
            "performance-1x",
        ]),
    ),
    ("vm[].memory", Size),
    ("vm[].memory_mb", Number),
    ("vm[].cpus", Number),
    ("vm[].cpu_kind", One(&["shared", "performance"])),
    ("vm[].kernel_args", Texts),
    ("vm[].persist_rootfs", One(&["never", "always", "restart"])),
    ("vm[].processes", Texts),
];

fn read(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn table(file: &str) -> Table {
    read(file)
        .parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What is wrong with a file, by path.
fn faults(table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    walk(&Value::Table(table.clone()), "", &mut faults);
    faults
}

fn walk(value: &Value, path: &str, faults: &mut Vec<String>) {
    let known = KEYS.iter().find(|(key, _)| *key == path);
    if let Some((_, kind)) = known {
        if !kind.takes(value) {
            faults.push(format!("{path} is {value}, which is no {kind:?}"));
        }
        return;
    }
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                // the name of a check is the user's
                let key = if path == "checks" { "*" } else { key };
                let dot = if path.is_empty() { "" } else { "." };
                walk(value, &format!("{path}{dot}{key}"), faults);
            }
        }
        Value::Array(values) if values.iter().all(Value::is_table) => {
            values
                .iter()
                .for_each(|value| walk(value, &format!("{path}[]"), faults));
        }
        _ => faults.push(format!("{path} is no key that Fly documents")),
    }
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        let number_with = |text: &str, units: &[&str]| {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            digits > 0 && units.contains(&&text[digits..])
        };
        match (self, value) {
            (Text, Value::String(text)) => !text.is_empty(),
            (Number, Value::Integer(number)) => *number >= 0,
            (Truth, Value::Boolean(_)) => true,
            (Span, Value::Integer(_)) => true,
            (Span, Value::String(text)) => number_with(text, &["ms", "s", "m", "h"]),
            (Size, Value::String(text)) => number_with(&text.to_lowercase(), &["mb", "gb"]),
            (One(words), Value::String(text)) => words.contains(&text.as_str()),
            (Texts, Value::Array(values)) => values.iter().all(Value::is_str),
            (Map, Value::Table(table)) => table.values().all(Value::is_str),
            _ => false,
        }
    }
}

fn text<'t>(table: &'t Table, path: &[&str]) -> &'t str {
    let (last, folders) = path.split_last().expect("a path");
    let inner = folders
        .iter()
        .fold(table, |table, key| table[*key].as_table().expect("a table"));
    inner[*last].as_str().expect("a text")
}

#[test]
fn every_key_is_documented_and_every_value_is_of_its_kind() {
    for file in ["fly.toml", "fly.private.toml"] {
        assert_eq!(faults(&table(file)), [""; 0], "{file}");
    }
}

#[test]
fn a_mistake_is_seen() {
    for (wrong, what) in [
        ("kill_timout = 5", "no key"),
        ("kill_timeout = \"5 parsecs\"", "Span"),
        ("[http_service]\nforce_https = \"yes\"", "Truth"),
        ("[[http_service.checks]]\npath = \"/\"\nuri = \"/\"", "no key"),
        ("[env]\nA = 1", "Map"),
        ("[[vm]]\nmemory = \"lots\"", "Size"),
    ] {
        let found = faults(&wrong.parse().expect(wrong));
        assert!(found.len() == 1 && found[0].contains(what), "{wrong}: {found:?}");
    }
}

#[test]
fn both_run_the_same_gateway_on_the_same_volume() {
    let (public, private) = (table("fly.toml"), table("fly.private.toml"));
    for key in [
        "env",
        "processes",
        "mounts",
        "vm",
        "build",
        "deploy",
        "kill_signal",
        "kill_timeout",
    ] {
        assert_eq!(public[key], private[key], "{key}");
    }
    assert_eq!(
        text(&public, &["processes", "app"]),
        "openclaw gateway --allow-unconfigured --port 3000 --bind lan"
    );
    assert_eq!(
        text(&public, &["env", "OPENCLAW_STATE_DIR"]),
        text(&public, &["mounts", "destination"])
    );
    let secret = |name: &String| {
        ["TOKEN", "KEY", "PASSWORD", "SECRET"]
            .iter()
            .any(|word| name.contains(word))
    };
    assert!(
        !public["env"].as_table().expect("a table").keys().any(secret),
        "a secret is in the file"
    );
}

#[test]
fn the_public_one_is_checked_encrypted_and_never_put_to_sleep() {
    let public = table("fly.toml");
    let service = public["http_service"].as_table().expect("a service");
    assert_eq!(service["internal_port"].as_integer(), Some(3000));
    assert_eq!(service["force_https"].as_bool(), Some(true));
    assert_eq!(service["auto_stop_machines"].as_str(), Some("off"));
    assert_eq!(service["checks"][0]["path"].as_str(), Some("/startupz"));
}

#[test]
fn the_private_one_has_no_way_in() {
    let private = table("fly.private.toml");
    for way in ["http_service", "services"] {
        assert!(!private.contains_key(way), "{way}");
    }
    assert_eq!(private["checks"]["startup"]["path"].as_str(), Some("/startupz"));
}

#[test]
fn the_image_listens_where_fly_asks() {
    let dockerfile = read("Dockerfile");
    let public = table("fly.toml");
    let port = public["http_service"]["internal_port"]
        .as_integer()
        .expect("a port");
    assert!(dockerfile.contains(&format!("EXPOSE {port}\n")));
    assert!(dockerfile.contains(&format!("OPENCLAW_GATEWAY_PORT={port} ")));
    // Fly's commands are words of the image's PATH, so nothing may stand before them
    assert!(!dockerfile.contains("ENTRYPOINT"));
}
