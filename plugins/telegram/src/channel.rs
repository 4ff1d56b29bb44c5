//! The channel: what the host asks for, by account.
use crate::{
    account::{Account, Accounts},
    api::{Api, Failure, Me},
    config::{Config, Token},
    intake::{Delivery, Intake},
    menu, outbound, poll, token, webhook,
};
use futures_channel::mpsc;
use futures_util::{
    StreamExt,
    future::{Either, join, select},
};
use openclaw_plugin_api::{
    Action, Activity, Backoff, Channel, ChannelHost, ChannelInfo, ChannelState, ChannelStatus, Edit, Error,
    ErrorKind, MessageTarget, Outbound, React, Receipt, Result, Secret,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What to do about a token that Telegram refuses; `{}` is the account.
pub(crate) const REVOKED: &str = "Telegram refuses the bot token of account {}; get a new one from @BotFather and set botToken or tokenFile";
/// Waits before Telegram is asked again who the bot is.
const IDENTIFY_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The channel `telegram`.
pub(crate) struct Telegram {
    accounts: Accounts,
}

impl Telegram {
    pub(crate) fn new(accounts: Accounts) -> Self {
        Self { accounts }
    }

    /// Everything that can be wrong with an account before it speaks to Telegram.
    async fn prepare(
        &self,
        id: &str,
        config: Config,
        host: &ChannelHost,
    ) -> Result<(Account, Option<Secret>)> {
        let token = token::find(host.host(), id, &config).await?;
        let api = Api::new(
            host.host().clone(),
            token,
            config.api_root.as_deref(),
            config.proxy.as_deref(),
        );
        if let Some(owner) = self.accounts.owner_of(id, &api) {
            return Err(wrong(format_args!(
                "account {id} has the same bot token as account {owner}; remove one of them"
            )));
        }
        let secret = self.secret(id, &config)?;
        Ok((Account::new(id.to_owned(), config, api, host.clone()), secret))
    }

    /// What calls of the webhook carry, if the account has one.
    fn secret(&self, id: &str, config: &Config) -> Result<Option<Secret>> {
        let secret = match (&config.webhook_url, &config.webhook_secret) {
            (None, _) => return Ok(None),
            (Some(_), Token::Value(secret)) => webhook::checked(secret.clone())?,
            (Some(_), _) => {
                return Err(wrong(format_args!(
                    "account {id} has a webhookUrl but no webhookSecret; set one"
                )));
            }
        };
        match self.accounts.owner_of_secret(id, &secret) {
            None => Ok(Some(secret)),
            Some(owner) => Err(wrong(format_args!(
                "account {id} has the same webhookSecret as account {owner}, and nothing else tells their calls apart; \
                 give each one of its own"
            ))),
        }
    }
}

impl Channel for Telegram {
    const ID: &'static str = "telegram";

    fn info(&self) -> ChannelInfo {
        ChannelInfo {
            label: "Telegram".into(),
            text_limit: 4000,
            edit: true,
            delete: true,
            reactions: true,
            media: true,
            actions: outbound::ACTIONS.map(str::to_owned).to_vec(),
            threads: true,
            thread_suffix: "topic".into(),
            id_prefixes: vec!["tg".into()],
            replies: true,
            native_commands: true,
            ..ChannelInfo::default()
        }
    }

    async fn start(&self, account: openclaw_plugin_api::Account, host: ChannelHost) -> Result<()> {
        self.accounts.end(&account.id).await;
        let id = account.id;
        let prepared = match serde_json::from_value::<Config>(account.config) {
            Ok(config) if config.enabled == Some(false) => return Ok(()),
            Ok(config) => self.prepare(&id, config, &host).await,
            Err(error) => Err(wrong(format_args!(
                "the configuration of account {id} is wrong: {error}"
            ))),
        };
        match prepared {
            Ok((account, secret)) => {
                self.accounts.begin(&Arc::new(account), secret);
                Ok(())
            }
            Err(error) => {
                let status = ChannelStatus {
                    account_id: id,
                    state: ChannelState::Failed,
                    problem: error.message().to_owned(),
                    ..ChannelStatus::default()
                };
                host.status(&status).await?;
                Err(error)
            }
        }
    }

    async fn stop(&self, account_id: String) -> Result<()> {
        self.accounts.end(&account_id).await;
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        outbound::send(&*self.accounts.get(&message.account_id)?, message).await
    }

    async fn edit(&self, edit: Edit) -> Result<Receipt> {
        outbound::edit(&*self.accounts.get(&edit.target.account_id)?, edit).await
    }

    async fn delete(&self, target: MessageTarget) -> Result<()> {
        outbound::delete(&*self.accounts.get(&target.account_id)?, &target).await
    }

    async fn react(&self, react: React) -> Result<()> {
        outbound::react(&*self.accounts.get(&react.target.account_id)?, &react).await
    }

    async fn activity(&self, activity: Activity) -> Result<()> {
        outbound::activity(&*self.accounts.get(&activity.account_id)?, &activity).await
    }

    async fn action(&self, action: Action) -> Result<Value> {
        outbound::perform(&*self.accounts.get(&action.account_id)?, &action).await
    }

    async fn probe(&self, account_id: String) -> Result<ChannelStatus> {
        let account = self.accounts.get(&account_id)?;
        match account.api.ask::<Me>("getMe", &json!({})).await {
            Ok(me) => {
                account.identified(me);
                Ok(account.status(ChannelState::Connected, ""))
            }
            Err(failure) => {
                let state = if is_final(&failure) {
                    ChannelState::Failed
                } else {
                    ChannelState::Degraded
                };
                Ok(account.status(state, Error::from(failure).message()))
            }
        }
    }
}

/// The life of an account: who it is, its menu, its updates.
pub(crate) async fn work(account: Arc<Account>, hooked: Option<(Secret, mpsc::Receiver<Delivery>)>) {
    account.report(ChannelState::Connecting, "").await;
    let Some(me) = identify(&account).await else {
        return;
    };
    let bot_id = me.id;
    tracing::info!(account = account.id, bot = me.username, "starting");
    warn_of_privacy(&account, &me);
    account.identified(me);
    let receive = async {
        match hooked {
            None => poll::run(account.clone(), bot_id).await,
            Some((secret, deliveries)) => receive(account.clone(), &secret, deliveries).await,
        }
    };
    let menu = Box::pin(menu::publish(&account));
    // The menu is no reason to receive later; it ends when the account does.
    if let Either::Left(((), receive)) = select(menu, Box::pin(receive)).await {
        receive.await;
    }
}

/// Asks Telegram who the bot is, until it says so or refuses the token.
async fn identify(account: &Account) -> Option<Me> {
    let mut backoff = Backoff::new(IDENTIFY_AGAIN.0, IDENTIFY_AGAIN.1);
    loop {
        match account.api.ask::<Me>("getMe", &json!({})).await {
            Ok(me) => return Some(me),
            Err(failure) if is_final(&failure) => {
                account
                    .report(ChannelState::Failed, &REVOKED.replace("{}", &account.id))
                    .await;
                return None;
            }
            Err(failure) => {
                let wait = backoff.next_wait().max(failure.retry_after().unwrap_or_default());
                let error = Error::from(failure);
                let is_refused = error.kind() == ErrorKind::Refused;
                let state = if is_refused {
                    ChannelState::Failed
                } else {
                    ChannelState::Degraded
                };
                account.report(state, error.message()).await;
                if is_refused {
                    return None;
                }
                account.api.host().sleep(wait).await;
            }
        }
    }
}

/// Will the same request never work with this token?
fn is_final(failure: &Failure) -> bool {
    matches!(failure.code(), Some(401 | 404))
}

/// Updates come by the webhook, and may come before Telegram has understood anew where to.
async fn receive(account: Arc<Account>, secret: &Secret, mut deliveries: mpsc::Receiver<Delivery>) {
    let mut intake = Intake::new(account.clone(), 0);
    let take = async {
        while let Some(delivery) = intake.work_while(deliveries.next()).await {
            intake.take_delivery(delivery);
        }
    };
    join(webhook::advertise(&account, secret), take).await;
}

fn warn_of_privacy(account: &Account, me: &Me) {
    let hears_all = account
        .config
        .groups
        .values()
        .any(|group| group.require_mention == Some(false));
    if hears_all && !me.can_read_all_group_messages {
        tracing::warn!(
            account = account.id,
            "requireMention is false, but Telegram shows this bot only messages that mention it: turn its privacy mode \
             off with @BotFather (/setprivacy), then remove it from the group and add it again"
        );
    }
}

fn wrong(text: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format_args!("telegram: {text}"))
}
