//! A program in an engine's place, and what it was told.
use super::Bench;
use openclaw_plugin_api::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// A program in an engine's place: it notes what it is told, knows which containers there are and which of them run, and runs
/// what is to run in one. A container is a file with its state.
const ENGINE: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
printf '%s\n' "$@" >> args; echo == >> args
echo "$1 ${SIDE-} ${CARGO_MANIFEST_DIR-}" >> variables
verb=$1; shift
last() { for each; do :; done; echo "$each"; }
case $verb in
create)
  while [ "$1" != --name ]; do shift; done
  test ! -e refuse || { cat refuse >&2; exit 1; }
  echo false > "box-$2" ;;
start|restart) name=$(last "$@"); test -e "box-$name" && echo true > "box-$name" ;;
inspect) cat "box-$(last "$@")" 2>/dev/null || { echo "Error: No such object" >&2; exit 1; } ;;
rm) name=$(last "$@"); rm "box-$name" 2>/dev/null || { echo "No such container: $name" >&2; exit 1; } ;;
exec)
  while :; do case $1 in
    --env) export "$2"; shift 2 ;;
    --workdir) shift 2 ;;
    --*) shift ;;
    *) break ;;
  esac; done
  test "$(cat "box-$1")" = true || { echo "$1 is not running" >&2; exit 1; }
  shift; exec "$@" ;;
esac
"#;

/// Puts it into a folder: its path.
pub fn engine(folder: &Path) -> String {
    let path = folder.join("engine");
    fs::write(&path, ENGINE).expect("a file");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

/// What the engine was told so far, each call in one line.
pub fn told(folder: &Path) -> Vec<String> {
    let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
    let calls = args.split_terminator("==\n");
    calls.map(|call| call.trim_end().replace('\n', " ")).collect()
}

/// The same, only what was done.
pub fn verbs(folder: &Path) -> Vec<String> {
    let verb = |call: String| call.split(' ').next().unwrap_or_default().to_owned();
    told(folder).into_iter().map(verb).collect()
}

/// The containers that there are.
pub fn boxes(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).expect("a folder").flatten();
    let names = all.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("box-")?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A sandbox of all conversations, with this engine.
pub fn sandbox(folder: &Path, more: Value) -> Value {
    let mut sandbox = json!({ "mode": "all", "docker": { "engine": engine(folder), "image": "img" } });
    for (key, value) in more.as_object().expect("an object") {
        match key.as_str() {
            "docker" => value.as_object().into_iter().flatten().for_each(|(key, value)| {
                sandbox["docker"][key] = value.clone();
            }),
            _ => sandbox[key] = value.clone(),
        }
    }
    json!({ "agents": { "defaults": { "sandbox": sandbox } } })
}

/// Gives what one gateway has noted of its container to another one, as if it were a later process.
pub async fn hand_over(folder: &Path, from: &Bench, to: &Bench) {
    let name = boxes(folder).pop().expect("a container");
    let key = format!("container/{name}");
    let noted = from.host.stored(&key).expect("it is noted");
    let noted: Value = serde_json::from_slice(&noted).expect("a record");
    let store = to.host.host().store();
    store.put_json(&key, &noted).await.expect("stored");
}
