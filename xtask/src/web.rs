//! The parts of the tree that are written for browsers: a plugin's folder `web/` with a package.json, and the tests in
//! `tests/browser/`. Both need Node; without it the plugins still build, and say in the browser how to get their page.
//!
//! Invariants: what is newer than its build is built again, anything else is left alone; a fault in the sources is an
//! error, a machine without Node or without the packages is not.
use crate::{
    error::Result,
    progress::{Progress, Step},
    workspace::{Plugin, Workspace},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

/// The oldest Node that builds the pages.
const NODE: (u32, u32) = (20, 19);
/// Folders that are made and not written.
const MADE: [&str; 3] = ["node_modules", "dist", "screenshots"];
/// Browser tests: a package of their own.
const BROWSER_TESTS: &str = "tests/browser";
/// Where a browser is looked for, after `OPENCLAW_TEST_BROWSER`; the tests look in the same places.
const BROWSERS: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// Builds the pages of these plugins, as far as they have one and it is older than its sources.
pub(crate) fn build(workspace: &Workspace, step: &Step, plugins: &[Plugin]) -> Result<()> {
    for plugin in plugins {
        let web = workspace.root.join("plugins").join(&plugin.id).join("web");
        if !web.join("package.json").is_file() || is_fresh(&web) {
            continue;
        }
        if let Err(why) = node() {
            eprintln!("      the page of {} is not built: {why}", plugin.id);
            continue;
        }
        step.say(&format!("page of {}", plugin.id));
        if !packages(step, &web) {
            eprintln!(
                "      the page of {} is not built: npm could not get its packages",
                plugin.id
            );
            continue;
        }
        step.run(npm(&web).args(["run", "build"]))?;
    }
    Ok(())
}

/// Runs the tests of the pages that need no browser.
pub(crate) fn test(workspace: &Workspace, progress: &mut Progress) -> Result<()> {
    const NAME: &str = "pages";
    if let Err(why) = node() {
        progress.skip(NAME, &why);
        return Ok(());
    }
    let step = progress.step(NAME);
    let mut left_out = Vec::new();
    for plugin in &workspace.plugins {
        let web = workspace.root.join("plugins").join(&plugin.id).join("web");
        if !web.join("package.json").is_file() {
            continue;
        }
        match packages(&step, &web) {
            true => step.run(npm(&web).args(["test"]))?,
            false => left_out.push(plugin.id.as_str()),
        }
    }
    match left_out.is_empty() {
        true => step.done(),
        false => step.skipped(&format!(
            "npm could not get the packages of {}; their tests did not run",
            left_out.join(", ")
        )),
    }
    Ok(())
}

/// Runs the tests that need a browser; `tell` says what was built for them.
pub(crate) fn browse(
    workspace: &Workspace,
    progress: &mut Progress,
    tell: impl Fn(&mut Command),
) -> Result<()> {
    const NAME: &str = "browser";
    let folder = workspace.root.join(BROWSER_TESTS);
    if let Err(why) = node().and_then(|()| browser()) {
        progress.skip(NAME, &format!("the page was not tried in a browser, {why}"));
        return Ok(());
    }
    let step = progress.step(NAME);
    if !packages(&step, &folder) {
        step.skipped(&format!(
            "the page was not tried in a browser, npm could not get the packages of {BROWSER_TESTS}"
        ));
        return Ok(());
    }
    let mut command = npm(&folder);
    command.args(["test"]);
    tell(&mut command);
    step.run(&mut command)?;
    step.done();
    Ok(())
}

/// The packages that a lock file names, fetched if they are not there. False: they can't be had.
fn packages(step: &Step, folder: &Path) -> bool {
    let kept = changed(&folder.join("node_modules/.package-lock.json"));
    let wanted = changed(&folder.join("package-lock.json"));
    if kept.is_some() && kept >= wanted {
        return true;
    }
    step.run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))
        .is_ok()
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

/// Is there a Node that is new enough, with npm? If not, why.
fn node() -> std::result::Result<(), String> {
    let version = |program: &str| {
        let mut command = Command::new(program);
        let output = command.arg("--version").stderr(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let wish = format!("install Node {}.{} or newer with npm", NODE.0, NODE.1);
    let found = version("node").ok_or_else(|| format!("there is no Node: {wish}"))?;
    if !is_new_enough(&found) {
        return Err(format!("Node {found} is too old: {wish}"));
    }
    version("npm")
        .map(drop)
        .ok_or_else(|| format!("there is no npm: {wish}"))
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= NODE,
        _ => false,
    }
}

fn browser() -> std::result::Result<(), String> {
    let named = std::env::var_os("OPENCLAW_TEST_BROWSER").map(PathBuf::from);
    let there = named
        .into_iter()
        .chain(BROWSERS.map(PathBuf::from))
        .any(|path| path.is_file());
    match there {
        true => Ok(()),
        false => Err("there is no Chromium: install it (`apt-get install chromium`), or name one in OPENCLAW_TEST_BROWSER".into()),
    }
}

/// Is everything that was built newer than everything that was written?
fn is_fresh(web: &Path) -> bool {
    let built = changed(&web.join("dist/index.html"));
    let written = newest(web).unwrap_or(None);
    built.is_some() && built >= written
}

fn newest(folder: &Path) -> io::Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        let own = match entry.file_type()?.is_dir() {
            true => self::newest(&entry.path())?,
            false => changed(&entry.path()),
        };
        newest = newest.max(own);
    }
    Ok(newest)
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, good) in [
            ("v20.19.0", true),
            ("v20.9.0", false),
            ("v22.0.0", true),
            ("v100.1", true),
            ("nightly", false),
        ] {
            assert_eq!(is_new_enough(version), good, "{version}");
        }
    }

    #[test]
    fn a_page_is_built_again_when_a_source_is_newer() {
        let temp = tempfile::tempdir().unwrap();
        let write = |path: &str, seconds: u64| {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        write("src/deep/a.ts", 10);
        assert!(!is_fresh(temp.path()), "it was never built");
        write("dist/index.html", 20);
        write("node_modules/x/y.js", 30);
        assert!(is_fresh(temp.path()));
        write("src/deep/a.ts", 40);
        assert!(!is_fresh(temp.path()));
    }
}
