//! `web.login.*` and `channels.logout`: accounts that are signed in by a code which somebody reads with the app on their
//! phone. The plugin gives the text of the code, and it is drawn here.
use super::{channels, failed, params};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    plugins::plugin::Plugin,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use fast_qr::{ECL, QRBuilder};
use openclaw_plugin_api::{LoginRequest, LoginStep, surface::ids};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a first code may take if the client doesn't say, milliseconds.
const START_MS: u64 = 30_000;
/// How long a code is waited for to be read, if the client doesn't say.
const WAIT_MS: u64 = 120_000;
/// The longest of both.
const MAX_MS: u64 = 300_000;
/// Most of a code's text, bytes: what a code holds that can be read although a part of it can't.
const MAX_CODE: usize = 2_000;
/// A seventh of a code may be unreadable.
const REDUNDANCY: ECL = ECL::M;
/// Side of a module of a picture, pixels, and how many modules are left white around all of them.
const MODULE: usize = 4;
const MARGIN: usize = 4;

/// Parameters of `web.login.start`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    /// Begin again, also where the account is signed in.
    force: bool,
    timeout_ms: Option<u64>,
    /// Accepted for OpenClaw's sake.
    #[serde(rename = "verbose")]
    _verbose: Option<bool>,
    account_id: Option<String>,
    /// Which channel, where several sign in by code.
    channel: Option<String>,
}

/// Parameters of `web.login.wait`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Wait {
    timeout_ms: Option<u64>,
    account_id: Option<String>,
    /// The picture that is shown. Without one, the last one is meant.
    #[schemars(length(max = 16_384))]
    current_qr_data_url: Option<String>,
    /// Which channel, where several sign in by code.
    channel: Option<String>,
}

/// The codes that were shown last, by channel and account.
#[derive(Debug, Default)]
pub(super) struct Logins(Mutex<HashMap<(String, String), String>>);

/// An account that can be signed in.
struct Candidate {
    plugin: Arc<Plugin>,
    channel: String,
    account: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("channels.logout", Scope::Admin).with::<channels::One>(),
        Method::new("web.login.start", Scope::Admin).with::<Start>(),
        Method::new("web.login.wait", Scope::Admin).with::<Wait>(),
    ]
}

/// Answers one of them.
pub(super) async fn call(
    gateway: &Gateway,
    logins: &Logins,
    method: &str,
    params: Value,
) -> Result<Value, Failure> {
    match method {
        "channels.logout" => logout(gateway, params).await,
        "web.login.start" => logins.start(gateway, params).await,
        _ => logins.wait(gateway, params).await,
    }
}

/// Ends the login of accounts, on channels that have one beside their configuration.
async fn logout(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let one: channels::One = params("channels.logout", given)?;
    let chosen = channels::chosen(gateway, "channels.logout", &one)?;
    if !gateway.registry.channel_info(&one.channel).login {
        return Err(Failure::invalid(format!(
            "channel {} does not support logout: its accounts are in openclaw.json",
            one.channel
        )));
    }
    for found in &chosen {
        let done = found
            .plugin
            .call::<()>(ids::channel::LOGOUT, &found.channel, &found.account.id);
        done.await.map_err(|error| failed(&error))?;
    }
    Ok(json!({ "channel": one.channel, "accountId": one.account_id, "cleared": true, "loggedOut": true }))
}

// === impl Logins ===

impl Logins {
    /// The first code.
    async fn start(&self, gateway: &Gateway, given: Value) -> Result<Value, Failure> {
        let asked: Start = params("web.login.start", given)?;
        let one = candidate(gateway, asked.channel.as_deref(), asked.account_id.as_deref())?;
        let request = LoginRequest {
            fresh: asked.force,
            wait_ms: asked.timeout_ms.unwrap_or(START_MS).min(MAX_MS),
            ..LoginRequest::default()
        };
        self.step(one, request).await
    }

    /// The next one, or the end.
    async fn wait(&self, gateway: &Gateway, given: Value) -> Result<Value, Failure> {
        let asked: Wait = params("web.login.wait", given)?;
        let one = candidate(gateway, asked.channel.as_deref(), asked.account_id.as_deref())?;
        let last = self.known().get(&one.key()).cloned().unwrap_or_default();
        // who shows another picture has missed one, and gets the present one at once
        let is_shown = asked
            .current_qr_data_url
            .is_none_or(|shown| picture(&last).is_some_and(|last| last == shown));
        let request = LoginRequest {
            shown: if is_shown { last } else { String::new() },
            wait_ms: asked.timeout_ms.unwrap_or(WAIT_MS).min(MAX_MS),
            ..LoginRequest::default()
        };
        self.step(one, request).await
    }

