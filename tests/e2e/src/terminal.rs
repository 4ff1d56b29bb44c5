//! A terminal of a test's own, which `script` (of util-linux) makes: keys go in, what is drawn comes out.
use crate::running::soon;
use std::{ffi::OsString, process::Stdio};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

/// A shell's line that runs in a terminal. Dropping it ends what runs.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    /// What came since the last words that were waited for.
    fresh: String,
    all: String,
}

impl Terminal {
    /// Runs the line with these variables and `PATH`, and no others.
    ///
    /// # Panics
    /// Without `script`: what is seen in a terminal can't be seen without one.
    #[must_use]
    pub fn open(line: &str, variables: impl IntoIterator<Item = (&'static str, OsString)>) -> Self {
        let child = Command::new("script")
            .args(["-qec", line, "/dev/null"])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TERM", "xterm-256color")
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("`script` runs; it is a part of util-linux");
        Self {
            child,
            fresh: String::new(),
            all: String::new(),
        }
    }

    /// Waits for these words after those that were waited for before. Only what changes is drawn, so words stand together
    /// and sentences may not.
    ///
    /// # Panics
    /// If the program ends without them.
    pub async fn until(&mut self, words: &str) {
        soon(words, async {
            loop {
                if let Some(at) = self.fresh.find(words) {
                    self.fresh.drain(..at + words.len());
                    return;
                }
                let mut piece = [0; 4096];
                let screen = self.child.stdout.as_mut().expect("piped");
                let count = screen.read(&mut piece).await.expect("read");
                assert!(count > 0, "it ended without {words:?}: {}", self.fresh);
                let text = String::from_utf8_lossy(&piece[..count]);
                self.fresh.push_str(&text);
                self.all.push_str(&text);
            }
        })
        .await;
    }

    /// Presses keys.
    ///
    /// # Panics
    /// If nobody reads them.
    pub async fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(keys.as_bytes()).await.expect("typed");
    }

    /// Answers a question when it is there.
    pub async fn answers(&mut self, question: &str, keys: &str) {
        self.until(question).await;
        self.types(keys).await;
    }

    /// All that was drawn so far.
    #[must_use]
    pub fn drawn(&self) -> &str {
        &self.all
    }

    /// Waits until the line has ended well.
    ///
    /// # Panics
    /// If it ends otherwise.
    pub async fn ends(&mut self) {
        let ended = soon("the end", self.child.wait()).await;
        assert!(ended.expect("it ends").success(), "{}", self.all);
    }
}
