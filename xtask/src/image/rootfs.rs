//! The files of the container image: what, where, whose and with which mode. This is the one recipe; the Dockerfile's
//! runtime stage copies what comes out of it.
//!
//! Invariant: nothing in it is writable by the gateway but `/data` and `/tmp`, and there is no shell.
use super::{SYSTEM_USER, libraries};
use crate::{
    artifacts::Artifact,
    error::{Error, Result},
    layout, sums,
};
use std::{
    fs::{self, File, FileTimes},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tar::{Builder, EntryType, Header};

/// Where the program and its plugins are, below the root: no distribution puts anything there.
pub(super) const PREFIX: &str = "usr/local";
/// Licences and the bill of materials.
pub(super) const DOCUMENTS: &str = "usr/local/share/doc/openclaw";
/// Authorities that the gateway trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Time zones, for jobs that run at a time of somebody's day.
const ZONES: &str = "/usr/share/zoneinfo";
/// What lies among the time zones and is none.
const NO_ZONES: [&str; 5] = ["posix", "right", "posixrules", "localtime", "leapseconds"];
/// Where an engine mounts something.
const MOUNTS: [&str; 3] = ["dev", "proc", "sys"];

/// What an entry is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Folder,
    File(PathBuf),
    Text(String),
    Link(PathBuf),
}

/// One entry of the image.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Relative to the root.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    /// User and group.
    pub(super) owner: u32,
}

/// All entries, folders before what is in them.
#[derive(Debug, Default)]
pub(super) struct Rootfs(pub(super) Vec<Entry>);

// === impl Rootfs ===

impl Rootfs {
    /// The program, its plugins, its documents, and the folder for its state.
    pub(super) fn application(program: &Path, plugins: &[Artifact], documents: &[(String, PathBuf)]) -> Self {
        let mut rootfs = Self::default();
        let binaries = Path::new(PREFIX).join(layout::BINARIES);
        let libraries = Path::new(PREFIX).join(layout::PLUGINS);
        rootfs.folder(&libraries);
        rootfs.file(binaries.join(crate::workspace::HOST_BINARY), program, 0o755);
        for plugin in plugins {
            let name = format!("{}.so", plugin.name);
            rootfs.file(libraries.join(name), &plugin.file, 0o644);
        }
        for (name, file) in documents {
            rootfs.file(Path::new(DOCUMENTS).join(name), file, 0o644);
        }
        rootfs.0.push(Entry {
            path: "data".into(),
            kind: Kind::Folder,
            mode: 0o700,
            owner: SYSTEM_USER,
        });
        rootfs
    }

