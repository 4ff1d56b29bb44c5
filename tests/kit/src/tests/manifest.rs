//! The file and what it says of itself.
use super::Test;
use crate::{
    Category::Manifest as Topic,
    bench::Bench,
    generate,
    outcome::{Stop, Verdict},
};
use openclaw_plugin_api::{
    API_VERSION, Manifest, NetworkPermission, OFFERED_TOOLS, PanicStrategy, Registration, Route, TARGET,
    ToolSpec,
};
use semver::Version;
use std::time::{Duration, Instant};

/// Reading a manifest slower than this makes a start of the gateway slow.
const SCAN_WARNING: Duration = Duration::from_millis(100);
/// Longest id.
const MAX_ID: usize = 64;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "manifest-readable", "the manifest is read without running the library", |b| Box::pin(readable(b))),
    Test::new(Topic, "manifest-scan-fast", "reading the manifest takes less than 100 ms", |b| Box::pin(scan_fast(b))),
    Test::new(Topic, "manifest-true", "what the manifest says of the plugin and its build is so", |b| Box::pin(truths(b))),
    Test::new(Topic, "opens", "the library opens with every symbol resolved", |b| Box::pin(opens(b))),
    Test::new(Topic, "manifest-agrees", "the file and the library tell the same manifest", |b| Box::pin(agrees(b))),
    Test::new(Topic, "registers-as-declared", "what is registered is declared, and the other way round", |b| Box::pin(registers(b))),
    Test::new(Topic, "specs-complete", "what is registered is described as callers need it", |b| Box::pin(specs(b))),
];

async fn readable(bench: &Bench) -> Verdict {
    match bench.manifest_error() {
        Some(why) => Err(Stop::failed(why)),
        None => Ok(()),
    }
}

async fn scan_fast(bench: &Bench) -> Verdict {
    bench.manifest()?;
    // The best of some, because the machine has other things to do.
    let times = (0..5).map(|_| {
        let begun = Instant::now();
        let _ = bench.read_manifest();
        begun.elapsed()
    });
    let best = times.min().unwrap_or_default();
    bench.note(format_args!("{} µs", best.as_micros()));
    if best > SCAN_WARNING {
        bench.warn(format_args!(
            "reading the manifest takes {} ms; is the library very large?",
            best.as_millis()
        ));
    }
    Ok(())
}

async fn truths(bench: &Bench) -> Verdict {
    let manifest = bench.manifest()?;
    let must = [
        (
            manifest.manifest_version == 1,
            format!("manifestVersion is {}, not 1", manifest.manifest_version),
        ),
        (
            is_id(&manifest.id),
            format!(
                "the id \"{}\" is not 1 to {MAX_ID} of a-z 0-9 - with a letter first",
                manifest.id
            ),
        ),
        (!manifest.name.trim().is_empty(), "the name is empty".into()),
        (
            Version::parse(&manifest.version).is_ok(),
            format!("the version \"{}\" is not semantic", manifest.version),
        ),
        (
            same_major(&manifest.api_version),
            format!(
                "the API version \"{}\" does not go with {API_VERSION}",
                manifest.api_version
            ),
        ),
        (
            manifest.target == TARGET,
            format!("it was built for {}, this is {TARGET}", manifest.target),
        ),
    ];
    if let Some((_, why)) = must.into_iter().find(|(holds, _)| !holds) {
        return Err(Stop::failed(why));
    }
    names(manifest)?;
    let should = [
        (
            manifest.panic == PanicStrategy::Unwind,
            "built with panic = \"abort\": it runs only isolated",
        ),
        (
            !manifest.license.is_empty(),
            "no licence: set `license` in Cargo.toml",
        ),
        (
            !manifest.description.is_empty(),
            "no description: set `description` in Cargo.toml",
        ),
        (
            // with sockets of its own it may still leave these to the host, which lets it reach no others that way
            manifest.permissions.hosts.is_empty() || manifest.permissions.network != NetworkPermission::None,
            "it names hosts, but has no network to reach them by: they are for `network` \"host\" or \"own\"",
        ),
    ];
    should
        .into_iter()
        .filter(|(holds, _)| !holds)
        .for_each(|(_, why)| bench.warn(why));
    Ok(())
}

fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn same_major(version: &str) -> bool {
    let major = |text: &str| Version::parse(text).ok().map(|version| version.major);
    major(version).is_some() && major(version) == major(API_VERSION)
}

