//! `openclaw config patch`: what is to be different, as an object, in one step.
use super::{super::Failure, Place, edit::How, json5_file, path};
use crate::config::{JsonPath, diff, edits_between, has_placeholder, merge_patch};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Changes openclaw.json in one step by a JSON5 object that says what is to be different: objects are merged, null
/// removes, everything else replaces. Comments and formatting stay.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file with the object
    #[arg(long, required_unless_present = "stdin", conflicts_with = "stdin")]
    file: Option<PathBuf>,
    /// Read it from standard input
    #[arg(long)]
    stdin: bool,
    /// Replace what is at this path in the place of merging it; can be repeated
    #[arg(long, value_name = "PATH")]
    replace_path: Vec<String>,
    /// Say whether it could be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place<'_>) -> Result<(), Failure> {
    let patch = json5_file(args.file.as_deref().unwrap_or(Path::new("-")))?;
    if !patch.is_object() {
        return Err(Failure::usage("the patch is no object"));
    }
    if has_placeholder(&patch) {
        return Err(Failure::usage(
            "the patch has a placeholder where a secret was hidden; leave that key out, or write the secret",
        ));
    }
    let mut replace = lists(&patch);
    for text in &args.replace_path {
        let path = path(text)?;
        if path.of(&patch).is_none() {
            return Err(Failure::usage(format_args!(
                "--replace-path {path}: the patch has nothing there"
            )));
        }
        replace.push(path);
    }
    let draft = place.draft()?;
    let before = draft.merged();
    let after = merge_patch(before, &patch, &replace);
    let edits = edits_between(before, &after);
    let paths = diff(before, &after);
    let how = How {
        dry_run: args.dry_run,
        json: args.json,
    };
    how.carry_out(&draft, &edits, ("Changed", "json"), &paths, place)
}

/// Where the patch has lists: here they replace, whatever their elements are called.
fn lists(patch: &Value) -> Vec<JsonPath> {
    let mut found = Vec::new();
    let mut open = vec![(JsonPath::root(), patch)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Array(_) => found.push(path),
            Value::Object(map) => open.extend(map.iter().map(|(key, inner)| (path.key(key), inner))),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;
    use clap::Parser;
    use serde_json::json;
    use std::fs;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn objects_merge_lists_replace_and_null_removes() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_str().expect("a name");
        let env: Env = [
            ("OPENCLAW_STATE_DIR", state),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
        ]
        .into_iter()
        .collect();
        let (config, file) = (folder.path().join("openclaw.json"), folder.path().join("patch"));
        let text = "{\n  // why\n  gateway: { port: 1, bind: 'loopback' },\n  agents: { list: [{ id: 'a' }, { id: 'b' }] },\n}\n";
        fs::write(&config, text).expect("written");
        let patched = |patch: &str, flags: &[&str]| {
            fs::write(&file, patch).expect("written");
            let file = file.to_str().expect("a name");
            let words = ["patch", "--file", file].into_iter().chain(flags.iter().copied());
            let args = Line::try_parse_from(words).expect("it parses").args;
            run(&args, &Place::of(&env).expect("a place"))
        };
        let patch = "{ gateway: { bind: null, port: 2 }, agents: { list: [{ id: 'c' }] } }";
        patched(patch, &["--dry-run", "--json"]).expect("it could be");
        assert_eq!(fs::read_to_string(&config).expect("read"), text);
        patched(patch, &[]).expect("done");
        let written = fs::read_to_string(&config).expect("read");
        assert!(written.contains("// why"), "{written}");
        let now = || json5_file(&config).expect("it parses");
        assert_eq!(
            now(),
            json!({ "gateway": { "port": 2 }, "agents": { "list": [{ "id": "c" }] } })
        );
        patched(
            "{ gateway: { bind: 'loopback' } }",
            &["--replace-path", "gateway"],
        )
        .expect("done");
        assert_eq!(now()["gateway"], json!({ "bind": "loopback" }));
        patched("{ gateway: { bind: 'loopback' } }", &[]).expect("nothing to do");
        for (wrong, flags) in [
            ("{ gateway: {} }", &["--replace-path", "agents"][..]),
            ("[]", &[]),
            ("{ gateway: { port: 'x' }, agents: null }", &[]),
            ("{ gateway: { auth: { token: '__OPENCLAW_REDACTED__' } } }", &[]),
        ] {
            assert!(patched(wrong, flags).is_err(), "{wrong}");
        }
        assert_eq!(now()["agents"], json!({ "list": [{ "id": "c" }] }));
    }
}
