//! Who may read and change the gateway's files. Permissions only: what is in them is for others.
use super::{Finding, Mend, Severity};
use std::path::{Path, PathBuf};

/// Most files that are looked at.
pub const MAX_FILES: usize = 2_000;
/// Bits of a mode that others have.
const OTHERS: u32 = 0o077;
/// Folders of programs that copy what is in them to other machines, in lower case.
const SYNCED: [&str; 11] = [
    "dropbox",
    "onedrive",
    "google drive",
    "googledrive",
    "mobile documents",
    "icloud drive",
    "nextcloud",
    "owncloud",
    "pcloud drive",
    "seafile",
    "syncthing",
];

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The state directory.
    StateDir,
    /// `openclaw.json`
    Config,
    /// A file that it includes.
    Include,
    /// What channels keep of people and accounts, and the folder of it.
    Credentials,
    /// Keys of models, as OpenClaw keeps them.
    AuthProfiles,
    /// A file with a secret of the gateway's own.
    Secret,
    /// The database, with what belongs to it.
    Database,
    /// Conversations as files.
    Sessions,
    /// A log, and the folder of them.
    Log,
}

/// What the system says of a file.
#[derive(Debug, Clone)]
pub struct FileFact {
    /// What it is for.
    pub kind: FileKind,
    /// Where.
    pub path: PathBuf,
    /// Its mode, without its type.
    pub mode: u32,
    /// Whose it is, if not the gateway's user's or root's.
    pub foreign: Option<u32>,
    /// It is a link to what the rest is about.
    pub is_link: bool,
    /// It is a folder.
    pub is_dir: bool,
}

impl FileKind {
    /// How ids begin, and what people call it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::StateDir => ("fs.state_dir", "the state directory"),
            Self::Config => ("fs.config", "the configuration"),
            Self::Include => ("fs.config_include", "an included file of the configuration"),
            Self::Credentials => ("fs.credentials_dir", "what channels keep of accounts and people"),
            Self::AuthProfiles => ("fs.auth_profiles", "a file with keys of models"),
            Self::Secret => ("fs.secret_file", "a file with a secret"),
            Self::Database => ("fs.database", "the database with all conversations"),
            Self::Sessions => ("fs.sessions_store", "a file with conversations"),
            Self::Log => ("fs.log_file", "the log"),
        }
    }
}

/// Judges files by their modes. In a state directory that nobody else can enter, modes of what is in it matter only for
/// the configuration, which people copy elsewhere.
pub fn files(files: &[FileFact]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let closed = files
        .iter()
        .find(|file| file.kind == FileKind::StateDir && file.mode & OTHERS == 0 && file.foreign.is_none());
    let hidden = |file: &FileFact| {
        let inside = closed.is_some_and(|state| file.path.starts_with(&state.path));
        inside && !matches!(file.kind, FileKind::Config | FileKind::Include)
    };
    for file in files {
        let (prefix, name) = file.kind.words();
        let shown = file.path.display();
        if let Some(uid) = file.foreign {
            findings.push(
                Finding::warn(format!("{prefix}.owner"), format!("{name} is another user's"))
                    .because(format!(
                        "{shown} belongs to user {uid}, who can change it at any time"
                    ))
                    .remedy(format!(
                        "chown it to the user that the gateway runs as: chown \"$USER\" {shown}"
                    )),
            );
        }
        if file.is_link && matches!(file.kind, FileKind::StateDir | FileKind::Config) {
            findings.push(
                Finding::info(format!("{prefix}.symlink"), format!("{name} is a link"))
                    .because(format!(
                        "whoever can change where {shown} leads decides what the gateway reads"
                    ))
                    .remedy("nothing, if you made it; else replace it by what it leads to"),
            );
        }
        if !hidden(file) {
            findings.extend(judge(file));
        }
    }
    findings
}

/// The worst thing about a mode; taking access away mends the others too.
fn judge(file: &FileFact) -> Option<Finding> {
    use FileKind::{Config, Include, StateDir};
    if file.mode & OTHERS == 0 {
        return None;
    }
    let (prefix, name) = file.kind.words();
    let has = |bits: u32| file.mode & bits != 0;
    let fine = matches!(file.kind, Config | Include);
    let (severity, word, what) = match () {
        () if has(0o002) && file.kind == StateDir => (Severity::Critical, "perms_world_writable", "change"),
        () if has(0o020) && file.kind == StateDir => (Severity::Warn, "perms_group_writable", "change"),
        () if has(0o022) => (Severity::Critical, "perms_writable", "change"),
        () if has(0o004) && fine => (Severity::Critical, "perms_world_readable", "read"),
        () if has(0o040) && fine => (Severity::Warn, "perms_group_readable", "read"),
        () if has(0o044) || (file.is_dir && has(0o011)) => (Severity::Warn, "perms_readable", "read"),
        // who may only run a file learns nothing
        () => return None,
    };
    let wanted = if file.is_dir { 0o700 } else { 0o600 };
    let finding = Finding::new(
        severity,
        format!("{prefix}.{word}"),
        format!("other users can {what} {name}"),
    );
    let finding = finding
        .because(format!(
            "{} has the mode {:03o}",
            file.path.display(),
            file.mode & 0o777
        ))
        .remedy(format!("chmod {wanted:o} {}", file.path.display()));
    // what a link leads to may be anybody's file, the system's own too, where root is asked to mend
    let is_named = matches!(file.kind, StateDir | Config | Include);
    let ours = file.foreign.is_none() && (is_named || !file.is_link);
    Some(match ours {
        true => finding.mended_by(Mend::Mode {
            path: file.path.clone(),
            mode: wanted,
        }),
        false => finding,
    })
}

