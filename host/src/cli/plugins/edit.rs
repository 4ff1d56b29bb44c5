//! `openclaw plugins enable` and `disable`: one key in `openclaw.json`, every other byte as its author wrote it.
use super::super::{Failure, output, setting::Setting};
use crate::{
    config::{Edit, JsonPath, edit_file, write_atomic},
    plugins::ladder::{self, Reason},
};
use serde_json::json;

/// Switches a plugin on or off in openclaw.json, keeping comments and formatting.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the plugin
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `enable` (`on`) or `disable`.
pub fn run(args: &Args, on: bool, setting: &Setting) -> Result<(), Failure> {
    let id = &args.id;
    let configured = setting.config.plugins.entries.contains_key(id);
    if !setting.found.plugins.contains_key(id) && !configured {
        return Err(Failure::new(format_args!(
            "there is no plugin {id}; `openclaw plugins list` shows what there is"
        )));
    }
    let file = &setting.paths.config_file;
    if !setting.configured {
        setting.paths.prepare_state_dir().map_err(Failure::config)?;
        write_atomic(file, b"{}\n").map_err(|e| Failure::io(format_args!("create {}", file.display()), e))?;
    }
    let path = entry(id).key("enabled");
    let edit = Edit::Set {
        path,
        value: json!(on),
    };
    let changed = edit_file(file, &setting.paths.include_roots, &[edit]).map_err(Failure::config)?;
    let hindrance = hindrance(id, on, setting);
    if args.json {
        let reason = hindrance.map(|reason| reason.to_string());
        return output::json(&json!({ "id": id, "file": file, "changed": changed, "staysOff": reason }));
    }
    let word = if on { "Enabled" } else { "Disabled" };
    match changed {
        true => anstream::println!("{word} {id} in {}.", file.display()),
        false => anstream::println!("{id} was {} already.", word.to_lowercase()),
    }
    if let Some(reason) = hindrance {
        anstream::println!("It stays off all the same: {reason}.");
    } else if changed {
        anstream::println!("A running gateway takes it up by itself.");
    }
    Ok(())
}

/// `plugins.entries.<id>`
pub(super) fn entry(id: &str) -> JsonPath {
    JsonPath::root().key("plugins").key("entries").key(id)
}

/// A rung of the ladder above the entry that decides against it.
fn hindrance(id: &str, on: bool, setting: &Setting) -> Option<Reason> {
    let manifest = &setting.found.plugins.get(id)?.library.manifest;
    let reason = ladder::decide(
        manifest,
        Some(on),
        &crate::plugins::assemble::switches(&setting.config, &setting.found),
    );
    (on && !reason.is_on()).then_some(reason)
}
