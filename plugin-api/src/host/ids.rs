//! Method ids that a host serves.

/// Method ids that a host serves. Authors need them only for [`crate::Host::serves`].
pub mod host {
    /// Body: [`crate::HttpRequest`]; in: the request's body; out: [`crate::HttpHead`], then the body; reply: null.
    pub const HTTP: &str = "host/1/http.fetch";
    /// Body: [`crate::WsRequest`]; in and out: tagged messages, the first one out is [`crate::WsHead`]; reply: null.
    pub const WEBSOCKET: &str = "host/1/ws.connect";
    /// Body: [`crate::Inbound`]; reply: null, once the event is durable. Target: channel id.
    pub const INBOUND: &str = "host/1/channel.inbound";
    /// Body: [`crate::Inbound`] as far as it is known; reply: `true` if its sender may write there. Target: channel id.
    pub const ADMITS: &str = "host/1/channel.admits";
    /// Body: [`crate::ChannelStatus`]; reply: null. Target: channel id.
    pub const CHANNEL_STATUS: &str = "host/1/channel.status";
    /// Body: [`crate::AgentRun`]; out: [`crate::AgentEvent`]s as JSON; reply: null.
    pub const AGENT_RUN: &str = "host/1/agent.run";
    /// Body: [`crate::AgentProfileRequest`]; reply: [`crate::AgentProfile`].
    pub const AGENT_PROFILE: &str = "host/1/agent.profile";
    /// Body: [`crate::Submission`]; reply: [`crate::Submitted`], once it is durable.
    pub const AGENT_SUBMIT: &str = "host/1/agent.submit";
    /// Body: [`crate::SystemEvent`]; reply: null, once it is durable.
    pub const SYSTEM_EVENT: &str = "host/1/system.event";
    /// Body: [`crate::EmbedRequest`] with `provider/model` and the texts; reply: [`crate::Embeddings`].
    pub const EMBED: &str = "host/1/model.embed";
    /// Body: [`crate::ToolCall`]; reply: [`crate::ToolOutput`]. Target: tool name.
    pub const TOOL_INVOKE: &str = "host/1/tool.invoke";
    /// Body: [`crate::Unfinished`]; reply: the id of the work, once it is durable.
    pub const TOOL_GOES_ON: &str = "host/1/tool.goesOn";
    /// Body: [`crate::News`]; reply: null, once it is durable. News of what was told already have no effect.
    pub const TOOL_NEWS: &str = "host/1/tool.news";
    /// Body: [`crate::Interim`]; reply: null, once it is durable.
    pub const TOOL_INTERIM: &str = "host/1/tool.interim";
    /// Body: [`crate::ToolOrigin`]; reply: variables by name, secrets among them.
    pub const TOOL_ENVIRONMENT: &str = "host/1/tool.environment";
    /// Body: [`crate::ToolOrigin`]; reply: [`crate::Variables`].
    pub const TOOL_VARIABLES: &str = "host/1/tool.variables";
    /// Reply: `[`[`crate::Node`]`]`, those that are here and may be asked.
    pub const NODE_LIST: &str = "host/1/node.list";
    /// Body: [`crate::NodeRequest`]; reply: what the node answers.
    pub const NODE_INVOKE: &str = "host/1/node.invoke";
    /// Body: [`crate::ApprovalRequest`]; reply: [`crate::ApprovalDecision`].
    pub const APPROVAL_REQUEST: &str = "host/1/approval.request";
    /// Body: `[`[`crate::ToolSpec`]`]`, all that the plugin offers from now on besides those that it declares; reply: null.
    pub const TOOL_OFFER: &str = "host/1/tool.offer";
    /// Reply: the value's bytes, or fault `not_found`. Target: key.
    pub const STORE_GET: &str = "host/1/store.get";
    /// Body: the value's bytes; meta: `ttlMs`; reply: null. Target: key.
    pub const STORE_PUT: &str = "host/1/store.put";
    /// As `store.put`, but only if the key is free; reply: `true` if it was.
    pub const STORE_ADD: &str = "host/1/store.add";
    /// Reply: null. Target: key.
    pub const STORE_DELETE: &str = "host/1/store.delete";
    /// Reply: `[key]`, sorted. Target: prefix.
    pub const STORE_LIST: &str = "host/1/store.list";
    /// Body: [`crate::MediaRef`] with what is known; in: the bytes; reply: [`crate::MediaRef`].
    pub const MEDIA_SAVE: &str = "host/1/media.save";
    /// Out: the bytes; reply: [`crate::MediaRef`]. Target: media id.
    pub const MEDIA_OPEN: &str = "host/1/media.open";
    /// Body and streams as `speech/1/synthesize`. Target: engine id, or empty for the configured one.
    pub const SYNTHESIZE: &str = "host/1/speech.synthesize";
    /// Body and streams as `speech/1/transcribe`.
    pub const TRANSCRIBE: &str = "host/1/speech.transcribe";
    /// Body and streams as `speech/1/converse`.
    pub const CONVERSE: &str = "host/1/speech.converse";
    /// Reply: the value's bytes, or fault `not_found`. Target: name of an environment variable.
    pub const SECRET: &str = "host/1/secret.get";
    /// Body: any JSON; reply: null. Target: name of the event.
    pub const EMIT: &str = "host/1/event.emit";
    /// Body: [`crate::ListenRequest`]; out: [`crate::ListenHead`] as JSON, once it listens; reply: null, when the gateway stops.
    /// Cancelling the call closes the listener.
    pub const LISTEN: &str = "host/1/http.listen";

    /// All of them. A host may serve fewer.
    pub const ALL: &[&str] = &[
        HTTP,
        WEBSOCKET,
        INBOUND,
        ADMITS,
        CHANNEL_STATUS,
        AGENT_RUN,
        AGENT_PROFILE,
        AGENT_SUBMIT,
        SYSTEM_EVENT,
        EMBED,
        TOOL_INVOKE,
        TOOL_GOES_ON,
        TOOL_NEWS,
        TOOL_INTERIM,
        TOOL_ENVIRONMENT,
        TOOL_VARIABLES,
        NODE_LIST,
        NODE_INVOKE,
        APPROVAL_REQUEST,
        TOOL_OFFER,
        STORE_GET,
        STORE_PUT,
        STORE_ADD,
        STORE_DELETE,
        STORE_LIST,
        MEDIA_SAVE,
        MEDIA_OPEN,
        SYNTHESIZE,
        TRANSCRIBE,
        CONVERSE,
        SECRET,
        EMIT,
        LISTEN,
    ];
}

#[cfg(test)]
mod tests {
    use super::host::ALL;

    #[test]
    fn all_ids_are_listed_once() {
        let declared: Vec<_> = include_str!("ids.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": &str = \""))
            .map(|(_, id)| id.trim_end_matches("\";"))
            .collect();
        assert_eq!(declared, ALL);
    }
}
