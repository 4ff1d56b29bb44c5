//! `openclaw secrets configure` and `set`: a secret goes into a file of its own, or stays in the environment, and the
//! configuration refers to it.
use super::{audit::copies_of, find::plain};
use crate::{
    cli::{
        Failure,
        config::{Place, edit},
        onboard::prompt,
        output,
        vault::Vault,
    },
    config::{Changed, Edit, Env, JsonPath, Redactor, Sources},
};
use openclaw_plugin_api::Secret;
use serde_json::{Value, json};
use std::{
    fs,
    io::{IsTerminal, Read},
    path::PathBuf,
};

/// Longest secret that is read from standard input, bytes.
const MAX_SECRET: u64 = 64 << 10;

/// Moves secrets that stand in openclaw.json into secrets.json, which only its owner can read
#[derive(Debug, clap::Args)]
pub(super) struct Configure {
    /// Only this value; can be repeated
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// All of them, without asking
    #[arg(long, conflicts_with = "path")]
    all: bool,
    /// Remove earlier contents of openclaw.json that have one of them
    #[arg(long)]
    remove_copies: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Takes a secret from standard input, or asks for it, puts it into secrets.json, and refers to it
#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// The value, like gateway.auth.token
    path: String,
    /// Take none: refer to this variable of the gateway's environment
    #[arg(long, value_name = "VARIABLE")]
    env: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `configure`.
pub(super) fn configure(args: &Configure, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    let file = &place.paths.config_file;
    let sources = Sources::read(file, &place.paths.include_roots).map_err(Failure::config)?;
    let found: Vec<_> = plain(sources.merged(), &Redactor::new(place.schema()))
        .into_iter()
        .filter(|plain| plain.can_move)
        .map(|plain| plain.path)
        .collect();
    let chosen = choose(args, found)?;
    let mut vault = Vault::open(&place.paths, sources.merged())?;
    let mut edits = Vec::new();
    let mut secrets = Vec::new();
    for path in &chosen {
        let Some(text) = path.of(sources.merged()).and_then(Value::as_str) else {
            continue;
        };
        secrets.push(text.to_owned());
        edits.push(Edit::Set {
            value: vault.put(path, &Secret::new(text)),
            path: path.clone(),
        });
    }
    let changed = write(&mut vault, edits, &place)?;
    let copies = copies(&place, &secrets, args.remove_copies)?;
    let moved: Vec<_> = chosen.iter().map(ToString::to_string).collect();
    if args.json {
        return output::json(&json!({
            "ok": true, "moved": moved, "file": vault.file(), "changed": changed.written,
            "copies": copies, "copiesRemoved": args.remove_copies,
        }));
    }
    if moved.is_empty() {
        anstream::println!("Nothing to move: no secret stands in {}.", file.display());
    }
    for path in &moved {
        anstream::println!("Moved {path} into {}.", vault.file().display());
    }
    for copy in copies {
        match args.remove_copies {
            true => anstream::println!("Removed {}.", copy.display()),
            false => anstream::println!(
                "{} has it still; --remove-copies removes such files.",
                copy.display()
            ),
        }
    }
    Ok(())
}

/// Runs `set`.
pub(super) fn set(args: &Set, env: &Env) -> Result<(), Failure> {
    let path: JsonPath = args.path.parse().map_err(Failure::usage)?;
    let place = Place::of(env)?;
    // asked before anything is made
    let secret = match &args.env {
        Some(_) => None,
        None => Some(read_secret(&path)?),
    };
    edit::create_if_missing(&place)?;
    let file = &place.paths.config_file;
    let sources = Sources::read(file, &place.paths.include_roots).map_err(Failure::config)?;
    let mut vault = Vault::open(&place.paths, sources.merged())?;
    let value = match (&args.env, &secret) {
        (Some(name), _) => json!({ "source": "env", "provider": "default", "id": name }),
        (None, Some(secret)) => vault.put(&path, secret),
        (None, None) => return Err(Failure::usage("there is no secret")),
    };
    let edit = Edit::Set {
        path: path.clone(),
        value,
    };
    let changed = write(&mut vault, vec![edit], &place)?;
    let unset = args.env.as_ref().filter(|name| env.var(name).is_none());
    if args.json {
        let (kind, at) = match &args.env {
            Some(name) => ("env", json!(name)),
            None => ("file", json!(vault.file())),
        };
        return output::json(
            &json!({ "ok": true, "path": path.to_string(), "source": kind, "at": at,
            "changed": changed.written, "isSetHere": unset.is_none() }),
        );
    }
    edit::report(&changed, "Set", &path, &place);
    if !changed.written {
        anstream::println!(
            "The secret is in {}; `openclaw secrets reload` has the gateway take it.",
            vault.file().display()
        );
    }
    if let Some(name) = unset {
        anstream::eprintln!("note: {name} is not set here; the gateway does not start without it");
    }
    Ok(())
}

/// First the file, then what refers to it; if that fails the file is as it was.
fn write(vault: &mut Vault, mut edits: Vec<Edit>, place: &Place<'_>) -> Result<Changed, Failure> {
    edits.extend(vault.introduction());
    vault.save()?;
    let changed = edit::apply(&edits, place);
    if changed.is_err() {
        vault.undo();
    }
    changed
}

fn choose(args: &Configure, found: Vec<JsonPath>) -> Result<Vec<JsonPath>, Failure> {
    if args.all || found.is_empty() && args.path.is_empty() {
        return Ok(found);
    }
    if args.path.is_empty() {
        if !prompt::is_possible() {
            return Err(Failure::usage(
                "there is no terminal to ask in; give --all or --path",
            ));
        }
        let all: Vec<_> = (0..found.len()).collect();
        let chosen = prompt::choose_some("Which secrets shall be moved?", &found, &all)?;
        return Ok(chosen.into_iter().map(|at| found[at].clone()).collect());
    }
    let parse = |text: &String| text.parse::<JsonPath>().map_err(Failure::usage);
    let asked: Vec<_> = args.path.iter().map(parse).collect::<Result<_, _>>()?;
    match asked.iter().find(|path| !found.contains(path)) {
        Some(path) => Err(Failure::new(format_args!(
            "at {path} there is no secret that can be moved; `openclaw secrets audit` shows which there are"
        ))),
        None => Ok(asked),
    }
}

/// Copies of the configuration that have one of the secrets.
fn copies(place: &Place<'_>, secrets: &[String], remove: bool) -> Result<Vec<PathBuf>, Failure> {
    // written as JSON a secret may look otherwise
    let escaped = |secret: &String| Value::from(secret.as_str()).to_string();
    let forms: Vec<_> = secrets
        .iter()
        .flat_map(|secret| [secret.clone(), escaped(secret).trim_matches('"').to_owned()])
        .collect();
    // one that can't be read may have it
    let has_one = |copy: &PathBuf| match fs::read(copy) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            forms.iter().any(|form| text.contains(form))
        }
        Err(_) => !secrets.is_empty(),
    };
    let copies: Vec<_> = copies_of(&place.paths).into_iter().filter(has_one).collect();
    if remove {
        for copy in &copies {
            fs::remove_file(copy).map_err(|e| Failure::io(format_args!("remove {}", copy.display()), e))?;
        }
    }
    Ok(copies)
}

fn read_secret(path: &JsonPath) -> Result<Secret, Failure> {
    let secret = if std::io::stdin().is_terminal() {
        prompt::secret(&format!("Secret for {path}"), "")?
    } else {
        let mut text = String::new();
        std::io::stdin()
            .take(MAX_SECRET + 1)
            .read_to_string(&mut text)
            .map_err(|error| Failure::io("read the secret from standard input", error))?;
        if text.len() as u64 > MAX_SECRET {
            return Err(Failure::usage(format_args!(
                "the secret on standard input is longer than {MAX_SECRET} bytes; is it the right file?"
            )));
        }
        Secret::new(text.trim())
    };
    match secret.is_empty() {
        true => Err(Failure::usage("there is no secret on standard input")),
        false => Ok(secret),
    }
}
