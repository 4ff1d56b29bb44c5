//! `agents.files.*`: the files of a workspace that an agent reads ahead of conversations, and no others.
use super::find;
use crate::{
    app::Gateway,
    config::write_atomic,
    gateway::{Code, Failure},
    methods::params,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The files, in the order in which agents read them.
const NAMES: [&str; 8] = [
    "AGENTS.md",
    "SOUL.md",
    "TOOLS.md",
    "IDENTITY.md",
    "USER.md",
    "HEARTBEAT.md",
    "BOOTSTRAP.md",
    "MEMORY.md",
];
/// Largest file, bytes.
const MAX_FILE: u64 = 4 << 20;

/// Parameters of `agents.files.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    agent_id: String,
}

/// Parameters of `agents.files.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Get {
    agent_id: String,
    name: String,
}

/// Parameters of `agents.files.set`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Set {
    agent_id: String,
    name: String,
    content: String,
}

/// All of them, without their contents.
pub(in crate::methods) async fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("agents.files.list", given)?;
    let folder = workspace(gateway, &asked.agent_id)?;
    let workspace = folder.clone();
    let files = apart(move || {
        let files = NAMES.iter().map(|name| describe(&folder, name, false));
        files.collect::<Result<Vec<_>, _>>()
    });
    Ok(json!({ "agentId": asked.agent_id, "workspace": workspace, "files": files.await? }))
}

/// One with its content.
pub(in crate::methods) async fn get(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Get = params("agents.files.get", given)?;
    let folder = workspace(gateway, &asked.agent_id)?;
    let name = known(&asked.name)?;
    let workspace = folder.clone();
    let file = apart(move || describe(&folder, name, true)).await?;
    Ok(json!({ "agentId": asked.agent_id, "workspace": workspace, "file": file }))
}

/// Gives one a content.
pub(in crate::methods) async fn set(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Set = params("agents.files.set", given)?;
    let folder = workspace(gateway, &asked.agent_id)?;
    let name = known(&asked.name)?;
    if asked.content.len() as u64 > MAX_FILE {
        return Err(Failure::invalid(format!(
            "{name} may have {MAX_FILE} bytes at most"
        )));
    }
    let (workspace, content) = (folder.clone(), asked.content);
    let file = apart(move || {
        let path = folder.join(name);
        let failed = |error: std::io::Error| unusable(&path, &error);
        plain(&path)?;
        fs::create_dir_all(&folder).map_err(failed)?;
        write_atomic(&path, content.as_bytes()).map_err(failed)?;
        describe(&folder, name, true)
    });
    Ok(json!({ "ok": true, "agentId": asked.agent_id, "workspace": workspace, "file": file.await? }))
}

fn workspace(gateway: &Gateway, agent: &str) -> Result<PathBuf, Failure> {
    let config = gateway.desk().config();
    let agents = config.agents();
    Ok(find(&agents, agent)?.workspace(gateway.paths()))
}

fn known(name: &str) -> Result<&'static str, Failure> {
    let known = NAMES.iter().find(|known| **known == name);
    known.copied().ok_or_else(|| {
        Failure::invalid(format!(
            "unsupported file \"{name}\"; it is one of {}",
            NAMES.join(", ")
        ))
    })
}

/// A link could lead anywhere, so none is followed.
fn plain(path: &Path) -> Result<Option<fs::Metadata>, Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => Err(Failure::invalid(format!("{} is no plain file", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn describe(folder: &Path, name: &str, whole: bool) -> Result<Value, Failure> {
    let path = folder.join(name);
    let Some(found) = plain(&path)? else {
        return Ok(json!({ "name": name, "path": path, "missing": true }));
    };
    let written = found
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let mut file = json!({
        "name": name, "path": path, "missing": false, "size": found.len(),
        "updatedAtMs": written.map_or(0, |at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX)),
    });
    if whole {
        if found.len() > MAX_FILE {
            return Err(Failure::invalid(format!(
                "{} is larger than {MAX_FILE} bytes",
                path.display()
            )));
        }
        let bytes = fs::read(&path).map_err(|error| unusable(&path, &error))?;
        let digest = Sha256::digest(&bytes);
        file["hash"] = json!(
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        );
        file["content"] = json!(String::from_utf8_lossy(&bytes));
    }
    Ok(file)
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Code::Unavailable,
        format!("{} can't be used: {error}", path.display()),
    )
}

/// Work with the disk, away from the async threads.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::unavailable(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_plain_files_are_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(known("../secret").is_err() && known("AGENTS.md").is_ok());
        assert_eq!(
            describe(folder.path(), "SOUL.md", true).expect("read")["missing"],
            true
        );
        fs::write(folder.path().join("SOUL.md"), "kind").expect("written");
        let file = describe(folder.path(), "SOUL.md", true).expect("read");
        assert_eq!((&file["content"], &file["size"]), (&json!("kind"), &json!(4)));
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("USER.md")).expect("linked");
        assert!(
            describe(folder.path(), "USER.md", true).is_err(),
            "a link leads nowhere"
        );
    }
}
