//! What `openclaw doctor` says of the configuration: faults, keys without effect, forms of older releases.
use super::{Finding, Mend, old_forms::OldForm};

/// Keys without effect that are named one by one.
const SHOWN: usize = 8;

/// What the loader says.
#[derive(Debug, Default)]
pub struct ConfigFacts {
    /// Where it is.
    pub file: String,
    /// There is a file.
    pub exists: bool,
    /// Why it can't be read at all.
    pub unreadable: Option<String>,
    /// There is a copy of one that the gateway ran with.
    pub last_good: Option<String>,
    /// What is wrong: where (file and line), the key, what.
    pub faults: Vec<(String, String, String)>,
    /// Keys that OpenClaw knows and that have no effect here.
    pub without_effect: Vec<String>,
    /// Names in policies of tools that no plugin has.
    pub strange_tools: Vec<String>,
    /// What is written in older forms, and for those that can't be rewritten the reason.
    pub old_forms: Vec<(OldForm, Option<String>)>,
    /// `gateway.mode` is set.
    pub has_mode: bool,
}

/// Judges the configuration.
pub fn config(facts: &ConfigFacts) -> Vec<Finding> {
    let file = &facts.file;
    if let Some(why) = &facts.unreadable {
        let back = match &facts.last_good {
            Some(copy) => format!("correct the place that is named, or go back: cp {copy} {file}"),
            None => "correct the place that is named".to_owned(),
        };
        return vec![
            Finding::critical("config.unreadable", "the configuration can't be read")
                .because(why)
                .remedy(back),
        ];
    }
    if !facts.exists {
        return vec![
            Finding::warn("config.missing", "there is no configuration")
                .because(format!(
                    "{file} does not exist, so the gateway starts with --allow-unconfigured only"
                ))
                .remedy("openclaw onboard, or: openclaw config set gateway.mode local"),
        ];
    }
    let mut findings = Vec::new();
    for (at, path, what) in &facts.faults {
        let (id, title) = match what.contains("unknown key") {
            true => ("config.unknown_key", "a key that nobody knows"),
            false => ("config.invalid", "a value that can't be"),
        };
        let remedy = match what.contains("unknown key") {
            true => format!("correct the name, or remove it: openclaw config unset '{path}'"),
            false => {
                format!("openclaw config set '{path}' <value>; `openclaw config schema` says what it may be")
            }
        };
        findings.push(
            Finding::critical(id, format!("{title}: {path}"))
                .because(format!("{at}: {path} {what}"))
                .remedy(remedy),
        );
    }
    for (form, obstacle) in &facts.old_forms {
        findings.push(old_form(form, obstacle.as_deref()));
    }
    for name in &facts.strange_tools {
        findings.push(
            Finding::warn("config.unknown_tool", "a policy names a tool that nobody has")
                .because(name)
                .remedy("install the plugin that has it, or take the name out of the list"),
        );
    }
    if !facts.without_effect.is_empty() {
        let shown = &facts.without_effect[..facts.without_effect.len().min(SHOWN)];
        let more = facts.without_effect.len() - shown.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        findings.push(
            Finding::info(
                "config.without_effect",
                "keys of OpenClaw that have no effect here",
            )
            .because(format!("{}{more}", shown.join(", ")))
            .remedy("nothing has to be done; `openclaw config unset <key>` removes one"),
        );
    }
    if !facts.has_mode {
        findings.push(
            Finding::info("config.gateway_mode_unset", "gateway.mode is not set")
                .because("OpenClaw itself does not start without it; this gateway takes it for \"local\"")
                .remedy("openclaw config set gateway.mode local"),
        );
    }
    findings
}

fn old_form(form: &OldForm, obstacle: Option<&str>) -> Finding {
    let finding = Finding::warn("config.old_form", format!("an older form: {}", form.path));
    match obstacle {
        Some(why) => finding
            .because(format!(
                "it is now {}; it is read all the same, but can't be rewritten: {why}",
                form.now
            ))
            .remedy(format!("write {} by hand", form.now)),
        None => finding
            .because(format!("it is now {}; it is read all the same", form.now))
            .remedy("openclaw doctor --fix")
            .mended_by(Mend::Edits(form.edits.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkup::{Severity, old_forms};

    #[test]
    fn what_the_loader_says_is_told_with_what_to_do() {
        let mut facts = ConfigFacts {
            file: "/s/openclaw.json".into(),
            ..ConfigFacts::default()
        };
        assert_eq!(config(&facts)[0].id, "config.missing");
        facts.exists = true;
        assert_eq!(config(&facts)[0].id, "config.gateway_mode_unset");
        facts.has_mode = true;
        assert!(config(&facts).is_empty());
        facts.faults.push((
            "openclaw.json:3:5".into(),
            "gateway.prot".into(),
            "is an unknown key; did you mean `port`?".into(),
        ));
        facts.without_effect = (0..20).map(|n| format!("k{n}")).collect();
        let old = serde_json::json!({"session": {"idleMinutes": 5}});
        let form = old_forms::find(&old).remove(0);
        facts.old_forms = vec![(form.clone(), None), (form, Some("it is included".into()))];
        let found = config(&facts);
        let ids: Vec<_> = found
            .iter()
            .map(|f| (f.id.as_str(), f.severity, f.mend.is_some()))
            .collect();
        assert_eq!(
            ids,
            [
                ("config.unknown_key", Severity::Critical, false),
                ("config.old_form", Severity::Warn, true),
                ("config.old_form", Severity::Warn, false),
                ("config.without_effect", Severity::Info, false),
            ]
        );
        assert!(
            found[0].detail.contains("did you mean `port`")
                && found[0].remediation.contains("unset 'gateway.prot'")
        );
        assert!(found[3].detail.ends_with("and 12 more"));
        facts.unreadable = Some("openclaw.json:1:1: it ends too soon".into());
        facts.last_good = Some("/s/good".into());
        let found = config(&facts);
        assert!(found.len() == 1 && found[0].remediation.contains("cp /s/good"));
    }
}
