//! `cargo xtask image`: the files of the container image, made and tried without a container engine.
//!
//! The Dockerfile runs this very command in its build stage, so what is tried here is what an engine packs.
mod dockerfile;
mod libraries;
mod relocations;
mod rootfs;
mod trial;

use crate::{
    artifacts::{self, Artifact},
    error::{Error, Result},
    extras,
    progress::{Progress, Step},
    workspace::{Plugin, Workspace, source_date},
};
use flate2::{Compression, write::GzEncoder};
use rootfs::{Entry, Kind, Rootfs};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// The user and group that own the state and run the gateway.
const SYSTEM_USER: u32 = 65_532;
/// Largest image with every plugin, bytes.
const MOST: u64 = 60_000_000;
/// Largest image with the plugins of [`SMALL`], bytes.
const MOST_SMALL: u64 = 25_000_000;
/// One channel and one family of models: what many people run.
const SMALL: [&str; 2] = ["anthropic", "discord"];
/// What must not be in an image: whatever starts other programs, or gives rights.
const UNWANTED: [&str; 10] = [
    "sh", "bash", "dash", "busybox", "env", "su", "sudo", "mount", "apt", "curl",
];
/// The folder within `dist/` for images that are only tried.
const DEFAULT_OUTPUT: &str = "dist/image";

/// Arguments of `cargo xtask image`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask image --check                                  make it in dist/image and try it
  cargo xtask image --plugins 'telegram anthropic' --output image.tar
  cargo xtask image --plugins host                           no plugins")]
pub(crate) struct Args {
    /// Plugins to put in, separated by spaces or commas; `host` for none [default: all of them]
    #[arg(long, value_name = "IDS")]
    plugins: Option<String>,
    /// A folder, or a file that ends in .tar [default: dist/image]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Leave out what an operating system gives: the base has it
    #[arg(long)]
    no_system: bool,
    /// Judge size and contents, start it in namespaces of its own, and have every plugin loaded
    #[arg(long)]
    check: bool,
    /// Refuse to change Cargo.lock
    #[arg(long)]
    locked: bool,
    /// The build profile of the program; plugins are built by `plugin` if this is `release`
    #[arg(long, default_value = "release", value_name = "NAME")]
    profile: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What was made.
#[derive(Serialize)]
struct Report {
    output: PathBuf,
    bytes: u64,
    /// The largest that it may be, if there is a limit for this choice of plugins.
    limit: Option<u64>,
    files: usize,
    plugins: Vec<String>,
    /// From spawn to an answer of `/readyz`, milliseconds, the median of some.
    ready_ms: Option<f64>,
    sums: BTreeMap<PathBuf, String>,
}

/// Builds, lays out, and tries if asked to.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let plugins = workspace.choose(args.plugins.as_deref())?;
    let ids: Vec<_> = plugins.iter().map(|plugin| plugin.id.clone()).collect();
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| workspace.root.join(DEFAULT_OUTPUT));
    let mut progress = Progress::new(if args.check { 4 } else { 3 });
    if args.locked {
        // one look that fails is enough: every build after it finds what it needs
        workspace.ensure_locked()?;
    }
    let workspace = match args.profile.as_str() {
        "release" => relocations::packed(workspace),
        _ => workspace,
    };
    let step = progress.step("build the gateway");
    let program = artifacts::host(&workspace, &step, &args.profile)?;
    step.done();
    let step = progress.step("build the plugins");
    let profile = if args.profile == "release" {
        "plugin"
    } else {
        &args.profile
    };
    let libraries = artifacts::plugins(&workspace, &step, &plugins, profile)?;
    step.done();

    let step = progress.step("lay out");
    let image = lay_out(&workspace, &plugins, (&program, &libraries), !args.no_system)?;
    let time = source_date().unwrap_or(crate::archive::TIME);
    write(&image, &output, time)?;
    step.done();
    let mut report = Report::of(&image, &output, &ids)?;
    if args.check {
        let step = progress.step("try");
        report.ready_ms = try_out(&workspace, &step, &image, &ids)?;
        step.done();
    }
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}", report.text()),
    }
    // last, so that whoever has to make it smaller sees how it is
    match args.check {
        true => report.judge(args.profile == "release"),
        false => Ok(()),
    }
}

/// Makes an image of every plugin from what was built for tests, and tries it.
pub(crate) fn test(
    workspace: &Workspace,
    program: &Path,
    libraries: &[Artifact],
    progress: &mut Progress,
) -> Result<()> {
    let step = progress.step("image");
    let image = lay_out(workspace, &workspace.plugins, (program, libraries), true)?;
    let ids: Vec<_> = workspace.plugins.iter().map(|plugin| plugin.id.clone()).collect();
    try_out(workspace, &step, &image, &ids)?;
    step.done();
    Ok(())
}

/// All that is in an image, which has nothing that it must not have.
fn lay_out(
    workspace: &Workspace,
    plugins: &[Plugin],
    (program, libraries): (&Path, &[Artifact]),
    system: bool,
) -> Result<Rootfs> {
    let mut documents = extras::documents(workspace, plugins, &scratch(workspace)?)?;
    for (name, file) in documents.iter_mut().filter(|(name, _)| name == extras::NOTICES) {
        *file = packed(file)?;
        name.push_str(".gz");
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        documents.push((name.to_owned(), workspace.root.join(name)));
    }
    let mut image = Rootfs::application(program, libraries, &documents);
    if system {
        image.add_system()?;
    }
    judge(&image)?;
    Ok(image)
}

