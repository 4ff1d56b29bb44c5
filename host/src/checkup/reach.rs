//! Is a gateway there, does it answer, and are its accounts connected?
use super::Finding;

/// What is known of the lock on the state.
#[derive(Debug, Clone, Default)]
pub struct LockFacts {
    /// A process holds it.
    pub held: bool,
    /// What the file says of who does, or did: process and since when.
    pub note: Option<(i32, String)>,
    /// The file is there.
    pub exists: bool,
}

/// Who answers where the gateway should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nobody listens.
    #[default]
    Nobody,
    /// Somebody takes the connection and says nothing in time.
    Silent,
    /// Something that is no gateway.
    Other,
    /// A gateway, with what does not work.
    Gateway {
        /// Everything works.
        ready: bool,
        /// What does not, if it says so.
        failing: String,
    },
}

/// An account of a channel as the running gateway sees it.
#[derive(Debug, Clone, Default)]
pub struct AccountFacts {
    /// `channel/account`
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
    /// What the platform said when it was asked; none if it was not.
    pub probe: Option<Result<(), String>>,
}

/// What there is to know.
#[derive(Debug, Clone, Default)]
pub struct ReachFacts {
    /// The lock.
    pub lock: LockFacts,
    /// The port that it should listen on.
    pub port: u16,
    /// Who is there.
    pub answer: Answer,
    /// The process that listens there, by number and name, where the system tells.
    pub listener: Option<(u32, String)>,
    /// It answers, and does not let this user in: why.
    pub refused: Option<String>,
    /// Its accounts.
    pub accounts: Vec<AccountFacts>,
    /// The configuration says that the gateway runs elsewhere.
    pub remote: bool,
}

/// Judges whether the gateway can be reached.
pub fn reach(facts: &ReachFacts) -> Vec<Finding> {
    if facts.remote {
        return vec![
            Finding::info("gateway.remote", "the gateway runs elsewhere")
                .because("gateway.mode is \"remote\", so nothing is looked for on this machine")
                .remedy("openclaw gateway probe asks the one that is configured"),
        ];
    }
    let mut findings = vec![lock(&facts.lock)];
    findings.extend(port(facts));
    if let Some(why) = &facts.refused {
        findings.push(
            Finding::critical("gateway.refused", "the gateway does not let this user in")
                .because(why)
                .remedy(
                    "give the commands the gateway's token: OPENCLAW_GATEWAY_TOKEN or gateway.auth.token",
                ),
        );
    }
    for account in &facts.accounts {
        let name = &account.name;
        let channel = name.split('/').next().unwrap_or(name);
        match &account.probe {
            Some(Err(why)) => findings.push(
                Finding::critical("channels.probe_failed", format!("{name} does not work"))
                    .because(format!("its platform was asked: {why}"))
                    .remedy(format!("check its token and the network: openclaw channels status --probe --channel {channel}")),
            ),
            _ if !account.problem.is_empty() => findings.push(
                Finding::critical("channels.account_failed", format!("{name} is not connected"))
                    .because(&account.problem)
                    .remedy(format!("openclaw channels status --channel {channel}, then openclaw logs")),
            ),
            _ => {}
        }
    }
    findings
}

fn lock(facts: &LockFacts) -> Finding {
    match (facts.held, &facts.note) {
        (true, Some((pid, since))) => Finding::info("lock.held", "a gateway runs on this state")
            .because(format!("PID {pid}, since {since}")),
        (true, None) => Finding::info("lock.held", "a gateway runs on this state")
            .because("its process is not known: it may be in another container"),
        (false, Some((pid, since))) => Finding::info("lock.stale", "no gateway runs on this state")
            .because(format!(
                "the last one was PID {pid}, started {since}; what it left behind blocks nobody"
            ))
            .remedy("openclaw gateway, or openclaw gateway start"),
        (false, None) => Finding::info("lock.free", "no gateway runs on this state")
            .because(match facts.exists {
                true => "what an earlier one left behind blocks nobody",
                false => "none ever ran here",
            })
            .remedy("openclaw gateway, or openclaw gateway start"),
    }
}

