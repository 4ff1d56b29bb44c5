//! `cargo xtask bundle`: what a release is made of. A folder that runs where it is unpacked, its checksums, and the
//! archive of it.
//!
//! It builds for the machine that it runs on and publishes nothing.
use crate::{
    archive,
    artifacts::{self, Artifact},
    error::{Error, Result},
    extras, layout,
    progress::Progress,
    sums,
    workspace::{Plugin, Workspace, target},
};
use serde::Serialize;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The folder of a bundle, and the top of its archive.
const NAME: &str = "openclaw";
/// The file of checksums, in the form that `sha256sum --check` reads.
const SUMS: &str = "SHA256SUMS";
/// Licences and the bill of materials of what is linked.
const DOCUMENTATION: &str = "share/doc/openclaw";
/// The package with the tests of a bundle, and the variable by which they find it.
const CHECKS: &str = "openclaw-e2e";
pub(crate) const CHECKED: &str = "OPENCLAW_TEST_BUNDLE";
/// What goes in beside the program; a file that the tree does not have is left out.
const DOCUMENTS: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];

/// Arguments of `cargo xtask bundle`.
#[derive(clap::Args)]
#[command(
    after_help = "Check a bundle: cd dist/openclaw && sha256sum --check SHA256SUMS\nTry it too:     cargo xtask bundle --check"
)]
pub(crate) struct Args {
    /// Plugins to pack, separated by spaces or commas; `host` for none [default: all of them]
    #[arg(long, value_name = "IDS")]
    plugins: Option<String>,
    /// The folder that receives openclaw/ and the archive [default: dist]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The build profile of the plugins
    #[arg(long, default_value = "plugin", value_name = "NAME")]
    profile: String,
    /// Start it and let every plugin in it do its work, among the fakes of the tests
    #[arg(long)]
    check: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What was made.
#[derive(Serialize)]
struct Report {
    version: String,
    target: String,
    archive: Packed,
    files: Vec<Packed>,
}

/// One file of the bundle.
#[derive(Serialize)]
struct Packed {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

/// Builds, lays out, sums and packs.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let plugins = workspace.choose(args.plugins.as_deref())?;
    let out = args.out.clone().unwrap_or_else(|| workspace.root.join("dist"));
    let folder = out.join(NAME);
    ensure_replaceable(&folder)?;

    let mut progress = Progress::new(if args.check { 4 } else { 3 });
    let step = progress.step("build the gateway");
    let program = artifacts::host(&workspace, &step, "release")?;
    step.done();
    let step = progress.step("build the plugins");
    let libraries = artifacts::plugins(&workspace, &step, &plugins, &args.profile)?;
    step.done();
    let step = progress.step("pack");
    let files = lay_out(&workspace, &plugins, (&program, &libraries), &folder)?;
    let target = target()?;
    let name = PathBuf::from(format!("{NAME}-{}-{target}.tar.gz", workspace.version));
    archive::pack(&folder, &out.join(&name))?;
    let archive = Packed::read(&out, name)?;
    step.done();
    if args.check {
        check(&workspace, &folder, &mut progress)?;
    }
    let report = Report {
        version: workspace.version,
        target,
        archive,
        files,
    };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}", report.table(&out)),
    }
    Ok(())
}

/// Makes the folder of a bundle anew from what was built.
fn lay_out(
    workspace: &Workspace,
    plugins: &[Plugin],
    (program, libraries): (&Path, &[Artifact]),
    folder: &Path,
) -> Result<Vec<Packed>> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file("remove", folder))?;
    }
    let program = layout::install(folder, program, libraries)?;
    extras::documents(workspace, plugins, &folder.join(DOCUMENTATION))?;
    extras::help(&program, &folder.join("share"))?;
    for document in DOCUMENTS
        .iter()
        .filter(|name| workspace.root.join(name).is_file())
    {
        layout::place(&workspace.root.join(document), &folder.join(document))?;
    }
    let files = archive::files(folder)?
        .into_iter()
        .map(|path| Packed::read(folder, path));
    let files = files.collect::<Result<Vec<_>>>()?;
    write_sums(&folder.join(SUMS), &files)?;
    Ok(files)
}

/// Makes a bundle of every plugin for the tests, from what was built for them, in a folder of their own; gives its place.
pub(crate) fn for_tests(
    workspace: &Workspace,
    program: &Path,
    libraries: &[Artifact],
    folder: &Path,
) -> Result<PathBuf> {
    let folder = folder.join(NAME);
    ensure_replaceable(&folder)?;
    lay_out(workspace, &workspace.plugins, (program, libraries), &folder)?;
    Ok(folder)
}

/// An earlier bundle may be replaced, and nothing else: `--out` may name any folder.
fn ensure_replaceable(folder: &Path) -> Result<()> {
    let is_bundle = [layout::BINARIES, layout::PLUGINS]
        .iter()
        .all(|inner| folder.join(inner).is_dir());
    if is_bundle || !folder.exists() {
        Ok(())
    } else {
        Err(Error::NotABundle(folder.to_owned()))
    }
}

/// Runs the tests that take a bundle as somebody would who has just unpacked it.
fn check(workspace: &Workspace, folder: &Path, progress: &mut Progress) -> Result<()> {
    let step = progress.step("check");
    let mut command = workspace.cargo();
    command
        .args(["test", "--package", CHECKS, "--test", "bundle"])
        .env(CHECKED, folder);
    step.run(&mut command)?;
    step.done();
    Ok(())
}

fn write_sums(to: &Path, files: &[Packed]) -> Result<()> {
    let mut text = String::new();
    for file in files {
        let path = file.path.to_string_lossy().replace('\\', "/");
        writeln!(text, "{}  {path}", file.sha256).expect("a String takes every write");
    }
    fs::write(to, text).map_err(Error::file("write", to))
}

impl Packed {
    fn read(folder: &Path, path: PathBuf) -> Result<Self> {
        let (bytes, sha256) = sums::of_file(&folder.join(&path))?;
        Ok(Self { path, bytes, sha256 })
    }
}

impl Report {
    fn table(&self, out: &Path) -> String {
        let mut text = format!("{:<48} {:>12}\n", "file", "bytes");
        for file in &self.files {
            text += &format!("{:<48} {:>12}\n", file.path.display(), grouped(file.bytes));
        }
        let total = self.files.iter().map(|file| file.bytes).sum();
        text += &format!("{:<48} {:>12}\n\n", "total", grouped(total));
        let archive = out.join(&self.archive.path);
        text += &format!(
            "{}\n{} bytes, sha256 {}\n",
            archive.display(),
            grouped(self.archive.bytes),
            self.archive.sha256
        );
        text
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn only_a_bundle_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(NAME);
        ensure_replaceable(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(matches!(ensure_replaceable(&folder), Err(Error::NotABundle(_))));
        fs::create_dir_all(folder.join(layout::PLUGINS)).unwrap();
        fs::create_dir(folder.join(layout::BINARIES)).unwrap();
        ensure_replaceable(&folder).unwrap();
    }
}
