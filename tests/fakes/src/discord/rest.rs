//! The fake's port: calls find their way to what answers them, and here connections break.
use super::{Call, Discord, Fault, form, limits::Room, model, spec};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Largest request, bytes.
const MAX_BODY: usize = 64 << 20;
/// Largest file of a bot, bytes.
const MAX_FILE: usize = 10 << 20;

/// What a call is answered: status and body. A body that is null is none.
pub(super) type Answer = (u16, Value);

/// An answer on its way out.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    is_cut: bool,
}

/// A refusal in Discord's words.
pub(super) fn refuse(status: u16, code: u32, message: &str) -> Answer {
    (status, json!({ "message": message, "code": code }))
}

pub(super) fn unknown(what: &str, code: u32) -> Answer {
    refuse(404, code, &format!("Unknown {what}"))
}

pub(super) fn invalid(problem: &str) -> Answer {
    let errors = json!({ "_errors": [{ "code": "INVALID", "message": problem }] });
    (
        400,
        json!({ "message": "Invalid Form Body", "code": 50035, "errors": errors }),
    )
}

pub(super) async fn serve(fake: Discord) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Without it every short answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(fake);
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok((address, task))
}

async fn answer(
    State(fake): State<Discord>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Ok(upgrade) = upgrade {
        let query = uri.query().unwrap_or_default().to_owned();
        return upgrade.on_upgrade(async move |socket| super::gateway::serve(fake, socket, &query).await);
    }
    if let Some(path) = uri.path().strip_prefix("/attachments/") {
        let file = fake.state().files.get(path).cloned();
        return file.map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            IntoResponse::into_response,
        );
    }
    let asked = Asked::new(&method, &uri, &headers, &body);
    let (reply, is_half_open) = fake.respond(asked).await;
    if is_half_open {
        std::future::pending::<()>().await;
    }
    send(reply)
}

/// A call that came in.
pub(super) struct Asked {
    method: String,
    path: String,
    key: String,
    major: String,
    token: String,
    has_agent: bool,
    call: Result<Call, String>,
}

impl Asked {
    pub(super) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: header::HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let path = uri.path().strip_prefix("/api").unwrap_or(uri.path());
        let path = path.strip_prefix("/v10").unwrap_or(path).to_owned();
        let key = format!("{method} {}", stars(&path));
        // guild, channel and webhook have buckets of their own
        let mut parts = path.split('/').skip(1);
        let major = match parts.next() {
            Some("channels" | "guilds" | "webhooks" | "interactions") => parts.next().unwrap_or_default(),
            _ => "",
        };
        let reason = headers
            .get("x-audit-log-reason")
            .and_then(|value| value.to_str().ok());
        let call = form::parse(text(header::CONTENT_TYPE), body).map(|(body, files)| Call {
            key: key.clone(),
            path: path.clone(),
            query: pairs(uri.query().unwrap_or_default()),
            body,
            files,
            bot: None,
            reason: decoded(reason.unwrap_or_default()),
            status: 0,
            at: Instant::now(),
        });
        Self {
            major: major.to_owned(),
            method: method.to_string(),
            path,
            key,
            token: text(header::AUTHORIZATION).to_owned(),
            has_agent: text(header::USER_AGENT).starts_with("DiscordBot ("),
            call,
        }
    }
}

impl Discord {
    pub(super) async fn respond(&self, asked: Asked) -> (Reply, bool) {
        let bot = {
            let state = self.state();
            let token = asked.token.strip_prefix("Bot ").unwrap_or("?");
            state
                .bots
                .iter()
                .find(|bot| bot.bot.token == token)
                .map(|bot| bot.bot.id)
        };
        let mut call = match asked.call {
            Ok(call) => call,
            Err(problem) => {
                self.complain(format!("{}: {problem}", asked.key));
                return (reply(invalid(&problem), None), false);
            }
        };
        call.bot = bot;
        self.note(call.clone());
        let needs_token = !asked.path.starts_with("/interactions/") && !asked.path.starts_with("/webhooks/");
        if needs_token && bot.is_none() && asked.path != "/gateway" {
            return (
                self.done(
                    &call,
                    (401, json!({ "message": "401: Unauthorized", "code": 0 })),
                    None,
                ),
                false,
            );
        }
        if !asked.has_agent {
            self.complain(format!(
                "{}: the user agent is not `DiscordBot (url, version)`",
                asked.key
            ));
        }
        let fault = self.state().next_fault(&asked.key);
        match &fault {
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            Some(Fault::Refuse {
                status,
                code,
                message,
            }) => {
                return (self.done(&call, refuse(*status, *code, message), None), false);
            }
            Some(Fault::Limited { after, global }) => {
                let room = Room {
                    limit: 5,
                    after: *after,
                    bucket: "f".repeat(32),
                    exceeded: Some(*global),
                    ..Room::default()
                };
                return (self.done(&call, limited(&room), Some(&room)), false);
            }
            Some(Fault::Banned { after }) => {
                self.state().note_status(429);
                let headers = vec![
                    ("retry-after", after.as_secs().to_string()),
                    ("via", "1.1 google".into()),
                ];
                return (page(429, headers), false);
            }
            Some(Fault::Page { status }) => return (page(*status, Vec::new()), false),
            Some(Fault::PageAfter { .. } | Fault::Cut | Fault::HalfOpen) | None => {}
        }
        let room = self
            .state()
            .take(bot.unwrap_or_default(), &asked.key, &asked.major);
        if room.exceeded.is_some() {
            return (self.done(&call, limited(&room), Some(&room)), false);
        }
        if let Err(problem) = spec::check(&asked.method, &asked.path, &call.body) {
            self.complain(format!("{}: {problem}", asked.key));
            return (self.done(&call, invalid(&problem), Some(&room)), false);
        }
        if !self.state().settings.is_lenient
            && let Some(field) = spec::surplus(&asked.method, &asked.path, &call.body)
        {
            self.complain(format!("{}: there is no field {field:?}", asked.key));
        }
        let answered = self.act(&asked.method, &asked.path, &call);
        let mut reply = self.done(&call, answered, Some(&room));
        match fault {
            Some(Fault::Cut) => reply.is_cut = true,
            Some(Fault::PageAfter { status }) => return (page(status, Vec::new()), false),
            Some(Fault::HalfOpen) => return (reply, true),
            _ => {}
        }
        (reply, false)
    }

