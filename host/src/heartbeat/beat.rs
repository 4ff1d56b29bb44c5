//! One beat: whether it is worth a model's time, what is asked, and what became of the answer.
use super::{Beat, Cause, Heart, SPACE};
use crate::{
    agent::{
        Ask,
        live::{End, Run},
        prompt::{Workspace, heartbeat_is_blank},
        reply::{self, Occasion, Reply},
    },
    config::{Agent, Heartbeat},
    cron::last_route,
    route::{Delivery, main_key},
};
use serde_json::json;
use std::sync::Arc;

/// Most of an answer that a record has, characters.
const PREVIEW: usize = 200;
/// The account of whoever names none.
const USUAL: &str = "default";

const PROMPT: &str = "This is a heartbeat: nobody has written. If your workspace has a HEARTBEAT.md, do what it says; \
don't take up again what earlier messages have settled. If nothing needs the person's attention, answer HEARTBEAT_OK.";

const EVENT_PROMPT: &str = "You were woken because of the events above. Deal with them, and tell the person what is \
worth knowing. If nothing of it needs the person's attention, answer HEARTBEAT_OK.";

/// Why a beat is left out.
struct LeftOut {
    reason: &'static str,
    message: &'static str,
}

impl Heart {
    /// Asks the agent, if it is worth it.
    pub(super) async fn beat(self: &Arc<Self>, agent: &Agent, cause: Cause, now: i64) {
        if !self.state().beating.insert(agent.id.clone()) {
            // it looks once more at the end of that one
            if cause != Cause::Interval {
                self.state().wanted.insert(agent.id.clone(), cause);
            }
            return;
        }
        let settings = agent.heartbeat.clone().unwrap_or_default();
        let session = session(agent, &settings);
        let to = self.place(agent, &settings).await;
        let left_out = self
            .left_out(agent, &settings, cause, (&session, to.is_some()), now)
            .await;
        if let Some(LeftOut { reason, message }) = left_out {
            let beat = Beat {
                ts: now,
                status: "skipped".to_owned(),
                agent_id: agent.id.clone(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()).filter(|message| !message.is_empty()),
                ..Beat::default()
            };
            return self.ended(beat).await;
        }
        let ask = Ask {
            run_id: format!("heartbeat:{}:{now}", agent.id),
            session_key: session,
            agent_id: agent.id.clone(),
            model: settings.model.clone().unwrap_or_default(),
            ack_max_chars: Some(settings.ack_max_chars()),
            timeout_ms: settings.timeout_seconds.unwrap_or(0) * 1000,
            deliver: to.clone(),
            plain: true,
            owner: true,
            queue_mode: Some(crate::agent::commands::QueueMode::Followup),
            sender_id: "heartbeat".to_owned(),
            client: json!({ "id": "heartbeat" }),
            ..Ask::default()
        };
        let usual = if cause == Cause::Event {
            EVENT_PROMPT
        } else {
            PROMPT
        };
        let prompt = settings.prompt.clone().filter(|_| cause != Cause::Event);
        let text = prompt.unwrap_or_else(|| usual.to_owned());
        let run = match ask.begin(&self.desk, &self.inbox, text).await {
            Ok(run) => run,
            Err(error) => {
                tracing::warn!(target: "openclaw::heartbeat", agent = agent.id, %error, "left out");
                self.state().beating.remove(&agent.id);
                return;
            }
        };
        let (heart, ack) = (self.clone(), settings.ack_max_chars());
        tokio::spawn(async move {
            run.ended().await;
            let beat = outcome(&run, to, ack, now);
            heart.ended(beat).await;
        });
    }

