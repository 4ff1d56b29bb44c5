//! A caller on the carrier's side of a media stream: plays tones in their time, and hears what is answered.
//!
//! What it hears it plays as a telephone does, frame by frame, so that it knows when a mark is reached and what a `clear`
//! has spared it.
use crate::speech::tones::{Tones, linear, mulaw, pitch_of, tone};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
    task::JoinHandle,
    time,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// Bytes of a frame.
const FRAME: usize = 160;
/// How long it sounds.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Messages that wait to be sent.
const MAX_WAITING: usize = 4096;
/// Silence.
const SILENCE: u8 = 0xff;

type Socket = WebSocketStream<TcpStream>;

/// Somebody on the phone. Dropping it hangs up without a word.
#[derive(Debug)]
pub struct Caller {
    tones: Tones,
    to_say: mpsc::Sender<Vec<u8>>,
    control: mpsc::Sender<Value>,
    ear: Arc<Ear>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Ear {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Samples that were played, since the last silence.
    playing: Vec<i16>,
    /// Texts that were heard to their end, or to their interruption.
    heard: Vec<(String, u32)>,
    queue: VecDeque<Item>,
    clears: u32,
    /// Frames that came, each with how much later than its place in the stream.
    arrivals: Vec<Instant>,
    closed: bool,
    /// When the last utterance ended.
    said_at: Option<Instant>,
    first_after: Vec<Duration>,
}

#[derive(Debug)]
enum Item {
    Frame(Vec<u8>),
    Mark(String),
}

impl Caller {
    /// Connects to `url` (`ws://…`) at `address` as this call, with the parameters that the carrier was given.
    pub async fn connect(
        address: &str,
        url: &str,
        call: &str,
        parameters: Value,
        tones: Tones,
    ) -> io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(url, tcp)
            .await
            .map_err(io::Error::other)?;
        let connected = json!({"event": "connected", "protocol": "Call", "version": "1.0.0"});
        let start = json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {
            "streamSid": "MZ1", "accountSid": "AC1", "callSid": call, "tracks": ["inbound"],
            "customParameters": parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}});
        for message in [connected, start] {
            let message = Message::text(message.to_string());
            socket.send(message).await.map_err(io::Error::other)?;
        }
        let (to_say, saying) = mpsc::channel(MAX_WAITING);
        let (control, controls) = mpsc::channel(MAX_WAITING);
        let ear = Arc::new(Ear::default());
        let tasks = vec![
            tokio::spawn(talk(socket, saying, controls, ear.clone())),
            tokio::spawn(play(ear.clone(), control.clone())),
        ];
        Ok(Self {
            tones,
            to_say,
            control,
            ear,
            tasks,
        })
    }

    /// Says a text, and is silent for so long that one knows it is over.
    pub async fn say(&self, text: &str) {
        self.utter(text, 400).await;
        self.be_silent(1000).await;
    }

    /// Says a text for so long, without an end.
    pub async fn utter(&self, text: &str, ms: u32) {
        let samples = tone(self.tones.pitch(text), 8000, ms);
        let codes: Vec<u8> = samples.iter().map(|sample| mulaw(*sample)).collect();
        for frame in codes.chunks(FRAME) {
            let _ = self.to_say.send(frame.to_vec()).await;
        }
    }

    /// Says nothing for so long.
    pub async fn be_silent(&self, ms: u32) {
        for n in 0..ms / 20 {
            let frame = if n == 0 { Vec::new() } else { vec![SILENCE; FRAME] };
            let _ = self.to_say.send(frame).await;
        }
    }

    /// Presses a key.
    pub async fn press(&self, digit: char) {
        let digit =
            json!({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": digit}});
        let _ = self.control.send(digit).await;
    }

    /// Hangs up in good order.
    pub async fn hang_up(&self) {
        let stop =
            json!({"event": "stop", "streamSid": "MZ1", "stop": {"accountSid": "AC1", "callSid": "CA1"}});
        let _ = self.control.send(stop).await;
    }

    /// Waits until so many texts were heard; gives them, each with the milliseconds of it that were heard.
    pub async fn heard(&self, count: usize) -> Vec<(String, u32)> {
        self.until(|state| (state.heard.len() >= count).then(|| state.heard.clone()))
            .await
    }

    /// Waits until something is heard that has not ended yet.
    pub async fn hears(&self) {
        self.until(|state| (state.playing.len() > 10 * FRAME).then_some(()))
            .await;
    }

    /// Waits until some sound has come, whether it is over or not.
    pub async fn sounds(&self) {
        self.until(|state| (state.arrivals.len() > 10).then_some(()))
            .await;
    }

    /// How often it was told to throw away what was not played.
    pub async fn cleared(&self, times: u32) {
        self.until(|state| (state.clears >= times).then_some(())).await;
    }

    /// Waits for the end of the line.
    pub async fn closed(&self) {
        self.until(|state| state.closed.then_some(())).await;
    }

    /// When each frame came.
    pub fn arrivals(&self) -> Vec<Instant> {
        self.ear.state().arrivals.clone()
    }

    /// From the end of each utterance to the first frame of what followed.
    pub fn delays(&self) -> Vec<Duration> {
        self.ear.state().first_after.clone()
    }

    async fn until<T>(&self, found: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let news = self.ear.news.notified();
            if let Some(found) = found(&self.ear.state()) {
                return found;
            }
            news.await;
        }
    }

    fn name(&self, samples: &[i16]) -> Option<String> {
        pitch_of(samples, 8000).and_then(|pitch| self.tones.text(pitch))
    }

    /// What was heard, by name: a text that nobody knows is "?".
    pub async fn texts(&self, count: usize) -> Vec<String> {
        let heard = self.heard(count).await;
        heard
            .into_iter()
            .map(|(pitch, _)| self.of_pitch(&pitch))
            .collect()
    }

    fn of_pitch(&self, pitch: &str) -> String {
        let pitch = pitch.parse().ok().and_then(|pitch| self.tones.text(pitch));
        pitch.unwrap_or_else(|| "?".to_owned())
    }

    /// The text that is being heard now.
    pub fn hearing(&self) -> Option<String> {
        let playing = self.ear.state().playing.clone();
        self.name(&playing)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Ear {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wire: a frame each 20 ms, silence where nothing is said, and whatever else there is.
async fn talk(
    socket: Socket,
    mut saying: mpsc::Receiver<Vec<u8>>,
    mut controls: mpsc::Receiver<Value>,
    ear: Arc<Ear>,
) {
    let (mut writer, mut reader) = socket.split();
    let mut beat = time::interval(FRAME_TIME);
    let mut chunk = 1_u64;
    loop {
        tokio::select! {
            message = reader.next() => match message {
                Some(Ok(Message::Text(text))) => take(&ear, text.as_str()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            _ = beat.tick() => {
                let frame = saying.try_recv().unwrap_or_else(|_| vec![SILENCE; FRAME]);
                let frame = match frame.is_empty() {
                    true => {
                        ear.state().said_at = Some(Instant::now());
                        vec![SILENCE; FRAME]
                    }
                    false => frame,
                };
                chunk += 1;
                let media = json!({"event": "media", "streamSid": "MZ1", "media": {"track": "inbound",
                    "chunk": chunk.to_string(), "timestamp": (chunk * 20).to_string(), "payload": STANDARD.encode(frame)}});
                if writer.send(Message::text(media.to_string())).await.is_err() {
                    break;
                }
            }
            Some(control) = controls.recv() => {
                let stops = control["event"] == "stop";
                if writer.send(Message::text(control.to_string())).await.is_err() || stops {
                    // the carrier closes after its last word
                    let _ = writer.close().await;
                    break;
                }
            }
        }
    }
    ear.state().closed = true;
    ear.news.notify_waiters();
}

fn take(ear: &Ear, text: &str) {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    let mut state = ear.state();
    match message["event"].as_str() {
        Some("media") => {
            let payload = message["media"]["payload"].as_str().unwrap_or_default();
            let now = Instant::now();
            state.arrivals.push(now);
            if let Some(said) = state.said_at.take() {
                state.first_after.push(now.duration_since(said));
            }
            let codes = STANDARD.decode(payload).unwrap_or_default();
            state.queue.push_back(Item::Frame(codes));
        }
        Some("mark") => {
            let name = message["mark"]["name"].as_str().unwrap_or_default().to_owned();
            state.queue.push_back(Item::Mark(name));
        }
        Some("clear") => {
            // what is thrown away is not heard, and the marks behind it are reached at once
            state.queue.retain(|item| matches!(item, Item::Mark(_)));
            state.clears += 1;
            end_of_text(&mut state);
        }
        _ => {}
    }
    drop(state);
    ear.news.notify_waiters();
}

/// The loudspeaker: a frame each 20 ms.
async fn play(ear: Arc<Ear>, control: mpsc::Sender<Value>) {
    let mut beat = time::interval(FRAME_TIME);
    loop {
        beat.tick().await;
        let mut marks = Vec::new();
        {
            let mut state = ear.state();
            loop {
                match state.queue.pop_front() {
                    Some(Item::Frame(codes)) => {
                        state.playing.extend(codes.into_iter().map(linear));
                        break;
                    }
                    Some(Item::Mark(name)) => {
                        end_of_text(&mut state);
                        marks.push(name);
                    }
                    None => break,
                }
            }
        }
        for name in marks {
            let mark = json!({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}});
            let _ = control.send(mark).await;
        }
        ear.news.notify_waiters();
    }
}

fn end_of_text(state: &mut State) {
    let playing = std::mem::take(&mut state.playing);
    if let Some(pitch) = pitch_of(&playing, 8000) {
        let ms = u32::try_from(playing.len() / 8).unwrap_or(u32::MAX);
        state.heard.push((pitch.to_string(), ms));
    }
}
