//! `openclaw tui`: a chat with the agents of a gateway, in a terminal.
//!
//! The gateway keeps the conversation: this program shows it, and loses nothing when it or the connection ends. `state`
//! and `update` decide, `view` draws, `link` connects; only this file touches the terminal, which is as it was when the
//! program ends, however it ends.
mod editor;
mod link;
mod picker;
mod slash;
mod state;
#[cfg(test)]
mod tests;
mod transcript;
mod update;
mod view;
mod wrap;

use super::{
    Failure,
    connect::{Target, block_on},
    setting::Setting,
};
use crate::{
    config::Env,
    gateway::{Scope, client::ClientInfo},
};
use link::Gateway;
use ratatui::{
    DefaultTerminal,
    crossterm::{
        event::{self, DisableBracketedPaste, EnableBracketedPaste, Event},
        execute,
    },
};
use state::{Effect, Msg, State};
use std::{
    io::{IsTerminal, stdin, stdout},
    time::Duration,
};
use tokio::sync::mpsc;

/// How often what turns is drawn.
const TICK: Duration = Duration::from_millis(250);
/// News that wait to be drawn.
const NEWS: usize = 256;
/// News that are drawn at once.
const AT_ONCE: usize = 64;

/// Chats with the agents of a gateway, in this terminal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Conversation, by its key
    #[arg(long, default_value = "main")]
    session: String,
    /// Send answers to the chat of the conversation as well
    #[arg(long)]
    deliver: bool,
    /// How hard to think: off, minimal, low, medium, high or xhigh
    #[arg(long)]
    thinking: Option<String>,
    /// Say this first
    #[arg(long, short)]
    message: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err(Failure::usage(
            "`openclaw tui` needs a terminal; for one answer use `openclaw agent --message …`",
        ));
    }
    let setting = Setting::for_client(env)?;
    let place = args.target.place(env, &setting)?;
    let gateway = Gateway {
        url: place.url,
        login: place.login,
        // as the CLI: a program on this machine with the gateway's secret needs no device
        info: ClientInfo::cli([Scope::Admin]),
    };
    let mut state = State::new(args.session.clone());
    state.deliver = args.deliver;
    state.thinking = args.thinking.clone().unwrap_or_default();
    state.first = args.message.clone();
    // it puts the terminal back also when the program breaks off
    let mut terminal = ratatui::try_init().map_err(|e| Failure::io("use this terminal", e))?;
    let _ = execute!(stdout(), EnableBracketedPaste);
    let ended = block_on(chat(&mut terminal, state, gateway));
    let _ = execute!(stdout(), DisableBracketedPaste);
    ratatui::restore();
    ended
}

/// Runs until the person leaves, or the gateway does not let them in.
async fn chat(terminal: &mut DefaultTerminal, mut state: State, gateway: Gateway) -> Result<(), Failure> {
    let (calls, waiting) = mpsc::channel(link::CALLS);
    let (news, mut heard) = mpsc::channel(NEWS);
    let mut link = tokio::spawn(link::run(gateway, waiting, news.clone()));
    std::thread::spawn({
        let news = news.clone();
        move || listen(&news)
    });
    let mut tick = tokio::time::interval(TICK);
    loop {
        let drawn = terminal.draw(|frame| state.drawn = view::draw(&state, frame));
        drawn.map_err(|e| Failure::io("draw on this terminal", e))?;
        let mut msgs = Vec::new();
        tokio::select! {
            count = heard.recv_many(&mut msgs, AT_ONCE) => if count == 0 { return Ok(()) },
            _ = tick.tick() => msgs.push(Msg::Tick),
            ended = &mut link => {
                let ended = ended.map_err(|error| Failure::new(format_args!("the connection broke off: {error}")))?;
                return ended.map_err(Failure::new);
            }
        }
        for msg in msgs {
            for effect in state.update(msg) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Call(ask, method, params) => {
                        if let Err(refused) = calls.try_send((ask, method, params)) {
                            let (ask, ..) = refused.into_inner();
                            let why = "too many questions wait for the gateway".to_owned();
                            state.update(Msg::Answer(ask, Err(why)));
                        }
                    }
                }
            }
        }
    }
}

/// Passes on what the person does, until nobody wants to know any more.
fn listen(news: &mpsc::Sender<Msg>) {
    while let Ok(event) = event::read() {
        let msg = match event {
            Event::Key(key) => Msg::Key(key),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize(..) => Msg::Tick,
            _ => continue,
        };
        if news.blocking_send(msg).is_err() {
            return;
        }
    }
}
