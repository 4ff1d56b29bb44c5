//! `openclaw skills`: which instructions agents find, and what those that can't be used lack. It reads the files itself.
use super::{Failure, output, setting::Setting};
use crate::{
    config::Env,
    skills::{self, Needs, Skill},
};
use clap::Subcommand;
use serde_json::json;

/// Shows what agents find instructions for
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The agent [default: the default agent]
    #[arg(long, global = true)]
    agent: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows all of them
    List {
        /// Only those that can be used
        #[arg(long)]
        eligible: bool,
        /// Also what is missing
        #[arg(long, short)]
        verbose: bool,
    },
    /// Shows everything about one
    Info {
        /// Its name
        name: String,
    },
    /// Shows which can be used, and what the others lack
    Check,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::read(env)?;
    let agents = setting.config.agents();
    let agent = match &args.agent {
        None => agents.default_agent(),
        Some(id) => agents.get(id).ok_or_else(|| {
            Failure::usage(format_args!(
                "there is no agent {id}; see agents in openclaw.json"
            ))
        })?,
    };
    let found = skills::of_agent(&setting.config, agent, &setting.paths, env);
    match &args.command {
        None => list(&found, false, false, args.json, (&setting, agent)),
        Some(Command::List { eligible, verbose }) => {
            list(&found, *eligible, *verbose, args.json, (&setting, agent))
        }
        Some(Command::Info { name }) => info(&found, name, args.json),
        Some(Command::Check) => check(&found, args.json),
    }
}

fn list(
    all: &[Skill],
    eligible: bool,
    verbose: bool,
    json: bool,
    (setting, agent): (&Setting, &crate::config::Agent),
) -> Result<(), Failure> {
    let shown: Vec<_> = all.iter().filter(|skill| skill.eligible || !eligible).collect();
    if json {
        return output::json(&json!({
            "workspaceDir": agent.workspace(&setting.paths),
            "managedSkillsDir": setting.paths.state_dir.join("skills"), "skills": shown,
        }));
    }
    let ready = all.iter().filter(|skill| skill.eligible).count();
    anstream::println!("Skills ({ready}/{} ready)", all.len());
    let mut table = output::table(if verbose {
        &["STATUS", "SKILL", "DESCRIPTION", "SOURCE", "MISSING"]
    } else {
        &["STATUS", "SKILL", "DESCRIPTION", "SOURCE"]
    });
    for skill in shown {
        let name = match &skill.emoji {
            Some(emoji) => format!("{emoji} {}", skill.name),
            None => skill.name.clone(),
        };
        let mut row = vec![
            state(skill).to_owned(),
            name,
            skill.description.clone(),
            skill.source.to_owned(),
        ];
        if verbose {
            row.push(lacks(&skill.missing).join("; "));
        }
        table.add_row(
            row.iter()
                .map(|cell| output::text(&json!(cell)))
                .collect::<Vec<_>>(),
        );
    }
    if !table.is_empty() {
        anstream::println!("{table}");
    }
    Ok(())
}

fn info(all: &[Skill], name: &str, json: bool) -> Result<(), Failure> {
    let named = |skill: &&Skill| skill.name == name || skill.skill_key == name;
    let skill = all.iter().find(named).ok_or_else(|| {
        Failure::new(format_args!(
            "there is no skill {name}; see `openclaw skills list`"
        ))
    })?;
    if json {
        return output::json(skill);
    }
    anstream::println!("{} – {}", output::text(&json!(skill.name)), state(skill));
    anstream::println!("{}", output::text(&json!(skill.description)));
    anstream::println!("File:    {}", skill.file_path.display());
    anstream::println!("Source:  {}", skill.source);
    if skill.command_visible {
        anstream::println!("Command: /{}", skill.command);
    }
    for need in lacks(&skill.missing) {
        anstream::println!("Missing: {}", output::text(&json!(need)));
    }
    Ok(())
}

fn check(all: &[Skill], json: bool) -> Result<(), Failure> {
    let names = |wanted: &dyn Fn(&Skill) -> bool| -> Vec<&str> {
        let found = all.iter().filter(|skill| wanted(skill));
        found.map(|skill| skill.name.as_str()).collect()
    };
    let eligible = names(&|skill| skill.eligible);
    let disabled = names(&|skill| skill.disabled);
    let lacking: Vec<_> = all
        .iter()
        .filter(|skill| !skill.eligible && !skill.disabled)
        .collect();
    if json {
        let missing = lacking
            .iter()
            .map(|skill| json!({ "name": skill.name, "missing": skill.missing }));
        return output::json(&json!({
            "summary": {
                "total": all.len(), "eligible": eligible.len(), "disabled": disabled.len(),
                "missingRequirements": lacking.len(),
            },
            "eligible": eligible, "disabled": disabled, "missingRequirements": missing.collect::<Vec<_>>(),
        }));
    }
    anstream::println!(
        "Total: {} · ready: {} · off: {}",
        all.len(),
        eligible.len(),
        disabled.len()
    );
    for skill in lacking {
        let why = match lacks(&skill.missing) {
            why if why.is_empty() => state(skill).to_owned(),
            why => why.join("; "),
        };
        anstream::println!(
            "{}: {}",
            output::text(&json!(skill.name)),
            output::text(&json!(why))
        );
    }
    Ok(())
}

fn state(skill: &Skill) -> &'static str {
    match skill {
        Skill { eligible: true, .. } => "ready",
        Skill { disabled: true, .. } => "disabled",
        Skill {
            blocked_by_agent_filter: true,
            ..
        } => "not for this agent",
        _ => "needs setup",
    }
}

/// What is missing, in words.
fn lacks(missing: &Needs) -> Vec<String> {
    let kinds = [
        ("programs", &missing.bins),
        ("one of the programs", &missing.any_bins),
        ("variables", &missing.env),
        ("configuration", &missing.config),
        ("system", &missing.os),
    ];
    let kinds = kinds.into_iter().filter(|(_, names)| !names.is_empty());
    kinds
        .map(|(kind, names)| format!("{kind} {}", names.join(", ")))
        .collect()
}
