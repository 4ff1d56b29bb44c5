//! Facts about the running gateway: who holds the lock, who answers on the port, how the accounts are doing.
use super::{gather::Gathered, listener};
use crate::{
    checkup::{AccountFacts, Answer, Finding, ReachFacts},
    cli::{
        address,
        connect::Target,
        gateway::{door, lock},
        output,
        setting::Setting,
    },
    config::{BindMode, Env, GatewayMode},
    gateway::Scope,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer on the port may take.
const PROBE: Duration = Duration::from_secs(3);
/// How long the gateway may take for its accounts; longer if it asks platforms.
const ASK: Duration = Duration::from_secs(10);
const ASK_PLATFORMS: Duration = Duration::from_secs(30);
/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// Gathers.
pub(super) fn facts(target: &Target, env: &Env, gathered: &Gathered, deep: bool) -> ReachFacts {
    let setting = &gathered.setting;
    let gateway = &setting.config.gateway;
    let mut facts = ReachFacts {
        remote: gateway.mode == Some(GatewayMode::Remote),
        lock: lock::look(&setting.paths),
        ..ReachFacts::default()
    };
    facts.port = address::port(target.asked_port(), env, setting).unwrap_or(gateway.port());
    if facts.remote {
        return facts;
    }
    let bind = gathered.ground.bind.unwrap_or(BindMode::Loopback);
    let ip = door::ip(bind, gateway.custom_bind_host).unwrap_or(Ipv4Addr::LOCALHOST.into());
    let ip = if ip.is_unspecified() {
        IpAddr::from(Ipv4Addr::LOCALHOST)
    } else {
        ip
    };
    facts.answer = probe(SocketAddr::new(ip, facts.port));
    if facts.answer != Answer::Nobody {
        facts.listener = listener::of(facts.port);
    }
    if facts.lock.held && matches!(facts.answer, Answer::Gateway { .. }) {
        accounts(target, env, deep, &mut facts);
    }
    facts
}

/// A port that is none.
pub(super) fn port_fault(env: &Env, gathered: &Gathered) -> Option<Finding> {
    let why = address::port(None, env, &gathered.setting).err()?;
    Some(
        Finding::critical("gateway.port_invalid", "the gateway's port is none")
            .because(why.to_string())
            .remedy("correct OPENCLAW_GATEWAY_PORT, or unset it"),
    )
}

/// Who is there? Asked the way that any watcher asks.
fn probe(address: SocketAddr) -> Answer {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, PROBE) else {
        return Answer::Nobody;
    };
    let limited = stream
        .set_read_timeout(Some(PROBE))
        .and_then(|()| stream.set_write_timeout(Some(PROBE)));
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if limited
        .and_then(|()| stream.write_all(request.as_bytes()))
        .is_err()
    {
        return Answer::Silent;
    }
    let mut answer = Vec::new();
    // what came before a connection broke off is an answer too
    let _ = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    judge(&String::from_utf8_lossy(&answer))
}

fn judge(answer: &str) -> Answer {
    if answer.is_empty() {
        return Answer::Silent;
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let value: Value = serde_json::from_str(body.trim()).unwrap_or_default();
    let Some(ready) = value["ready"].as_bool().filter(|_| answer.starts_with("HTTP/1.")) else {
        return Answer::Other;
    };
    let failing = output::list(&value["failing"]).map(|name| {
        let name = output::text(name);
        match value[&name].as_str() {
            Some(why) => format!("{name}: {why}"),
            None => name,
        }
    });
    Answer::Gateway {
        ready,
        failing: failing.collect::<Vec<_>>().join("; "),
    }
}

fn accounts(target: &Target, env: &Env, deep: bool, facts: &mut ReachFacts) {
    let limit = if deep { ASK_PLATFORMS } else { ASK };
    let asked = Setting::for_client(env).and_then(|setting| {
        target.ask(
            env,
            &setting,
            Scope::Read,
            "channels.status",
            json!({ "probe": deep }),
            limit,
        )
    });
    let answer = match asked {
        Ok(answer) => answer,
        Err(why) => {
            facts.refused = Some(why.to_string());
            return;
        }
    };
    for (channel, rows) in answer["channelAccounts"].as_object().into_iter().flatten() {
        for row in output::list(rows) {
            let probe = row["probe"]["ok"].as_bool().map(|ok| match ok {
                true => Ok(()),
                false => Err(match output::text(&row["probe"]["error"]) {
                    why if why.is_empty() => output::text(&row["probe"]["state"]),
                    why => why,
                }),
            });
            facts.accounts.push(AccountFacts {
                name: format!("{channel}/{}", output::text(&row["accountId"])),
                problem: output::text(&row["lastError"]),
                probe,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_known_by_its_answer() {
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\r\n";
        assert_eq!(
            judge(&format!(
                "{head}{{\"ready\":false,\"failing\":[\"x\",\"y\"],\"x\":\"no route\"}}"
            )),
            Answer::Gateway {
                ready: false,
                failing: "x: no route; y".into()
            }
        );
        assert_eq!(judge(""), Answer::Silent);
        for other in [
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "SSH-2.0-x\r\n",
            "{\"ready\":true}",
        ] {
            assert_eq!(judge(other), Answer::Other, "{other}");
        }
    }
}
