//! Puts another text in the place of the main file's, only if the result is a configuration.
use super::{
    ChangeError, Changed, ConfigError, Edit, EditError, Env, Fault, JsonPath, Paths, Problem, Sources,
    change::{JudgePlugins, faults},
    edit::apply,
    write::write_atomic,
};
use std::{fs, io};

/// The text that `edits` make of the main file's. What stands in an included file is not edited.
pub fn edited(sources: &Sources, edits: &[Edit]) -> Result<String, EditError> {
    for edit in edits {
        if let Some(file) = sources.included_file_of(edit.path()) {
            return Err(EditError::Included {
                path: edit.path().clone(),
                file: file.into(),
            });
        }
    }
    apply(sources.main().text(), edits)
}

/// The included file that holds the value at `path`, if one does.
pub fn included_file_of<'s>(sources: &'s Sources, path: &JsonPath) -> Option<&'s std::path::Path> {
    path.of(sources.merged())?;
    sources.included_file_of(path)
}

/// Replaces the main file by `after` if that makes no new fault. `before` is what the file must still hold; none: there is
/// no file.
pub fn rewrite(
    paths: &Paths,
    env: &Env,
    before: Option<&str>,
    after: &str,
    judge: JudgePlugins<'_>,
) -> Result<Changed, ChangeError> {
    let file = &paths.config_file;
    let changed = rehearse_rewrite(paths, env, before, after, judge)?;
    if !changed.written {
        return Ok(changed);
    }
    let failed = |source| EditError::Write {
        path: file.into(),
        source,
    };
    let now = match fs::read(file) {
        Ok(now) => Some(now),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error).into()),
    };
    if now.as_deref() != before.map(str::as_bytes) {
        return Err(EditError::Raced(file.into()).into());
    }
    write_atomic(file, after.as_bytes()).map_err(failed)?;
    Ok(changed)
}

/// The same without writing anything: would it be done?
pub(super) fn rehearse_rewrite(
    paths: &Paths,
    env: &Env,
    before: Option<&str>,
    after: &str,
    judge: JudgePlugins<'_>,
) -> Result<Changed, ChangeError> {
    let (file, roots) = (&paths.config_file, &paths.include_roots);
    let of = |text: &str| Sources::of(file, text.as_bytes().to_vec(), roots);
    // a file that can't be read has no faults that could remain
    let old: Vec<Fault> = match before.map(of) {
        Some(Ok(sources)) => faults(sources, env, judge).1,
        _ => Vec::new(),
    };
    let (sources, new) = faults(of(after).map_err(EditError::from)?, env, judge);
    let (remaining, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|fault| old.contains(fault));
    let problems = |faults: Vec<Fault>| -> Vec<Problem> {
        let faults = faults.into_iter();
        faults.map(|fault| Problem::of_fault(fault, &sources)).collect()
    };
    if !new.is_empty() {
        return Err(ChangeError::Invalid(ConfigError::Invalid(problems(new))));
    }
    Ok(Changed {
        written: before != Some(after),
        remaining: problems(remaining),
    })
}
