//! What an event says, and how a model is shown it.
//!
//! Nothing here decides who may say it.
use super::{
    commands,
    envelope::{self, Stamp},
};
use crate::{
    access::Skipped,
    config::{Config, OnOff},
};
use openclaw_plugin_api::{Inbound, InboundKind};

/// What an event says.
pub(super) enum Said {
    /// Words, or a command.
    Text(String),
    /// Nothing, but it happened.
    Happened,
    /// Nothing that an agent could use.
    Nothing,
}

pub(super) fn said(event: &Inbound) -> Said {
    match event.kind {
        InboundKind::Message => Said::Text(event.text.clone()),
        InboundKind::Command => Said::Text(commands::native_text(event)),
        InboundKind::Button if event.value.starts_with('/') => Said::Text(event.value.clone()),
        InboundKind::Button => Said::Text(format!("callback_data: {}", event.value)),
        InboundKind::Reaction | InboundKind::Membership => Said::Happened,
        _ => Said::Nothing,
    }
}

/// What the machine's clock is ahead of UTC, seconds.
pub(super) fn local_offset_s(now_ms: i64) -> i32 {
    jiff::Timestamp::from_millisecond(now_ms)
        .map(|now| now.to_zoned(jiff::tz::TimeZone::system()).offset().seconds())
        .unwrap_or(0)
}

/// What the model is to see of a message.
pub(super) fn seen_text(
    config: &Config,
    agent_id: &str,
    event: &Inbound,
    text: &str,
    skipped: Vec<Skipped>,
) -> String {
    let agents = config.agents();
    let settings = &agents
        .get(agent_id)
        .unwrap_or_else(|| agents.default_agent())
        .settings;
    let shown = if settings.envelope_timestamp == Some(OnOff::Off) {
        "off"
    } else {
        "on"
    };
    let zone = settings.envelope_timezone.as_deref().unwrap_or("utc");
    let stamp = Stamp::new(zone, shown, settings.user_timezone.as_deref());
    let pending: Vec<_> = skipped
        .into_iter()
        .map(|message| envelope::Pending {
            sender: if message.sender_name.is_empty() {
                message.sender_id
            } else {
                message.sender_name
            },
            text: message.text,
            timestamp_ms: message.timestamp_ms,
        })
        .collect();
    envelope::user_text(event, text, &pending, &stamp)
}
