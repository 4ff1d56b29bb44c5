//! `system.info` and `update.status`: the machine and the program.
use super::config::Nothing;
use crate::gateway::{Method, Scope, random};
use serde_json::{Value, json};
use std::{
    fs,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// One life of the program.
static LIFE: LazyLock<(Instant, String)> = LazyLock::new(|| (Instant::now(), random::uuid()));

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("system.info", Scope::Read).with::<Nothing>(),
        Method::new("update.status", Scope::Admin),
    ]
}

/// Answers one of them.
pub(super) fn call(method: &str) -> Value {
    match method {
        "system.info" => info(),
        _ => update(),
    }
}

/// Counts the time from here on.
pub(super) fn begin() {
    LazyLock::force(&LIFE);
}

/// The machine and the process. It reads files of the kernel.
pub(super) fn info() -> Value {
    let kernel = |name: &str| read(&format!("/proc/sys/kernel/{name}"));
    let (memory, cpus) = (read("/proc/meminfo"), read("/proc/cpuinfo"));
    let load = read("/proc/loadavg");
    let load: Vec<f64> = load
        .split_whitespace()
        .take(3)
        .filter_map(|word| word.parse().ok())
        .collect();
    let label = read("/etc/os-release");
    let label = label.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let host = kernel("hostname");
    json!({
        "machineName": host, "hostname": host, "platform": std::env::consts::OS, "release": kernel("osrelease"),
        "arch": std::env::consts::ARCH, "osLabel": label.map(|label| label.trim_matches('"')),
        "pid": std::process::id(), "processInstanceId": LIFE.1, "uptimeMs": millis(LIFE.0.elapsed()),
        "version": env!("CARGO_PKG_VERSION"),
        "cpuCount": std::thread::available_parallelism().map_or(1, usize::from),
        "cpuModel": field(&cpus, "model name").unwrap_or_default(), "loadAverage": load,
        "memoryTotalBytes": kilobytes(&memory, "MemTotal"), "memoryFreeBytes": kilobytes(&memory, "MemAvailable"),
        "processMemory": process_memory(),
    })
}

/// The memory of this process, bytes.
pub(super) fn process_memory() -> Value {
    let status = read("/proc/self/status");
    json!({ "rssBytes": kilobytes(&status, "VmRSS"), "peakRssBytes": kilobytes(&status, "VmHWM") })
}

/// Nothing updates this program but whoever installed it.
fn update() -> Value {
    json!({
        "sentinel": null, "updateAvailable": null, "effectiveChannel": "manual",
        "schedule": { "channel": "manual", "autoEnabled": false, "install": { "kind": "manual" } },
        "supported": false, "version": env!("CARGO_PKG_VERSION"),
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The value of the first line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = field(text, name)?.strip_suffix("kB")?;
    value.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let text = "MemTotal:        2000 kB\nMemAvailable:     10 kB\nmodel name\t: A: B\n";
        assert_eq!(kilobytes(text, "MemAvailable"), Some(10_240));
        assert_eq!(kilobytes(text, "MemFree"), None);
        assert_eq!(field(text, "model name"), Some("A: B"));
        let info = info();
        assert_eq!(info["pid"], std::process::id());
        assert!(
            info["processMemory"]["rssBytes"]
                .as_u64()
                .is_some_and(|bytes| bytes > 0),
            "{info}"
        );
    }
}
