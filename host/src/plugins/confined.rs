//! The link to an instance in a process of its own: what it may do follows from its manifest and the operator's word.
use super::{
    generation::{Workshop, environment},
    isolate::{self, Confinement, Creation, Isolated, Landlock, Network, Program},
    link::{Link, Usage},
    load, logs, manifest,
    services::{Context, Request},
    settings::Settings,
    start_error::StartError,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Error, ErrorKind, NetworkPermission, Registrations, Result, abi::Call};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Hidden subcommand of this program that is a plugin's process.
pub const SUBCOMMAND: &str = "plugin-host";
/// Field of a fault that says at which stage a library was refused.
const STAGE: &str = "stage";
/// How long a process may take to end when it is asked.
const STOPPING: Duration = Duration::from_millis(1500);
/// How long a process may take for the least sign of life.
const ALIVE: Duration = Duration::from_secs(1);

/// An instance in a process of its own.
struct Confined(Mutex<Option<Arc<Isolated>>>);

/// Starts the process and makes the instance.
pub async fn spawn(
    workshop: &Workshop,
    library: &Path,
    id: &str,
    settings: &Settings,
    context: &Arc<Context>,
) -> Result<(Box<dyn Link>, Registrations), StartError> {
    let program = Program {
        path: workshop.program.clone(),
        args: vec![SUBCOMMAND.into(), library.as_os_str().to_owned()],
    };
    let creation = Creation {
        instance: id.to_owned(),
        config: settings.config.to_string(),
        environment: environment(true),
        confinement: confinement(workshop, library, settings),
        finest_level: logs::finest(id),
    };
    let failed = |why: Error| StartError::Create {
        id: id.to_owned(),
        why: why.to_string(),
    };
    let isolated = isolate::spawn(program, creation, context.clone(), settings.deadlines.start).await;
    let isolated = isolated.map_err(|fault| refused(id, &Error::from_fault(&fault)))?;
    let registered = serde_json::from_str(isolated.registrations()).map_err(|e| failed(e.into()))?;
    let enforced = isolated.enforced();
    let (landlock, pid) = (enforced.landlock, isolated.pid());
    match landlock {
        Landlock::Full => tracing::debug!(target: "openclaw::plugins", plugin = id, pid, "confined"),
        _ => tracing::warn!(
            target: "openclaw::plugins", plugin = id, pid, ?landlock,
            "this kernel can't fully confine the files of isolated plugins; run one with Landlock (Linux 5.13 or later)"
        ),
    }
    Ok((
        Box::new(Confined(Mutex::new(Some(Arc::new(isolated))))),
        registered,
    ))
}

/// The whole life of a plugin's process: `openclaw plugin-host <library>`, with the gateway's socket as standard input.
pub fn reside(library: PathBuf) -> Result<(), isolate::ChildError> {
    let socket = isolate::take_socket()?;
    isolate::run(socket, move || {
        // The gateway has judged this file; it is looked at again because a cut one would be fatal to open.
        let fault = |stage: &str, why: String| {
            Error::new(ErrorKind::Refused, why)
                .with(STAGE, stage)
                .into_fault()
        };
        manifest::read(&library).map_err(|e| fault("manifest", e.to_string()))?;
        let root = load::open(&library).map_err(|e| fault(e.stage(), e.to_string()))?;
        load::give_back_start();
        Ok(root)
    })
}

/// What the process said of its end, with the stage if it knew one.
fn refused(id: &str, error: &Error) -> StartError {
    let stage = error.detail().get(STAGE).and_then(serde_json::Value::as_str);
    match stage {
        Some("manifest") => StartError::Child {
            stage: "manifest",
            why: error.to_string(),
        },
        Some("layout") => StartError::Child {
            stage: "layout",
            why: error.to_string(),
        },
        Some(_) => StartError::Child {
            stage: "header",
            why: error.to_string(),
        },
        None => StartError::Create {
            id: id.to_owned(),
            why: error.to_string(),
        },
    }
}

fn confinement(workshop: &Workshop, library: &Path, settings: &Settings) -> Confinement {
    let wish = &settings.permissions;
    let paths = |list: &[String]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
    let mut readable = paths(&wish.read);
    readable.push(library.to_owned());
    if !wish.processes.is_empty() {
        // it keeps what is started
        readable.push(workshop.program.clone());
    }
    let writable = paths(&wish.write);
    for folder in writable
        .iter()
        .filter(|folder| folder.starts_with(&workshop.state))
    {
        // what is not there when the process is confined can't be used later; one that can't be made is not
        let _ = std::fs::create_dir_all(folder);
    }
    Confinement {
        readable,
        writable,
        network: match wish.network {
            NetworkPermission::None => Network::None,
            NetworkPermission::Host => Network::Host,
            NetworkPermission::Own => Network::Own,
        },
        processes: !wish.processes.is_empty(),
        memory: settings.limits.memory,
        ..Confinement::default()
    }
}

impl Confined {
    fn isolated(&self) -> Option<Arc<Isolated>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Link for Confined {
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>> {
        let Some(isolated) = self.isolated() else {
            let gone = Error::new(ErrorKind::Closed, "this instance of the plugin is gone");
            return Box::pin(std::future::ready(Err(gone)));
        };
        let Request {
            method,
            target,
            meta,
            body,
            out,
            input,
        } = request;
        let answer = isolated.call(Call {
            method: &method,
            target: &target,
            meta: &meta,
            body,
            out,
            input,
        });
        Box::pin(async move {
            let outcome = answer.await.map_err(|fault| Error::from_fault(&fault));
            // The process lives as long as somebody waits for it.
            drop(isolated);
            outcome
        })
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let isolated = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            if let Some(isolated) = isolated {
                isolated.stop(STOPPING).await;
            }
        })
    }

    fn ended(&self) -> BoxFuture<'static, String> {
        match self.isolated() {
            Some(isolated) => {
                let ended = isolated.ended();
                Box::pin(async move { ended.await.to_string() })
            }
            None => Box::pin(std::future::pending()),
        }
    }

    fn has_ended(&self) -> bool {
        self.isolated().is_some_and(|isolated| isolated.has_ended())
    }

    fn alive(&self) -> BoxFuture<'static, bool> {
        // No plugin has this method, so any answer at all is a sign of life.
        let request = Request {
            method: "plugin/1/ping".into(),
            ..Request::default()
        };
        let answer = self.call(request);
        Box::pin(async move {
            match tokio::time::timeout(ALIVE, answer).await {
                Ok(Err(error)) => error.kind() != ErrorKind::Closed,
                Ok(Ok(_)) => true,
                Err(_) => false,
            }
        })
    }

    fn usage(&self) -> Option<Usage> {
        let usage = self.isolated()?.usage()?;
        Some(Usage {
            pid: usage.pid,
            rss_bytes: usage.rss_bytes,
            cpu_ms: usage.cpu_ms,
        })
    }
}
