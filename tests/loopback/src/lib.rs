//! A channel for tests: whatever is sent comes back as a new message of a person. With `channels.loopback.platform` it
//! speaks to that platform instead. One tool asks the operator whether a command may run, and runs none; another asks for
//! what only plugins that start processes are given, and this is none of them. Its command has nothing to say. With
//! `channels.loopback.signedOut` an account has to be signed in by a code first.
mod platform;

use openclaw_plugin_api::{
    ApprovalRequest, CommandCall, CommandReply, CommandSegment, CommandSpec, LoginRequest, LoginStep,
    ToolOrigin, prelude::*,
};
use platform::Platform;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Default)]
struct Loopback {
    host: Arc<Mutex<Option<ChannelHost>>>,
    /// Accounts with a platform, and what listens to it.
    platforms: Mutex<HashMap<String, (Platform, openclaw_plugin_api::TaskHandle)>>,
    sent: AtomicU64,
    prefix: Arc<Mutex<String>>,
    /// Accounts that are being signed in, and how many codes each has had.
    logins: Mutex<HashMap<String, u32>>,
}

impl Channel for Loopback {
    const ID: &'static str = "loopback";

    fn info(&self) -> ChannelInfo {
        ChannelInfo {
            label: "Loopback".into(),
            login: true,
            ..ChannelInfo::default()
        }
    }

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        self.stop(account.id.clone()).await?;
        if let Some(root) = account.config["platform"].as_str() {
            let platform = Platform {
                root: root.to_owned(),
                account: account.id.clone(),
                host: host.clone(),
            };
            let listening = host.host().spawn(platform.clone().listen());
            let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
            platforms.insert(account.id.clone(), (platform, listening));
        }
        let status = match account.config["signedOut"] == true {
            true => ChannelStatus {
                account_id: account.id,
                state: ChannelState::Failed,
                problem: "nobody has signed in".into(),
                ..ChannelStatus::default()
            },
            false => connected(account.id),
        };
        host.status(&status).await?;
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
        Ok(())
    }

    async fn stop(&self, account_id: String) -> Result<()> {
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, listening)) = platforms.remove(&account_id) {
            listening.abort();
        }
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        let platform = {
            let platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
            platforms
                .get(&message.account_id)
                .map(|(platform, _)| platform.clone())
        };
        if let Some(platform) = platform {
            return platform.send(&message).await;
        }
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let host =
            host.ok_or_else(|| Error::new(ErrorKind::Closed, "the loopback channel is not started"))?;
        let id = self.sent.fetch_add(1, Ordering::Relaxed).to_string();
        let event = Inbound {
            event_id: id.clone(),
            account_id: message.account_id,
            chat: Chat {
                id: message.chat_id,
                ..Chat::default()
            },
            sender: Sender {
                id: "loopback-user".into(),
                ..Sender::default()
            },
            message_id: id.clone(),
            text: self.prefix.lock().unwrap_or_else(PoisonError::into_inner).clone() + &message.text,
            ..Inbound::default()
        };
        host.inbound(&event).await?;
        Ok(Receipt {
            message_ids: vec![id],
        })
    }

    /// The first code that somebody reads has just run out, the second one is good.
    async fn login(&self, request: LoginRequest) -> Result<LoginStep> {
        let account = request.account_id;
        let code = |count: u32| format!("loopback:{account}:{count}");
        let count = {
            let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
            if request.fresh {
                logins.remove(&account);
            }
            let count = logins.entry(account.clone()).or_insert(1);
            *count += u32::from(request.shown == code(*count));
            *count
        };
        if count <= 2 {
            return Ok(LoginStep {
                code: code(count),
                message: format!("Read code {count}."),
                ..LoginStep::default()
            });
        }
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(host) = host {
            host.status(&connected(account)).await?;
        }
        Ok(LoginStep {
            connected: true,
            ..LoginStep::default()
        })
    }

    async fn logout(&self, account_id: String) -> Result<()> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.remove(&account_id);
        Ok(())
    }
}

fn connected(account_id: String) -> ChannelStatus {
    ChannelStatus {
        account_id,
        state: ChannelState::Connected,
        identity: "loopback".into(),
        ..ChannelStatus::default()
    }
}

