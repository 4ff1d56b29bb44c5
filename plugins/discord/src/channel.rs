//! The channel: what the host asks for, by account. Every method delegates.
use crate::{account::Accounts, actions, outbound};
use openclaw_plugin_api::{
    Account, Action, Activity, Channel, ChannelHost, ChannelInfo, ChannelStatus, Edit, MessageTarget,
    Outbound, React, Receipt, Result,
};
use serde_json::Value;

/// The channel `discord`.
#[derive(Debug, Default)]
pub(crate) struct Discord {
    accounts: Accounts,
}

impl Channel for Discord {
    const ID: &'static str = "discord";

    fn info(&self) -> ChannelInfo {
        ChannelInfo {
            label: "Discord".into(),
            text_limit: 2000,
            line_limit: 17,
            edit: true,
            delete: true,
            reactions: true,
            media: true,
            threads: true,
            spaces: true,
            id_prefixes: vec!["user".into()],
            replies: true,
            native_commands: true,
            idempotent_send: true,
            // short messages are sent as one
            part_chars: 1500,
            actions: actions::NAMES.iter().map(|name| (*name).to_owned()).collect(),
            ..ChannelInfo::default()
        }
    }

    async fn start(&self, account: Account, host: ChannelHost) -> Result<()> {
        self.accounts.start(account, host).await
    }

    async fn stop(&self, account_id: String) -> Result<()> {
        self.accounts.end(&account_id).await;
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        outbound::send(&self.accounts.get(&message.account_id)?, message).await
    }

    async fn edit(&self, edit: Edit) -> Result<Receipt> {
        outbound::edit(&self.accounts.get(&edit.target.account_id)?, edit).await
    }

    async fn delete(&self, target: MessageTarget) -> Result<()> {
        outbound::delete(&self.accounts.get(&target.account_id)?, &target).await
    }

    async fn react(&self, react: React) -> Result<()> {
        outbound::react(&self.accounts.get(&react.target.account_id)?, &react).await
    }

    async fn activity(&self, activity: Activity) -> Result<()> {
        outbound::activity(&self.accounts.get(&activity.account_id)?, &activity).await
    }

    async fn action(&self, action: Action) -> Result<Value> {
        actions::run(&self.accounts.get(&action.account_id)?, action).await
    }

    async fn probe(&self, account_id: String) -> Result<ChannelStatus> {
        self.accounts.get(&account_id)?.probe().await
    }
}
