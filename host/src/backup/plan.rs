//! What a restore is going to do, worked out in full before the decision: from what was unpacked and what is here.
use super::{
    BEFORE, BackupError, CONFIG, Kind, LOCK, LOGS, Manifest, WORK, WORKSPACE,
    create::stamp,
    links::{self, IsMounted, Link},
    read::Verified,
};
use crate::config::{Paths, agent_id};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// How folders begin that receive workspaces whose own place is not free, or not known here.
const RESTORED: &str = "restored-workspace-";

/// What is to be done, as it lies on the disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) kind: Kind,
    /// The folder of the state directory that receives what was there.
    pub(super) before: String,
    /// Names that stay where they are.
    pub(super) stay: BTreeSet<String>,
    /// Folders of the archive, and where they go.
    pub(super) workspaces: Vec<(String, PathBuf, PathBuf)>,
    /// Links that are made again once what was there is aside.
    #[serde(default)]
    pub(super) links: Vec<Link>,
    /// The archive's files of the configuration go there.
    pub(super) config_folder: Option<PathBuf>,
    /// Its own name in the archive and here, which may differ.
    pub(super) config_name: Option<(String, String)>,
}

// === impl Plan ===

impl Plan {
    /// A folder of the archive goes to its place if that is free. What is there is somebody's work: it stays.
    fn add_workspace(
        &mut self,
        state: &Path,
        (agent, suffix): (&str, &str),
        from: PathBuf,
        place: Option<&Path>,
    ) {
        let is_given = |path: &Path| self.workspaces.iter().any(|(_, _, to)| to == path);
        let to = match place.filter(|path| links::receives(state, path) && !is_given(path)) {
            Some(path) => path.to_owned(),
            None => {
                let name = format!("{RESTORED}{}-{suffix}", agent_id(agent));
                let mut free = numbered(&name).map(|name| state.join(name));
                free.find(|path| !path.exists() && !is_given(path))
                    .expect("some number is free")
            }
        };
        self.workspaces.push((agent.to_owned(), from, to));
    }
}

/// Works out what is to be done with an archive that was unpacked.
pub(super) fn plan(
    paths: &Paths,
    verified: Verified,
    known: &[(String, PathBuf)],
    now_ms: i64,
    is_mounted: IsMounted<'_>,
) -> Result<(Verified, Plan), BackupError> {
    let (manifest, state): (&Manifest, _) = (&verified.manifest, &paths.state_dir);
    let work = state.join(WORK);
    let stay = staying(manifest);
    let suffix = stamp(now_ms, "%Y%m%dT%H%M%SZ");
    let mut plan = Plan {
        kind: manifest.kind,
        before: free_name(state, &format!("{BEFORE}{suffix}")),
        stay,
        workspaces: Vec::new(),
        links: Vec::new(),
        config_folder: None,
        config_name: None,
    };
    let is_known = |path: &Path| known.iter().any(|(_, other)| other == path);
    for outside in &manifest.outside {
        let from = Path::new(WORKSPACE).join(outside.root.to_string());
        let place = Some(&*outside.path).filter(|path| is_known(path));
        plan.add_workspace(state, (&outside.agent, &suffix), from, place);
    }
    if plan.kind == Kind::Full {
        keep_links(&mut plan, paths, known, &suffix, is_mounted)?;
    }
    let own = |file: &Path| file.file_name().map(|name| name.to_string_lossy().into_owned());
    let here = own(&paths.config_file).unwrap_or_default();
    if work.join(CONFIG).is_dir() {
        let there = manifest.config_file.as_deref().and_then(own);
        let there = there.unwrap_or_else(|| here.clone());
        let new = work.join(CONFIG).join(&there);
        links::check_config(
            &paths.config_file,
            &|file: &Path| links::is_same(file, &new),
            is_mounted,
        )?;
        plan.config_folder = Some(paths.config_file.parent().unwrap_or(Path::new("/")).to_owned());
        plan.config_name = Some((there, here));
    }
    Ok((verified, plan))
}

/// Names in the state directory that stay where they are.
pub(super) fn staying(manifest: &Manifest) -> BTreeSet<String> {
    let own = [WORK, LOCK, LOGS].map(str::to_owned);
    manifest.left_out.iter().cloned().chain(own).collect()
}

/// Links that are here stay, and what the archive has in their places is not part of the state that is moved in.
fn keep_links(
    plan: &mut Plan,
    paths: &Paths,
    known: &[(String, PathBuf)],
    suffix: &str,
    is_mounted: IsMounted<'_>,
) -> Result<(), BackupError> {
    let (state, work) = (&paths.state_dir, &paths.state_dir.join(WORK));
    for (agent, path) in known {
        let link = Link::of(state, work, path, false);
        let Some(link) = link.filter(|link| !plan.links.contains(link)) else {
            continue;
        };
        if let Some(from) = link.divert(work)? {
            plan.add_workspace(state, (agent, suffix), from, Some(path));
        }
        plan.links.push(link);
    }
    let config = &paths.config_file;
    let link = Link::of(state, work, config, true).or_else(|| Link::mounted(state, work, config, is_mounted));
    if let Some(link) = link {
        link.divert_config(paths, work)?;
        if !link.is_link() {
            plan.stay.insert(link.at.to_string_lossy().into_owned());
        }
        plan.links.push(link);
    }
    Ok(())
}

/// A name that nothing has yet.
pub(super) fn free_name(folder: &Path, name: &str) -> String {
    let free = numbered(name).find(|name| !folder.join(name).exists());
    free.expect("some number is free")
}

fn numbered(name: &str) -> impl Iterator<Item = String> {
    let more = (2_u32..).map(move |n| format!("{name}-{n}"));
    std::iter::once(name.to_owned()).chain(more)
}

/// Is nothing there, or an empty folder?
pub(super) fn is_free(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => {
            let there = path.symlink_metadata();
            there.is_err_and(|error| error.kind() == ErrorKind::NotFound)
        }
    }
}