    async fn left_out(
        &self,
        agent: &Agent,
        settings: &Heartbeat,
        cause: Cause,
        (session, has_place): (&str, bool),
        now: i64,
    ) -> Option<LeftOut> {
        if cause != Cause::Interval {
            return None;
        }
        let left_out = |reason, message| Some(LeftOut { reason, message });
        if !settings.is_active(now, agent.settings.user_timezone.as_deref()) {
            return left_out("quiet-hours", "");
        }
        let key = session.to_owned();
        let waiting = self.desk.journal.run(move |j| j.has_system_events(&key)).await;
        if waiting.unwrap_or(false) {
            return None;
        }
        let workspace = agent.workspace(&self.desk.paths);
        let file = tokio::task::spawn_blocking(move || Workspace::new(workspace).text("HEARTBEAT.md"));
        if file
            .await
            .ok()
            .flatten()
            .is_some_and(|text| heartbeat_is_blank(&text))
        {
            return left_out("empty-heartbeat-file", "HEARTBEAT.md says nothing to do.");
        }
        let silent = settings.target.as_deref() == Some("none");
        if !has_place && !silent {
            let message =
                "There is no chat to tell: write to the agent once, or set agents.defaults.heartbeat.target.";
            return left_out("no-route", message);
        }
        None
    }

    /// Where news go. None: nowhere.
    async fn place(&self, agent: &Agent, settings: &Heartbeat) -> Option<Delivery> {
        let channel = match settings.target.as_deref().unwrap_or("last") {
            "none" => return None,
            "last" | "owner" => None,
            channel => Some(channel),
        };
        let last = last_route(&self.desk, &agent.id, channel).await.ok().flatten();
        let place = match (channel, &settings.to) {
            (Some(channel), Some(to)) => Some(Delivery {
                channel: channel.to_owned(),
                account_id: last.map_or_else(|| USUAL.to_owned(), |last| last.account_id),
                chat_id: to.clone(),
                thread_id: String::new(),
            }),
            (None, Some(to)) => last.map(|last| Delivery {
                chat_id: to.clone(),
                thread_id: String::new(),
                ..last
            }),
            (_, None) => last,
        };
        place.map(|place| Delivery {
            account_id: settings.account_id.clone().unwrap_or(place.account_id),
            ..place
        })
    }

    async fn ended(&self, beat: Beat) {
        self.state().beating.remove(&beat.agent_id);
        self.state().last = Some(beat.clone());
        let (key, value) = (
            beat.agent_id.clone(),
            serde_json::to_vec(&beat).unwrap_or_default(),
        );
        let now = self.desk.clock.now_ms();
        let kept = self
            .desk
            .journal
            .run(move |j| j.put(SPACE, &key, &value, None, now))
            .await;
        if let Err(error) = kept {
            tracing::warn!(target: "openclaw::heartbeat", %error, "the last beat is not kept");
        }
        // nobody listening is fine
        let _ = self.news.send(json!(beat));
        self.woken.notify_one();
    }
}

fn session(agent: &Agent, settings: &Heartbeat) -> String {
    match settings.session.as_deref() {
        None | Some("main" | "") => main_key(&agent.id),
        Some(key) if key.starts_with("agent:") => key.to_lowercase(),
        Some(key) => format!("agent:{}:{}", agent.id, key.to_lowercase()),
    }
}

fn outcome(run: &Run, to: Option<Delivery>, ack_max_chars: usize, began: i64) -> Beat {
    let text = match run.how() {
        Some(End::Answered { text, .. }) => Ok(text),
        Some(End::Failed { message, .. }) => Err(message),
        _ => Err("the beat was stopped".to_owned()),
    };
    let said = text.clone().unwrap_or_default();
    let (status, reason, media) =
        match text.map(|text| reply::parse(&text, Occasion::Heartbeat { ack_max_chars })) {
            Err(why) => ("failed", Some(why), false),
            Ok(Reply::Silent) => ("ok-token", None, false),
            Ok(Reply::Empty) => ("ok-empty", None, false),
            Ok(Reply::Send(payload)) if to.is_some() => ("sent", None, !payload.media.is_empty()),
            Ok(Reply::Send(payload)) => ("skipped", Some("no-route".to_owned()), !payload.media.is_empty()),
        };
    let preview: String = said.trim().chars().take(PREVIEW).collect();
    let to = to.filter(|_| status == "sent");
    Beat {
        ts: run.ended_ms().unwrap_or(began),
        status: status.to_owned(),
        agent_id: run.agent_id.clone(),
        preview: Some(preview).filter(|preview| !preview.is_empty()),
        reason,
        message: None,
        channel: to.as_ref().map(|to| to.channel.clone()),
        to: to.map(|to| to.chat_id),
        has_media: media,
        duration_ms: (run.ended_ms().unwrap_or(began) - began).max(0),
    }
}
