//! One socket, from its ticket to its end.
use super::{
    Command, Engine, GRACE, Live, MAX_COMMANDS, Streams, ear, frames,
    frames::{Incoming, Start},
    gate::Refusal,
    speaker::Speaker,
    ticket_of,
};
use crate::{
    call::{CallId, MediaEvent},
    realtime,
};
use futures_channel::{mpsc, oneshot};
use futures_util::future::{BoxFuture, select_all};
use openclaw_plugin_api::{Error, HttpCall, Result, Transcript, WsClose, WsMessage, WsReceiver, WsSender};
use std::time::Duration;

/// Messages before the one that says which call it is of.
const MAX_PREFACE: usize = 4;
/// Time for that message, if nobody says otherwise, milliseconds.
const PRE_START_MS: u32 = 5000;

/// How a socket ended.
#[derive(Debug)]
enum End {
    /// The carrier says that it is over.
    Stopped,
    /// It broke.
    Broke,
    /// We are done with it, or another socket of the call has taken over.
    Ours,
    /// Nobody can listen or speak any more.
    Failed(Error),
}

/// A call's sound, until it is dropped.
struct Open {
    streams: Streams,
    call: CallId,
    turn: u64,
    events: mpsc::Sender<MediaEvent>,
    /// It may come back.
    grace: bool,
}

pub(super) async fn serve(
    streams: &Streams,
    head: &HttpCall,
    mut messages: WsReceiver,
    mut out: WsSender,
) -> Result<()> {
    let (pass, mut place) = match streams.0.gate.enter(ticket_of(head), &head.peer) {
        Ok(entered) => entered,
        Err(Refusal::Stranger) => return refuse(&mut out, 1008, "no ticket").await,
        Err(Refusal::Full | Refusal::Crowded) => return refuse(&mut out, 1013, "too many streams").await,
    };
    let limit = streams
        .0
        .config
        .streaming
        .pre_start_timeout_ms
        .unwrap_or(PRE_START_MS);
    let limit = Duration::from_millis(limit.into());
    let Ok(start) = streams.0.host.timeout(limit, first(&mut messages)).await else {
        return refuse(&mut out, 1008, "start timeout").await;
    };
    let Some(start) = start.filter(|start| start.is_mulaw && pass.fits(&start.call, &start.token)) else {
        return refuse(&mut out, 1008, "not this call").await;
    };
    place.started();
    let voice = streams.0.engines.voice_of(&pass.number).clone();
    let (open, commands, closed) = enter(streams, pass.call);
    run(open, (start, voice), (messages, out), (commands, closed)).await;
    drop(place);
    Ok(())
}

/// The message that says which call it is of, if it is the first that says anything.
async fn first(messages: &mut WsReceiver) -> Option<Start> {
    for _ in 0..MAX_PREFACE {
        let Ok(Some(WsMessage::Text(text))) = messages.next().await else {
            return None;
        };
        match frames::read(&text) {
            Ok(Incoming::Start(start)) => return Some(start),
            Ok(Incoming::Other) => {}
            _ => return None,
        }
    }
    None
}

async fn refuse(out: &mut WsSender, code: u16, reason: &str) -> Result<()> {
    let reason = reason.to_owned();
    tracing::warn!(code, reason, "a media stream was refused");
    out.send(&WsMessage::Close(WsClose { code, reason })).await
}

/// Makes the call's sound known; a former socket of the call is closed.
fn enter(streams: &Streams, call: CallId) -> (Open, mpsc::Receiver<Command>, oneshot::Receiver<()>) {
    let (sender, commands) = mpsc::channel(MAX_COMMANDS);
    let (still_open, closed) = oneshot::channel();
    let mut live = streams.0.live();
    let turn = live.get(&call).map_or(0, |former| former.turn + 1);
    let own = Live {
        commands: sender,
        _open: still_open,
        turn,
    };
    let former = live.insert(call.clone(), own);
    drop(live);
    drop(former);
    let open = Open {
        events: streams.0.listener(&call),
        streams: streams.clone(),
        call,
        turn,
        grace: false,
    };
    (open, commands, closed)
}

