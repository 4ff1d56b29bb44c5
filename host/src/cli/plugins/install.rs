//! `openclaw plugins install` and `uninstall`: a stranger's archive, unpacked where it can do no harm.
use super::{
    super::{Failure, connect::block_on, output, setting::Setting},
    edit::entry,
};
use crate::{
    config::{Edit, edit_file, write_atomic},
    http,
    plugins::{
        install::{Installed, Limits, Offer, Staged, Store},
        manifest::{self, Library},
    },
};
use indicatif::{ProgressBar, ProgressStyle};
use openclaw_plugin_api::Manifest;
use serde_json::json;
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Time for a download as a whole. The bytes are bounded too; this is for a server that drips.
const DOWNLOAD: Duration = Duration::from_secs(15 * 60);

/// Installs a plugin from a library, an archive (.tar.gz, .tar, .zip) or an address, without running any of it.
#[derive(Debug, clap::Args)]
pub struct Install {
    /// Path or https:// address
    source: String,
    /// Require this very file from now on (plugins.entries.<id>.integrity.sha256)
    #[arg(long)]
    pin: bool,
    /// Replace another version that is installed
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Removes an installed plugin. Its settings in openclaw.json stay.
#[derive(Debug, clap::Args)]
pub struct Uninstall {
    /// Id of the plugin
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `install`.
pub fn install(args: &Install, setting: &Setting) -> Result<(), Failure> {
    setting.paths.prepare_state_dir().map_err(Failure::config)?;
    let folder = tempfile::tempdir().map_err(|e| Failure::io("make a temporary folder", e))?;
    let archive = match args.source.split_once("://") {
        Some(("http" | "https", _)) => block_on(download(&args.source, folder.path()))?,
        _ => PathBuf::from(&args.source),
    };
    let store = Store::open(&setting.paths.plugins_dir()).map_err(Failure::new)?;
    let staged = store.stage(&archive, &Limits::default()).map_err(Failure::new)?;
    let library = judge(&staged)?;
    let manifest = library.manifest;
    if setting
        .found
        .plugins
        .get(&manifest.id)
        .is_some_and(|other| !other.path.starts_with(setting.paths.plugins_dir()))
    {
        let text = format!(
            "plugin {} is there already, outside the installed ones; remove that file first",
            manifest.id
        );
        return Err(Failure::new(text));
    }
    let offer = Offer {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        source: shown(&args.source),
        pin: args.pin,
        at: crate::clock::Clock::system().now(),
    };
    let installed = staged.place(&offer, args.force).map_err(Failure::new)?;
    if args.pin {
        pin(&installed, setting)?;
    }
    report(args, &manifest, &installed)
}

/// Runs `uninstall`.
pub fn uninstall(args: &Uninstall, setting: &Setting) -> Result<(), Failure> {
    let store = Store::open(&setting.paths.plugins_dir()).map_err(Failure::new)?;
    let record = store.uninstall(&args.id).map_err(Failure::new)?;
    if args.json {
        return output::json(&json!({ "id": record.id, "version": record.version, "removed": true }));
    }
    anstream::println!(
        "Removed {} {}. Its settings in {} are still there.",
        record.id,
        record.version,
        setting.paths.config_file.display()
    );
    Ok(())
}

/// What is not fit for this machine is not installed. It may abort on a panic: it will be isolated.
fn judge(staged: &Staged<'_>) -> Result<Library, Failure> {
    let library = manifest::read(&staged.library()).map_err(Failure::new)?;
    manifest::check_host(&library, true).map_err(Failure::new)?;
    Ok(library)
}

fn pin(installed: &Installed, setting: &Setting) -> Result<(), Failure> {
    let file = &setting.paths.config_file;
    if !setting.configured {
        write_atomic(file, b"{}\n").map_err(|e| Failure::io(format_args!("create {}", file.display()), e))?;
    }
    let path = entry(&installed.record.id).key("integrity").key("sha256");
    let edit = Edit::Set {
        path,
        value: json!(installed.record.sha256),
    };
    edit_file(file, &setting.paths.include_roots, &[edit])
        .map(drop)
        .map_err(Failure::config)
}

fn report(args: &Install, manifest: &Manifest, installed: &Installed) -> Result<(), Failure> {
    let record = &installed.record;
    if args.json {
        return output::json(&json!({
            "id": record.id, "version": record.version, "sha256": record.sha256, "source": record.source,
            "library": installed.library, "pinned": record.pin, "permissions": manifest.permissions,
        }));
    }
    anstream::println!(
        "Installed {} {} ({})",
        record.id,
        record.version,
        installed.library.display()
    );
    anstream::println!(
        "  sha256   {}{}",
        record.sha256,
        if record.pin { " (pinned)" } else { "" }
    );
    let wishes = &manifest.permissions;
    anstream::println!(
        "  network  {} {}",
        format!("{:?}", wishes.network).to_lowercase(),
        wishes.hosts.join(", ")
    );
    for (label, list) in [
        ("reads", &wishes.read),
        ("writes", &wishes.write),
        ("runs", &wishes.processes),
    ] {
        if !list.is_empty() {
            anstream::println!("  {label:<8} {}", list.join(", "));
        }
    }
    anstream::println!(
        "It will run in a process of its own, confined to that. Next: openclaw plugins enable {}",
        record.id
    );
    Ok(())
}

/// An address without what may be a secret in it.
fn shown(source: &str) -> String {
    match url::Url::parse(source) {
        Ok(url) if url.has_host() => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        _ => source.to_owned(),
    }
}

/// Fetches an archive, showing how far it is.
async fn download(address: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let client = http::Client::new(http::Options::default()).map_err(Failure::new)?;
    let egress = Arc::new(http::Egress::new("install", ["*"], false).map_err(Failure::new)?);
    let mut request = http::Request::new("GET", address, http::Origin::Trusted);
    request.max_response_bytes = Limits::default().bytes;
    request.total = Some(DOWNLOAD);
    let mut response = client.send(&egress, request).await.map_err(Failure::new)?;
    if response.status() != 200 {
        return Err(Failure::new(format_args!(
            "{} answered with status {}",
            shown(address),
            response.status()
        )));
    }
    // The name decides the format; what is in it is checked when it is unpacked.
    let name = response
        .url()
        .path_segments()
        .and_then(Iterator::last)
        .unwrap_or_default()
        .to_owned();
    let path = folder.join(if name.is_empty() {
        "download".to_owned()
    } else {
        name
    });
    let length = response
        .headers()
        .get("content-length")
        .and_then(|v| v.to_str().ok()?.parse().ok());
    let bar = ProgressBar::new(length.unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{msg} {bytes}/{total_bytes} {bytes_per_sec}") {
        bar.set_style(style);
    }
    bar.set_message("downloading");
    let failed = |e| Failure::io(format_args!("write {}", path.display()), e);
    let mut file = std::fs::File::create(&path).map_err(failed)?;
    while let Some(chunk) = response.chunk().await.map_err(Failure::new)? {
        file.write_all(&chunk).map_err(failed)?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    Ok(path)
}
