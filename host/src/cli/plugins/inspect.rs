//! `openclaw plugins inspect`: what a library says of itself. None of its code runs.
use super::super::{Failure, output};
use crate::plugins::{
    manifest::{self, Library},
    stage::hash_file,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Shows the manifest of a plugin without running any of its code.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of a plugin, or path of a library for any platform
    plugin: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. `find` gives the file of a plugin that is installed or configured.
pub fn run(args: &Args, find: impl FnOnce(&str) -> Result<Option<PathBuf>, Failure>) -> Result<(), Failure> {
    let path = match Path::new(&args.plugin) {
        path if path.is_file() => path.to_path_buf(),
        _ => find(&args.plugin)?.ok_or_else(|| {
            Failure::new(format_args!(
                "{} is neither a file nor a plugin; see `openclaw plugins list`",
                args.plugin
            ))
        })?,
    };
    let library = manifest::read(&path).map_err(Failure::new)?;
    let sha256 = hash_file(&path).map_err(|e| Failure::io(format_args!("read {}", path.display()), e))?;
    let verdict = manifest::check_host(&library, false).err().map(|e| e.to_string());
    if args.json {
        return output::json(&json!({
            "path": path, "size": library.size, "sha256": sha256,
            "format": format!("{:?}", library.format).to_lowercase(),
            "architecture": format!("{:?}", library.architecture).to_lowercase(),
            "needsGlibc": library.needs_glibc.map(|(major, minor)| format!("{major}.{minor}")),
            "loadable": verdict.is_none(), "problem": verdict,
            "capabilities": library.manifest.capabilities(), "manifest": library.manifest,
        }));
    }
    print(&path, &library, &sha256, verdict.as_deref());
    Ok(())
}

fn print(path: &Path, library: &Library, sha256: &str, verdict: Option<&str>) {
    let m = &library.manifest;
    let line = |label: &str, value: String| {
        if !value.is_empty() {
            anstream::println!("  {label:<14} {value}");
        }
    };
    anstream::println!("{} {} ({})", m.name, m.version, m.id);
    line("", m.description.clone());
    line(
        "file",
        format!("{} ({})", path.display(), output::bytes(library.size)),
    );
    line("sha256", sha256.to_owned());
    line(
        "built for",
        format!("{}, API {}, {}", m.target, m.api_version, m.rustc),
    );
    line(
        "needs glibc",
        library
            .needs_glibc
            .map(|(major, minor)| format!("{major}.{minor}"))
            .unwrap_or_default(),
    );
    line("licence", m.license.clone());
    line("authors", m.authors.replace(':', ", "));
    for (capability, id) in m.declared() {
        line(capability, id.to_owned());
    }
    line("network", format!("{:?}", m.permissions.network).to_lowercase());
    line("hosts", m.permissions.hosts.join(", "));
    line("reads", m.permissions.read.join(", "));
    line("writes", m.permissions.write.join(", "));
    line("runs", m.permissions.processes.join(", "));
    line("variables", m.secrets.join(", "));
    line("panic", format!("{:?}", m.panic).to_lowercase());
    let properties = m
        .config_schema
        .as_ref()
        .and_then(|schema| schema["properties"].as_object());
    for (name, property) in properties.into_iter().flatten() {
        let text = property["description"]
            .as_str()
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default();
        line("config", format!("{name}: {text}"));
    }
    match verdict {
        None => line("loadable", "yes".to_owned()),
        Some(why) => line("loadable", format!("no: {why}")),
    }
}