/// Is the state where another program copies it to other machines?
pub fn synced(state: &Path) -> Option<Finding> {
    let mut names = state.components().filter_map(|part| part.as_os_str().to_str());
    let folder = names.find(|name| {
        let name = name.to_lowercase();
        SYNCED
            .iter()
            .any(|known| name == *known || name.starts_with(&format!("{known} ")))
    })?;
    Some(
        Finding::warn("fs.synced_dir", "the state lies in a synced folder")
            .because(format!(
                "{} is below {folder}, whose program copies tokens and conversations elsewhere, and may copy the database \
                 while it is written, which damages it",
                state.display()
            ))
            .remedy("stop the gateway, move the directory, and set OPENCLAW_STATE_DIR to its new place"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: FileKind, mode: u32, is_dir: bool) -> Vec<(String, Severity)> {
        let fact = FileFact {
            kind,
            path: "/s/x".into(),
            mode,
            foreign: None,
            is_link: false,
            is_dir,
        };
        let findings = files(&[fact]);
        assert!(
            findings
                .iter()
                .all(|f| f.mend.is_some() && f.remediation.starts_with("chmod"))
        );
        findings.into_iter().map(|f| (f.id, f.severity)).collect()
    }

    #[test]
    fn modes_are_judged_by_the_worst_that_they_allow() {
        use Severity::{Critical, Warn};
        for (kind, mode, is_dir, expected) in [
            (FileKind::StateDir, 0o700, true, None),
            (
                FileKind::StateDir,
                0o777,
                true,
                Some(("fs.state_dir.perms_world_writable", Critical)),
            ),
            (
                FileKind::StateDir,
                0o770,
                true,
                Some(("fs.state_dir.perms_group_writable", Warn)),
            ),
            (
                FileKind::StateDir,
                0o755,
                true,
                Some(("fs.state_dir.perms_readable", Warn)),
            ),
            (FileKind::Config, 0o600, false, None),
            (
                FileKind::Config,
                0o644,
                false,
                Some(("fs.config.perms_world_readable", Critical)),
            ),
            (
                FileKind::Config,
                0o640,
                false,
                Some(("fs.config.perms_group_readable", Warn)),
            ),
            (
                FileKind::Config,
                0o622,
                false,
                Some(("fs.config.perms_writable", Critical)),
            ),
            (
                FileKind::Secret,
                0o640,
                false,
                Some(("fs.secret_file.perms_readable", Warn)),
            ),
            (FileKind::Database, 0o611, false, None),
            (
                FileKind::Credentials,
                0o711,
                true,
                Some(("fs.credentials_dir.perms_readable", Warn)),
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(id, s)| (id.to_owned(), s)).collect();
            assert_eq!(found(kind, mode, is_dir), expected, "{kind:?} {mode:o}");
        }
    }

    #[test]
    fn what_belongs_to_others_is_told_and_not_touched() {
        let fact = FileFact {
            kind: FileKind::Config,
            path: "/s/x".into(),
            mode: 0o644,
            foreign: Some(7),
            is_link: true,
            is_dir: false,
        };
        let findings = files(&[fact]);
        let ids: Vec<_> = findings.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "fs.config.owner",
                "fs.config.symlink",
                "fs.config.perms_world_readable"
            ]
        );
        assert!(findings.iter().all(|finding| finding.mend.is_none()));
    }

    #[test]
    fn what_a_link_among_the_files_leads_to_is_not_touched() {
        for (kind, is_mended) in [(FileKind::Sessions, false), (FileKind::Config, true)] {
            let fact = FileFact {
                kind,
                path: "/s/x".into(),
                mode: 0o644,
                foreign: None,
                is_link: true,
                is_dir: false,
            };
            let judged = judge(&fact).expect("others can read it");
            assert_eq!(judged.mend.is_some(), is_mended, "{kind:?}");
        }
    }

    #[test]
    fn behind_a_closed_door_only_the_configuration_counts() {
        let fact = |kind, path: &str, mode| FileFact {
            kind,
            path: path.into(),
            mode,
            foreign: None,
            is_link: false,
            is_dir: kind == FileKind::StateDir,
        };
        let inside = |mode| {
            let all = [
                fact(FileKind::StateDir, "/s", mode),
                fact(FileKind::Config, "/s/openclaw.json", 0o644),
                fact(FileKind::Database, "/s/state.db", 0o644),
            ];
            files(&all)
                .into_iter()
                .map(|finding| finding.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(inside(0o700), ["fs.config.perms_world_readable"]);
        assert_eq!(inside(0o711).len(), 3);
    }

    #[test]
    fn synced_folders_are_known_by_name() {
        for (path, is) in [
            ("/home/ada/Dropbox/openclaw", true),
            ("/home/ada/OneDrive - Company/state", true),
            ("/home/ada/.openclaw", false),
            ("/srv/dropboxes", false),
        ] {
            assert_eq!(synced(Path::new(path)).is_some(), is, "{path}");
        }
    }
}
