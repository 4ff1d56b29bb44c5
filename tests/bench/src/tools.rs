//! `cargo xtask bench tools`: what calling a tool costs, beside the same work without the gateway in the same run.
//!
//! The plugins are called as the gateway's toolbox calls them: by the registry, with its places, deadlines and counters,
//! in this process and in one of their own. Each round is measured beside a bare round of the same work (a file gone through
//! line by line, and as much of it kept; a call of the same server by a bare `rmcp` client), and the figures that count are the
//! differences and the ratios, pair by pair. The MCP server is the fake of the tests, over pipes, one process for each side.
use crate::measure::{Figure, ROUNDS, on_two_threads};
use openclaw_fakes::mcp::{Mode, serve};
use openclaw_host::{
    clock::Clock,
    config::{Config, Paths},
    http,
    journal::Journal,
    observe::{self, LogFormat},
    plugins::{
        assemble::{assemble, folders},
        generation::Workshop,
        places,
        plugin::Plugin,
        pool::Pool,
        registry::Registry,
        services::Services,
    },
};
use openclaw_plugin_api::{ToolCall, ToolOrigin, ToolOutput, surface::ids};
use rmcp::{RoleClient, model::CallToolRequestParams, service::RunningService};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Hidden argument with which this program is a server of the Model Context Protocol.
pub const SERVER: &str = "mcp-on-stdio";
/// Calls of one round.
const CALLS: usize = 200;
/// Calls of one round with a large file.
const LARGE_CALLS: usize = 20;
/// The large file, bytes.
const LARGE: usize = 1 << 20;
/// What `read` answers at most, bytes; it goes through the rest for the number of its lines.
const ANSWERED: usize = 50 << 10;
/// How long the tools of a server may take to be there.
const STARTING: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, String>;

/// Plugins that run, as a gateway has them.
struct Lab {
    registry: Registry,
    workspace: String,
    _folder: tempfile::TempDir,
}

/// Is the other end of the pipes.
pub fn server() -> io::Result<()> {
    serve(Mode::Good)
}

/// Measures.
pub fn run(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    // what goes wrong in a plugin is said
    observe::init(LogFormat::Text, "warn")?;
    on_two_threads(measure(plugins, program))
}

async fn measure(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for isolation in ["none", "process"] {
        let lab = Lab::start(plugins, program, isolation).await?;
        let place = if isolation == "none" {
            "in process"
        } else {
            "isolated"
        };
        figures.extend(reads(&lab, place).await?);
        figures.extend(servers(&lab, place).await?);
        lab.registry.stop().await;
    }
    Ok(figures)
}

/// `read` of a small file and of a large one, beside going through the file for the same answer.
async fn reads(lab: &Lab, place: &str) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, bytes, calls) in [
        ("a file of 64 B", 64, CALLS),
        ("a file of 1 MB, 50 KB answered", LARGE, LARGE_CALLS),
    ] {
        let file = Path::new(&lab.workspace).join("file.txt");
        let line = format!("{}\n", "x".repeat(63));
        fs::write(&file, line.repeat(bytes / line.len())).map_err(|e| e.to_string())?;
        let arguments = json!({ "path": "file.txt" });
        let tool = lab.tool("read").await?;
        let (mut bare, mut ours, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let begin = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(beginning(&file).map_err(|e| e.to_string())?);
            }
            let direct = micros(begin, calls);
            let begin = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(lab.call(&tool, "read", arguments.clone()).await?);
            }
            let called = micros(begin, calls);
            if round > 0 {
                bare.push(direct);
                ours.push(called);
                more.push(called - direct);
            }
        }
        figures.extend([
            Figure::new(format!("bare read of {name}"), "µs", bare, None),
            Figure::new(format!("{place}: read of {name}"), "µs", ours, None),
            Figure::new(
                format!("{place}: read of {name}, beyond the bare one"),
                "µs",
                more,
                None,
            ),
        ]);
    }
    Ok(figures)
}

/// The lines at the beginning of a file that fit into an answer, and how many lines it has.
fn beginning(file: &Path) -> io::Result<(String, usize)> {
    let mut file = BufReader::new(fs::File::open(file)?);
    let (mut kept, mut line, mut lines) = (Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok((String::from_utf8_lossy(&kept).into_owned(), lines));
        }
        lines += 1;
        if kept.len() + line.len() <= ANSWERED {
            kept.extend_from_slice(&line);
        }
    }
}

