//! Changes the file only if the result is a configuration.
//!
//! A fault that was there before is no reason against a change: otherwise a file with two faults could not be mended
//! one by one.
use super::{
    Config, ConfigError, Edit, EditError, Env, Fault, Inspected, Paths, Problem, Sources, edit::write_back,
    rewrite::edited,
};

/// What a change led to.
#[derive(Debug)]
pub struct Changed {
    /// The file says something else than before.
    pub written: bool,
    /// Faults that were there before and still are.
    pub remaining: Vec<Problem>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file can't be edited this way.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The result would be no configuration.
    #[error("nothing was changed: {0}")]
    Invalid(ConfigError),
}

/// Judges what the types don't know: the parts of plugins.
pub type JudgePlugins<'j> = &'j dyn Fn(&Config) -> Vec<Fault>;

/// Applies `edits` to the file of the configuration, all or none, if that makes no new fault.
pub fn change(
    paths: &Paths,
    env: &Env,
    edits: &[Edit],
    judge: JudgePlugins<'_>,
) -> Result<Changed, ChangeError> {
    let (before, text, remaining) = judged(paths, env, edits, judge)?;
    Ok(Changed {
        written: write_back(&before, &text)?,
        remaining,
    })
}

/// The same without writing anything: would it be done? Gives the faults that would remain.
pub fn rehearse(
    paths: &Paths,
    env: &Env,
    edits: &[Edit],
    judge: JudgePlugins<'_>,
) -> Result<Vec<Problem>, ChangeError> {
    Ok(judged(paths, env, edits, judge)?.2)
}

/// The files as they were read, what the edits make of the main one, and the faults that remain.
fn judged(
    paths: &Paths,
    env: &Env,
    edits: &[Edit],
    judge: JudgePlugins<'_>,
) -> Result<(Sources, String, Vec<Problem>), ChangeError> {
    let (file, roots) = (&paths.config_file, &paths.include_roots);
    let before = Sources::read(file, roots).map_err(EditError::from)?;
    let text = edited(&before, edits)?;
    let after = Sources::of(file, text.clone().into_bytes(), roots).map_err(EditError::from)?;
    let (before, old) = faults(before, env, judge);
    let (after, new) = faults(after, env, judge);
    let (remaining, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|fault| old.contains(fault));
    let problems = |faults: Vec<Fault>| -> Vec<Problem> {
        let faults = faults.into_iter();
        faults.map(|fault| Problem::of_fault(fault, &after)).collect()
    };
    if new.is_empty() {
        Ok((before, text, problems(remaining)))
    } else {
        Err(ChangeError::Invalid(ConfigError::Invalid(problems(new))))
    }
}

pub(super) fn faults(sources: Sources, env: &Env, judge: JudgePlugins<'_>) -> (Sources, Vec<Fault>) {
    let mut inspected = Inspected::of(sources, env);
    if let Some(config) = &inspected.config {
        inspected.faults.extend(judge(config));
    }
    (inspected.sources, inspected.faults)
}