/// Starts it; gives the milliseconds until it is ready, if it can be started here.
fn try_out(workspace: &Workspace, step: &Step, image: &Rootfs, plugins: &[String]) -> Result<Option<f64>> {
    let root = scratch(workspace)?.join("root");
    empty(&root)?;
    image.write_folder(&root, source_date().unwrap_or(crate::archive::TIME))?;
    let stage = dockerfile::Stage::read(&workspace.root.join("Dockerfile"))?;
    trial::run(step, &root, &stage, plugins)
}

/// The notices of others are long and seldom read: they are packed, as distributions pack theirs.
fn packed(file: &Path) -> Result<PathBuf> {
    let target = file.with_extension("gz");
    let text = fs::read(file).map_err(Error::file("read", file))?;
    // without a time and a name in it, equal texts give equal files
    let out = fs::File::create(&target).map_err(Error::file("write", &target))?;
    let mut out = GzEncoder::new(out, Compression::best());
    let written = out.write_all(&text).and_then(|()| out.finish().map(drop));
    written.map_err(Error::file("write", &target))?;
    Ok(target)
}

/// A folder of this task's own below `target/`.
fn scratch(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("xtask/image");
    crate::layout::create(&folder)?;
    Ok(folder)
}

fn write(image: &Rootfs, output: &Path, time: u64) -> Result<()> {
    if output.extension().is_some_and(|extension| extension == "tar") {
        if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            crate::layout::create(folder)?;
        }
        return image.write_archive(output, time);
    }
    empty(output)?;
    image.write_folder(output, time).map(drop)
}

/// Makes room for an image: removes an earlier one, and nothing else.
fn empty(output: &Path) -> Result<()> {
    let program = output
        .join(rootfs::PREFIX)
        .join("bin")
        .join(crate::workspace::HOST_BINARY);
    let mut entries = fs::read_dir(output).into_iter().flatten();
    if entries.next().is_some() && !program.is_file() {
        return Err(Error::Wrong {
            what: "the output is not an image of before",
            why: format!("{} has other files", output.display()),
            remedy: "name an empty folder with --output",
        });
    }
    if output.exists() {
        fs::remove_dir_all(output).map_err(Error::file("remove", output))?;
    }
    Ok(())
}

/// Nothing in the image starts other programs, gives rights, or is writable but what has to be.
fn judge(image: &Rootfs) -> Result<()> {
    for entry in &image.0 {
        if let Some(why) = fault(entry) {
            return Err(Error::Wrong {
                what: "the image has what it must not have",
                why: format!("/{} {why}", entry.path.display()),
                remedy: "look at xtask/src/image/rootfs.rs",
            });
        }
    }
    Ok(())
}

fn fault(entry: &Entry) -> Option<&'static str> {
    let name = entry.path.file_name()?.to_str()?;
    let may_be_written = entry.path == Path::new("data") || entry.path == Path::new("tmp");
    if matches!(entry.kind, Kind::File(_)) && UNWANTED.contains(&name) {
        return Some("starts other programs");
    }
    if entry.mode & 0o6000 != 0 {
        return Some("gives rights to who starts it");
    }
    if !matches!(entry.kind, Kind::Link(_))
        && !may_be_written
        && (entry.mode & 0o022 != 0 || entry.owner != 0)
    {
        return Some("can be written by others than root");
    }
    None
}

// === impl Report ===

impl Report {
    fn of(image: &Rootfs, output: &Path, plugins: &[String]) -> Result<Self> {
        let mut sums = BTreeMap::new();
        for entry in &image.0 {
            if let Some(sum) = entry.sum()? {
                sums.insert(entry.path.clone(), sum);
            }
        }
        Ok(Self {
            output: output.to_owned(),
            bytes: image.bytes()?,
            limit: limit(plugins),
            files: sums.len(),
            plugins: plugins.to_vec(),
            ready_ms: None,
            sums,
        })
    }

    /// The size is within its limit; a build without optimisation has none.
    fn judge(&self, optimised: bool) -> Result<()> {
        match self.limit.filter(|limit| optimised && self.bytes > *limit) {
            None => Ok(()),
            Some(limit) => Err(Error::Wrong {
                what: "the image is too large",
                why: format!("{} bytes of {limit}", self.bytes),
                remedy: "look at what grew: `cargo xtask image --json` lists its files",
            }),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}\n{:.1} MB in {} files, plugins: {}\n",
            self.output.display(),
            self.bytes as f64 / 1e6,
            self.files,
            if self.plugins.is_empty() {
                "none".to_owned()
            } else {
                self.plugins.join(" ")
            },
        );
        if let Some(ms) = self.ready_ms {
            text += &format!("from spawn to /readyz within it: {ms:.1} ms\n");
        }
        text
    }
}

fn limit(plugins: &[String]) -> Option<u64> {
    match plugins.iter().all(|id| SMALL.contains(&id.as_str())) {
        true => Some(MOST_SMALL),
        false => Some(MOST),
    }
}

#[cfg(test)]
mod tests;
