//! From a call to what is started: the command judged, and the way in which it runs.
use super::{exec::Args, node};
use crate::{
    bench::Bench,
    config::Config,
    rules::{self, Environment, Line, Place, Program, Ruling, SAFE_BINS, Search, Wish},
    run::{self, Inside, Plan, TEMPORARY},
};
use openclaw_confine::launch::{Command, Limits};
use openclaw_plugin_api::{CommandSegment, ExecAsk, ExecSecurity, Node, ToolOrigin, prelude::*};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest command, bytes: it has to fit into one argument of a process, written as JSON.
const MAX_COMMAND: usize = 40 << 10;
/// The shell that reads commands.
const SHELL: &str = "/bin/sh";
/// Most processes of a command, and its largest file, if the operator says nothing.
const PROCESSES: u32 = 256;
const FILE_SIZE_MB: u64 = 4096;

/// A call, judged.
#[derive(Debug)]
pub struct Job {
    /// The command as it was asked for.
    pub text: String,
    /// Where it runs.
    pub folder: PathBuf,
    /// Where, and what it takes.
    pub ruling: Ruling,
    /// What is special about it, for whoever is asked.
    pub notes: Vec<String>,
    /// Its programs, as far as a rule may decide about them.
    pub parts: Option<Parts>,
    /// The device that runs it.
    pub node: Option<Node>,
    workspace: PathBuf,
    env: BTreeMap<String, String>,
    environment: Environment,
}

/// A command whose programs are known.
#[derive(Debug)]
pub struct Parts {
    /// Its words.
    pub line: Line,
    /// Its programs.
    pub programs: Vec<Program>,
    /// For each: is it one of the safe ones?
    pub safe: Vec<bool>,
}

/// How a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A shell reads it.
    Shell,
    /// Exactly the programs that were judged, with exactly the words that were.
    Parts,
}

fn invalid(why: impl Into<String>) -> Error {
    Error::invalid(why.into())
}

impl Job {
    /// Judges a call. An error if it can't run at all.
    pub async fn new(
        bench: &Bench,
        config: &Config,
        args: &Args,
        wish: Wish,
        origin: &ToolOrigin,
    ) -> Result<Self> {
        let text = args.command.trim();
        if text.is_empty() || text.len() > MAX_COMMAND || text.contains('\0') {
            return Err(invalid(format!(
                "command has to be a text of 1 to {MAX_COMMAND} bytes; put longer ones into a file"
            )));
        }
        if origin.workspace_dir.is_empty() {
            return Err(invalid(
                "this call came without a workspace, so there is nowhere to run a command",
            ));
        }
        let ruling =
            rules::decide(config, origin, wish).map_err(|why| Error::new(ErrorKind::Refused, why))?;
        let node = match ruling.place {
            Place::Node => Some(node::find(bench, config, args.node.as_deref(), origin).await?),
            Place::Sandbox | Place::Gateway if args.node.as_ref().is_some_and(|node| !node.is_empty()) => {
                return Err(invalid(
                    "a device is only used with host=node; say that too, or leave node out",
                ));
            }
            Place::Sandbox | Place::Gateway => None,
        };
        let strictly = ruling.place != Place::Sandbox;
        rules::check(&args.env, strictly).map_err(|name| {
            invalid(format!(
                "the variable {} can't be set for a command; leave it out",
                name.0
            ))
        })?;
        let workspace = Path::new(&origin.workspace_dir);
        let wished = args.workdir.as_deref().unwrap_or_default();
        let folder = match node {
            // a folder there, of which nothing is known here
            Some(_) => PathBuf::from(wished),
            None => local_folder(&workspace.join(wished))?,
        };
        let own = rules::agent(&config.agents, &origin.agent_id).map(|agent| &agent.tools.exec);
        let prepend = own.map(|own| &own.path_prepend).filter(|own| !own.is_empty());
        let prepend = prepend.unwrap_or(&config.tools.exec.path_prepend);
        let mut job = Self {
            text: text.to_owned(),
            folder,
            ruling,
            notes: args.title.iter().cloned().collect(),
            parts: None,
            node,
            workspace: workspace.to_owned(),
            env: args.env.clone(),
            environment: bench.environment(config, prepend, origin).await,
        };
        if let Some(node) = &job.node {
            job.notes
                .push(format!("it runs on the device {} ({})", node.name, node.id));
            return Ok(job);
        }
        match job.judge(config) {
            Ok(parts) => job.parts = Some(parts),
            Err(why) => job.notes.push(format!("no rule can allow it: {why}")),
        }
        Ok(job)
    }

    /// Has the host to be asked?
    pub fn needs_approval(&self) -> bool {
        let free = self.ruling.security == ExecSecurity::Full && self.ruling.ask == ExecAsk::Off;
        self.ruling.place != Place::Sandbox || !free
    }

