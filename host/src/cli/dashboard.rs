//! `openclaw dashboard`: the address of the gateway's page, and the page.
//!
//! Invariant: the token stands behind `#`, which browsers send to nobody, and in no argument of a program that others on
//! this machine could read: a browser is given a file of this user's that leads there.
use super::{Failure, address, connect::Target, output, setting::Setting};
use crate::config::{Config, Env};
use openclaw_plugin_api::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::process::{Command, Stdio};

/// Programs that open a page, in the order in which they are tried.
const OPENERS: [&str; 3] = ["xdg-open", "wslview", "open"];

/// Shows the address of the gateway's page with the token in it, and opens it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only print the address
    #[arg(long)]
    no_open: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    if setting.config.gateway.control_ui.enabled == Some(false) {
        return Err(Failure::new(
            "the page is switched off: set gateway.controlUi.enabled to true",
        ));
    }
    let place = args.target.place(env, &setting)?;
    let url = page(&place.url, &setting.config)?;
    let whole = with_token(&url, place.login.token.as_ref());
    if args.json {
        return output::json(&json!({ "url": whole, "tokenIncluded": place.login.token.is_some() }));
    }
    anstream::println!("{whole}");
    if place.login.token.is_some() {
        anstream::eprintln!("note: whoever has this address may do everything; don't pass it on");
    }
    if !args.no_open && !open(&whole, env, &setting)? {
        anstream::eprintln!("note: no browser was opened; open the address yourself");
    }
    Ok(())
}

/// The address of the page without the token; none where it is switched off.
pub(super) fn page_of(gateway: &str, config: &Config) -> Option<String> {
    let on = config.gateway.control_ui.enabled != Some(false);
    on.then(|| page(gateway, config).ok()).flatten()
}

/// The address of the page, for a gateway at this address.
pub(super) fn page(gateway: &str, config: &Config) -> Result<String, Failure> {
    let wrong = || Failure::usage(format_args!("{gateway} is no gateway's address"));
    let mut url = url::Url::parse(gateway).map_err(|_| wrong())?;
    let scheme = if url.scheme() == "wss" { "https" } else { "http" };
    // `url` changes no scheme from one kind to another, but these are all of one kind
    url.set_scheme(scheme).map_err(|()| wrong())?;
    let _ = (url.set_username(""), url.set_password(None));
    let base = config.gateway.control_ui.base_path.as_deref().unwrap_or_default();
    let base = base.trim_matches('/');
    url.set_path(&if base.is_empty() {
        "/".to_owned()
    } else {
        format!("/{base}/")
    });
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.into())
}

fn with_token(url: &str, token: Option<&Secret>) -> String {
    match token {
        Some(token) => format!(
            "{url}#token={}",
            utf8_percent_encode(token.expose(), NON_ALPHANUMERIC)
        ),
        None => url.to_owned(),
    }
}

/// Opens the page in a browser, if there is one to ask.
fn open(url: &str, env: &Env, setting: &Setting) -> Result<bool, Failure> {
    setting.paths.prepare_state_dir().map_err(Failure::config)?;
    let file = setting.paths.state_dir.join("dashboard.html");
    let written = address::write_private(&file, leads_to(url).as_bytes());
    written.map_err(|e| Failure::io(format_args!("write {}", file.display()), e))?;
    let Ok(address) = url::Url::from_file_path(&file) else {
        return Ok(false);
    };
    // without a screen, an opener may start a browser for terminals, or wait
    let screens = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"];
    let has_screen = cfg!(target_os = "macos") || screens.iter().any(|name| env.var(name).is_some());
    Ok(has_screen
        && OPENERS.iter().any(|opener| {
            let mut command = Command::new(opener);
            command
                .arg(address.as_str())
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            // some stay until the browser ends; this program does not
            command.stderr(Stdio::null()).spawn().is_ok()
        }))
}

/// A page that leads to another one.
fn leads_to(url: &str) -> String {
    let url = url
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0; url={url}\"><a href=\"{url}\">OpenClaw</a>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base: &str) -> Config {
        Config::from_value(json!({ "gateway": { "controlUi": { "basePath": base } } })).expect("valid")
    }

    #[test]
    fn the_page_is_where_the_gateway_is() {
        for (gateway, base, url) in [
            ("ws://127.0.0.1:18789", "/", "http://127.0.0.1:18789/"),
            (
                "wss://gateway.example/ws?x=1",
                "/ui/",
                "https://gateway.example/ui/",
            ),
        ] {
            assert_eq!(page(gateway, &config(base)).ok().as_deref(), Some(url));
        }
        assert!(page("nonsense", &config("/")).is_err());
    }

    #[test]
    fn the_token_stands_behind_the_mark_that_is_sent_to_nobody() {
        let token = Secret::new("a b#c\"<");
        let url = with_token("http://127.0.0.1:1/", Some(&token));
        assert_eq!(url, "http://127.0.0.1:1/#token=a%20b%23c%22%3C");
        assert_eq!(with_token("http://x/", None), "http://x/");
        assert!(leads_to("http://x/#\"><script>").contains("#&quot;>&lt;script>"));
    }
}
