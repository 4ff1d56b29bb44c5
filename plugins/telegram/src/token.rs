//! Where a bot's token comes from: file, configuration, environment, in this order.
use crate::config::{Config, Token};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use std::{fs, io::Read, path::Path};

/// The variable for the account `default`.
pub(crate) const VARIABLE: &str = "TELEGRAM_BOT_TOKEN";
/// Longest file that can be one with a token, bytes.
const MAX_FILE: u64 = 4096;

/// The token of an account, or what to do to have one.
pub(crate) async fn find(host: &Host, account_id: &str, config: &Config) -> Result<Secret> {
    if let Some(path) = config
        .token_file
        .as_deref()
        .filter(|path| !path.trim().is_empty())
    {
        return checked(read(Path::new(path.trim()))?);
    }
    match &config.bot_token {
        Token::Value(token) => return checked(token.clone()),
        Token::Unresolved => {
            return Err(wrong(format_args!(
                "the botToken of account {account_id} is a reference that could not be resolved; check its source"
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
        return checked(Secret::new(token.expose().trim()));
    }
    let variable = if account_id == "default" {
        format!(", or {VARIABLE} in the environment")
    } else {
        String::new()
    };
    Err(wrong(format_args!(
        "account {account_id} has no bot token: set botToken or tokenFile{variable}; @BotFather gives one"
    )))
}

/// A token goes into a URL, so nothing may be in it that ends a path.
fn checked(token: Secret) -> Result<Secret> {
    let fine = token.expose().split_once(':').is_some_and(|(id, key)| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_digit())
            && !key.is_empty()
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    });
    if fine {
        return Ok(token);
    }
    Err(wrong(
        "the bot token is not one: @BotFather's have the form 123456789:AA…; copy it again, without anything around it",
    ))
}

/// Reads a token from a regular file. A link could lead to a file of somebody else.
fn read(path: &Path) -> Result<Secret> {
    let name = path.display();
    let failed = |error: std::io::Error| {
        wrong(format_args!(
            "the tokenFile {name} can't be read: {error}; if the plugin is isolated, name it in \
             plugins.entries.telegram.permissions.files.read"
        ))
    };
    let known = fs::symlink_metadata(path).map_err(failed)?;
    if !known.is_file() {
        return Err(wrong(format_args!(
            "the tokenFile {name} is not a regular file; links are not followed"
        )));
    }
    let file = fs::File::open(path).map_err(failed)?;
    if !is_same(&known, &file.metadata().map_err(failed)?) {
        return Err(wrong(format_args!(
            "the tokenFile {name} changed while it was opened; try again"
        )));
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
    Ok(Secret::new(text.trim()))
}

#[cfg(unix)]
fn is_same(known: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (known.dev(), known.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}

fn wrong(text: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format_args!("telegram: {text}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_is_read_and_trimmed_and_a_link_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("openclaw-telegram-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (file, link) = (folder.join("token"), folder.join("link"));
        fs::write(&file, "  123:abc\n").expect("a file");
        assert_eq!(read(&file).expect("a token").expose(), "123:abc");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert!(
            read(&link)
                .expect_err("a link")
                .message()
                .contains("links are not followed")
        );
        assert!(read(&folder).is_err() && read(&folder.join("none")).is_err());
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn what_would_change_the_url_is_no_token_and_is_not_repeated() {
        for text in [
            "",
            "123",
            "123:",
            ":abc",
            "1/2:abc",
            "123:abc/../x",
            "123:abc?x",
            "123:ab c",
        ] {
            let error = checked(Secret::new(text)).expect_err(text);
            assert!(text.len() < 6 || !error.message().contains(text), "{error}");
        }
        checked(Secret::new("123456:AA-b_c")).expect("a token");
    }
}
