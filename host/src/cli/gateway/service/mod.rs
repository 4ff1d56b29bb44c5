//! `openclaw gateway install` and its like: the gateway as a service of the user's own systemd.
//!
//! It writes one file and gives orders to `systemctl`. Invariant: a file that somebody else wrote is not replaced
//! without `--force`, and no secret is written into one.
mod drift;
mod systemctl;
mod unit;

pub(in crate::cli) use drift::facts;

use super::{anew, probe};
use crate::{
    cli::{Failure, output, setting::Setting},
    config::{Env, Paths},
};
use clap::Subcommand;
use rustix::process::geteuid;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use unit::{MARK, Unit};

/// The service; a profile adds its name.
const NAME: &str = "openclaw-gateway";
/// Variables of this command that the service needs too. None of them is a secret.
const PLACES: [&str; 5] = [
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_HOME",
    "OPENCLAW_PROFILE",
    "OPENCLAW_INCLUDE_ROOTS",
    "OPENCLAW_BUNDLED_PLUGINS_DIR",
];

/// What is done with the service.
#[derive(Debug, Subcommand)]
pub enum Command {
    Status(probe::Status),
    Install(Install),
    /// Stops the service and removes it; configuration and state stay
    Uninstall(Plain),
    /// Starts the service
    Start(Plain),
    /// Stops the service
    Stop(Plain),
    Restart(Restart),
}

