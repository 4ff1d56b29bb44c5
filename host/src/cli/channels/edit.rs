//! `openclaw channels add` and `remove`: edits of openclaw.json that keep every other byte.
//!
//! Which key holds a channel's token is what the schema of its plugin says; this file knows no channel.
use super::{
    super::{
        Failure,
        config::{Place, edit},
        configure,
        onboard::prompt,
        output,
        setting::Setting,
    },
    Which,
};
use crate::config::{Edit, Env, JsonPath, Sources};
use serde_json::{Value, json};
use std::io::Read;

/// Longest token that is read from standard input, bytes.
const MAX_TOKEN: u64 = 16_384;
/// The key of a channel's token where its plugin has no schema.
const TOKEN: &str = "token";
/// The key of a file with it.
const TOKEN_FILE: &str = "tokenFile";

/// Sets up a channel, or another account of one, in openclaw.json, keeping comments and formatting
#[derive(Debug, clap::Args)]
pub struct Add {
    #[command(flatten)]
    which: Which,
    /// Its token; `-` reads it from standard input, `${NAME}` from the environment when the gateway starts
    #[arg(long)]
    token: Option<String>,
    /// File that the channel reads its token from
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<String>,
    /// The key that the token is written to [default: the channel's only one]
    #[arg(long)]
    key: Option<String>,
    /// Account, if there are to be several
    #[arg(long)]
    account: Option<String>,
    /// What the account is called for people
    #[arg(long)]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Switches a channel, or one account of it, off in openclaw.json, or removes it; comments and formatting stay
#[derive(Debug, clap::Args)]
pub struct Remove {
    #[command(flatten)]
    which: Which,
    /// Only this account
    #[arg(long)]
    account: Option<String>,
    /// Remove what is written of it, its token too
    #[arg(long)]
    delete: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `add`; without a channel it asks, where there is somebody.
pub fn add(args: &Add, env: &Env) -> Result<(), Failure> {
    let Some(channel) = args.which.name() else {
        if !prompt::is_possible() {
            return Err(unnamed());
        }
        let sections = vec![configure::Section::Channels];
        return configure::run(&configure::Args::of(sections), env);
    };
    let setting = Setting::look(env)?;
    let mut specs = setting.assembly.specs.iter();
    let spec = specs.find(|spec| spec.manifest.channels.iter().any(|own| own == channel));
    let spec = spec.ok_or_else(|| {
        Failure::usage(format_args!(
            "no plugin offers the channel {channel}; `openclaw channels list --all` shows what there is"
        ))
    })?;
    let at = place_of(channel, args.account.as_deref());
    let edits = edits(args, &at, spec.manifest.channel_schemas.get(channel))?;
    let place = Place::of(env)?;
    edit::create_if_missing(&place)?;
    let changed = edit::apply(&edits, &place)?;
    if args.json {
        let mut facts = edit::facts(&changed, &at, &place);
        facts["plugin"] =
            json!({ "id": spec.manifest.id, "on": spec.reason.is_on(), "reason": spec.reason.to_string() });
        return output::json(&facts);
    }
    edit::report(&changed, "Set", &at, &place);
    if !changed.written {
        anstream::println!("{at} was so already.");
    }
    if !spec.reason.is_on() {
        let id = &spec.manifest.id;
        anstream::eprintln!(
            "note: plugin {id} is off ({}); `openclaw plugins enable {id}`",
            spec.reason
        );
    }
    Ok(())
}

/// What `add` writes at a channel's place.
fn edits(args: &Add, at: &JsonPath, schema: Option<&Value>) -> Result<Vec<Edit>, Failure> {
    let set = |key: &str, value: Value| Edit::Set {
        path: at.key(key),
        value,
    };
    let mut edits = vec![set("enabled", json!(true))];
    if let Some(name) = &args.name {
        edits.push(set("name", json!(name)));
    }
    if let Some(file) = &args.token_file {
        let takes = schema.is_none_or(|schema| schema["properties"][TOKEN_FILE].is_object());
        if !takes {
            return Err(Failure::usage(
                "this channel reads its token from no file; give --token",
            ));
        }
        edits.push(set(TOKEN_FILE, json!(file)));
    }
    if let Some(token) = &args.token {
        let key = match &args.key {
            Some(key) => key.clone(),
            None => token_key(schema).map_err(Failure::usage)?,
        };
        edits.push(set(&key, json!(read_token(token)?)));
    }
    Ok(edits)
}

/// Runs `remove`.
pub fn remove(args: &Remove, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    let channel = args.which.name().ok_or_else(unnamed)?;
    let at = place_of(channel, args.account.as_deref());
    let file = place.paths.config_file.display();
    let sources =
        Sources::read(&place.paths.config_file, &place.paths.include_roots).map_err(Failure::config)?;
    if at.of(sources.merged()).is_none() {
        return Err(Failure::new(format_args!("{at} is not set in {file}")));
    }
    let (edit, done) = match args.delete {
        true => (Edit::Unset { path: at.clone() }, "Removed"),
        false => {
            let (path, value) = (at.key("enabled"), json!(false));
            (Edit::Set { path, value }, "Switched off")
        }
    };
    let changed = edit::apply(&[edit], &place)?;
    if args.json {
        return output::json(&edit::facts(&changed, &at, &place));
    }
    edit::report(&changed, done, &at, &place);
    if !changed.written {
        anstream::println!("{at} was off already.");
    }
    Ok(())
}

fn unnamed() -> Failure {
    Failure::usage("say which channel; `openclaw channels list --all` shows what there is")
}

fn place_of(channel: &str, account: Option<&str>) -> JsonPath {
    let channel = JsonPath::root().key("channels").key(channel);
    match account {
        Some(account) => channel.key("accounts").key(account),
        None => channel,
    }
}

/// The property of a channel's schema that holds its token.
pub(in crate::cli) fn token_key(schema: Option<&Value>) -> Result<String, String> {
    let Some(properties) = schema.and_then(|schema| schema["properties"].as_object()) else {
        return Ok(TOKEN.to_owned());
    };
    let keys = properties
        .keys()
        .filter(|key| key.to_lowercase().ends_with(TOKEN));
    let keys: Vec<_> = keys.map(String::as_str).collect();
    match keys.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err("this channel has no token; leave --token out".to_owned()),
        several if several.contains(&TOKEN) => Ok(TOKEN.to_owned()),
        several => Err(format!(
            "name the key of the token with --key: {}",
            several.join(", ")
        )),
    }
}

fn read_token(written: &str) -> Result<String, Failure> {
    if written != "-" {
        return Ok(written.to_owned());
    }
    let mut token = String::new();
    std::io::stdin()
        .take(MAX_TOKEN)
        .read_to_string(&mut token)
        .map_err(|error| Failure::io("read the token from standard input", error))?;
    match token.trim() {
        "" => Err(Failure::usage("standard input has no token")),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_key() {
        let of = |keys: &[&str]| {
            let properties: serde_json::Map<_, _> =
                keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
            token_key(Some(&json!({ "properties": properties })))
        };
        assert_eq!(of(&["name", "botToken", "tokenFile"]), Ok("botToken".to_owned()));
        assert_eq!(of(&["token", "refreshToken"]), Ok("token".to_owned()));
        assert!(of(&["appToken", "botToken"]).is_err_and(|text| text.contains("appToken, botToken")));
        assert!(of(&["name"]).is_err());
        assert_eq!(token_key(None), Ok("token".to_owned()));
    }
}