    /// Notes what was answered.
    fn done(&self, call: &Call, answer: Answer, room: Option<&Room>) -> Reply {
        let mut state = self.state();
        state.note_status(answer.0);
        let same = |noted: &&mut Call| noted.status == 0 && noted.path == call.path && noted.key == call.key;
        if let Some(noted) = state.calls.iter_mut().rev().find(same) {
            noted.status = answer.0;
        }
        drop(state);
        self.changed();
        reply(answer, room)
    }

    /// What Discord does, by path.
    fn act(&self, method: &str, path: &str, call: &Call) -> Answer {
        if call.files.iter().any(|(.., content)| content.len() > MAX_FILE) {
            return refuse(413, 40005, "Request entity too large");
        }
        let path = decoded(path);
        let parts: Vec<_> = path.split('/').skip(1).collect();
        match parts.first() {
            Some(&"interactions" | &"webhooks") => self.act_on_interaction(method, &parts, call),
            Some(&"channels") => self.act_on_channel(method, &parts, call),
            _ => self.act_elsewhere(method, &parts, call),
        }
    }
}

fn limited(room: &Room) -> Answer {
    let body = json!({
        "message": "You are being rate limited.", "code": 0,
        "retry_after": room.after.as_secs_f64(), "global": room.exceeded == Some(true),
    });
    (429, body)
}

fn reply((status, body): Answer, room: Option<&Room>) -> Reply {
    let mut headers = Vec::new();
    if !body.is_null() {
        headers.push(("content-type", "application/json".to_owned()));
    }
    if let Some(room) = room {
        let after = room.after.as_secs_f64();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        headers.push(("x-ratelimit-limit", room.limit.to_string()));
        headers.push(("x-ratelimit-remaining", room.remaining.to_string()));
        headers.push(("x-ratelimit-reset", format!("{:.3}", now.as_secs_f64() + after)));
        headers.push(("x-ratelimit-reset-after", format!("{after:.3}")));
        headers.push(("x-ratelimit-bucket", room.bucket.clone()));
        if let Some(global) = room.exceeded {
            let seconds = room.after + Duration::from_millis(999);
            headers.push(("retry-after", seconds.as_secs().to_string()));
            headers.push(("x-ratelimit-scope", if global { "global" } else { "user" }.into()));
            if global {
                headers.push(("x-ratelimit-global", "true".into()));
            }
        }
    }
    Reply {
        status,
        headers,
        body: if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        },
        is_cut: false,
    }
}

fn page(status: u16, mut headers: Vec<(&'static str, String)>) -> Reply {
    headers.push(("content-type", "text/html".into()));
    Reply {
        status,
        headers,
        body: b"<html>gateway</html>".to_vec(),
        is_cut: false,
    }
}

fn send(reply: Reply) -> Response {
    let body = if reply.is_cut {
        let half = Bytes::from(reply.body[..reply.body.len() / 2].to_vec());
        let cut = async {
            // The half is on the wire before the connection breaks.
            tokio::task::yield_now().await;
            Err(io::Error::other("cut by the script"))
        };
        Body::from_stream(stream::once(async { Ok(half) }).chain(stream::once(cut)))
    } else {
        Body::from(reply.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a script names statuses that exist");
    for (name, value) in reply.headers {
        let value = HeaderValue::try_from(value).expect("the fake's headers are text");
        response.headers_mut().insert(name, value);
    }
    response
}

/// A path with `*` for what differs from call to call.
fn stars(path: &str) -> String {
    let mut out = Vec::new();
    for part in path.split('/') {
        let before = out.last().copied().unwrap_or_default();
        let is_id = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_token = out.len() == 3 && matches!(out[1], "webhooks" | "interactions");
        let is_emoji = before == "reactions" && part != "@me";
        out.push(if is_id || is_token || is_emoji { "*" } else { part });
    }
    out.join("/")
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
        .collect()
}

/// A text without its percent signs.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut place) = (Vec::with_capacity(bytes.len()), 0);
    while place < bytes.len() {
        let hex = bytes.get(place + 1..place + 3).filter(|_| bytes[place] == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(bytes[place]));
        place += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The numbers in a path, in their order; a word is 0.
pub(super) fn id(part: &str) -> u64 {
    model::id_of(&Value::from(part))
}