/// Names that operators, models and the gateway rely on.
fn names(manifest: &Manifest) -> Verdict {
    let declared = manifest.declared();
    if let Some(pair) = declared.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Stop::failed(format_args!(
            "{} \"{}\" is declared twice",
            pair[0].0, pair[0].1
        )));
    }
    if declared.iter().any(|(_, id)| id.trim().is_empty()) {
        return Err(Stop::failed("something without a name is declared"));
    }
    let tool = |name: &&String| {
        name.len() > MAX_ID
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    // one of them may stand for those that are offered later
    let mut named = manifest.tools.iter().filter(|name| *name != OFFERED_TOOLS);
    if let Some(name) = named.find(tool) {
        return Err(Stop::failed(format_args!(
            "models can't use a tool called \"{name}\": at most {MAX_ID} letters, digits, _ and -"
        )));
    }
    if let Some(path) = manifest.routes.iter().find(|path| !path.starts_with('/')) {
        return Err(Stop::failed(format_args!(
            "the route \"{path}\" does not begin with /"
        )));
    }
    Ok(())
}

async fn opens(bench: &Bench) -> Verdict {
    bench.manifest()?;
    bench.open().await?.map(drop).map_err(Stop::failed)
}

async fn agrees(bench: &Bench) -> Verdict {
    let in_file = bench.manifest()?;
    let text = bench
        .open()
        .await?
        .map_err(|why| Stop::skipped(format_args!("the library can't be opened: {why}")))?;
    let in_library: Manifest = serde_json::from_str(&text)
        .map_err(|e| Stop::failed(format_args!("the library's own manifest can't be read: {e}")))?;
    if *in_file != in_library {
        return Err(Stop::failed(
            "the manifest in the file's section and the one that the library tells differ; build it again",
        ));
    }
    Ok(())
}

async fn registers(bench: &Bench) -> Verdict {
    let manifest = bench.manifest()?;
    let subject = bench.first().await?;
    if let Some(difference) = manifest.difference(&subject.registrations) {
        return Err(Stop::failed(difference));
    }
    subject.close().await
}

async fn specs(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    for registration in &subject.registrations.registrations {
        match registration.capability.as_str() {
            "tool/1" if registration.id == OFFERED_TOOLS => {}
            "tool/1" => tool_spec(bench, registration)?,
            "http/1" => route_spec(bench, registration)?,
            _ => {}
        }
    }
    let methods = &subject.registrations.methods;
    let served = |capability: &str| methods.iter().any(|m| m.starts_with(&format!("{capability}/")));
    let silent = subject
        .registrations
        .registrations
        .iter()
        .find(|r| !served(&r.capability));
    if let Some(silent) = silent {
        let (capability, id) = (&silent.capability, &silent.id);
        return Err(Stop::failed(format_args!(
            "it registers {capability} \"{id}\" but serves no method of it"
        )));
    }
    subject.close().await
}

fn tool_spec(bench: &Bench, registration: &Registration) -> Verdict {
    let name = &registration.id;
    let spec: ToolSpec = serde_json::from_value(registration.spec.clone())
        .map_err(|e| Stop::failed(format_args!("the tool {name} has no readable description: {e}")))?;
    if spec.name != *name {
        return Err(Stop::failed(format_args!(
            "the tool {name} calls itself \"{}\"",
            spec.name
        )));
    }
    generate::validator(&spec.parameters).map_err(|e| {
        Stop::failed(format_args!(
            "the parameters of the tool {name} are no JSON Schema: {e}"
        ))
    })?;
    if spec.parameters["type"] != "object" {
        return Err(Stop::failed(format_args!(
            "the parameters of the tool {name} are no object; models send objects"
        )));
    }
    if spec.description.trim().is_empty() {
        bench.warn(format_args!(
            "the tool {name} has no description; models choose tools by it"
        ));
    }
    Ok(())
}

fn route_spec(bench: &Bench, registration: &Registration) -> Verdict {
    let path = &registration.id;
    let route: Route = serde_json::from_value(registration.spec.clone())
        .map_err(|e| Stop::failed(format_args!("the route {path} has no readable description: {e}")))?;
    if route.methods.is_empty() && !route.websocket {
        bench.warn(format_args!(
            "the route {path} takes no HTTP method, so nobody reaches it"
        ));
    }
    Ok(())
}
