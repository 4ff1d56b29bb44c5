//! `openclaw plugins new`: a plugin that compiles, with tests and CI, in a folder of its own.
use super::super::Failure;
use clap::ValueEnum;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What sort of plugin.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// A chat platform.
    Channel,
    /// Something an agent can do.
    Tool,
    /// A model vendor.
    Provider,
}

/// Creates a plugin project.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the plugin: lower-case letters, digits and '-'
    name: String,
    /// What sort of plugin
    #[arg(long, value_enum)]
    kind: Kind,
    /// Folder to create [default: ./<name>]
    #[arg(long)]
    path: Option<PathBuf>,
    /// Where openclaw-plugin-api comes from: a version, or the path of a checkout's plugin-api folder
    /// [default: the checkout that this program was built in, else version 1]
    #[arg(long)]
    api: Option<String>,
    /// Folder in this workspace to create it in, with the workspace's own settings (`cargo xtask new-plugin`)
    #[arg(long, hide = true, conflicts_with_all = ["path", "api"])]
    in_workspace: Option<PathBuf>,
}

/// What a plugin in the workspace has from the workspace.
const NOT_IN_WORKSPACE: [&str; 4] = [
    ".gitignore",
    ".github/workflows/ci.yml",
    "rustfmt.toml",
    "tests/conformance.rs",
];

/// The files of a project: path, and text with placeholders.
type Files = [(&'static str, &'static str); 9];

macro_rules! files {
    ($kind:literal) => {
        [
            ("Cargo.toml", include_str!("templates/common/Cargo.toml.in")),
            (
                "build.rs",
                include_str!(concat!("templates/", $kind, "/build.rs.in")),
            ),
            ("README.md", include_str!("templates/common/README.md.in")),
            (".gitignore", "/target\n"),
            (
                ".github/workflows/ci.yml",
                include_str!("templates/common/ci.yml.in"),
            ),
            ("rustfmt.toml", "max_width = 120\n"),
            (
                "src/lib.rs",
                include_str!(concat!("templates/", $kind, "/lib.rs.in")),
            ),
            (
                "src/config.rs",
                include_str!(concat!("templates/", $kind, "/config.rs.in")),
            ),
            (
                "tests/conformance.rs",
                include_str!("templates/common/conformance.rs.in"),
            ),
        ]
    };
}

const CHANNEL: Files = files!("channel");
const TOOL: Files = files!("tool");
const PROVIDER: Files = files!("provider");

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Failure> {
    if !crate::plugins::manifest::is_id(&args.name) {
        let text = format!(
            "\"{}\" is no plugin id; use lower-case letters, digits and '-', beginning with a letter",
            args.name
        );
        return Err(Failure::usage(text));
    }
    let folder = args
        .in_workspace
        .clone()
        .or_else(|| args.path.clone())
        .unwrap_or_else(|| PathBuf::from(&args.name));
    if folder.exists() {
        return Err(Failure::usage(format!(
            "{} exists already; choose another --path",
            folder.display()
        )));
    }
    let files = match args.kind {
        Kind::Channel => &CHANNEL,
        Kind::Tool => &TOOL,
        Kind::Provider => &PROVIDER,
    };
    let api = args
        .api
        .clone()
        .or_else(checkout_api)
        .unwrap_or_else(|| "1".into());
    for (path, text) in files {
        let text = match (*path, &args.in_workspace) {
            (path, Some(_)) if NOT_IN_WORKSPACE.contains(&path) => continue,
            ("Cargo.toml", Some(_)) => include_str!("templates/common/Cargo.workspace.toml.in"),
            _ => text,
        };
        write(&folder.join(path), &fill(text, args, &api))?;
    }
    if args.in_workspace.is_some() {
        anstream::println!(
            "Created {}. Next: cargo test -p openclaw-plugin-{}",
            folder.display(),
            args.name
        );
        return Ok(());
    }
    anstream::println!(
        "Created {} in {}.\n\nNext:\n  cd {}\n  cargo test\n  cargo build --release\n  \
         openclaw plugins check target/release/{}\n  openclaw plugins install target/release/{}",
        args.name,
        folder.display(),
        folder.display(),
        library(&args.name),
        library(&args.name),
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e| Failure::io(format!("write {}", path.display()), e);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}

/// The API crate of the checkout in which this program lies, as when it was built by `cargo xtask`.
fn checkout_api() -> Option<String> {
    let exe = std::env::current_exe().ok()?.canonicalize().ok()?;
    let api = exe
        .ancestors()
        .map(|folder| folder.join("plugin-api"))
        .find(|api| api.join("src/abi").is_dir())?;
    Some(api.display().to_string())
}

fn library(name: &str) -> String {
    format!(
        "{}{}{}",
        std::env::consts::DLL_PREFIX,
        crate_name(name).replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    )
}

fn crate_name(name: &str) -> String {
    format!("openclaw-{name}")
}

fn fill(text: &str, args: &Args, api: &str) -> String {
    let source = match api.contains(['/', '\\']) {
        true => format!("path = \"{}\"", api.escape_default()),
        false => format!("version = \"{api}\""),
    };
    let title: String = args.name.split('-').map(capital).collect::<Vec<_>>().join(" ");
    let (description, sample) = match args.kind {
        Kind::Channel => ("A channel for the OpenClaw gateway.", ""),
        Kind::Tool => (
            "A tool for agents of the OpenClaw gateway.",
            "greeting: \"Hello\"",
        ),
        Kind::Provider => (
            "A model provider for the OpenClaw gateway.",
            "baseUrl: \"http://localhost:8080\"",
        ),
    };
    let pairs = [
        ("{{crate}}", crate_name(&args.name)),
        ("{{id}}", args.name.clone()),
        ("{{name}}", title),
        ("{{snake}}", args.name.replace('-', "_")),
        ("{{library}}", library(&args.name)),
        ("{{description}}", description.to_owned()),
        ("{{sample}}", sample.to_owned()),
        ("{{api}}", format!("{{ {source} }}")),
        (
            "{{api_build}}",
            format!("{{ {source}, default-features = false, features = [\"build\"] }}"),
        ),
        (
            "{{api_test}}",
            format!("{{ {source}, features = [\"testing\"] }}"),
        ),
    ];
    pairs.iter().fold(text.to_owned(), |text, (placeholder, value)| {
        text.replace(placeholder, value)
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
