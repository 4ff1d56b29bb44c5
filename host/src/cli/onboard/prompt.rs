//! Questions in the terminal. What is typed as a secret is not shown.
//!
//! Ctrl-C and Esc end the whole command; whoever asks has written nothing by then.
use crate::cli::Failure;
use inquire::{Confirm, InquireError, MultiSelect, Password, PasswordDisplayMode, Select, Text};
use openclaw_plugin_api::Secret;
use std::{fmt::Display, io::IsTerminal};

/// Rows of a list that are seen at once.
const ROWS: usize = 12;

/// Is there somebody to ask?
pub(in crate::cli) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Yes or no.
pub(in crate::cli) fn confirm(question: &str, usual: bool, help: &str) -> Result<bool, Failure> {
    let mut prompt = Confirm::new(question).with_default(usual);
    if !help.is_empty() {
        prompt = prompt.with_help_message(help);
    }
    prompt.prompt().map_err(failed)
}

/// One of several; gives its place in the list.
pub(in crate::cli) fn choose(
    question: &str,
    options: &[impl Display],
    usual: usize,
) -> Result<usize, Failure> {
    let options: Vec<_> = options.iter().map(ToString::to_string).collect();
    let prompt = Select::new(question, options)
        .with_page_size(ROWS)
        .with_starting_cursor(usual);
    prompt.raw_prompt().map(|chosen| chosen.index).map_err(failed)
}

/// Any of several; gives their places in the list.
pub(in crate::cli) fn choose_some(
    question: &str,
    options: &[impl Display],
    usual: &[usize],
) -> Result<Vec<usize>, Failure> {
    let options: Vec<_> = options.iter().map(ToString::to_string).collect();
    let prompt = MultiSelect::new(question, options)
        .with_page_size(ROWS)
        .with_default(usual)
        .with_help_message("space chooses, enter goes on");
    let chosen = prompt.raw_prompt().map_err(failed)?;
    Ok(chosen.into_iter().map(|chosen| chosen.index).collect())
}

/// A text; the usual one if nothing is typed.
pub(in crate::cli) fn text(question: &str, usual: &str) -> Result<String, Failure> {
    let mut prompt = Text::new(question);
    if !usual.is_empty() {
        prompt = prompt.with_default(usual);
    }
    Ok(prompt.prompt().map_err(failed)?.trim().to_owned())
}

/// A text that is not empty.
pub(in crate::cli) fn some_text(question: &str) -> Result<String, Failure> {
    loop {
        let given = text(question, "")?;
        if !given.is_empty() {
            return Ok(given);
        }
    }
}

/// A secret; empty if nothing is typed.
pub(in crate::cli) fn secret(question: &str, help: &str) -> Result<Secret, Failure> {
    let mut prompt = Password::new(question)
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation();
    if !help.is_empty() {
        prompt = prompt.with_help_message(help);
    }
    Ok(Secret::new(prompt.prompt().map_err(failed)?.trim()))
}

/// Says something between questions.
pub(in crate::cli) fn say(text: impl Display) {
    anstream::eprintln!("{text}");
}

/// Somebody has had enough.
pub(in crate::cli) fn stopped() -> Failure {
    Failure::new("stopped; nothing was changed")
}

fn failed(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => stopped(),
        InquireError::NotTTY => Failure::usage(
            "there is no terminal to ask in; give the answers as flags, with --non-interactive",
        ),
        error => Failure::new(format_args!("can't ask: {error}")),
    }
}
