//! What the machine gives: means to confine plugins and commands, a container engine where one is asked for, the service.
use super::Finding;

/// What there is to know.
#[derive(Debug, Default)]
pub struct MachineFacts {
    /// The kernel has Landlock, and it is on.
    pub landlock: bool,
    /// The kernel filters system calls.
    pub seccomp: bool,
    /// Plugins that are on and run in processes of their own.
    pub isolated: Vec<String>,
    /// Agents' commands run in containers, and these engines are looked for.
    pub wants_containers: bool,
    /// An engine that was found.
    pub engine: Option<String>,
    /// The gateway's user is root, outside of a container.
    pub root: bool,
    /// The service, if one is installed.
    pub service: Option<ServiceFacts>,
}

/// What is known of the service.
#[derive(Debug, Default)]
pub struct ServiceFacts {
    /// Its file.
    pub file: String,
    /// It was made by `openclaw gateway install`.
    pub ours: bool,
    /// The program that it starts, if that is not there.
    pub missing_program: Option<String>,
    /// The program that it starts, if it is another one than this.
    pub other_program: Option<String>,
    /// The state that it works on, if it is not this one.
    pub other_state: Option<String>,
    /// It is not what `install` would write today.
    pub drifted: bool,
    /// How it is doing: `active`, `failed`…; none if the system's manager can't be asked.
    pub active: Option<String>,
}

/// Judges the machine.
pub fn machine(facts: &MachineFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.landlock {
        let who = match facts.isolated.is_empty() {
            true => "agents' commands are refused, unless the sandbox is made optional".to_owned(),
            false => format!(
                "plugins run with less protection ({}), and agents' commands are refused",
                facts.isolated.join(", ")
            ),
        };
        findings.push(
            Finding::warn("sandbox.no_landlock", "this kernel can't confine files")
                .because(format!("Landlock is missing or off: {who}"))
                .remedy("use Linux 5.13 or newer with `landlock` in the kernel's `lsm=` list"),
        );
    }
    if !facts.seccomp {
        findings.push(
            Finding::warn("sandbox.no_seccomp", "this kernel can't filter system calls")
                .because("/proc/self/status tells of no seccomp")
                .remedy("use a kernel with CONFIG_SECCOMP_FILTER"),
        );
    }
    if facts.wants_containers && facts.engine.is_none() {
        findings.push(
            Finding::critical("sandbox.no_engine", "there is no container engine")
                .because("a `sandbox.mode` asks for containers, and neither docker nor podman is on the PATH, so commands are refused")
                .remedy("install one, or: openclaw config set agents.defaults.sandbox.mode off"),
        );
    }
    if facts.root {
        findings.push(
            Finding::warn("service.root", "everything runs as root")
                .because("plugins in the gateway's process and commands outside of the sandbox can do anything to this machine")
                .remedy("run the gateway as a user of its own"),
        );
    }
    if let Some(service) = &facts.service {
        findings.extend(judge(service));
    }
    findings
}

fn judge(service: &ServiceFacts) -> Vec<Finding> {
    let file = &service.file;
    let install = "openclaw gateway install, with the flags that it was installed with";
    let mut findings = Vec::new();
    if let Some(program) = &service.missing_program {
        findings.push(
            Finding::critical(
                "service.program_missing",
                "the service starts a program that is gone",
            )
            .because(format!("{file} names {program}"))
            .remedy(install),
        );
    } else if let Some(program) = &service.other_program {
        findings.push(
            Finding::warn(
                "service.other_program",
                "the service starts another program than this one",
            )
            .because(format!("{file} names {program}"))
            .remedy(install),
        );
    }
    if let Some(state) = &service.other_state {
        findings.push(
            Finding::warn("service.other_state", "the service works on another state")
                .because(format!("{file} names {state}"))
                .remedy("set OPENCLAW_STATE_DIR as it has it, or install it anew"),
        );
    }
    if service.drifted && findings.is_empty() {
        findings.push(match service.ours {
            true => Finding::warn(
                "service.drifted",
                "the service is not what would be installed today",
            )
            .because(format!(
                "{file} was changed by hand or by an older release, or has flags of its own"
            ))
            .remedy(format!(
                "compare: openclaw gateway install --print | diff {file} -; then {install}"
            )),
            false => Finding::info("service.foreign", "the service was not made here")
                .because(format!("{file} is somebody's own; nothing is said about it"))
                .remedy("nothing"),
        });
    }
    if service.active.as_deref() == Some("failed") {
        findings.push(
            Finding::critical("service.failed", "the service has failed")
                .because(format!("{file}: systemd does not start it again by itself"))
                .remedy("journalctl --user -u openclaw-gateway shows why; then openclaw gateway restart"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_where_it_is_needed() {
        let ids = |facts: &MachineFacts| machine(facts).into_iter().map(|f| f.id).collect::<Vec<_>>();
        let mut facts = MachineFacts {
            landlock: true,
            seccomp: true,
            ..MachineFacts::default()
        };
        assert!(ids(&facts).is_empty());
        facts.wants_containers = true;
        assert_eq!(ids(&facts), ["sandbox.no_engine"]);
        facts.engine = Some("/usr/bin/podman".into());
        facts.service = Some(ServiceFacts {
            ours: true,
            drifted: true,
            active: Some("failed".into()),
            ..ServiceFacts::default()
        });
        assert_eq!(ids(&facts), ["service.drifted", "service.failed"]);
        facts.service = Some(ServiceFacts {
            drifted: true,
            missing_program: Some("/gone".into()),
            ..ServiceFacts::default()
        });
        assert_eq!(ids(&facts), ["service.program_missing"]);
        facts.service = None;
        (facts.landlock, facts.seccomp) = (false, false);
        facts.isolated = vec!["x".into()];
        assert_eq!(ids(&facts), ["sandbox.no_landlock", "sandbox.no_seccomp"]);
    }
}