    async fn step(&self, one: Candidate, mut request: LoginRequest) -> Result<Value, Failure> {
        request.account_id.clone_from(&one.account);
        let more = Duration::from_millis(request.wait_ms);
        let step: LoginStep = one
            .plugin
            .call_longer(ids::channel::LOGIN, &one.channel, &request, more)
            .await
            .map_err(|error| failed(&error))?;
        let code = Some(step.code).filter(|code| !code.is_empty() && !step.connected);
        if code.as_ref().is_some_and(|code| code.len() > MAX_CODE) {
            return Err(Failure::unavailable(format!(
                "plugin {} gives a code of more than {MAX_CODE} bytes, which no phone reads",
                one.plugin.id()
            )));
        }
        let mut answer = json!({
            "channel": one.channel, "accountId": one.account, "connected": step.connected, "message": step.message,
        });
        if let Some(code) = &code {
            answer["code"] = json!(code);
            answer["qrDataUrl"] = json!(picture(code));
        }
        match code {
            Some(code) => self.known().insert(one.key(), code),
            None if step.connected => self.known().remove(&one.key()),
            None => None,
        };
        Ok(answer)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Candidate {
    fn key(&self) -> (String, String) {
        (self.channel.clone(), self.account.clone())
    }
}

/// The account that is meant: of the channel that is named or the only one, and its usual one if none is named.
fn candidate(gateway: &Gateway, channel: Option<&str>, account: Option<&str>) -> Result<Candidate, Failure> {
    let mut all = channels::configured(gateway);
    all.retain(|found| {
        channel.is_none_or(|channel| channel == found.channel)
            && gateway.registry.channel_info(&found.channel).login
    });
    let Some(first) = all.first() else {
        return Err(Failure::invalid(
            "no channel that is set up signs in by a code; `openclaw channels list` shows what there is",
        ));
    };
    let channel = first.channel.clone();
    if all.iter().any(|found| found.channel != channel) {
        return Err(Failure::invalid(
            "several channels sign in by a code: say which by \"channel\"",
        ));
    }
    let account = match account {
        Some(account) => account.to_owned(),
        None => channels::default_account(gateway, &channel, &all),
    };
    let found = all.into_iter().find(|found| found.account.id == account);
    let found =
        found.ok_or_else(|| Failure::invalid(format!("channel {channel} has no account \"{account}\"")))?;
    Ok(Candidate {
        plugin: found.plugin,
        channel,
        account,
    })
}

/// The code as a PNG in a `data:` URL. None: it holds more than a code can.
fn picture(code: &str) -> Option<String> {
    let drawn = QRBuilder::new(code).ecl(REDUNDANCY).build().ok()?;
    let modules = drawn.size + 2 * MARGIN;
    let side = modules * MODULE;
    // one bit for each pixel, a row begins with a new byte, and 1 is white
    let mut rows = vec![0xff_u8; side.div_ceil(8) * side];
    for (y, row) in rows.chunks_mut(side.div_ceil(8)).enumerate() {
        let line = (y / MODULE).checked_sub(MARGIN).filter(|line| *line < drawn.size);
        let Some(line) = line else { continue };
        let line = &drawn[line];
        for x in MARGIN * MODULE..side - MARGIN * MODULE {
            if line[x / MODULE - MARGIN].value() {
                row[x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut file = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut png = png::Encoder::new(&mut file, side, side);
    png.set_color(png::ColorType::Grayscale);
    png.set_depth(png::BitDepth::One);
    png.write_header().ok()?.write_image_data(&rows).ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_as_it_is_and_fits_into_a_request() {
        let url = picture("https://example.org/login#1").expect("it is short");
        let file = STANDARD
            .decode(url.strip_prefix("data:image/png;base64,").expect("a picture"))
            .expect("base64");
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .expect("a PNG");
        let mut rows = vec![0; reader.output_buffer_size().expect("it is small")];
        let info = reader.next_frame(&mut rows).expect("a PNG");
        let drawn = QRBuilder::new("https://example.org/login#1")
            .ecl(REDUNDANCY)
            .build()
            .expect("it is short");
        let side = usize::try_from(info.width).expect("small");
        assert_eq!(side, (drawn.size + 2 * MARGIN) * MODULE);
        let is_dark = |x: usize, y: usize| rows[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        for y in 0..side {
            for x in 0..side {
                let inside = |at: usize| (at / MODULE).checked_sub(MARGIN).filter(|at| *at < drawn.size);
                let wanted = inside(x).zip(inside(y)).is_some_and(|(x, y)| drawn[y][x].value());
                assert_eq!(is_dark(x, y), wanted, "{x} {y}");
            }
        }
        let longest = picture(&"x".repeat(MAX_CODE)).expect("a code holds it");
        assert!(longest.len() <= 16_384, "{}", longest.len());
        assert!(picture(&"x".repeat(5_000)).is_none());
    }
}