async fn run(
    mut open: Open,
    (start, engine): (Start, Engine),
    (messages, out): (WsReceiver, WsSender),
    (commands, closed): (mpsc::Receiver<Command>, oneshot::Receiver<()>),
) {
    let inner = open.streams.0.clone();
    let Some(to_speaker) = inner.live().get(&open.call).map(|live| live.commands.clone()) else {
        return;
    };
    let (to_ear, sound) = mpsc::channel(ear::MAX_FRAMES);
    let beat = inner.beat.clone();
    let (events, commanding) = (open.events.clone(), to_speaker.clone());
    let ends: Vec<BoxFuture<'_, End>> = match inner.config.realtime.enabled {
        false => {
            let speaker = Speaker::new(&inner.host, (out, start.stream), engine, beat, commands);
            open.tell(MediaEvent::Started);
            let mut caller = Caller::new(events.clone(), commanding);
            let listening = ear::listen(&inner.host, &inner.engines.ear, sound, move |words| {
                caller.said(words)
            });
            vec![
                Box::pin(async { end_of(speaker.run().await, End::Broke) }),
                Box::pin(async { end_of(listening.await, End::Stopped) }),
            ]
        }
        true => {
            let (to_talker, asked) = mpsc::channel(MAX_COMMANDS);
            let speaker = Speaker::new(&inner.host, (out, start.stream), engine, beat, asked);
            let line = realtime::Line {
                host: &inner.host,
                engine: &inner.engines.talker,
                config: &inner.config.realtime,
                call: &open.call,
                events: events.clone(),
                speaker: to_talker,
                listener: inner.events(),
            };
            vec![
                Box::pin(async { end_of(speaker.run().await, End::Broke) }),
                Box::pin(async { end_of(realtime::talk(line, sound, commands).await, End::Stopped) }),
            ]
        }
    };
    let hearing = hear(messages, to_ear, to_speaker, events);
    let quitting = async {
        // it resolves when its other end is dropped
        let _ = closed.await;
        End::Ours
    };
    let mut all = ends;
    all.push(Box::pin(hearing));
    all.push(Box::pin(quitting));
    let (end, _, rest) = select_all(all).await;
    drop(rest);
    match end {
        End::Stopped => {}
        End::Broke => open.grace = true,
        End::Ours => open.grace = false,
        End::Failed(error) => tracing::warn!(call = %open.call, %error, "the sound of a call ended"),
    }
}

fn end_of(outcome: Result<()>, well: End) -> End {
    match outcome {
        Ok(()) => well,
        Err(error) if error.kind() == openclaw_plugin_api::ErrorKind::Closed => End::Broke,
        Err(error) => End::Failed(error),
    }
}

/// What the carrier says.
async fn hear(
    mut messages: WsReceiver,
    mut ear: mpsc::Sender<Vec<u8>>,
    mut speaker: mpsc::Sender<Command>,
    mut events: mpsc::Sender<MediaEvent>,
) -> End {
    loop {
        let text = match messages.next().await {
            Ok(Some(WsMessage::Text(text))) => text,
            Ok(Some(WsMessage::Binary(_))) => continue,
            Ok(Some(WsMessage::Close(_)) | None) | Err(_) => return End::Broke,
        };
        match frames::read(&text) {
            // full: it is lost, because what is heard has to be now
            Ok(Incoming::Audio(codes)) => drop(ear.try_send(codes)),
            Ok(Incoming::Mark(name)) => {
                if futures_util::SinkExt::send(&mut speaker, Command::Mark(name))
                    .await
                    .is_err()
                {
                    return End::Ours;
                }
            }
            Ok(Incoming::Digit(digit)) => drop(events.try_send(MediaEvent::Digits(digit.into()))),
            Ok(Incoming::Stop) => return End::Stopped,
            Ok(Incoming::Start(_) | Incoming::Other) => {}
            Err(error) => return End::Failed(error),
        }
    }
}

/// Who is on the phone: interrupts, and says things.
struct Caller {
    events: mpsc::Sender<MediaEvent>,
    speaker: mpsc::Sender<Command>,
    /// What it says now has been noticed.
    speaking: bool,
}

impl Caller {
    fn new(events: mpsc::Sender<MediaEvent>, speaker: mpsc::Sender<Command>) -> Self {
        Self {
            events,
            speaker,
            speaking: false,
        }
    }

    fn said(&mut self, words: Transcript) {
        let begins = words.speech_started || !words.text.is_empty();
        if begins && !self.speaking {
            self.speaking = true;
            // each clone of a sender has room for one
            let _ = self.speaker.clone().try_send(Command::Clear(None));
            self.tell(MediaEvent::Interrupted);
        }
        if words.is_final {
            self.speaking = false;
        }
        if !words.text.is_empty() {
            self.tell(MediaEvent::Heard {
                text: words.text,
                is_final: words.is_final,
            });
        }
    }

    fn tell(&mut self, event: MediaEvent) {
        let needed = !matches!(event, MediaEvent::Heard { is_final: false, .. });
        // of what is not final yet some may be lost; the rest has a place of its own
        let sent = match needed {
            true => self.events.clone().try_send(event),
            false => self.events.try_send(event),
        };
        drop(sent);
    }
}

// === impl Open ===

impl Open {
    fn tell(&self, event: MediaEvent) {
        // each clone of a sender has room for one
        let _ = self.events.clone().try_send(event);
    }
}

impl Drop for Open {
    /// Also when the socket's task is cancelled: whoever listens learns of the end in any case.
    fn drop(&mut self) {
        let inner = self.streams.0.clone();
        let (call, turn, grace) = (self.call.clone(), self.turn, self.grace);
        let events = self.events.clone();
        let host = inner.host.clone();
        let is_last = move || {
            let mut live = inner.live();
            let last = live.get(&call).is_some_and(|live| live.turn == turn);
            if last {
                drop(live.remove(&call));
            }
            last
        };
        if !grace {
            if is_last() {
                self.tell(MediaEvent::Stopped);
            }
            return;
        }
        let sleeper = host.clone();
        host.spawn(async move {
            sleeper.sleep(GRACE).await;
            if is_last() {
                let _ = events.clone().try_send(MediaEvent::Broken);
            }
        });
    }
}
