//! Which file a program's name stands for. The file is opened before it is judged, and what was opened is what is run.
use openclaw_confine::launch::Identity;
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, fstat, openat};
use std::{
    fs,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

/// Where programs are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'s> {
    /// Folders, the first wins.
    pub path: &'s [String],
    /// What names with a `/` begin at.
    pub folder: &'s Path,
}

/// A program's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it was found.
    pub found: PathBuf,
    /// The file itself, links followed.
    pub real: PathBuf,
    /// Which file that is, whatever it is called.
    pub identity: Identity,
}

impl Search<'_> {
    /// The file that a name stands for; none if there is none that can be run.
    pub fn find(&self, name: &str) -> Option<Program> {
        if name.is_empty() || name.contains('\0') {
            return None;
        }
        if name.contains('/') {
            return open(&self.folder.join(name));
        }
        self.path
            .iter()
            .find_map(|folder| open(&Path::new(folder).join(name)))
    }
}

fn open(path: &Path) -> Option<Program> {
    let file = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    let ordinary = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    accessat(CWD, path, Access::EXEC_OK, AtFlags::empty())
        .ok()
        .filter(|()| ordinary)?;
    // the name of what was opened, not of what is there by now
    let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    Some(Program {
        found: path.to_owned(),
        real: real.is_absolute().then_some(real)?,
        identity: Identity::of(&stat),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_lead_to_the_real_file_and_the_first_folder_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        symlink("/bin/sh", root.join("grep")).expect("a link");
        fs::write(root.join("wc"), "not to be run").expect("a file");
        fs::create_dir(root.join("ls")).expect("a folder");
        let path = [
            root.display().to_string(),
            "/usr/bin".to_owned(),
            "/bin".to_owned(),
        ];
        let search = Search {
            path: &path,
            folder: &root,
        };
        let sh = Path::new("/bin/sh").canonicalize().expect("a shell");
        assert_eq!(search.find("grep").expect("a link to a program").real, sh);
        assert_eq!(search.find("./grep").expect("a link to a program").real, sh);
        for other in ["wc", "ls"] {
            let found = search.find(other).expect("one further on");
            assert!(!found.real.starts_with(&root), "{found:?}");
        }
        for none in [
            "",
            "no-such-program",
            "./wc",
            "../x",
            "a\0b",
            "/etc/passwd",
            "/dev/null",
            "/",
        ] {
            assert_eq!(search.find(none), None, "{none:?}");
        }
    }
}
