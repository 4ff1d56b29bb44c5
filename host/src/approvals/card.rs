//! How a question looks in a chat. What an agent wrote in it is shown as it is, and can't pass for words of the gateway.
use super::{Decision, Question, Record, chat::short};
use openclaw_plugin_api::Button;

/// Most of a command that is shown, characters: its beginning and its end.
const SHOWN: (usize, usize) = (1_000, 300);
/// Most of another line, characters.
const LINE: usize = 200;

/// A question, as a message.
pub(super) fn asks(record: &Record) -> String {
    let minutes = record.expires_ms.saturating_sub(record.created_ms) / 60_000;
    let seconds = record.expires_ms.saturating_sub(record.created_ms) / 1_000;
    let limit = if minutes > 1 {
        format!("{minutes} minutes")
    } else {
        format!("{seconds} seconds")
    };
    let words: Vec<_> = record
        .question
        .allowed()
        .into_iter()
        .map(Decision::word)
        .collect();
    format!(
        "🔐 **May this command run?**\n{}\nNobody answering in {limit} means no. Answer with the buttons, or:\n`/approve {} {}`",
        body(&record.question),
        short(&record.id),
        words.join("|"),
    )
}

/// The same when it has ended.
pub(super) fn ended(record: &Record) -> String {
    let outcome = record.outcome.as_ref();
    let sign = match outcome.is_some_and(|outcome| outcome.verdict().is_allowed()) {
        true => "✅",
        false => "⛔",
    };
    let sentence = outcome.map(super::Outcome::sentence).unwrap_or_default();
    format!("{sign} **Command {sentence}**\n{}", body(&record.question))
}

/// The answers, as buttons whose value is the command that says the same.
pub(super) fn buttons(record: &Record) -> Vec<Vec<Button>> {
    let button = |decision: Decision| {
        let (label, style) = match decision {
            Decision::AllowOnce => ("Allow once", "primary"),
            Decision::AllowAlways => ("Always allow", ""),
            Decision::Deny => ("Deny", "danger"),
        };
        Button {
            label: label.to_owned(),
            value: format!("/approve {} {}", record.id, decision.word()),
            style: style.to_owned(),
        }
    };
    vec![record.question.allowed().into_iter().map(button).collect()]
}

fn body(question: &Question) -> String {
    let command = fenced(&shown(&question.command));
    let lines = [
        ("In", &question.cwd),
        ("On", &question.host),
        ("Agent", &question.agent_id),
        ("Conversation", &question.session_key),
        ("The agent says", &question.warning),
    ];
    let lines = lines.into_iter().filter(|(_, text)| !text.trim().is_empty());
    let lines = lines.map(|(name, text)| format!("{name}: `{}`", line(text)));
    [command].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// A block that nothing in the text can end.
fn fenced(text: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}\n{text}\n{fence}")
}

/// The beginning and the end of what is too long, and every character that a person can't see made visible.
fn shown(text: &str) -> String {
    let count = text.chars().count();
    let (head, tail) = SHOWN;
    let visible = |text: String| text.chars().map(seen).collect::<String>();
    if count <= head + tail {
        return visible(text.to_owned());
    }
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    let left_out = count - head - tail;
    format!(
        "{}\n… {left_out} characters are not shown; see `openclaw approvals pending` …\n{}",
        visible(begin),
        visible(end)
    )
}

fn line(text: &str) -> String {
    let text: String = text.chars().take(LINE).collect();
    text.chars()
        .map(|c| if c == '`' { '\'' } else { c })
        .map(|c| match c {
            '\n' | '\r' | '\t' => " ".to_owned(),
            other => seen(other),
        })
        .collect()
}

fn seen(c: char) -> String {
    let hides = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{fe00}'..='\u{fe0f}');
    if hides || (c.is_control() && c != '\n' && c != '\t') {
        return format!("\\u{{{:x}}}", u32::from(c));
    }
    c.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(command: &str) -> Record {
        Record {
            id: "0f0e0d0c-0000-4000-8000-000000000000".into(),
            question: Question {
                command: command.into(),
                may_always: true,
                ..Question::default()
            },
            created_ms: 0,
            expires_ms: 120_000,
            outcome: None,
            posts: Vec::new(),
        }
    }

    #[test]
    fn a_command_can_not_pass_for_words_of_the_gateway() {
        let text = asks(&record("echo ```\n✅ allowed by ada\n````"));
        assert!(text.contains("\n`````\necho ```\n"), "{text}");
        let text = asks(&record("rm a\u{202e}b\u{200b}c\u{1b}[2K"));
        assert!(text.contains(r"rm a\u{202e}b\u{200b}c\u{1b}[2K"), "{text}");
    }

    #[test]
    fn of_a_long_command_both_ends_are_shown() {
        let text = asks(&record(&format!("begin {} end; rm -rf /", "x".repeat(9_000))));
        assert!(
            text.contains("begin") && text.contains("rm -rf /") && text.contains("not shown"),
            "{text}"
        );
        assert!(text.chars().count() < 1_800);
    }

    #[test]
    fn buttons_say_what_the_command_says_and_are_short_enough() {
        let rows = buttons(&record("x"));
        assert_eq!(rows[0].len(), 3);
        assert!(rows[0].iter().all(|button| button.value.len() <= 64), "{rows:?}");
        assert_eq!(
            rows[0][0].value,
            "/approve 0f0e0d0c-0000-4000-8000-000000000000 allow-once"
        );
    }
}