/// A call of a server's tool, beside the same call by a bare client.
async fn servers(lab: &Lab, place: &str) -> Outcome<Vec<Figure>> {
    let client = client().await?;
    let tool = lab.tool("one__echo").await?;
    let arguments = json!({ "text": "hello" });
    let (mut bare, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let begin = Instant::now();
        for _ in 0..CALLS {
            let params = CallToolRequestParams::new("echo")
                .with_arguments(arguments.as_object().cloned().unwrap_or_default());
            let said = client.call_tool(params).await;
            std::hint::black_box(said.map_err(|e| e.to_string())?);
        }
        let direct = micros(begin, CALLS);
        let begin = Instant::now();
        for _ in 0..CALLS {
            std::hint::black_box(lab.call(&tool, "one__echo", arguments.clone()).await?);
        }
        let called = micros(begin, CALLS);
        if round > 0 {
            bare.push(direct);
            ours.push(called);
            ratios.push(called / direct);
        }
    }
    let _ = client.cancel().await;
    Ok(vec![
        Figure::new("MCP call by a bare rmcp client", "µs", bare, None),
        Figure::new(format!("{place}: MCP call"), "µs", ours, None),
        Figure::new(
            format!("{place}: MCP call / bare client, pair by pair"),
            "×",
            ratios,
            None,
        ),
    ])
}

async fn client() -> Outcome<RunningService<RoleClient, ()>> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut server = tokio::process::Command::new(program)
        .arg(SERVER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let (Some(out), Some(input)) = (server.stdout.take(), server.stdin.take()) else {
        return Err("the server has no pipes".into());
    };
    let hello = rmcp::serve_client((), (out, input)).await;
    hello.map_err(|e| e.to_string())
}

fn micros(begin: Instant, calls: usize) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / calls as f64
}

// === impl Lab ===

impl Lab {
    async fn start(plugins: &Path, program: &Path, isolation: &str) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let state = folder.path().to_owned();
        // beside a program, where a bundle has them: only such plugins get their sections of the configuration unasked
        let (exe, bundled) = (state.join("bin/openclaw"), state.join("bin/plugins"));
        let workspace = state.join("workspace");
        for folder in [&bundled, &workspace] {
            fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        }
        for id in ["files", "mcp"] {
            let library = plugins.join(format!("libopenclaw_plugin_{id}.so"));
            fs::copy(&library, bundled.join(format!("{id}.so")))
                .map_err(|e| format!("{}: {e}", library.display()))?;
        }
        let server = std::env::current_exe().map_err(|e| e.to_string())?;
        // a confined plugin runs what it may read
        let files = json!({ "read": [server.parent()] });
        let config = Config::from_value(json!({
            "agents": { "defaults": { "workspace": workspace } },
            "plugins": { "entries": {
                "files": { "isolation": isolation },
                "mcp": { "isolation": isolation, "permissions": { "files": files } },
            } },
            "mcp": { "servers": { "one": { "command": server, "args": [SERVER] } } },
        }));
        let config = config.map_err(|e| format!("{e:?}"))?;
        let paths = Paths {
            config_file: state.join("openclaw.json"),
            state_dir: state.clone(),
            home: None,
            include_roots: Vec::new(),
        };
        let mut specs = assemble(&config, &folders(&config, &paths, &exe, None).scan()).specs;
        for spec in &mut specs {
            let wish = &mut spec.settings.permissions;
            places::expand(&paths, &config, &mut wish.read);
            places::expand(&paths, &config, &mut wish.write);
        }
        let services = Services {
            runtime: tokio::runtime::Handle::current(),
            http: http::Client::new(http::Options::default()).map_err(|e| e.to_string())?,
            journal: Journal::open(&state.join("state.db")).map_err(|e| e.to_string())?,
            media: state.join("media"),
            clock: Clock::system(),
            secrets: Box::new(|_| None),
            core: OnceLock::new(),
        };
        let workshop = Workshop {
            pool: Pool::new(2),
            services: Arc::new(services),
            state,
            program: program.to_owned(),
        };
        let (registry, _) = Registry::start(workshop, specs).await;
        let problems = registry.problems();
        if !problems.is_empty() {
            return Err(format!("{problems:?}"));
        }
        Ok(Self {
            registry,
            workspace: workspace.display().to_string(),
            _folder: folder,
        })
    }

    /// The plugin that has a tool, as soon as one has.
    async fn tool(&self, name: &str) -> Outcome<Arc<Plugin>> {
        let found = async {
            loop {
                if let Some(plugin) = self.registry.offering("tool/1", name) {
                    return plugin;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(STARTING, found).await;
        found.map_err(|_| format!("no plugin offers {name}"))
    }

    async fn call(&self, plugin: &Plugin, name: &str, arguments: Value) -> Outcome<ToolOutput> {
        let call = ToolCall {
            arguments,
            origin: ToolOrigin {
                agent_id: "main".into(),
                session_key: "agent:main:main".into(),
                workspace_dir: self.workspace.clone(),
                ..ToolOrigin::default()
            },
        };
        let output: ToolOutput = plugin
            .call(ids::tool::INVOKE, name, &call)
            .await
            .map_err(|e| e.to_string())?;
        match output.is_error {
            true => Err(format!("{name}: {:?}", output.content)),
            false => Ok(output),
        }
    }
}
