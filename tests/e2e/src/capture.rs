//! Recorded talks between OpenClaw and its own clients, held against ours.
//!
//! A talk is played again request by request. Then every kind of frame is compared by its fields and their types, and the
//! kinds by the order in which they first come. Ids, times and words don't matter. A field that is `null` on one side has
//! any type.
use crate::{
    chat::{Chat, TOKEN},
    running::Running,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// How long something is waited for that may not come.
const WAIT: Duration = Duration::from_secs(20);
/// Events that come when they like: of the machine, not of the talk.
const AMBIENT: [&str; 4] = ["presence", "health", "tick", "task"];

/// One recorded talk.
#[derive(Debug)]
pub struct Capture {
    lines: Vec<Value>,
}

/// What was said in a talk: each frame with the name of its kind, in order.
#[derive(Debug, Default)]
pub struct Talk {
    frames: Vec<(String, Value)>,
    requests: BTreeMap<(u64, String), String>,
}

/// Fields by their path, with the types that they were seen to have.
type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// The folder of recordings, if it is here.
pub fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("OPENCLAW_CAPTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/captures"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

// === impl Capture ===

impl Capture {
    /// Reads one.
    pub fn read(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).expect("a recording");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        Self { lines }
    }

    /// The conversation that it is about, if it is about one.
    pub fn session_key(&self) -> Option<&str> {
        let mut asked = self.lines.iter().filter(|line| line["dir"] == "c2s");
        asked.find_map(|line| line["frame"]["params"]["sessionKey"].as_str())
    }

    /// What OpenClaw said.
    pub fn talk(&self) -> Talk {
        let mut talk = Talk::default();
        for line in self.lines.iter().filter(|line| line["kind"] == "frame") {
            let connection = line["conn"].as_u64().unwrap_or_default();
            let frame = &line["frame"];
            if line["dir"] == "c2s" {
                talk.asked(connection, frame);
            } else {
                talk.said(connection, frame);
            }
        }
        talk
    }

    /// Asks a gateway the same, and waits for what the client waited for.
    pub async fn play(&self, gateway: &Running) -> Talk {
        let mut talk = Talk::default();
        let mut open: BTreeMap<u64, Chat> = BTreeMap::new();
        let mut seen: Option<Value> = None;
        for line in self.lines.iter().filter(|line| line["kind"] == "frame") {
            let connection = line["conn"].as_u64().unwrap_or_default();
            let frame = &line["frame"];
            let id = frame["id"].as_str().unwrap_or_default().to_owned();
            match (line["dir"].as_str(), frame["type"].as_str()) {
                (Some("c2s"), _) if frame["method"] == "connect" => {
                    let chat = Chat::open(gateway, ours(&frame["params"])).await;
                    talk.frames.push(("connect".into(), chat.hello.clone()));
                    open.insert(connection, chat);
                }
                (Some("c2s"), _) => {
                    talk.asked(connection, frame);
                    let chat = open.get_mut(&connection).expect("it is connected");
                    if let Some(event) = seen.take() {
                        wait(chat, &event).await;
                    }
                    chat.send(frame).await;
                }
                (_, Some("res")) if talk.is_open(connection, &id) => {
                    let chat = open.get_mut(&connection).expect("it is connected");
                    let wanted = frame["payload"]["status"].clone();
                    let came = chat.until("an answer", move |frame| {
                        let same = frame["payload"]["status"] == wanted || frame["ok"] == false;
                        frame["type"] == "res" && frame["id"] == *id && same
                    });
                    // what doesn't come is told by the comparison
                    let _ = timeout(WAIT, came).await;
                }
                _ if frame["event"] == "chat" => seen = Some(frame.clone()),
                _ => {}
            }
        }
        for (connection, chat) in &mut open {
            if let Some(event) = seen.take() {
                wait(chat, &event).await;
            }
            for frame in &chat.frames {
                talk.said(*connection, frame);
            }
        }
        talk
    }
}

/// Waits for an event like this one.
async fn wait(chat: &mut Chat, event: &Value) {
    let kind = kind_of_event(event);
    let name = kind.clone();
    let came = chat.until(&name, move |frame| {
        frame["type"] == "event" && kind_of_event(frame) == kind
    });
    let _ = timeout(WAIT, came).await;
}

/// The parameters of `connect` with our secret. A signed device can't be played again: such a client comes as the command
/// line, with the same rights.
fn ours(params: &Value) -> Value {
    let mut params = params.clone();
    params["auth"] = json!({ "token": TOKEN });
    if params["device"].is_object() {
        params.as_object_mut().expect("an object").remove("device");
        let name = params["client"]["displayName"].clone();
        params["client"] = json!({ "id": "cli", "version": "1", "platform": "linux", "mode": "cli" });
        if name.is_string() {
            params["client"]["displayName"] = name;
        }
    }
    params
}

// === impl Talk ===

impl Talk {
    /// How two talks differ: what `theirs` has and this lacks, what this has beside it, and the order of first comings.
    pub fn differences(&self, theirs: &Self) -> Vec<String> {
        let (mine, other) = (self.shapes(), theirs.shapes());
        let mut found = Vec::new();
        for (kind, shape) in &other {
            let Some(ours) = mine.get(kind) else {
                found.push(format!("{kind}: is not sent"));
                continue;
            };
            found.extend(lacks(shape, ours).map(|path| format!("{kind}: lacks {path}")));
            found.extend(lacks(ours, shape).map(|path| format!("{kind}: adds {path}")));
            for (path, types) in shape {
                let Some(own) = ours.get(path) else { continue };
                if types.is_disjoint(own) && !types.contains("null") && !own.contains("null") {
                    found.push(format!("{kind}: {path} is {own:?}, not {types:?}"));
                }
            }
        }
        let added = mine.keys().filter(|kind| !other.contains_key(*kind));
        found.extend(added.map(|kind| format!("{kind}: is sent")));
        found.extend(self.order(theirs));
        found
    }

    /// Kinds that both have, and that first come in another order.
    fn order(&self, theirs: &Self) -> Option<String> {
        let (mine, other) = (self.first(), theirs.first());
        let both = |one: &[String], two: &[String]| -> Vec<String> {
            one.iter().filter(|kind| two.contains(kind)).cloned().collect()
        };
        let (mine, other) = (both(&mine, &other), both(&other, &mine));
        let at = mine.iter().zip(&other).position(|(one, two)| one != two)?;
        Some(format!("order: {} comes before {}", mine[at], other[at]))
    }

    fn first(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for (kind, _) in &self.frames {
            // a response may come before or after the events of its request
            if kind.starts_with("event ") && !kinds.contains(kind) {
                kinds.push(kind.clone());
            }
        }
        kinds
    }

    fn shapes(&self) -> BTreeMap<String, Shape> {
        let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
        for (kind, value) in &self.frames {
            shape(value, "", shapes.entry(kind.clone()).or_default());
        }
        shapes
    }

    /// Is this the id of a request, other than the first?
    fn is_open(&self, connection: u64, id: &str) -> bool {
        let method = self.requests.get(&(connection, id.to_owned()));
        method.is_some_and(|method| method != "connect")
    }

    fn asked(&mut self, connection: u64, frame: &Value) {
        let text = |field: &str| frame[field].as_str().unwrap_or_default().to_owned();
        self.requests.insert((connection, text("id")), text("method"));
    }

    fn said(&mut self, connection: u64, frame: &Value) {
        if frame["type"] == "event" {
            let name = frame["event"].as_str().unwrap_or_default();
            if name != "connect.challenge" && !AMBIENT.contains(&name) {
                self.frames
                    .push((kind_of_event(frame), told_once(frame["payload"].clone())));
            }
            return;
        }
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        let Some(method) = self.requests.get(&(connection, id)) else {
            return;
        };
        let kind = match frame["payload"]["status"].as_str() {
            _ if frame["ok"] == false => format!("{method} refused"),
            Some(status) => format!("{method} {status}"),
            None => method.clone(),
        };
        let said = if frame["ok"] == false { "error" } else { "payload" };
        self.frames.push((kind, frame[said].clone()));
    }
}

/// An event that brings a row of a conversation may have the row's fields beside it once more; they are one thing.
fn told_once(mut payload: Value) -> Value {
    const OWN: [&str; 3] = ["agentId", "sessionKey", "key"];
    if let Some(row) = payload["session"].as_object().cloned() {
        let fields = payload.as_object_mut().expect("an object has fields");
        fields.retain(|name, _| OWN.contains(&name.as_str()) || !row.contains_key(name));
    }
    payload
}

/// The name of an event, with what tells its kinds apart.
fn kind_of_event(frame: &Value) -> String {
    let payload = &frame["payload"];
    let parts = [
        &frame["event"],
        &payload["state"],
        &payload["stream"],
        &payload["phase"],
        &payload["data"]["phase"],
    ];
    let parts: Vec<_> = parts.into_iter().filter_map(Value::as_str).collect();
    format!("event {}", parts.join(" "))
}

fn shape(value: &Value, path: &str, into: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{path}[]"), into);
            }
            "array"
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                shape(value, &format!("{path}.{name}"), into);
            }
            "object"
        }
    };
    into.entry(path.to_owned()).or_default().insert(kind);
}

/// Paths of the first that the second has not, without those below one that is told already.
fn lacks<'a>(all: &'a Shape, some: &'a Shape) -> impl Iterator<Item = &'a str> {
    all.keys().map(String::as_str).filter(|path| {
        let parent = path.rfind(['.', '[']).map_or("", |at| &path[..at]);
        !path.is_empty() && !some.contains_key(*path) && has_values(some, parent)
    })
}

/// Is the thing at this path there, and not an empty list?
fn has_values(shape: &Shape, path: &str) -> bool {
    shape
        .get(path)
        .is_some_and(|types| !types.contains("null") || types.len() > 1)
}
