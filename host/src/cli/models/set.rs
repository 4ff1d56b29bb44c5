//! `openclaw models set`: which model is asked first, written into openclaw.json.
use super::super::{
    Failure,
    config::{Place, edit},
    output,
};
use crate::config::{Edit, Env, JsonPath, Loaded};
use serde_json::{Value, json};

/// Chooses the model that is asked first, in openclaw.json, keeping comments and formatting
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model: provider/model, or an alias
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    edit::create_if_missing(&place)?;
    let loaded = Loaded::read_without_secrets(&place.paths, env).map_err(Failure::config)?;
    super::meant(&loaded.config, &args.model)?;
    let path = path(loaded.config.value());
    let edit = Edit::Set {
        path: path.clone(),
        value: json!(args.model.trim()),
    };
    let changed = edit::apply(&[edit], &place)?;
    if args.json {
        return output::json(&edit::facts(&changed, &path, &place));
    }
    edit::report(&changed, "Set", &path, &place);
    if !changed.written {
        anstream::println!("{path} was so already.");
    }
    Ok(())
}

/// A model that is written as a text has no fallbacks beside it, and stays one.
pub(in crate::cli) fn path(config: &Value) -> JsonPath {
    let model = JsonPath::root().key("agents").key("defaults").key("model");
    if config["agents"]["defaults"]["model"].is_string() {
        model
    } else {
        model.key("primary")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_there_is_kept() {
        let of = |config: Value| path(&config).to_string();
        assert_eq!(of(json!({})), "agents.defaults.model.primary");
        assert_eq!(
            of(json!({"agents": {"defaults": {"model": "a/b"}}})),
            "agents.defaults.model"
        );
        assert_eq!(
            of(json!({"agents": {"defaults": {"model": {"fallbacks": []}}}})),
            "agents.defaults.model.primary"
        );
    }
}
