//! What the command line of `onboard` and `configure` takes, named as scripts for OpenClaw name it.
//!
//! Keys and tokens have no flags of their own here, for no vendor is known: `--acme-api-key X` becomes
//! `--secret ACME_API_KEY=X` before the command line is read, and the plugins say which variables there are.
use super::answers::word_of;
use crate::{cli::Cli, config::BindMode};
use clap::{CommandFactory, ValueEnum};
use openclaw_plugin_api::Secret;
use std::ffi::OsString;

/// The commands whose flags are rewritten.
const COMMANDS: [&str; 3] = ["onboard", "setup", "configure"];
/// How flags end that carry a secret of a plugin's variable.
const ENDS: [&str; 3] = ["-key", "-token", "-secret"];
/// The flag that they become.
const SECRET: &str = "--secret";

/// Where a secret goes that was given here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SecretMode {
    /// Into secrets.json in the state directory, which only its owner can read
    #[default]
    File,
    /// Nowhere: the configuration refers to the variable of the environment
    Ref,
    /// Into openclaw.json
    Plaintext,
}

/// How the gateway shows who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Auth {
    Token,
    Password,
}

/// Where the gateway runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Mode {
    Local,
    Remote,
}

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Flow {
    /// Model and chats; the rest is as usual
    Quickstart,
    /// Everything
    #[value(alias = "manual")]
    Advanced,
}

/// Answers that are given beforehand.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = AFTER)]
pub(in crate::cli) struct Flags {
    /// Ask nothing: what is not given stays as it is
    #[arg(long)]
    pub(in crate::cli) non_interactive: bool,
    /// Print one JSON object with what was done
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Where the gateway runs: here, or elsewhere and this machine only speaks to it
    #[arg(long, value_enum)]
    pub(in crate::cli) mode: Option<Mode>,
    /// Address of the gateway elsewhere, ws://… or wss://…
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) remote_url: Option<String>,
    /// Its token [or in OPENCLAW_GATEWAY_TOKEN]
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    pub(in crate::cli) remote_token: Option<Secret>,
    /// Who answers: `<provider>-api-key`, `<provider>` for one that asks for no key, custom-api-key, or skip; apiKey stands
    /// for the vendor whose key is given
    #[arg(long, value_name = "CHOICE")]
    pub(in crate::cli) auth_choice: Option<String>,
    /// The model, provider/model [default: the one that the vendor's plugin would take]
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// Address of a service of your own
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) custom_base_url: Option<String>,
    /// What it speaks: an API of a plugin, or the family's name
    #[arg(long, value_name = "API")]
    pub(in crate::cli) custom_compatibility: Option<String>,
    /// Its model
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) custom_model_id: Option<String>,
    /// What it is called in the configuration [default: custom]
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) custom_provider_id: Option<String>,
    /// A key or token for a plugin; written `--name-in-small-letters VALUE` too. Others on this machine can see it: the
    /// variable in the environment does the same and is safer
    #[arg(long, value_name = "VARIABLE=VALUE", value_parser = pair)]
    pub(in crate::cli) secret: Vec<(String, Secret)>,
    /// Where secrets go [default: file]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(in crate::cli) secret_input_mode: Option<SecretMode>,
    /// Folder of the agent
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) workspace: Option<String>,
    /// Port of the gateway
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) gateway_port: Option<u16>,
    /// Who can reach it: loopback, lan, tailnet, custom or auto
    #[arg(long, value_name = "WHO", value_parser = bind_mode)]
    pub(in crate::cli) gateway_bind: Option<BindMode>,
    /// How clients show that they may connect
    #[arg(long, value_enum)]
    pub(in crate::cli) gateway_auth: Option<Auth>,
    /// The token of the gateway [default: OPENCLAW_GATEWAY_TOKEN, or a new one]
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    pub(in crate::cli) gateway_token: Option<Secret>,
    /// Refer to this variable for the token of the gateway
    #[arg(long, value_name = "VARIABLE")]
    pub(in crate::cli) gateway_token_ref_env: Option<String>,
    /// The password of the gateway [or in OPENCLAW_GATEWAY_PASSWORD]
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    pub(in crate::cli) gateway_password: Option<Secret>,
    /// A messenger to switch on; can be repeated
    #[arg(long, value_name = "CHANNEL")]
    pub(in crate::cli) channel: Vec<String>,
    /// A plugin to switch on; can be repeated
    #[arg(long, value_name = "PLUGIN")]
    pub(in crate::cli) plugin: Vec<String>,
    /// Ask for no messengers
    #[arg(long, visible_alias = "skip-providers")]
    pub(in crate::cli) skip_channels: bool,
    /// Write without asking vendor and messenger whether it works
    #[arg(long)]
    pub(in crate::cli) no_check: bool,
    /// Make the gateway a service of this user and start it
    #[arg(long, overrides_with = "no_install_daemon")]
    pub(in crate::cli) install_daemon: bool,
    /// Make no service
    #[arg(long, visible_alias = "skip-daemon")]
    pub(in crate::cli) no_install_daemon: bool,
}

