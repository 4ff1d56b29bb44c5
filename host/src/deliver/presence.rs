//! What a chat sees while its answer is written: that somebody is typing, and the answer as it grows.
//!
//! Best effort: nothing here is in the outbox, and nothing of it can hold up or fail a turn. The message that shows the
//! beginning is noted in the journal, so that the answer takes its place even after a crash.
use super::typing::Signs;
use crate::{agent::reply::preview, config::TypingMode, journal::Journal, plugins::registry::Registry};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    Activity, AgentEvent, ChannelInfo, Edit, Error, ErrorKind, MessageTarget, Outbound, Receipt, Result,
    surface::ids,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// The least time between two changes of a preview.
const EDIT_EVERY: Duration = Duration::from_millis(1000);
/// Characters before anything is shown.
const SHOW_FROM: usize = 30;
/// Longest a preview or a sign may take; then the next one is tried.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// Stands for a preview that was being sent: it may or may not be there.
pub const UNKNOWN: &str = "?";

/// Where an answer is written, and how it is shown.
#[derive(Debug, Clone)]
pub struct Place {
    /// Channel id.
    pub channel: String,
    /// Its account, chat and thread, and the message to refer to.
    pub message: Outbound,
    /// What the channel can do.
    pub info: Arc<ChannelInfo>,
    /// Show the answer as it grows.
    pub preview: bool,
    /// When it is shown that somebody is typing.
    pub typing: TypingMode,
    /// How often it is shown again.
    pub typing_every: Duration,
    /// The event in the journal, to note the preview at.
    pub row: i64,
    /// The preview of an earlier run.
    pub shown: String,
}

/// Follows a turn until its events end.
pub async fn follow(
    registry: Arc<Registry>,
    journal: Journal,
    place: Place,
    mut events: mpsc::Receiver<AgentEvent>,
) -> Seen {
    let mut screen = Screen {
        registry,
        journal,
        shown: place.shown.clone(),
        place,
        written: String::new(),
        text: String::new(),
        on_screen: String::new(),
        stopped: false,
    };
    let mut signs = Signs::new(screen.place.typing, screen.place.typing_every);
    let mut next_edit = Instant::now();
    // a slow platform must not hold up the turn, so its answers are waited for beside the events
    let (mut sign, mut change) = (None, None);
    loop {
        let due = change.is_none() && screen.is_behind();
        tokio::select! {
            event = events.recv() => match event.inspect(|event| signs.hear(event)) {
                Some(AgentEvent::Text { text }) => screen.write(&text),
                Some(AgentEvent::ToolStarted { .. }) => screen.write("\n\n"),
                Some(_) => {}
                None => break,
            },
            () = signs.due(), if sign.is_none() => sign = screen.typing(),
            () = under_way(&mut sign), if sign.is_some() => sign = None,
            changed = under_way(&mut change), if change.is_some() => {
                change = None;
                screen.changed(changed);
                next_edit = Instant::now() + EDIT_EVERY;
            }
            () = tokio::time::sleep_until(next_edit), if due => change = screen.update(),
        }
    }
    // the answer comes after its preview, and has to know where that is
    if let Some(change) = change {
        screen.changed(change.await);
    }
    screen.seen()
}

async fn under_way<T>(call: &mut Option<BoxFuture<'static, T>>) -> T {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// What a chat has seen of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The message that shows its beginning; empty if there is none.
    pub shown: String,
    /// What it shows.
    pub text: String,
}

struct Screen {
    registry: Arc<Registry>,
    journal: Journal,
    place: Place,
    /// What the model has written.
    written: String,
    /// What of it may be shown.
    text: String,
    shown: String,
    on_screen: String,
    stopped: bool,
}

impl Screen {
    fn write(&mut self, text: &str) {
        if self.place.preview && !self.stopped {
            self.written.push_str(text);
            self.text = preview(&self.written);
        }
    }

    fn seen(self) -> Seen {
        Seen {
            shown: self.shown,
            text: self.on_screen,
        }
    }

    fn is_behind(&self) -> bool {
        let enough = !self.shown.is_empty() || self.text.chars().count() >= SHOW_FROM;
        self.place.preview && !self.stopped && enough && self.text != self.on_screen
    }

    fn typing(&self) -> Option<BoxFuture<'static, ()>> {
        let message = &self.place.message;
        let activity = Activity {
            account_id: message.account_id.clone(),
            chat_id: message.chat_id.clone(),
            thread_id: message.thread_id.clone(),
        };
        let channel = self.place.channel.clone();
        let plugin = self.registry.channel(&channel).ok()?;
        Some(Box::pin(async move {
            let call = plugin.call::<()>(ids::channel::ACTIVITY, &channel, &activity);
            let _ = tokio::time::timeout(CALL_LIMIT, call).await;
        }))
    }

    /// Begins to bring what is shown up to date.
    fn update(&mut self) -> Option<BoxFuture<'static, Changed>> {
        let text = self.text.clone();
        let limit = usize::try_from(self.place.info.text_limit).unwrap_or(usize::MAX);
        if text.chars().count() > limit {
            self.stopped = true;
            return None;
        }
        let put = Put {
            registry: self.registry.clone(),
            journal: self.journal.clone(),
            channel: self.place.channel.clone(),
            row: self.place.row,
            message: Outbound {
                text: text.clone(),
                ..self.place.message.clone()
            },
            shown: self.shown.clone(),
        };
        Some(Box::pin(async move {
            let put = tokio::time::timeout(CALL_LIMIT, put.go()).await;
            let late = |_| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    "the platform did not answer in time",
                ))
            };
            let shown = put.unwrap_or_else(late);
            Changed { text, shown }
        }))
    }

    /// A platform that refuses is not asked again in this turn.
    fn changed(&mut self, changed: Changed) {
        match changed.shown {
            Ok(shown) => {
                // a message without an id can't be changed any more
                self.stopped |= shown.is_empty();
                self.shown = shown;
                self.on_screen = changed.text;
            }
            Err(error) => {
                tracing::debug!(target: "openclaw::preview", channel = self.place.channel, %error, "not shown");
                self.stopped = true;
            }
        }
    }
}

/// How a change of the preview went.
struct Changed {
    text: String,
    /// The message that shows it.
    shown: Result<String>,
}

/// One change of the preview.
struct Put {
    registry: Arc<Registry>,
    journal: Journal,
    channel: String,
    row: i64,
    message: Outbound,
    shown: String,
}

impl Put {
    async fn go(self) -> Result<String> {
        let plugin = self.registry.channel(&self.channel)?;
        if self.shown.is_empty() {
            self.note(UNKNOWN.to_owned()).await;
            let sent: Receipt = plugin
                .call(ids::channel::SEND, &self.channel, &self.message)
                .await?;
            let id = sent.message_ids.into_iter().next().unwrap_or_default();
            if !id.is_empty() {
                self.note(id.clone()).await;
            }
            return Ok(id);
        }
        let message = self.message;
        let edit = Edit {
            target: MessageTarget {
                account_id: message.account_id,
                chat_id: message.chat_id,
                thread_id: message.thread_id,
                message_id: self.shown.clone(),
            },
            text: message.text,
            ..Edit::default()
        };
        plugin
            .call::<Receipt>(ids::channel::EDIT, &self.channel, &edit)
            .await?;
        Ok(self.shown)
    }

    /// Without the note, a crash leaves the preview beside the answer.
    async fn note(&self, preview: String) {
        let row = self.row;
        let _ = self.journal.run(move |j| j.preview(row, &preview)).await;
    }
}