/// Makes the gateway a service of this user, confined, and starts it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tokens and keys that the service shall have in its environment stand in <state>/gateway.env, one NAME=value in each line.")]
pub struct Install {
    /// Port to listen on [default: what the configuration says]
    #[arg(long)]
    port: Option<u16>,
    /// Folder that tools may write to beside the state directory; can be repeated
    #[arg(long, value_name = "FOLDER")]
    write: Vec<PathBuf>,
    /// Replace a service file that was not made here
    #[arg(long)]
    force: bool,
    /// Print the service file and change nothing
    #[arg(long)]
    print: bool,
    /// Print a file for the system's manager instead of the user's, which runs the gateway as this user
    #[arg(long, requires = "print")]
    system: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Install {
    /// Without flags.
    fn plain() -> Self {
        Self {
            port: None,
            write: Vec::new(),
            force: false,
            print: true,
            system: false,
            json: false,
        }
    }
}

/// Restarts the gateway: the service, or the one that runs on this state without being one
///
/// A gateway that is no service begins anew in its process when no turn runs. Nothing is lost: what comes meanwhile, and
/// what it was told before, is answered afterwards.
#[derive(Debug, clap::Args)]
pub struct Restart {
    /// Don't wait for turns that run: they go on after the restart
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    plain: Plain,
}

/// How to answer.
#[derive(Debug, clap::Args)]
pub struct Plain {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to do with the service.
#[derive(Debug, Clone, Copy)]
enum Order {
    Start,
    Stop,
    Restart,
}

/// The service of this user and profile.
struct Service {
    unit: String,
    file: PathBuf,
}

/// Runs one of them.
pub(in crate::cli) fn run(command: &Command, env: &Env) -> Result<(), Failure> {
    match command {
        Command::Status(args) => probe::status(args, env),
        Command::Install(args) => install(args, env),
        Command::Uninstall(args) => uninstall(args, env),
        Command::Start(args) => order(Order::Start, args, env),
        Command::Stop(args) => order(Order::Stop, args, env),
        Command::Restart(args) if has_file(env)? => order(Order::Restart, &args.plain, env),
        Command::Restart(args) => anew::restart(args.force, args.plain.json, env),
    }
}

/// Runs `gateway install`.
fn install(args: &Install, env: &Env) -> Result<(), Failure> {
    let setting = Setting::look(env)?;
    let service = Service::of(env, &setting.paths)?;
    let user = match args.system {
        true => Some(env.var("USER").unwrap_or("root").to_owned()),
        false => None,
    };
    let text = unit(args, env, &setting, user)?;
    if args.print {
        return print(args, &service, &text);
    }
    if !setting.configured {
        return Err(Failure::config(format_args!(
            "there is no configuration {}; `openclaw onboard` makes one, and `openclaw config set gateway.mode local` is enough",
            setting.paths.config_file.display()
        )));
    }
    belongs_to_us(&setting)?;
    setting.paths.prepare_state_dir().map_err(Failure::config)?;
    let before = fs::read_to_string(&service.file).ok();
    let strange = before.as_ref().is_some_and(|before| !before.starts_with(MARK));
    if strange && !args.force {
        return Err(Failure::new(format_args!(
            "{} was not made by `openclaw gateway install`; look at it, and replace it with --force",
            service.file.display()
        )));
    }
    let changed = before.as_deref() != Some(&text);
    let folder = service.file.parent().expect("a file in a folder");
    fs::create_dir_all(folder).map_err(|e| Failure::io(format_args!("make {}", folder.display()), e))?;
    crate::config::write_atomic(&service.file, text.as_bytes())
        .map_err(|e| Failure::io(format_args!("write {}", service.file.display()), e))?;
    systemctl::order(env, &["daemon-reload"])?;
    systemctl::order(env, &["enable", &service.unit])?;
    // a service that runs takes up a changed file by this, and one that doesn't is started
    systemctl::order(env, &["restart", &service.unit])?;
    service.say(args.json, "install", changed, &format!(
        "{} is installed and started.\nIt ends when you log out, unless you run `loginctl enable-linger` once.",
        service.unit
    ))
}

/// Runs `gateway uninstall`. The state stays.
fn uninstall(args: &Plain, env: &Env) -> Result<(), Failure> {
    let service = Service::of(env, &Paths::resolve(env).map_err(Failure::config)?)?;
    let removed = remove(env)?.is_some();
    let text = match removed {
        true => "is stopped and removed. Configuration and state stay where they are.",
        false => "is not installed.",
    };
    let text = format!("{} {text}", service.unit);
    service.say(args.json, "uninstall", removed, &text)
}

/// Stops the service and removes it; gives its name. Nothing is done where there is none.
pub(in crate::cli) fn remove(env: &Env) -> Result<Option<String>, Failure> {
    let service = Service::of(env, &Paths::resolve(env).map_err(Failure::config)?)?;
    if !service.file.exists() {
        return Ok(None);
    }
    systemctl::order(env, &["disable", "--now", &service.unit])?;
    fs::remove_file(&service.file)
        .map_err(|e| Failure::io(format_args!("remove {}", service.file.display()), e))?;
    systemctl::order(env, &["daemon-reload"])?;
    Ok(Some(service.unit))
}

/// Is there a service of this user?
fn has_file(env: &Env) -> Result<bool, Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    // without a home there is no place for one
    Ok(Service::of(env, &paths).is_ok_and(|service| service.file.exists()))
}

/// Runs `gateway start`, `stop` and `restart`.
fn order(order: Order, args: &Plain, env: &Env) -> Result<(), Failure> {
    let service = Service::of(env, &Paths::resolve(env).map_err(Failure::config)?)?;
    let (verb, done) = match order {
        Order::Start => ("start", "started"),
        Order::Stop => ("stop", "stopped"),
        Order::Restart => ("restart", "started anew"),
    };
    if !service.file.exists() {
        return Err(Failure::new(format_args!(
            "there is no service {}; make it with `openclaw gateway install`",
            service.unit
        )));
    }
    systemctl::order(env, &[verb, &service.unit])?;
    service.say(args.json, verb, true, &format!("{} is {done}.", service.unit))
}

/// What `gateway status` says of the service; nothing where none is installed.
pub(in crate::cli) fn status(env: &Env, paths: &Paths) -> Option<Value> {
    let service = Service::of(env, paths).ok()?;
    if !service.file.exists() {
        return None;
    }
    let mut row = json!({"unit": service.unit, "file": service.file});
    match systemctl::state(env, &service.unit) {
        Ok(state) => row["state"] = json!(state),
        Err(error) => row["error"] = json!(error.to_string()),
    }
    Some(row)
}

/// The same in a line for people.
pub(in crate::cli) fn line(row: &Value) -> String {
    let unit = output::text(&row["unit"]);
    match row.get("error") {
        Some(error) => format!("Service: {unit}: {}", output::text(error)),
        None => {
            let state = &row["state"];
            let pid = state["pid"]
                .as_u64()
                .map_or_else(String::new, |pid| format!(", PID {pid}"));
            format!(
                "Service: {unit}: {} ({}{pid}), {}",
                output::text(&state["active"]),
                output::text(&state["sub"]),
                output::text(&state["unitFile"])
            )
        }
    }
}

fn unit(args: &Install, env: &Env, setting: &Setting, user: Option<String>) -> Result<String, Failure> {
    let absolute = |folder: &PathBuf| {
        folder
            .canonicalize()
            .map_err(|e| Failure::io(format_args!("find the folder {}", folder.display()), e))
    };
    let writable = args.write.iter().map(absolute).collect::<Result<_, _>>()?;
    let mut variables = vec![(
        "OPENCLAW_STATE_DIR",
        setting.paths.state_dir.display().to_string(),
    )];
    variables.extend(
        PLACES
            .iter()
            .filter_map(|name| Some((*name, env.var(name)?.to_owned()))),
    );
    let unit = Unit {
        program: setting.program.clone(),
        args: args
            .port
            .map_or_else(Vec::new, |port| vec!["--port".to_owned(), port.to_string()]),
        state: setting.paths.state_dir.clone(),
        writable,
        variables,
        user,
    };
    unit.text().map_err(Failure::usage)
}

fn print(args: &Install, service: &Service, text: &str) -> Result<(), Failure> {
    if args.json {
        return output::json(&json!({"unit": service.unit, "file": service.file, "text": text}));
    }
    anstream::print!("{text}");
    Ok(())
}

/// In a confined service of the user, files of others look like nobody's, and libraries of nobody's are not loaded.
fn belongs_to_us(setting: &Setting) -> Result<(), Failure> {
    let us = geteuid();
    if us.is_root() {
        return Ok(());
    }
    let on = setting.assembly.specs.iter().filter(|spec| spec.reason.is_on());
    let strange = on
        .map(|spec| spec.path.as_path())
        .find(|path| !is_ours(path, us.as_raw()));
    match strange {
        None => Ok(()),
        Some(path) => Err(Failure::new(format_args!(
            "{} belongs to another user, which a confined service of yours can't see to be root; unpack the program below \
             your home and run it from there, or let root put what `openclaw gateway install --print --system` prints \
             into /etc/systemd/system/{NAME}.service",
            path.display()
        ))),
    }
}

fn is_ours(path: &Path, us: u32) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.uid() == us)
}

// === impl Service ===

impl Service {
    fn of(env: &Env, paths: &Paths) -> Result<Self, Failure> {
        let profile = env.var("OPENCLAW_PROFILE").filter(|name| *name != "default");
        let unit = match profile {
            Some(profile) => format!("{NAME}-{profile}.service"),
            None => format!("{NAME}.service"),
        };
        let home = || Some(paths.home.as_ref()?.join(".config"));
        let config = env.var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
        let config = config.filter(|config| config.is_absolute()).ok_or_else(|| {
            Failure::config(
                "no place for a service file: neither HOME nor XDG_CONFIG_HOME is set; set one of them",
            )
        })?;
        Ok(Self {
            file: config.join("systemd/user").join(&unit),
            unit,
        })
    }

    fn say(&self, as_json: bool, action: &str, changed: bool, text: &str) -> Result<(), Failure> {
        if as_json {
            return output::json(&json!({
                "ok": true, "action": action, "unit": self.unit, "file": self.file, "changed": changed,
            }));
        }
        anstream::println!("{text}");
        Ok(())
    }
}
