//! `openclaw configure`: the questions of `openclaw onboard` one by one, for what is configured already.
use super::{
    Failure,
    onboard::{self, Plan, args::Flags, given::Parts, prompt, session::Session},
};
use crate::config::Env;
use clap::ValueEnum;

/// Asks about one part of the configuration, or several, and changes what is answered
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The part; can be repeated [default: asks]
    #[arg(long, value_enum)]
    section: Vec<Section>,
    #[command(flatten)]
    flags: Flags,
}

/// A part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Section {
    /// Who answers, and with which key
    Model,
    /// Messengers and their tokens
    Channels,
    /// Port, reach and secret of the gateway
    Gateway,
    /// The folder of the agent
    Workspace,
    /// What else is switched on
    Plugins,
    /// The gateway as a service
    Daemon,
}

// === impl Args ===

impl Args {
    /// These parts, and no answers beforehand.
    pub(super) fn of(section: Vec<Section>) -> Self {
        Self {
            section,
            flags: Flags::default(),
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    onboard::told(args.flags.json, configure(args, env))
}

fn configure(args: &Args, env: &Env) -> Result<(), Failure> {
    let flags = &args.flags;
    if flags.non_interactive && args.section.is_empty() {
        return Err(Failure::usage(
            "--non-interactive needs --section: say what is to be changed",
        ));
    }
    if !flags.non_interactive && !prompt::is_possible() {
        return Err(Failure::usage(
            "there is no terminal to ask in; give --non-interactive, --section and the answers as flags",
        ));
    }
    let session = Session::open(env, flags.secret_input_mode.unwrap_or_default())?;
    if !session.setting.configured {
        return Err(Failure::config(format_args!(
            "there is no configuration {}; `openclaw onboard` makes one",
            session.setting.paths.config_file.display()
        )));
    }
    let sections = if args.section.is_empty() {
        choose()?
    } else {
        args.section.clone()
    };
    let plan = plan(&sections);
    onboard::set_up(&session, flags, plan, false)
}

fn plan(sections: &[Section]) -> Plan {
    let has = |section| sections.contains(&section);
    Plan {
        parts: Parts {
            model: has(Section::Model),
            workspace: has(Section::Workspace),
            gateway: has(Section::Gateway),
            channels: has(Section::Channels),
            plugins: has(Section::Plugins),
        },
        again: true,
        service: has(Section::Daemon),
    }
}

fn choose() -> Result<Vec<Section>, Failure> {
    let sections = Section::value_variants();
    let names: Vec<_> = sections
        .iter()
        .filter_map(|section| Some(section.to_possible_value()?.get_name().to_owned()))
        .collect();
    let chosen = prompt::choose_some("What do you want to change?", &names, &[])?;
    if chosen.is_empty() {
        return Err(prompt::stopped());
    }
    Ok(chosen.into_iter().map(|at| sections[at]).collect())
}