fn port(facts: &ReachFacts) -> Option<Finding> {
    let port = facts.port;
    let who = match &facts.listener {
        Some((pid, name)) => format!("PID {pid} ({name})"),
        None => "a process of another user".to_owned(),
    };
    match (&facts.answer, facts.lock.held) {
        (Answer::Gateway { ready: true, .. }, true) | (Answer::Nobody, false) => None,
        (
            Answer::Gateway {
                ready: false,
                failing,
            },
            true,
        ) => Some(
            Finding::critical("gateway.not_ready", "the gateway runs and does not work")
                .because(match failing.is_empty() {
                    true => "it says that it is not ready",
                    false => failing,
                })
                .remedy("openclaw health, then openclaw logs"),
        ),
        (Answer::Gateway { .. }, false) => Some(
            Finding::warn(
                "gateway.other_state",
                "a gateway answers that works on another state",
            )
            .because(format!(
                "{who} listens on port {port}, and nobody holds the lock here"
            ))
            .remedy("set OPENCLAW_STATE_DIR as it has it, or give this one another gateway.port"),
        ),
        (Answer::Other, held) => Some(
            Finding::critical(
                "gateway.port_taken",
                format!("port {port} is taken by something else"),
            )
            .because(match held {
                true => format!("{who} answers there and is no gateway; the one that runs listens elsewhere"),
                false => format!("{who} answers there and is no gateway, so none can start"),
            })
            .remedy("end that program, or: openclaw config set gateway.port <another>"),
        ),
        (Answer::Silent, _) => Some(
            Finding::critical("gateway.silent", "the gateway does not answer")
                .because(format!("{who} listens on port {port} and says nothing in time"))
                .remedy("look at the load of the machine and at the newest file in <state>/logs; then openclaw gateway restart"),
        ),
        (Answer::Nobody, true) => Some(
            Finding::warn("gateway.elsewhere", format!("nobody listens on port {port}"))
                .because(
                    "a gateway runs, but on another port or address; it may have been started with --port",
                )
                .remedy("give commands its port with --port, or set gateway.port to it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkup::Severity;

    fn ids(facts: &ReachFacts) -> Vec<String> {
        reach(facts).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn who_is_there_is_told_apart() {
        let gateway = |ready| Answer::Gateway {
            ready,
            failing: String::new(),
        };
        let table = [
            (Answer::Nobody, false, None),
            (gateway(true), true, None),
            (gateway(false), true, Some("gateway.not_ready")),
            (gateway(true), false, Some("gateway.other_state")),
            (Answer::Other, false, Some("gateway.port_taken")),
            (Answer::Silent, true, Some("gateway.silent")),
            (Answer::Nobody, true, Some("gateway.elsewhere")),
        ];
        for (answer, held, expected) in table {
            let facts = ReachFacts {
                lock: LockFacts {
                    held,
                    note: None,
                    exists: true,
                },
                answer: answer.clone(),
                ..ReachFacts::default()
            };
            let lock = if held { "lock.held" } else { "lock.free" };
            let expected: Vec<_> = std::iter::once(lock).chain(expected).collect();
            assert_eq!(ids(&facts), expected, "{answer:?}");
        }
    }

    #[test]
    fn accounts_that_do_not_work_are_errors() {
        let account = |problem: &str, probe| AccountFacts {
            name: "irc/main".into(),
            problem: problem.into(),
            probe,
        };
        let facts = ReachFacts {
            accounts: vec![
                account("", None),
                account("", Some(Ok(()))),
                account("no route", None),
                account("", Some(Err("the token is refused".into()))),
            ],
            ..ReachFacts::default()
        };
        let found = reach(&facts);
        let errors: Vec<_> = found
            .iter()
            .filter(|f| f.severity == Severity::Critical)
            .collect();
        assert_eq!(errors.len(), 2);
        assert!(errors[1].detail.contains("the token is refused"));
    }
}
