//! Notices that the files of the configuration changed, reads them again and says what is different.
//!
//! It looks at the files instead of asking the system for events: that also works for files on other machines, in
//! containers, behind links and replaced by editors. A file that is broken is told and changes nothing: the running
//! configuration stays. It applies nothing itself.
use super::{Config, ConfigError, Env, JsonPath, Loaded, Paths, Problem, Sources, diff::diff};
use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};

/// How often the files are looked at. They must look the same twice before they are read.
const INTERVAL: Duration = Duration::from_millis(500);
/// The shortest that somebody may want.
const SHORTEST: Duration = Duration::from_millis(50);
/// News that may wait; while nobody takes them, nothing new is looked for.
const QUEUE: usize = 4;

/// What a file looks like from outside: time of change in ns, size, inode. None: it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// Wishes to have the files read that may wait.
const ASKED: usize = 16;

/// How a reading went that somebody asked for: why the configuration can't be used, or how many warnings it has.
pub type Outcome = Result<usize, String>;

/// Has the files read at once, secrets too. Clones are the same.
#[derive(Debug, Clone)]
pub struct Reader(mpsc::Sender<oneshot::Sender<Outcome>>);

/// The other end of a [`Reader`], for [`Watch::run`].
#[derive(Debug)]
pub struct Asked(mpsc::Receiver<oneshot::Sender<Outcome>>);

/// News about the configuration.
#[derive(Debug)]
pub enum News {
    /// It says something else now.
    Changed(Change),
    /// It can't be used; the text says why. The configuration of before goes on.
    Broken(String),
    /// It was broken and says again what the running configuration says.
    Mended,
    /// Everything before this is what somebody asked for: he is to be told when it is applied.
    Answer(oneshot::Sender<Outcome>, Outcome),
}

/// A configuration and the next one.
#[derive(Debug, Clone)]
pub struct Change {
    /// What ran so far.
    pub before: Arc<Config>,
    /// What is to run.
    pub after: Arc<Config>,
    /// Where they differ; at least one.
    pub paths: Vec<JsonPath>,
    /// What the operator should know and need not correct.
    pub warnings: Vec<Problem>,
    /// The files, for [`super::keep_last_good`].
    pub loaded: Arc<Loaded>,
}

/// Looks at the files of one configuration.
pub struct Watch {
    paths: Paths,
    env: Env,
    running: Arc<Config>,
    stamps: BTreeMap<PathBuf, Stamp>,
    changing: bool,
    broken: Option<String>,
    warnings: usize,
}

// === impl Reader ===

impl Reader {
    /// A reader and what [`Watch::run`] takes.
    pub fn new() -> (Self, Asked) {
        let (sender, receiver) = mpsc::channel(ASKED);
        (Self(sender), Asked(receiver))
    }

