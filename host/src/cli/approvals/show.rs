//! Tables for people.
use crate::cli::output;
use serde_json::Value;

/// Most of a command in a table, characters.
const COMMAND: usize = 80;

/// What waits.
pub(super) fn pending(open: &Value) {
    let mut table = output::table(&["ID", "AGENT", "COMMAND", "IN", "LEFT", "ANSWERS"]);
    let now = jiff::Timestamp::now().as_millisecond();
    let mut any = false;
    for row in output::list(open) {
        any = true;
        let request = &row["request"];
        let left = row["expiresAtMs"].as_i64().unwrap_or(now) - now;
        let answers: Vec<_> = output::list(&request["allowedDecisions"])
            .map(output::text)
            .collect();
        table.add_row([
            output::text(&row["id"]),
            output::text(&request["agentId"]),
            output::text(&request["command"]).chars().take(COMMAND).collect(),
            output::text(&request["cwd"]),
            output::age(left),
            answers.join(" "),
        ]);
    }
    if !any {
        anstream::println!("Nothing waits for an answer.");
        return;
    }
    anstream::println!("{table}");
    anstream::println!("Answer with `openclaw approvals resolve <id> <answer>`.");
}

/// The file.
pub(super) fn rules(answer: &Value) {
    let exists = if answer["exists"] == true {
        ""
    } else {
        " (not there yet)"
    };
    anstream::println!("Rules: {}{exists}", output::text(&answer["path"]));
    let file = &answer["file"];
    let mut table = output::table(&["AGENT", "SECURITY", "ASK", "IF NOBODY ANSWERS", "SKILLS", "RULES"]);
    table.add_row(settings("defaults", &file["defaults"], None));
    for (agent, own) in file["agents"].as_object().into_iter().flatten() {
        let count = output::list(&own["allowlist"]).count();
        table.add_row(settings(agent, own, Some(count)));
    }
    anstream::println!("{table}");
    let resolved = &answer["resolvedDefaults"];
    if resolved.is_object() {
        anstream::println!(
            "With the configuration: security {}, ask {}.",
            output::text(&resolved["security"]),
            output::text(&resolved["ask"])
        );
    }
    allowlist(answer, None);
}

/// The rules.
pub(super) fn allowlist(answer: &Value, agent: Option<&str>) {
    let mut table = output::table(&["AGENT", "PATTERN", "LAST USED", "LAST COMMAND", "ID"]);
    let now = jiff::Timestamp::now().as_millisecond();
    let agents = answer["file"]["agents"].as_object().into_iter().flatten();
    let mut any = false;
    for (id, own) in agents.filter(|(id, _)| agent.is_none_or(|agent| agent == id.as_str())) {
        for rule in output::list(&own["allowlist"]) {
            any = true;
            let used = rule["lastUsedAt"].as_i64();
            table.add_row([
                id.clone(),
                output::text(&rule["pattern"]),
                used.map_or("never".to_owned(), |at| format!("{} ago", output::age(now - at))),
                output::text(&rule["lastUsedCommand"])
                    .chars()
                    .take(COMMAND)
                    .collect(),
                output::text(&rule["id"]).chars().take(8).collect(),
            ]);
        }
    }
    match any {
        true => anstream::println!("{table}"),
        false => anstream::println!("No program is on the list."),
    }
}

fn settings(name: &str, own: &Value, rules: Option<usize>) -> [String; 6] {
    let word = |key: &str| match &own[key] {
        Value::Bool(on) => if *on { "yes" } else { "no" }.to_owned(),
        other => match output::text(other) {
            text if text.is_empty() => "–".to_owned(),
            text => text,
        },
    };
    [
        name.to_owned(),
        word("security"),
        word("ask"),
        word("askFallback"),
        word("autoAllowSkills"),
        rules.map_or("–".to_owned(), |count| count.to_string()),
    ]
}
