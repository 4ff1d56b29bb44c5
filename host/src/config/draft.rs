//! A change that follows from what stands in the file: the file is read once, and written only if it is still the same.
use super::{
    ChangeError, Changed, Edit, EditError, Env, IncludeError, Paths, Sources,
    change::JudgePlugins,
    rewrite::{edited, rehearse_rewrite, rewrite},
};
use serde_json::Value;

/// What a file is taken for that is not there.
const EMPTY: &str = "{}\n";

/// The files of the configuration as they were read.
#[derive(Debug)]
pub struct Draft<'p> {
    paths: &'p Paths,
    env: &'p Env,
    sources: Sources,
    /// There is a file.
    exists: bool,
}

// === impl Draft ===

impl<'p> Draft<'p> {
    /// Reads the files; a main file that is not there is an empty one.
    pub fn read(paths: &'p Paths, env: &'p Env) -> Result<Self, ChangeError> {
        let (file, roots) = (&paths.config_file, &paths.include_roots);
        let (sources, exists) = match Sources::read(file, roots) {
            Ok(sources) => (sources, true),
            Err(IncludeError::Missing(_)) => {
                let empty = Sources::of(file, EMPTY.as_bytes().to_vec(), roots);
                (empty.map_err(EditError::from)?, false)
            }
            Err(error) => return Err(EditError::from(error).into()),
        };
        Ok(Self {
            paths,
            env,
            sources,
            exists,
        })
    }

    /// What is written, in all files together.
    pub fn merged(&self) -> &Value {
        self.sources.merged()
    }

    /// There is a main file.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Would the edits be done? `written` says whether the file would be another one.
    pub fn rehearse(&self, edits: &[Edit], judge: JudgePlugins<'_>) -> Result<Changed, ChangeError> {
        let after = edited(&self.sources, edits)?;
        rehearse_rewrite(self.paths, self.env, self.before(), &after, judge)
    }

    /// Does the edits, all or none, if that makes no new fault and nobody has written the file meanwhile.
    pub fn write(&self, edits: &[Edit], judge: JudgePlugins<'_>) -> Result<Changed, ChangeError> {
        let after = edited(&self.sources, edits)?;
        rewrite(self.paths, self.env, self.before(), &after, judge)
    }

    fn before(&self) -> Option<&str> {
        self.exists.then(|| self.sources.main().text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Fault};
    use serde_json::json;
    use std::fs;

    fn set(path: &str, value: Value) -> [Edit; 1] {
        let path = path.parse().expect("a path");
        [Edit::Set { path, value }]
    }

    fn nothing_wrong(_config: &Config) -> Vec<Fault> {
        Vec::new()
    }

    #[test]
    fn what_somebody_wrote_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths {
            config_file: folder.path().join("openclaw.json"),
            home: None,
            state_dir: folder.path().to_owned(),
            include_roots: Vec::new(),
        };
        let (env, judge) = (Env::default(), nothing_wrong);
        let first = Draft::read(&paths, &env).expect("an empty one");
        let edits = set("gateway.port", json!(1234));
        assert!(!first.exists() && first.rehearse(&edits, &judge).expect("it would do").written);
        assert!(!paths.config_file.exists(), "nothing was written");
        assert!(first.write(&edits, &judge).expect("written").written);
        // the first one still thinks that there is no file
        let again = first.write(&set("gateway.port", json!(1)), &judge);
        assert!(
            matches!(again, Err(ChangeError::Edit(EditError::Raced(_)))),
            "{again:?}"
        );
        let second = Draft::read(&paths, &env).expect("it is there");
        assert_eq!(second.merged()["gateway"]["port"], 1234);
        assert!(!second.write(&edits, &judge).expect("it was so").written);
        fs::write(&paths.config_file, "{ gateway: { port: 5 } }").expect("written");
        let raced = second.write(&set("gateway.port", json!(1)), &judge);
        assert!(
            matches!(raced, Err(ChangeError::Edit(EditError::Raced(_)))),
            "{raced:?}"
        );
        let wrong = second.rehearse(&set("gateway.port", json!("x")), &judge);
        assert!(matches!(wrong, Err(ChangeError::Invalid(_))), "{wrong:?}");
    }
}