/// A tool that asks and does nothing.
struct AskApproval(Host);

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// The command that is asked about.
    command: String,
    /// The file that it would run.
    path: String,
    /// How long a person has to answer, milliseconds; 0 for as long as the gateway gives.
    #[serde(default)]
    timeout_ms: u64,
}

impl Tool for AskApproval {
    const NAME: &'static str = "ask_approval";
    const DESCRIPTION: &'static str = "Asks the operator whether a command may run. It runs nothing.";
    type Args = Asked;

    async fn invoke(&self, args: Asked, context: ToolContext) -> Result<ToolOutput> {
        let request = ApprovalRequest {
            segments: vec![CommandSegment {
                argv: args.command.split(' ').map(str::to_owned).collect(),
                resolved_path: args.path,
                safe: false,
            }],
            command: args.command,
            cwd: "/".into(),
            host: "gateway".into(),
            origin: context.origin,
            timeout_ms: args.timeout_ms,
            ..ApprovalRequest::default()
        };
        let decision = self.0.approvals().request(&request).await?;
        Ok(ToolOutput::json(serde_json::to_value(decision)?))
    }
}

/// A tool that asks for the variables of commands, and tells none.
struct AskVariables(Host);

/// The call for which it asks: its own, but for what is said here.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct OfCall {
    /// The id of the call.
    call_id: Option<String>,
    /// Its conversation.
    session_key: Option<String>,
}

impl Tool for AskVariables {
    const NAME: &'static str = "ask_variables";
    const DESCRIPTION: &'static str = "Asks for the variables that commands get. It tells none.";
    type Args = OfCall;

    async fn invoke(&self, of: OfCall, context: ToolContext) -> Result<ToolOutput> {
        let own = context.origin;
        let origin = ToolOrigin {
            call_id: of.call_id.unwrap_or_else(|| own.call_id.clone()),
            session_key: of.session_key.unwrap_or_else(|| own.session_key.clone()),
            ..own.clone()
        };
        let answer = match self.0.tool_environment(&origin).await {
            Ok(_) => "given",
            Err(error) => error.kind().as_str(),
        };
        Ok(ToolOutput::json(
            serde_json::json!({ "answer": answer, "asker": own.session_key }),
        ))
    }
}

/// A command without an answer.
struct Quiet;

const QUIET: &str = "quiet";

impl Commands for Quiet {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec {
            name: QUIET.into(),
            description: "Does nothing and says nothing.".into(),
            ..CommandSpec::default()
        }]
    }

    async fn run(&self, _: CommandCall) -> Result<CommandReply> {
        Ok(CommandReply::default())
    }
}

/// What may be set: a text that goes before everything that comes back. It may change while the channel runs.
const CONFIG: &str =
    r#"{"type":"object","properties":{"prefix":{"type":"string"}},"additionalProperties":false}"#;

#[derive(Default, serde::Deserialize)]
struct Config {
    #[serde(default)]
    prefix: String,
}

/// `channels.loopback`: where the platform is, if there is one. The host reads the rest.
const CHANNEL: &str = r#"{"type":"object","properties":{"token":{"type":"string"},"platform":{"type":"string","x-egress":true}},"additionalProperties":true}"#;

export_plugin!(
    Declaration::new("loopback", "Loopback")
        .channels(&["loopback"])
        .tools(&["ask_approval", "ask_variables"])
        .commands(&[QUIET])
        .channel_config(&[("loopback", CHANNEL)])
        .network(Network::Host(&[]))
        .config(CONFIG),
    |api| {
        let prefix = Arc::new(Mutex::new(api.config::<Config>()?.prefix));
        let (mut changes, current) = (api.host().config_changes(), prefix.clone());
        api.host().spawn(async move {
            while let Ok(Config { prefix }) = changes.changed().await {
                *current.lock().unwrap_or_else(PoisonError::into_inner) = prefix;
            }
        });
        api.tool(AskApproval(api.host().clone()));
        api.tool(AskVariables(api.host().clone()));
        api.commands(Quiet);
        api.channel(Loopback {
            prefix,
            ..Loopback::default()
        });
        Ok(())
    }
);
