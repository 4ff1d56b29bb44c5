//! The log file: one JSON object a line, one file a day unless the operator named one, a new one when it is full.
//!
//! A thread of its own writes, so that no event waits for a disk. Bounded: lines that wait, the size of a file, and how
//! many old ones stay; what finds no place is counted and told. Whatever others do to the file, the log goes on under its
//! name.
use serde_json::{Map, Value, json};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};
use tracing::Level;

/// Lines that wait for the disk.
const WAITING: usize = 4096;
/// Full files that are kept beside the one that is written.
const KEEP_FULL: usize = 5;
/// Days whose files are kept.
const KEEP_DAYS: usize = 7;
/// Size at which a new file is begun, if the operator does not say, bytes.
pub(super) const MAX_BYTES: u64 = 100 << 20;
/// How long the last lines are waited for at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `openclaw-<day>.log` in this folder.
    Days(PathBuf),
    /// This file.
    File(PathBuf),
}

/// Takes lines.
#[derive(Debug)]
pub(super) struct LogFile {
    lines: SyncSender<Line>,
    lost: &'static AtomicU64,
}

enum Line {
    Text(String),
    /// Everything before it is written.
    Flush(SyncSender<()>),
}

static LOST: AtomicU64 = AtomicU64::new(0);

// === impl LogFile ===

impl LogFile {
    /// Opens it. The error is of the first file; a later one is told in the log on standard error.
    pub(super) fn open(place: Place, max_bytes: u64) -> io::Result<Self> {
        let writer = Writer::open(place, max_bytes)?;
        let (lines, taken) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("log-file".into());
        thread.spawn(move || writer.serve(&taken))?;
        Ok(Self { lines, lost: &LOST })
    }

    pub(super) fn write(&self, line: String) {
        if self.lines.try_send(Line::Text(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was written so far is in the file.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.lines.try_send(Line::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH);
        }
    }
}

struct Writer {
    place: Place,
    max_bytes: u64,
    file: File,
    path: PathBuf,
    /// Which file it is, whatever it is called now.
    id: (u64, u64),
    size: u64,
}

// === impl Writer ===

impl Writer {
    fn open(place: Place, max_bytes: u64) -> io::Result<Self> {
        let path = place.path(&today());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if let Place::Days(folder) = &place {
            forget_days(folder);
        }
        let file = append(&path)?;
        let found = file.metadata()?;
        Ok(Self {
            place,
            max_bytes,
            file,
            path,
            id: (found.dev(), found.ino()),
            size: found.len(),
        })
    }

    fn serve(mut self, lines: &Receiver<Line>) {
        let mut broken = false;
        while let Ok(line) = lines.recv() {
            match line {
                Line::Text(text) => {
                    let written = self.write(&text);
                    if let (Err(error), false) = (&written, broken) {
                        // not by the log: it would come here again
                        let _ = writeln!(
                            io::stderr(),
                            "the log file {} can't be written: {error}",
                            self.path.display()
                        );
                    }
                    broken = written.is_err();
                    if broken {
                        LOST.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Line::Flush(done) => drop(done.send(())),
            }
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let path = self.place.path(&today());
        if path != self.path || !self.is_there() {
            *self = Self::open(self.place.clone(), self.max_bytes)?;
        }
        let lost = LOST.load(Ordering::Relaxed);
        let note = match lost {
            0 => String::new(),
            lost => {
                line(
                    Level::WARN,
                    "logs",
                    &format!("{lost} lines were lost: the disk was too slow, or full"),
                    &Map::new(),
                ) + "\n"
            }
        };
        let length = u64::try_from(text.len() + note.len() + 1).unwrap_or(u64::MAX);
        if self.size > 0 && self.size + length > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(format!("{note}{text}\n").as_bytes())?;
        self.size += length;
        LOST.fetch_sub(lost, Ordering::Relaxed);
        Ok(())
    }

    /// Programs that rotate logs move the file away, and people delete it.
    fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.id)
    }

    /// `x.log` becomes `x.log.1`, that `x.log.2`, and the last one goes.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEEP_FULL).rev() {
            let _ = fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1));
        }
        if fs::rename(&self.path, numbered(&self.path, 1)).is_err() {
            // the folder is not ours: what is in the file goes, or nothing would ever be written again
            self.file.set_len(0)?;
        }
        *self = Self::open(self.place.clone(), self.max_bytes)?;
        Ok(())
    }
}

// === impl Place ===

impl Place {
    fn path(&self, day: &str) -> PathBuf {
        match self {
            Self::Days(folder) => folder.join(format!("openclaw-{day}.log")),
            Self::File(file) => file.clone(),
        }
    }

    /// Where it is today.
    pub fn now(&self) -> PathBuf {
        self.path(&today())
    }
}