const AFTER: &str = "\
Keys and tokens are best left in the environment, under the names that `openclaw plugins inspect <plugin>` lists. A flag like \
--acme-api-key VALUE is taken for each of them.";

/// Steps of OpenClaw that there are none of here: leaving them out is what happens anyway.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct Elsewhere {
    #[arg(long, hide = true)]
    skip_skills: bool,
    #[arg(long, hide = true)]
    skip_health: bool,
    #[arg(long, hide = true)]
    skip_ui: bool,
    #[arg(long, hide = true)]
    skip_search: bool,
    #[arg(long, hide = true)]
    skip_hooks: bool,
    #[arg(long, hide = true)]
    skip_bootstrap: bool,
    #[arg(long, hide = true, value_parser = ["off"])]
    tailscale: Option<String>,
    #[arg(long, hide = true)]
    daemon_runtime: Option<String>,
    #[arg(long, hide = true)]
    node_manager: Option<String>,
}

/// The arguments with every `--acme-api-key X` as `--secret ACME_API_KEY=X`, where the command is one of ours.
pub(in crate::cli) fn rewritten(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let args: Vec<_> = args.into_iter().collect();
    let mut words = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    // other words may stand before it: values of flags that every command takes
    let command = words.find(|word| COMMANDS.contains(&&**word));
    match command.map(|word| word.into_owned()) {
        Some(word) => rewrite(args, &known(&word)),
        None => args,
    }
}

/// The flags that a command has of its own.
fn known(command: &str) -> Vec<String> {
    let cli = Cli::command();
    let own = cli
        .find_subcommand(command)
        .into_iter()
        .flat_map(clap::Command::get_arguments);
    let all = own.chain(cli.get_arguments());
    all.filter_map(|arg| arg.get_long())
        .map(|name| format!("--{name}"))
        .collect()
}

fn rewrite(args: Vec<OsString>, known: &[String]) -> Vec<OsString> {
    let mut rewritten = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) => (flag, Some(OsString::from(value))),
            None => (text, None),
        };
        match variable(flag).filter(|_| !known.iter().any(|own| own == flag)) {
            Some(name) => {
                let mut pair = OsString::from(name + "=");
                pair.push(value.or_else(|| args.next()).unwrap_or_default());
                rewritten.extend([SECRET.into(), pair]);
            }
            None => rewritten.push(arg),
        }
    }
    rewritten
}

/// `--acme-api-key` → `ACME_API_KEY`
fn variable(flag: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?;
    let fits = ENDS.iter().any(|end| name.ends_with(end))
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    fits.then(|| name.to_ascii_uppercase().replace('-', "_"))
}

// clap's texts about a value that does not fit quote it, so these never fail

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.trim()))
}

fn pair(text: &str) -> Result<(String, Secret), std::convert::Infallible> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((name.trim().to_owned(), Secret::new(value.trim())))
}

fn bind_mode(word: &str) -> Result<BindMode, String> {
    let all = [
        BindMode::Loopback,
        BindMode::Lan,
        BindMode::Tailnet,
        BindMode::Custom,
        BindMode::Auto,
    ];
    let found = all.into_iter().find(|mode| word_of(*mode) == word);
    found.ok_or_else(|| "write loopback, lan, tailnet, custom or auto".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Vec<String> {
        let known = ["--gateway-token".to_owned(), "--remote-token".to_owned()];
        let rewritten = rewrite(args.iter().map(OsString::from).collect(), &known);
        rewritten
            .into_iter()
            .map(|arg| arg.into_string().expect("UTF-8"))
            .collect()
    }

    #[test]
    fn flags_of_vendors_become_variables_and_our_own_stay() {
        let given = [
            "openclaw",
            "onboard",
            "--acme-api-key",
            "k=1",
            "--post-bot-token=t",
            "--gateway-token",
            "g",
        ];
        let expected = [
            "openclaw",
            "onboard",
            "--secret",
            "ACME_API_KEY=k=1",
            "--secret",
            "POST_BOT_TOKEN=t",
            "--gateway-token",
            "g",
        ];
        assert_eq!(of(&given), expected);
        assert_eq!(
            of(&["--Acme-key", "x", "-token", "--key"]),
            ["--Acme-key", "x", "-token", "--key"]
        );
        assert_eq!(
            of(&["--acme-api-key"]),
            ["--secret", "ACME_API_KEY="],
            "what is missing is told by name"
        );
    }

    #[test]
    fn only_our_commands_are_touched() {
        let args = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let other = args(&["openclaw", "channels", "add", "--acme-token", "x"]);
        assert_eq!(rewritten(other.clone()), other);
        let ours = rewritten(args(&["openclaw", "--log", "onboard", "--acme-token", "x"]));
        assert_eq!(ours.last().and_then(|arg| arg.to_str()), Some("ACME_TOKEN=x"));
        let own = args(&[
            "openclaw",
            "onboard",
            "--gateway-token",
            "x",
            "--remote-token",
            "y",
        ]);
        assert_eq!(rewritten(own.clone()), own);
    }
}