    /// Has the files read, and waits until what is different is applied.
    pub async fn read(&self) -> Outcome {
        let gone = || "the configuration is not followed; restart the gateway".to_owned();
        let (sender, answer) = oneshot::channel();
        self.0.send(sender).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

// === impl Watch ===

impl Watch {
    /// Begins with a configuration that was just loaded.
    pub fn new(paths: Paths, env: Env, loaded: &Loaded) -> Self {
        let mut watch = Self {
            paths,
            env,
            running: Arc::new(loaded.config.clone()),
            stamps: BTreeMap::new(),
            // the files may have changed since they were read: the first look reads them once more
            changing: true,
            broken: None,
            warnings: loaded.warnings.len(),
        };
        let files: Vec<_> = loaded.sources.files().map(PathBuf::from).collect();
        watch.stamps = stamps(files);
        watch
    }

    /// Looks at the files once; call it from time to time, where it may block. There is news when they changed since
    /// the time before last and look as they did the last time.
    pub fn look(&mut self) -> Option<News> {
        let now = stamps(self.stamps.keys().cloned());
        if now != self.stamps {
            self.stamps = now;
            self.changing = true;
            return None;
        }
        if !std::mem::take(&mut self.changing) {
            return None;
        }
        self.read()
    }

    /// Reads the files now, whatever they look like.
    fn read(&mut self) -> Option<News> {
        match Loaded::read(&self.paths, &self.env) {
            Ok(loaded) => self.loaded(loaded),
            Err(error) => self.failed(&error),
        }
    }

    /// Looks at the files for as long as somebody takes the news, and reads them whenever somebody asks.
    pub fn run(mut self, mut asked: Asked) -> mpsc::Receiver<News> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(self.interval());
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let answer = tokio::select! {
                    () = sender.closed() => return,
                    Some(answer) = asked.0.recv() => Some(answer),
                    _ = tick.tick() => None,
                };
                let now = answer.is_some();
                let looked = tokio::task::spawn_blocking(move || {
                    let news = if now { self.read() } else { self.look() };
                    (self, news)
                });
                let Ok((watch, news)) = looked.await else {
                    tracing::error!(target: "openclaw::config", "the configuration is not watched any more; restart the gateway");
                    return;
                };
                self = watch;
                let outcome = self.broken.clone().map_or(Ok(self.warnings), Err);
                let answer = answer.map(|answer| News::Answer(answer, outcome));
                for news in news.into_iter().chain(answer) {
                    if sender.send(news).await.is_err() {
                        return;
                    }
                }
            }
        });
        receiver
    }

    /// `gateway.reload.debounceMs`: a file has to look the same for so long.
    fn interval(&self) -> Duration {
        let written = self.running.gateway.reload.debounce_ms;
        written.map_or(INTERVAL, |ms| Duration::from_millis(ms).max(SHORTEST))
    }

    fn loaded(&mut self, loaded: Loaded) -> Option<News> {
        // files that are included since now are looked at from now on
        let files = loaded.sources.files().map(PathBuf::from);
        let fresh = stamps(files);
        self.changing = fresh
            .iter()
            .any(|(file, stamp)| self.stamps.get(file).is_some_and(|seen| seen != stamp));
        self.stamps = fresh;
        let was_broken = self.broken.take().is_some();
        self.warnings = loaded.warnings.len();
        let paths = diff(self.running.value(), loaded.config.value());
        if paths.is_empty() {
            return was_broken.then_some(News::Mended);
        }
        let after = Arc::new(loaded.config.clone());
        let before = std::mem::replace(&mut self.running, after.clone());
        Some(News::Changed(Change {
            before,
            after,
            paths,
            warnings: loaded.warnings.clone(),
            loaded: Arc::new(loaded),
        }))
    }

    fn failed(&mut self, error: &ConfigError) -> Option<News> {
        let why = error.to_string();
        match Sources::read(&self.paths.config_file, &self.paths.include_roots) {
            // what is to be corrected may stand in a file that is included since now; it may have changed since it was read
            Ok(sources) => {
                let files = sources.files().map(PathBuf::from);
                let seen = self.stamps.len();
                for (file, stamp) in stamps(files) {
                    self.stamps.entry(file).or_insert(stamp);
                }
                self.changing |= self.stamps.len() > seen;
            }
            // the file that can't be read may be none of those that are looked at: all are read until it can
            Err(_) => self.changing = true,
        }
        if self.broken.as_ref() == Some(&why) {
            return None;
        }
        self.broken = Some(why.clone());
        Some(News::Broken(why))
    }
}

// === impl Change ===

impl Change {
    /// Does `path`, or something in it or around it, differ?
    pub fn touches(&self, path: &JsonPath) -> bool {
        self.paths
            .iter()
            .any(|changed| changed.holds(path) || path.holds(changed))
    }

    /// The paths whose changes need the gateway to be started again.
    pub fn needs_restart(&self) -> impl Iterator<Item = &JsonPath> {
        let restart = |path: &&JsonPath| super::reload_kind(path) == super::ReloadKind::Restart;
        self.paths.iter().filter(restart)
    }
}

fn stamps(files: impl IntoIterator<Item = PathBuf>) -> BTreeMap<PathBuf, Stamp> {
    files
        .into_iter()
        .map(|file| {
            let metadata = fs::metadata(&file).ok();
            let stamp = metadata.map(|m| (m.mtime(), m.mtime_nsec(), m.size(), m.ino()));
            (file, stamp)
        })
        .collect()
}

#[cfg(test)]
mod tests;
