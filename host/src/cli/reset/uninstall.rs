//! `openclaw uninstall`: the service, and what `openclaw reset` removes, as far as somebody says. The program itself stays.
//!
//! Invariant: what goes is told before it goes, and no file goes while a gateway runs on the state directory.
use super::{
    plan::{Plan, Scope, plan_of},
    remove_all, show,
};
use crate::{
    cli::{
        Failure,
        gateway::{self, lock::Lock, service},
        onboard::prompt,
        output,
    },
    clock::Clock,
    config::{Env, Paths},
};
use serde_json::json;

/// What can be removed, as it is asked.
const PARTS: [&str; 3] = [
    "service: the gateway as a service",
    "state: the configuration, secrets and conversations",
    "workspace: the folders of the agents",
];

/// Removes the service, the state and the workspaces, as far as somebody says; tells what, and asks
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "The program stays; remove it as it was installed.")]
pub struct Args {
    /// The gateway as a service
    #[arg(long)]
    service: bool,
    /// Configuration, secrets and conversations; workspaces stay
    #[arg(long)]
    state: bool,
    /// The folders of the agents
    #[arg(long)]
    workspace: bool,
    /// All of it
    #[arg(long)]
    all: bool,
    /// Tell what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing
    #[arg(long, short)]
    yes: bool,
    /// The same as --yes, which OpenClaw wants with it
    #[arg(long, hide = true, requires = "yes")]
    non_interactive: bool,
    /// For scripts of OpenClaw: there is no app.
    #[arg(long, hide = true)]
    app: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let args = args.chosen()?;
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    let has_service = args.service && gateway::has_service(env, &paths);
    let plan = args.plan(&paths, env)?;
    if !args.json {
        tell(&args, has_service, &plan);
    }
    let removes = !args.dry_run && (has_service || !plan.remove.is_empty());
    if removes && !args.yes {
        if !prompt::is_possible() {
            return Err(Failure::usage(
                "there is no terminal to ask in; give --yes, or --dry-run to look only",
            ));
        }
        if !prompt::confirm("Remove it? There is no way back.", false, "")? {
            return Err(Failure::new("stopped; nothing was removed"));
        }
    }
    if removes && has_service {
        service::remove(env)?;
    }
    if removes {
        remove_files(&plan, &paths)?;
    }
    if args.json {
        return output::json(&json!({
            "ok": true, "dryRun": args.dry_run, "removed": removes, "service": has_service, "remove": plan.remove,
            "keep": plan.keep,
        }));
    }
    if removes {
        anstream::println!("Removed. The program itself is where it was.");
    }
    Ok(())
}

/// While no gateway can start, which the files would be missing.
fn remove_files(plan: &Plan, paths: &Paths) -> Result<(), Failure> {
    if plan.remove.is_empty() {
        return Ok(());
    }
    let _lock = match paths.state_dir.is_dir() {
        true => Some(
            Lock::for_command(paths, Clock::system().now_ms())
                .map_err(|failure| Failure::new(format_args!("no file was removed: {failure}")))?,
        ),
        false => None,
    };
    remove_all(&plan.remove)
}

fn tell(args: &Args, has_service: bool, plan: &Plan) {
    match (args.service, has_service) {
        (true, true) => anstream::println!("The service is stopped and removed."),
        (true, false) => anstream::println!("There is no service."),
        (false, _) => {}
    }
    if args.state || args.workspace {
        show(plan, args.dry_run);
    }
}

// === impl Args ===

impl Args {
    /// With the parts that were asked for, in the terminal if none was named.
    fn chosen(&self) -> Result<Self, Failure> {
        let mut args = self.clone();
        if args.all {
            (args.service, args.state, args.workspace) = (true, true, true);
        }
        // OpenClaw's app is no part of this; who wants nothing else gets nothing else
        if args.service || args.state || args.workspace || args.app {
            return Ok(args);
        }
        if args.yes || args.json || args.dry_run || !prompt::is_possible() {
            return Err(Failure::usage(
                "say what: --service, --state, --workspace or --all",
            ));
        }
        let chosen = prompt::choose_some("What shall be removed?", &PARTS, &[0])?;
        if chosen.is_empty() {
            return Err(prompt::stopped());
        }
        let has = |part| chosen.contains(&part);
        (args.service, args.state, args.workspace) = (has(0), has(1), has(2));
        Ok(args)
    }

    fn plan(&self, paths: &Paths, env: &Env) -> Result<Plan, Failure> {
        if !self.state && !self.workspace {
            return Ok(Plan::default());
        }
        // which folders are workspaces has to be known, to spare them too
        let config = super::config(paths, env, Scope::Full)?;
        let here = std::env::current_dir().unwrap_or_else(|_| paths.state_dir.clone());
        Ok(plan_of(self.state, self.workspace, paths, &config, &here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &str) -> Result<Args, clap::Error> {
        let words = ["uninstall"].into_iter().chain(line.split(' '));
        Line::try_parse_from(words).map(|line| line.args)
    }

    #[test]
    fn what_goes_is_named() {
        let parts = |line: &str| {
            let args = read(line).expect("it parses").chosen().expect("named");
            (args.service, args.state, args.workspace)
        };
        assert_eq!(parts("--all --yes --non-interactive"), (true, true, true));
        assert_eq!(parts("--state --dry-run"), (false, true, false));
        assert_eq!(parts("--app --yes"), (false, false, false));
        assert!(read("--all --non-interactive").is_err(), "it would ask");
        assert!(
            read("--yes").expect("it parses").chosen().is_err(),
            "nothing is named"
        );
    }

    #[test]
    fn the_state_goes_and_a_workspace_in_it_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join(".openclaw");
        for file in [
            "openclaw.json",
            "workspace/AGENTS.md",
            "plugins/x.so",
            "agents/main/sessions/a",
        ] {
            let path = state.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "{}").expect("written");
        }
        let text = state.to_str().expect("a name");
        let env: Env = [("OPENCLAW_STATE_DIR", text), ("HOME", text)]
            .into_iter()
            .collect();
        let do_it = |line: &str| run(&read(line).expect("it parses"), &env);
        // the home is in it
        do_it("--state --yes --dry-run").expect("it could be");
        let home = folder.path().to_str().expect("a name");
        let env: Env = [("OPENCLAW_STATE_DIR", text), ("HOME", home)]
            .into_iter()
            .collect();
        let do_it = |line: &str| run(&read(line).expect("it parses"), &env);
        do_it("--state --yes --dry-run --json").expect("it could be");
        assert!(state.join("openclaw.json").exists());
        do_it("--state --yes").expect("done");
        assert!(!state.join("openclaw.json").exists() && !state.join("plugins").exists());
        assert!(!state.join("agents").exists() && state.join("workspace/AGENTS.md").exists());
        do_it("--workspace --yes").expect("done");
        assert!(!state.join("workspace").exists());
    }
}