    /// Its programs as the host knows them; none if no rule may decide.
    pub fn segments(&self) -> Vec<CommandSegment> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let each = parts.line.commands.iter().zip(&parts.programs).zip(&parts.safe);
        each.map(|((words, program), safe)| CommandSegment {
            argv: words.clone(),
            resolved_path: program.real.display().to_string(),
            safe: *safe,
        })
        .collect()
    }

    /// Its programs, if a rule may decide about all of them; else why not.
    fn judge(&mut self, config: &Config) -> Result<Parts, String> {
        if let Some(odd) = self.text.chars().find(|c| is_deceptive(*c)) {
            return Err(format!("it has the invisible character U+{:04X}", u32::from(odd)));
        }
        if !self.env.is_empty() {
            let names: Vec<_> = self
                .env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            return Err(format!("it sets variables ({})", names.join(" ")));
        }
        let line = rules::parse(&self.text)?;
        let path = self.environment.path();
        let search = Search {
            path: &path,
            folder: &self.folder,
        };
        let listed = config.tools.exec.safe_bins.clone();
        let listed = listed.unwrap_or_else(|| SAFE_BINS.iter().map(|&name| name.to_owned()).collect());
        let (mut programs, mut safe) = (Vec::new(), Vec::new());
        for words in &line.commands {
            let name = &words[0];
            let program = search
                .find(name)
                .ok_or_else(|| format!("there is no program {name}"))?;
            if program.real.starts_with(&self.workspace) || self.is_in_workspace(&program.real) {
                return Err(format!("{name} is in the workspace, where agents can change it"));
            }
            if let Some(why) = rules::unlistable(words, [&program.found, &program.real]) {
                return Err(format!("{name}: {why}"));
            }
            safe.push(rules::is_safe(words, &program.real, &listed));
            programs.push(program);
        }
        Ok(Parts { line, programs, safe })
    }

    fn is_in_workspace(&self, path: &Path) -> bool {
        self.workspace
            .canonicalize()
            .is_ok_and(|real| path.starts_with(real))
    }

    /// Are the programs still those that were judged? Asking a person takes time.
    fn is_unchanged(&self, parts: &Parts) -> bool {
        let path = self.environment.path();
        let search = Search {
            path: &path,
            folder: &self.folder,
        };
        let mut each = parts.line.commands.iter().zip(&parts.programs);
        each.all(|(words, program)| search.find(&words[0]).as_ref() == Some(program))
    }
}

fn local_folder(folder: &Path) -> Result<PathBuf> {
    let real = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    real.ok_or_else(|| invalid(format!("{} is no folder; leave workdir out", folder.display())))
}

/// Turns text around or hides in it, so that a person reads something else than runs.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What is started.
pub async fn plan(
    bench: &Bench,
    config: &Config,
    job: &Job,
    how: How,
    origin: &ToolOrigin,
    terminal: bool,
) -> Result<Plan> {
    let confined = job.ruling.place == Place::Sandbox;
    let mut plan = Plan {
        keeper: bench.keeper(),
        command: command(job, how)?,
        environment: BTreeMap::new(),
        terminal,
        afterwards: Vec::new(),
        hidden: job.environment.secrets(),
        container: None,
    };
    if !confined {
        plan.environment = job.environment.of(&job.env, None);
        return Ok(plan);
    }
    let path = job.environment.path();
    let search = Search {
        path: &path,
        folder: &job.folder,
    };
    let env: Vec<_> = job.env.clone().into_iter().collect();
    let inside = Inside {
        text: &job.text,
        workspace: &job.workspace,
        folder: &job.folder,
        terminal,
        env: &env,
    };
    let refused = |why: String| Error::new(ErrorKind::Refused, why);
    let container = run::container(config, origin, inside, search, &mark()?).map_err(refused)?;
    if let Some(container) = container {
        plan.environment = job.environment.of_engine();
        let store = bench.host.store();
        let taken = bench.containers.take_up(&store, &container, &plan.environment);
        let taken = taken.await.map_err(|why| {
            refused(format!(
                "this conversation's commands run in a container, and it can't be had: {why}"
            ))
        })?;
        plan.container = Some(Arc::new(taken));
        plan.afterwards = vec![container.engine.display().to_string()];
        plan.afterwards.extend(container.ending);
        plan.command = Command {
            name: container.engine.display().to_string(),
            program: container.engine,
            args: container.exec,
            folder: "/".into(),
            ..Command::default()
        };
        return Ok(plan);
    }
    let workspace = job.workspace.canonicalize()?;
    temporary_folder(&workspace)?;
    let sandbox = &config.sandbox;
    plan.environment = job
        .environment
        .of(&job.env, Some(&workspace.display().to_string()));
    plan.command.limits = Limits {
        processes: sandbox.processes.unwrap_or(PROCESSES),
        file_size: sandbox.file_size_mb.unwrap_or(FILE_SIZE_MB) << 20,
    };
    plan.command.confinement = Some(run::confinement(sandbox, &workspace));
    Ok(plan)
}

fn command(job: &Job, how: How) -> Result<Command> {
    let shell = |text: String| Command {
        program: SHELL.into(),
        name: "sh".into(),
        args: vec!["-c".into(), text],
        folder: job.folder.clone(),
        ..Command::default()
    };
    let Some(parts) = &job.parts else {
        return Ok(shell(job.text.clone()));
    };
    if job.needs_approval() && !job.is_unchanged(parts) {
        return Err(Error::new(
            ErrorKind::Refused,
            "one of the command's programs was replaced meanwhile; ask again",
        ));
    }
    Ok(
        match (how, parts.line.commands.as_slice(), parts.programs.as_slice()) {
            (How::Parts, [words], [program]) => Command {
                program: program.found.clone(),
                identity: Some(program.identity),
                name: words[0].clone(),
                args: words[1..].to_vec(),
                folder: job.folder.clone(),
                ..Command::default()
            },
            (How::Parts, _, programs) => {
                let paths: Vec<_> = programs
                    .iter()
                    .map(|program| program.found.display().to_string())
                    .collect();
                shell(parts.line.quoted(&paths))
            }
            (How::Shell, ..) => shell(job.text.clone()),
        },
    )
}

/// Made step by step by handle: a command may have put a link in its place that leads elsewhere.
fn temporary_folder(workspace: &Path) -> Result<()> {
    let how = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = openat(CWD, workspace, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for name in TEMPORARY.split('/') {
        match mkdirat(&folder, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        folder = openat(&folder, name, how, Mode::empty())?;
    }
    Ok(())
}

/// By which a command's processes are known in a container. Not to be guessed.
fn mark() -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(random)))
}
