//! `openclaw models aliases`: short names for models, in openclaw.json.
use super::{
    super::{Failure, config::Place, output},
    Listing, meant, read, write,
};
use crate::{
    config::{Config, Edit, Env, JsonPath},
    models::ModelRef,
};
use clap::Subcommand;
use serde_json::{Map, Value, json};

/// Shows and changes short names for models
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows them
    List(Listing),
    /// Gives a model a short name
    Add(Add),
    /// Takes a short name away
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The short name
    alias: String,
    /// The model: provider/model, or another alias
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// The short name
    alias: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    let config = read(&place, env)?;
    match &args.command {
        Command::List(args) => show(args, &config),
        Command::Add(args) => {
            let alias = checked(&args.alias)?;
            let model = meant(&config, &args.model)?;
            let edit = adding(&config, alias, &model)?;
            let path = edit.path().clone();
            write(Some(edit), &path, args.json, &place)
        }
        Command::Remove(args) => {
            let (model, _) = holder(&config, args.alias.trim()).ok_or_else(|| {
                Failure::new(format_args!(
                    "there is no alias {}; `openclaw models aliases list` shows them",
                    args.alias
                ))
            })?;
            let path = models().key(model).key("alias");
            write(Some(Edit::Unset { path: path.clone() }), &path, args.json, &place)
        }
    }
}

fn show(args: &Listing, config: &Config) -> Result<(), Failure> {
    let found = all(config);
    if args.json {
        let map: Map<_, _> = found
            .map(|(model, alias)| (alias.to_owned(), json!(model)))
            .collect();
        return output::json(&json!({ "aliases": map }));
    }
    let found: Vec<_> = found.collect();
    if !args.plain {
        anstream::println!(
            "Aliases ({}){}",
            found.len(),
            if found.is_empty() { "" } else { ":" }
        );
    }
    for (model, alias) in found {
        match args.plain {
            true => anstream::println!("{alias} {model}"),
            false => anstream::println!("- {alias} -> {model}"),
        }
    }
    Ok(())
}

fn models() -> JsonPath {
    JsonPath::root().key("agents").key("defaults").key("models")
}

/// Models as they are written, with their short names.
fn all(config: &Config) -> impl Iterator<Item = (&str, &str)> {
    let models = models().of(config.value()).and_then(Value::as_object);
    let models = models.into_iter().flatten();
    models.filter_map(|(model, entry)| Some((model.as_str(), entry["alias"].as_str()?)))
}

/// The model that has a short name, and the name as it is written.
fn holder<'c>(config: &'c Config, alias: &str) -> Option<(&'c str, &'c str)> {
    all(config).find(|(_, other)| other.eq_ignore_ascii_case(alias))
}

fn checked(alias: &str) -> Result<&str, Failure> {
    let alias = alias.trim();
    let is_good = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if !alias.is_empty() && alias.chars().all(is_good) {
        return Ok(alias);
    }
    Err(Failure::usage(
        "an alias has letters, digits and the signs _ . : - only",
    ))
}

fn adding(config: &Config, alias: &str, model: &ModelRef) -> Result<Edit, Failure> {
    let is_model = |written: &str| ModelRef::parse(written).as_ref() == Some(model);
    if let Some((other, _)) = holder(config, alias)
        && !is_model(other)
    {
        return Err(Failure::new(format_args!(
            "{alias} means {other} already; take it away with `openclaw models aliases remove {alias}` first"
        )));
    }
    let there = models().of(config.value()).and_then(Value::as_object);
    let mut keys = there.into_iter().flat_map(Map::keys);
    let key = keys.find(|written| is_model(written.as_str())).cloned();
    Ok(Edit::Set {
        path: models()
            .key(key.unwrap_or_else(|| model.to_string()))
            .key("alias"),
        value: json!(alias),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_models_only() {
        let models = json!({"V/best": {"alias": "best"}, "v/other": {}});
        let config = json!({"agents": {"defaults": {"models": models}}});
        let config = Config::from_value(config).expect("valid");
        let path = |alias: &str, model: &str| {
            let edit = adding(&config, alias, &ModelRef::new("v", model));
            edit.map(|edit| edit.path().to_string()).ok()
        };
        let of = |key: &str| Some(models_path(key));
        assert_eq!(path("top", "best"), of("V/best"), "the entry that is there");
        assert_eq!(path("BEST", "best"), of("V/best"));
        assert_eq!(path("new", "third"), of("v/third"));
        assert_eq!(path("Best", "other"), None, "it is another one's");
        assert_eq!(holder(&config, "BEST"), Some(("V/best", "best")));
    }

    fn models_path(key: &str) -> String {
        models().key(key).key("alias").to_string()
    }

    #[test]
    fn a_name_can_be_told_from_a_model() {
        assert_eq!(checked(" fast-1 ").expect("a name"), "fast-1");
        for wrong in ["", "a b", "a/b", "ä"] {
            checked(wrong).expect_err(wrong);
        }
    }
}