    /// What an operating system has to give: the C library, authorities, time zones, names of users, a folder for
    /// temporary files. All of it is this machine's own.
    pub(super) fn add_system(&mut self) -> Result<()> {
        let code: Vec<_> = self.0.iter().filter_map(Entry::code).collect();
        for library in libraries::of(&code)? {
            let path = library
                .strip_prefix("/")
                .expect("the loader looks in absolute places");
            let real = library.canonicalize().map_err(Error::file("find", &library))?;
            self.file(path.to_owned(), &real, 0o755);
        }
        let inside = |path: &str| PathBuf::from(path.trim_start_matches('/'));
        self.file(inside(AUTHORITIES), Path::new(AUTHORITIES), 0o644);
        self.zones(Path::new(ZONES))?;
        let (id, user) = (SYSTEM_USER, crate::workspace::HOST_BINARY);
        let users = format!(
            "root:x:0:0:root:/:/sbin/nologin\n{user}:x:{id}:{id}:OpenClaw gateway:/data:/sbin/nologin\n"
        );
        self.text("etc/passwd", users);
        self.text("etc/group", format!("root:x:0:\n{user}:x:{id}:\n"));
        self.text(
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n".to_owned(),
        );
        for mount in MOUNTS {
            self.folder(Path::new(mount));
        }
        self.0.push(Entry {
            path: "tmp".into(),
            kind: Kind::Folder,
            mode: 0o1777,
            owner: 0,
        });
        Ok(())
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> Result<u64> {
        self.0.iter().map(Entry::bytes).sum()
    }

    /// Writes it as a folder. Owners only where this process may give files away; `false` if it may not.
    pub(super) fn write_folder(&self, root: &Path, time: u64) -> Result<bool> {
        let root_user =
            fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        layout::create(root)?;
        for entry in &self.0 {
            let to = root.join(&entry.path);
            entry.write(&to)?;
            if root_user {
                std::os::unix::fs::lchown(&to, Some(entry.owner), Some(entry.owner))
                    .map_err(Error::file("give away", &to))?;
            }
        }
        // from the inside out: a folder's time is that of its last change
        for entry in self
            .0
            .iter()
            .rev()
            .filter(|entry| !matches!(entry.kind, Kind::Link(_)))
        {
            let to = root.join(&entry.path);
            fs::set_permissions(&to, fs::Permissions::from_mode(entry.mode))
                .map_err(Error::file("protect", &to))?;
            let when = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
            File::open(&to)
                .and_then(|file| file.set_times(FileTimes::new().set_modified(when)))
                .map_err(Error::file("date", &to))?;
        }
        Ok(root_user)
    }

    /// Writes it as an archive, with owners whoever runs this. The same content gives the same bytes.
    pub(super) fn write_archive(&self, to: &Path, time: u64) -> Result<()> {
        let written = || -> io::Result<()> {
            let mut archive = Builder::new(BufWriter::new(File::create(to)?));
            for entry in &self.0 {
                entry.append(&mut archive, time)?;
            }
            archive.into_inner()?.flush()
        };
        written().map_err(Error::file("write", to))
    }

    fn zones(&mut self, from: &Path) -> Result<()> {
        let is_zone = |name: &str| !NO_ZONES.contains(&name) && !name.contains('.');
        let mut open = vec![from.to_owned()];
        while let Some(folder) = open.pop() {
            let entries = fs::read_dir(&folder).map_err(Error::file("list", &folder))?;
            let mut entries = entries
                .collect::<io::Result<Vec<_>>>()
                .map_err(Error::file("list", &folder))?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let (path, name) = (entry.path(), entry.file_name());
                if folder == from && !is_zone(&name.to_string_lossy()) {
                    continue;
                }
                let inside = path.strip_prefix("/").expect("an absolute path").to_owned();
                let kind = entry.file_type().map_err(Error::file("look at", &path))?;
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_symlink() {
                    let target = fs::read_link(&path).map_err(Error::file("read", &path))?;
                    self.add(inside, Kind::Link(target), 0o777);
                } else {
                    self.file(inside, &path, 0o644);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, from: &Path, mode: u32) {
        self.add(path, Kind::File(from.to_owned()), mode);
    }

    fn text(&mut self, path: &str, text: String) {
        self.add(path.into(), Kind::Text(text), 0o644);
    }

    fn folder(&mut self, path: &Path) {
        if !self.0.iter().any(|entry| entry.path == path) {
            self.add(path.to_owned(), Kind::Folder, 0o755);
        }
    }

    /// Adds an entry of root's, after the folders that it lies in.
    fn add(&mut self, path: PathBuf, kind: Kind, mode: u32) {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.folder(&parent.to_owned());
        }
        self.0.push(Entry {
            path,
            kind,
            mode,
            owner: 0,
        });
    }
}

// === impl Entry ===

impl Entry {
    /// The file, if it is a program or a library.
    fn code(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::File(from) if self.mode == 0o755 || self.path.extension().is_some_and(|e| e == "so") => {
                Some(from.clone())
            }
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Result<u64> {
        Ok(match &self.kind {
            Kind::File(from) => fs::metadata(from).map_err(Error::file("look at", from))?.len(),
            Kind::Text(text) => text.len() as u64,
            Kind::Folder | Kind::Link(_) => 0,
        })
    }

    /// Its content's SHA-256, for what has one.
    pub(super) fn sum(&self) -> Result<Option<String>> {
        match &self.kind {
            Kind::File(from) => sums::of_file(from).map(|(_, sum)| Some(sum)),
            Kind::Text(text) => Ok(Some(sums::of_bytes(text.as_bytes()))),
            Kind::Folder | Kind::Link(_) => Ok(None),
        }
    }

    fn write(&self, to: &Path) -> Result<()> {
        let failed = Error::file("write", to);
        match &self.kind {
            Kind::Folder => layout::create(to),
            Kind::File(from) => layout::place(from, to).map(drop),
            Kind::Text(text) => fs::write(to, text).map_err(failed),
            Kind::Link(target) => symlink(target, to).map_err(failed),
        }
    }

    fn append(&self, archive: &mut Builder<BufWriter<File>>, time: u64) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mtime(time);
        header.set_uid(self.owner.into());
        header.set_gid(self.owner.into());
        header.set_mode(self.mode);
        header.set_size(0);
        match &self.kind {
            Kind::Folder => {
                header.set_entry_type(EntryType::Directory);
                archive.append_data(&mut header, self.path.join(""), io::empty())
            }
            Kind::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                archive.append_link(&mut header, &self.path, target)
            }
            Kind::File(from) => {
                let file = File::open(from)?;
                header.set_size(file.metadata()?.len());
                archive.append_data(&mut header, &self.path, file)
            }
            Kind::Text(text) => {
                header.set_size(text.len() as u64);
                archive.append_data(&mut header, &self.path, text.as_bytes())
            }
        }
    }
}
