//! One connection to the gateway.
//!
//! Invariant: a frame that Discord would not take ends the connection with Discord's code for it, and is a complaint.
use super::{
    Discord, Moment, Trouble,
    login::Settings,
    sessions::{MAX_WAITING, Out, Session},
};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use std::{io::Write, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// Largest frame of a client, bytes.
const MAX_FRAME: usize = 4_096;
/// Frames in a minute.
const MAX_FRAMES: usize = 120;
/// A session that Discord closes with one of these is gone.
const ENDS_SESSION: [u16; 9] = [4003, 4004, 4005, 4007, 4009, 4010, 4011, 4012, 4014];
/// A session that a client closes with one of these is gone.
const LEAVES: [u16; 2] = [1000, 1001];

/// One connection.
struct Line {
    fake: Discord,
    socket: WebSocket,
    zlib: Option<ZlibEncoder<Vec<u8>>>,
    settings: Settings,
    session: Option<String>,
    sender: mpsc::Sender<Out>,
    is_deaf: bool,
    frames: Vec<Instant>,
}

/// Why a connection is over.
enum End {
    /// The client closed it, with this code.
    Closed(Option<u16>),
    /// It is closed with a code.
    Close(u16, &'static str),
    /// It broke.
    Broken,
    /// It stays as it is, and nobody is there.
    HalfOpen,
}

/// Serves a connection to its end.
pub(super) async fn serve(fake: Discord, socket: WebSocket, query: &str) {
    let settings = {
        let mut state = fake.state();
        state.connects += 1;
        state.settings
    };
    fake.changed();
    let has = |part: &str| query.split('&').any(|given| given == part);
    let (sender, out) = mpsc::channel(MAX_WAITING);
    let line = Line {
        zlib: has("compress=zlib-stream").then(|| ZlibEncoder::new(Vec::new(), Compression::fast())),
        fake,
        socket,
        settings,
        session: None,
        sender,
        is_deaf: false,
        frames: Vec::new(),
    };
    let is_spoken = has("v=10") && !has("encoding=etf") && !has("compress=zstd-stream");
    line.run(out, is_spoken).await;
}

// === impl Line ===

impl Line {
    async fn run(mut self, mut out: mpsc::Receiver<Out>, is_spoken: bool) {
        let end = if is_spoken {
            self.talk(&mut out).await
        } else {
            End::Close(4012, "Invalid API version")
        };
        let lasting = match &end {
            End::Close(code, _) => !ENDS_SESSION.contains(code),
            End::Closed(Some(code)) => !LEAVES.contains(code),
            End::Closed(None) | End::Broken | End::HalfOpen => true,
        };
        if !matches!(end, End::HalfOpen) {
            self.leave(lasting);
        }
        match end {
            End::Close(code, reason) => {
                if !matches!(code, 1000..4000 | 4000 | 4008 | 4009) && !reason.is_empty() {
                    self.fake
                        .complain(format!("gateway: closed with {code}, {reason}"));
                }
                let frame = CloseFrame {
                    code,
                    reason: reason.into(),
                };
                let _ = self.socket.send(Message::Close(Some(frame))).await;
                // what the client still says is read, or the code would be lost with a reset
                let _ = tokio::time::timeout(Duration::from_secs(1), async {
                    while let Some(Ok(_)) = self.socket.recv().await {}
                })
                .await;
            }
            End::HalfOpen => std::future::pending().await,
            End::Closed(_) | End::Broken => {}
        }
    }

    async fn talk(&mut self, out: &mut mpsc::Receiver<Out>) -> End {
        if let Some(trouble) = self.next_trouble(Moment::Hello)
            && let Err(end) = self.suffer(trouble).await
        {
            return end;
        }
        let interval = self.settings.heartbeat;
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let hello = json!({ "t": null, "s": null, "op": 10, "d": { "heartbeat_interval": interval_ms, "_trace": [] } });
        if !self.send(&hello).await {
            return End::Broken;
        }
        let mut last_beat = Instant::now();
        loop {
            let step = tokio::select! {
                sent = out.recv() => match sent {
                    Some(Out::Frame(frame)) if self.send(&frame).await => Ok(()),
                    Some(Out::Trouble(trouble)) => self.suffer(trouble).await,
                    Some(Out::Frame(_)) | None => Err(End::Broken),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text, &mut last_beat).await,
                    Some(Ok(Message::Binary(bytes))) => match std::str::from_utf8(&bytes) {
                        Ok(text) => self.hear(text, &mut last_beat).await,
                        Err(_) => Err(End::Close(4002, "Decode error")),
                    },
                    Some(Ok(Message::Close(frame))) => Err(End::Closed(frame.map(|frame| frame.code))),
                    Some(Ok(_)) => Ok(()),
                    Some(Err(_)) | None => Err(End::Broken),
                },
                () = tokio::time::sleep_until(last_beat + interval * 2) => Err(End::Close(4009, "Session timed out")),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, text: &str, last_beat: &mut Instant) -> Result<(), End> {
        if text.len() > MAX_FRAME {
            return Err(End::Close(4002, "a frame is too large"));
        }
        let now = Instant::now();
        self.frames
            .retain(|at| now.duration_since(*at) < Duration::from_secs(60));
        self.frames.push(now);
        if self.frames.len() > MAX_FRAMES {
            self.fake
                .complain("gateway: more than 120 frames in a minute".into());
            return Err(End::Close(4008, "Rate limited"));
        }
        let frame: Value = serde_json::from_str(text).map_err(|_| End::Close(4002, "Decode error"))?;
        match frame["op"].as_u64() {
            Some(1) => {
                *last_beat = now;
                if !self.is_deaf {
                    self.send(&json!({ "t": null, "s": null, "op": 11, "d": null }))
                        .await;
                }
                Ok(())
            }
            Some(2) if self.session.is_some() => Err(End::Close(4005, "Already authenticated")),
            Some(2) => self.identify(&frame["d"]).await,
            Some(6) => self.resume(&frame["d"]).await,
            Some(3 | 4 | 8) if self.session.is_none() => Err(End::Close(4003, "Not authenticated")),
            Some(op @ (3 | 4 | 8)) => {
                self.fake.asked_over_gateway(op, frame["d"].clone());
                Ok(())
            }
            _ => Err(End::Close(4001, "Unknown opcode")),
        }
    }

    async fn identify(&mut self, data: &Value) -> Result<(), End> {
        let identified = self.fake.state().identify(data, self.settings.is_hasty);
        self.fake.changed();
        let bot = match identified {
            Ok(bot) => bot,
            Err(Trouble::Close(code)) => return Err(End::Close(code, "refused to identify")),
            Err(trouble) => return self.suffer(trouble).await,
        };
        if let Some(trouble) = self.next_trouble(Moment::Identify) {
            return self.suffer(trouble).await;
        }
        let id = self.fake.open(bot, data, self.sender.clone());
        self.session = Some(id);
        self.ask_for_sign();
        self.fake.changed();
        Ok(())
    }

    /// Behind what it is told of its session.
    fn ask_for_sign(&self) {
        if self.settings.asks_for_signs {
            let wish = json!({ "t": null, "s": null, "op": 1, "d": null });
            let _ = self.sender.try_send(Out::Frame(wish));
        }
    }

    async fn resume(&mut self, data: &Value) -> Result<(), End> {
        let trouble = self.next_trouble(Moment::Resume);
        let taken = match trouble {
            Some(_) => None,
            None => self.fake.take_up(data, &self.sender),
        };
        self.fake.state().note_resume(data, taken.is_some());
        self.session = taken;
        self.fake.changed();
        match trouble {
            Some(trouble) => self.suffer(trouble).await,
            None if self.session.is_none() => self.suffer(Trouble::Invalid { resumable: false }).await,
            None => {
                self.ask_for_sign();
                Ok(())
            }
        }
    }

    fn next_trouble(&self, moment: Moment) -> Option<Trouble> {
        self.fake.state().next_trouble(moment)
    }

    async fn suffer(&mut self, trouble: Trouble) -> Result<(), End> {
        match trouble {
            Trouble::Drop => Err(End::Broken),
            Trouble::Close(code) => Err(End::Close(code, "")),
            Trouble::Reconnect => {
                self.send(&json!({ "t": null, "s": null, "op": 7, "d": null }))
                    .await;
                Ok(())
            }
            Trouble::Invalid { resumable } => {
                self.send(&json!({ "t": null, "s": null, "op": 9, "d": resumable }))
                    .await;
                if !resumable {
                    self.leave(false);
                    self.session = None;
                }
                Ok(())
            }
            Trouble::Deaf => {
                self.is_deaf = true;
                Ok(())
            }
            Trouble::HalfOpen => Err(End::HalfOpen),
        }
    }

    /// Its session has no connection any more, and may be gone too.
    fn leave(&mut self, lasting: bool) {
        let Some(id) = &self.session else { return };
        let mut state = self.fake.state();
        if lasting {
            let mine = |session: &&mut Session| {
                let out = session.out.as_ref();
                session.id == *id && out.is_some_and(|out| out.same_channel(&self.sender))
            };
            if let Some(session) = state.sessions.iter_mut().find(mine) {
                session.out = None;
            }
        } else {
            state.sessions.retain(|session| session.id != *id);
        }
        drop(state);
        self.fake.changed();
    }

    async fn send(&mut self, frame: &Value) -> bool {
        let text = frame.to_string();
        let Some(zlib) = &mut self.zlib else {
            return self.socket.send(Message::Text(text.into())).await.is_ok();
        };
        zlib.write_all(text.as_bytes())
            .and_then(|()| zlib.flush())
            .expect("memory takes everything");
        let packed = std::mem::take(zlib.get_mut());
        let middle = if self.settings.is_split {
            packed.len() / 2
        } else {
            0
        };
        let (first, rest) = packed.split_at(middle);
        for piece in [first, rest] {
            let piece = piece.to_vec();
            if !piece.is_empty() && self.socket.send(Message::Binary(piece.into())).await.is_err() {
                return false;
            }
        }
        true
    }
}
