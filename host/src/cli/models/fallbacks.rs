//! `openclaw models fallbacks`: the models that are asked when the default one does not answer, in openclaw.json.
use super::{
    super::{Failure, config::Place, output},
    Listing, meant, read, write,
};
use crate::{
    config::{Config, Edit, Env, JsonPath},
    models::ModelRef,
};
use clap::Subcommand;
use serde_json::{Value, json};

/// Shows and changes the models that are asked when the default one does not answer
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows them in their order
    List(Listing),
    /// Adds one behind the others
    Add(One),
    /// Takes one out
    Remove(One),
    /// Takes all out
    Clear(Nothing),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The model: provider/model, or an alias
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Nothing {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    let config = read(&place, env)?;
    let (edit, json) = match &args.command {
        Command::List(args) => return show(args, &config),
        Command::Add(args) => (adding(&config, &meant(&config, &args.model)?), args.json),
        Command::Remove(args) => {
            let edit = removing(&config, &meant(&config, &args.model)?).ok_or_else(|| {
                Failure::new(format_args!(
                    "{} is no fallback; `openclaw models fallbacks list` shows them",
                    args.model
                ))
            })?;
            (Some(edit), args.json)
        }
        Command::Clear(args) => (clearing(&config), args.json),
    };
    write(edit, &path().key("fallbacks"), json, &place)
}

fn show(args: &Listing, config: &Config) -> Result<(), Failure> {
    let written = written(config);
    if args.json {
        return output::json(&json!({ "fallbacks": written }));
    }
    if !args.plain {
        anstream::println!(
            "Fallbacks ({}){}",
            written.len(),
            if written.is_empty() { "" } else { ":" }
        );
    }
    for model in written {
        anstream::println!("{}{model}", if args.plain { "" } else { "- " });
    }
    Ok(())
}

fn path() -> JsonPath {
    JsonPath::root().key("agents").key("defaults").key("model")
}

fn written(config: &Config) -> Vec<&str> {
    let model = path().of(config.value()).unwrap_or(&Value::Null);
    output::list(&model["fallbacks"])
        .filter_map(Value::as_str)
        .collect()
}

/// Where the model is among them, under whichever name.
fn position(config: &Config, model: &ModelRef) -> Option<usize> {
    let agents = config.agents();
    let agent = agents.default_agent();
    let same = |written: &&str| ModelRef::parse(agent.reference(written)).as_ref() == Some(model);
    written(config).iter().position(same)
}

fn adding(config: &Config, model: &ModelRef) -> Option<Edit> {
    if position(config, model).is_some() {
        return None;
    }
    let added = json!(model.to_string());
    let there = path().of(config.value()).unwrap_or(&Value::Null);
    let list = path().key("fallbacks");
    let (path, value) = match (there, there["fallbacks"].as_array()) {
        // a model that is written as a text has no room for others
        (Value::String(primary), _) => (path(), json!({ "primary": primary, "fallbacks": [added] })),
        (_, Some(others)) => (list.index(others.len()), added),
        (_, None) => (list, json!([added])),
    };
    Some(Edit::Set { path, value })
}

fn removing(config: &Config, model: &ModelRef) -> Option<Edit> {
    let at = position(config, model)?;
    let path = path().key("fallbacks").index(at);
    Some(Edit::Unset { path })
}

fn clearing(config: &Config) -> Option<Edit> {
    let path = path().key("fallbacks");
    let value = json!([]);
    (!written(config).is_empty()).then_some(Edit::Set { path, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(model: Value) -> Config {
        let models = json!({"v/best": {"alias": "best"}});
        let config = json!({"agents": {"defaults": {"model": model, "models": models}}});
        Config::from_value(config).expect("valid")
    }

    fn told(edit: Option<Edit>) -> String {
        match edit {
            None => "nothing".to_owned(),
            Some(Edit::Set { path, value }) => format!("{path} = {value}"),
            Some(Edit::Unset { path }) => format!("{path} goes"),
        }
    }

    #[test]
    fn one_is_added_in_whichever_form_the_model_is_written() {
        let best = ModelRef::new("v", "best");
        let add = |model: Value| told(adding(&with(model), &best));
        assert_eq!(
            add(json!({"primary": "a/b"})),
            r#"agents.defaults.model.fallbacks = ["v/best"]"#
        );
        assert_eq!(
            add(json!("a/b")),
            r#"agents.defaults.model = {"primary":"a/b","fallbacks":["v/best"]}"#
        );
        assert_eq!(
            add(json!({"fallbacks": ["a/b"]})),
            r#"agents.defaults.model.fallbacks[1] = "v/best""#
        );
        for there in ["best", "v/best"] {
            assert_eq!(
                add(json!({"fallbacks": [there]})),
                "nothing",
                "it is there as {there}"
            );
        }
    }

    #[test]
    fn one_goes_under_whichever_name_it_has_and_all_go_once() {
        let config = with(json!({"fallbacks": ["a/b", "best"]}));
        let best = ModelRef::new("v", "best");
        assert_eq!(
            told(removing(&config, &best)),
            "agents.defaults.model.fallbacks[1] goes"
        );
        assert_eq!(told(removing(&config, &ModelRef::new("no", "body"))), "nothing");
        assert_eq!(told(clearing(&config)), "agents.defaults.model.fallbacks = []");
        assert_eq!(told(clearing(&with(json!("a/b")))), "nothing");
    }
}