/// An event as a line, in the form that readers of OpenClaw's log files know.
pub(super) fn line(level: Level, subsystem: &str, text: &str, rest: &Map<String, Value>) -> String {
    let (id, name) = match level {
        Level::ERROR => (5, "ERROR"),
        Level::WARN => (4, "WARN"),
        Level::INFO => (3, "INFO"),
        Level::DEBUG => (2, "DEBUG"),
        Level::TRACE => (1, "TRACE"),
    };
    let time = jiff::Timestamp::now().to_string();
    let (plain, subsystem) = (subsystem, json!({ "subsystem": subsystem }).to_string());
    let mut object = json!({
        "0": subsystem, "1": text,
        "_meta": {
            "runtime": "rust", "runtimeVersion": env!("CARGO_PKG_VERSION"), "hostname": hostname(), "date": time,
            "logLevelId": id, "logLevelName": name, "name": subsystem, "parentNames": ["openclaw"],
        },
        "time": time, "hostname": hostname(), "message": text, "level": name.to_ascii_lowercase(),
        "subsystem": plain,
    });
    if !rest.is_empty() {
        object["fields"] = Value::Object(rest.clone());
    }
    object.to_string()
}

fn hostname() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    })
}

/// By the machine's own clock on the wall.
fn today() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d").to_string()
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Removes files of days that are long over.
fn forget_days(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let ours = names.filter(|name| name.starts_with("openclaw-") && name.contains(".log"));
    let mut days: Vec<_> = ours.collect();
    days.sort_unstable();
    let day = |name: &String| name.split(".log").next().unwrap_or_default().to_owned();
    let mut kept: Vec<_> = days.iter().map(day).collect();
    kept.dedup();
    let over = kept.len().saturating_sub(KEEP_DAYS);
    for name in days.iter().filter(|name| kept[..over].contains(&day(name))) {
        let _ = fs::remove_file(folder.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_full_file_makes_way_and_old_ones_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LogFile::open(Place::File(folder.path().join("x.log")), 10).expect("opened");
        for number in 0..9 {
            log.write(format!("line {number}"));
        }
        log.flush();
        let all = names(folder.path());
        assert_eq!(
            all,
            ["x.log", "x.log.1", "x.log.2", "x.log.3", "x.log.4", "x.log.5"]
        );
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("read");
        assert_eq!(
            (read("x.log").as_str(), read("x.log.1").as_str()),
            ("line 8\n", "line 7\n")
        );
    }

    #[test]
    fn a_file_that_can_not_make_way_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 1..=KEEP_FULL {
            let taken = folder.path().join(format!("x.log.{number}/not empty"));
            fs::create_dir_all(taken).expect("made");
        }
        let log = LogFile::open(Place::File(folder.path().join("x.log")), 10).expect("opened");
        for number in 0..3 {
            log.write(format!("line {number}"));
        }
        log.flush();
        let read = fs::read_to_string(folder.path().join("x.log")).expect("read");
        assert_eq!(read, "line 2\n");
    }

    #[test]
    fn a_file_that_others_move_away_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.log");
        let log = LogFile::open(Place::File(path.clone()), MAX_BYTES).expect("opened");
        log.write("one".to_owned());
        log.flush();
        fs::rename(&path, folder.path().join("x.log.of-others")).expect("moved");
        log.write("two".to_owned());
        log.flush();
        assert_eq!(fs::read_to_string(&path).expect("read"), "two\n");
    }

    #[test]
    fn each_day_has_its_file_and_a_week_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        for day in 1..=9 {
            let name = format!("openclaw-2020-01-0{day}.log");
            fs::write(folder.path().join(&name), "").expect("written");
            fs::write(folder.path().join(format!("{name}.1")), "").expect("written");
        }
        fs::write(folder.path().join("mine.log"), "").expect("written");
        forget_days(folder.path());
        let left = names(folder.path());
        assert_eq!(
            (left.len(), left[0].as_str(), left[1].as_str()),
            (15, "mine.log", "openclaw-2020-01-03.log")
        );
    }

    #[test]
    fn a_line_has_the_form_that_readers_know() {
        let mut rest = Map::new();
        rest.insert("ms".into(), json!("5"));
        let line: Value = serde_json::from_str(&line(Level::WARN, "http", "slow ms=5", &rest)).expect("JSON");
        assert_eq!(line["0"], "{\"subsystem\":\"http\"}");
        assert_eq!(
            (&line["1"], &line["message"]),
            (&json!("slow ms=5"), &json!("slow ms=5"))
        );
        assert_eq!(
            (&line["_meta"]["logLevelName"], &line["_meta"]["logLevelId"]),
            (&json!("WARN"), &json!(4))
        );
        assert!(line["time"].is_string() && line["hostname"].is_string());
    }
}
