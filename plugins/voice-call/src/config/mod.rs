//! `plugins.entries.voice-call.config`: every key that OpenClaw knows in its forms of February and September 2026.
//!
//! Only what the schema can judge is judged here; `settings` adds the environment and says what is missing. Keys without
//! any effect say so. Invariant: no type here prints a credential.
mod audio;
mod calls;
mod carriers;
mod reach;
mod value;

pub use audio::{AgentContext, ConsultPolicy, Realtime, Streaming, Stt, ToolPolicy, Tts};
pub use calls::{InboundPolicy, Number, Outbound, SessionScope, TalkMode};
pub use carriers::{Carrier, Plivo, Region, Telnyx, Twilio};
pub use openclaw_plugin_api::setting::Token;
pub use reach::{Serve, Tailscale, TailscaleMode, Tunnel, TunnelKind, WebhookSecurity};
pub use value::E164;

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Phone calls.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// False: the plugin is loaded and takes and makes no calls.
    pub enabled: Option<bool>,
    /// Who carries the calls. `log` is the older name of `mock`.
    pub provider: Option<Carrier>,
    /// Credentials of Twilio.
    pub twilio: Twilio,
    /// Credentials of Telnyx.
    pub telnyx: Telnyx,
    /// Credentials of Plivo.
    pub plivo: Plivo,
    /// The number that calls come from, E.164. `TWILIO_FROM_NUMBER` if nothing is said.
    pub from_number: Option<E164>,
    /// Who is called when nobody says whom, E.164.
    pub to_number: Option<E164>,
    /// Who may call.
    pub inbound_policy: InboundPolicy,
    /// Who may call under `allowlist` and `pairing`, E.164. Compared as a whole, never in part.
    pub allow_from: Vec<E164>,
    /// The first sentence that a caller hears.
    pub inbound_greeting: Option<String>,
    /// What differs by the number that was dialled.
    pub numbers: BTreeMap<E164, Number>,
    /// Calls that the agent makes.
    pub outbound: Outbound,
    /// Longest call from its answering on, seconds; 300 if nothing is said.
    #[schemars(range(min = 1, max = 86_400))]
    pub max_duration_seconds: Option<u32>,
    /// A call that nobody answered is given up after this long, seconds; 0 never does. 120 if nothing is said.
    #[schemars(range(max = 86_400))]
    pub stale_call_reaper_seconds: Option<u32>,
    /// Silence that ends what a caller says, milliseconds; 800 if nothing is said. For streams; where the carrier listens
    /// it decides by itself.
    #[schemars(range(min = 1, max = 60_000))]
    pub silence_timeout_ms: Option<u32>,
    /// How long an answer of the person on the phone is waited for, milliseconds; 180,000 if nothing is said.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub transcript_timeout_ms: Option<u32>,
    /// How long a phone rings, milliseconds; 30,000 if nothing is said.
    #[schemars(range(min = 1000, max = 600_000))]
    pub ring_timeout_ms: Option<u32>,
    /// Calls that the agent may have made at once; 1 if nothing is said.
    #[schemars(range(min = 1, max = 100))]
    pub max_concurrent_calls: Option<u32>,
    /// Where webhooks arrive.
    pub serve: Serve,
    /// The public address of the webhook, with its path. It wins over tunnels, and signatures are checked against it.
    pub public_url: Option<String>,
    /// A way in from outside.
    pub tunnel: Tunnel,
    /// A way in through Tailscale, where there is neither `publicUrl` nor a tunnel.
    pub tailscale: Tailscale,
    /// Whose word counts for the address that a carrier called, where no public address is known.
    pub webhook_security: WebhookSecurity,
    /// For development with `provider: "mock"` only; with a real carrier the plugin does not start.
    pub skip_signature_verification: bool,
    /// Audio of a call over a WebSocket (Twilio).
    pub streaming: Streaming,
    /// Speech to speech (Twilio); excludes `streaming`. The voice hears no keys that are pressed: they stand in the transcript,
    /// which the agent behind it reads when it is asked.
    pub realtime: Realtime,
    /// The form of February 2026: which engine listens.
    pub stt: Stt,
    /// Which engine speaks, and what it is told. What is not said here is the engine's own.
    pub tts: Option<Tts>,
    /// Accepted, without effect: records are kept in the gateway's own database.
    #[schemars(extend("x-no-effect" = true))]
    pub store: Option<String>,
    /// The agent that talks; the default one if nothing is said.
    pub agent_id: Option<String>,
    /// What shares a conversation: all calls of a number, each call for itself, or everything with the agent's main one.
    pub session_scope: SessionScope,
    /// Model that answers on the phone, `provider/model`; the agent's own if nothing is said.
    pub response_model: Option<String>,
    /// What the model should know of the call, instead of the usual words.
    pub response_system_prompt: Option<String>,
    /// How long an answer may take, milliseconds; 30,000 if nothing is said.
    #[schemars(range(min = 1, max = 600_000))]
    pub response_timeout_ms: Option<u32>,
}
