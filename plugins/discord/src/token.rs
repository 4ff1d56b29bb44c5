//! Where a bot's token comes from: the configuration, else the environment.
use crate::config::{Config, Token};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};

/// The variable for the account `default`.
pub(crate) const VARIABLE: &str = "DISCORD_BOT_TOKEN";
/// Longest text that can be a token, bytes.
const MAX_LEN: usize = 256;

/// The token of an account, or what to do to have one.
pub(crate) async fn find(host: &Host, account_id: &str, config: &Config) -> Result<Secret> {
    match &config.token {
        Token::Value(token) => return checked(token.expose()),
        Token::Unresolved => {
            return Err(wrong(format_args!(
                "the token of account {account_id} is a reference that could not be resolved; check its source"
            )));
        }
        Token::Missing => {}
    }
    if account_id == "default"
        && let Some(token) = host
            .secret(VARIABLE)
            .await?
            .filter(|token| !token.expose().trim().is_empty())
    {
        return checked(token.expose());
    }
    let variable = if account_id == "default" {
        format!(" or {VARIABLE} in the environment")
    } else {
        String::new()
    };
    Err(wrong(format_args!(
        "account {account_id} has no bot token: set channels.discord.accounts.{account_id}.token (or \
         channels.discord.token){variable}; the Developer Portal gives one under Bot"
    )))
}

/// A token goes into a header, so nothing may be in it that ends one.
fn checked(token: &str) -> Result<Secret> {
    let token = token.trim();
    let token = token.strip_prefix("Bot ").unwrap_or(token).trim();
    let fine =
        !matches!(token, "" | "Bot") && token.len() <= MAX_LEN && token.bytes().all(|b| b.is_ascii_graphic());
    if fine {
        return Ok(Secret::new(token));
    }
    Err(wrong(
        "the bot token is not one; copy it again from the Developer Portal, without anything around it",
    ))
}

fn wrong(text: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format_args!("discord: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_taken_off_and_what_is_no_token_is_not_repeated() {
        assert_eq!(
            checked(" Bot abc.def-ghi_jkl ").expect("a token").expose(),
            "abc.def-ghi_jkl"
        );
        for text in ["", "Bot ", "two words", "line\nbreak"] {
            let error = checked(text).expect_err(text);
            assert!(text.len() < 6 || !error.message().contains(text), "{error}");
        }
        assert!(checked(&"x".repeat(MAX_LEN + 1)).is_err());
    }
}
