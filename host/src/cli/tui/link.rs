//! The connection: made, kept, and made again for as long as the program runs.
//!
//! Invariants: every call is answered, well or not; what was asked over a connection that broke is answered so; the wait
//! between two tries grows up to [`LONGEST`].
use super::state::{Ask, Msg};
use crate::gateway::client::{Client, ClientInfo, Error, Events, Login};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{broadcast::error::RecvError, mpsc};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the gateway may take to answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Wait before the second try.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait before a try.
const LONGEST: Duration = Duration::from_secs(15);
/// Calls that wait for the connection.
pub(super) const CALLS: usize = 64;

/// A call to make.
pub(super) type Call = (Ask, &'static str, Value);

/// The gateway, and what opens it.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) url: String,
    pub(super) login: Login,
    pub(super) info: ClientInfo,
}

/// Keeps the connection until nobody listens any more. What can't get better with time ends it.
pub(super) async fn run(
    gateway: Gateway,
    mut calls: mpsc::Receiver<Call>,
    news: mpsc::Sender<Msg>,
) -> Result<(), Error> {
    let (mut wait, mut was_up) = (FIRST, false);
    loop {
        match Client::log_in(&gateway.url, &gateway.login, &gateway.info, CONNECT).await {
            Ok(client) => {
                (wait, was_up) = (FIRST, true);
                let events = client.events();
                if news.send(Msg::Up).await.is_err() {
                    return Ok(());
                }
                match serve(client, events, &mut calls, &news).await {
                    Some(why) => tell(&news, why).await,
                    None => return Ok(()),
                }
            }
            Err(error @ (Error::Refused { .. } | Error::NotPaired { .. } | Error::NotAGateway { .. }))
                if !was_up =>
            {
                return Err(error);
            }
            Err(error) => tell(&news, error.to_string()).await,
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            ended = refuse(&mut calls, &news) => return ended,
        }
        wait = (wait * 2).min(LONGEST);
    }
}

async fn tell(news: &mpsc::Sender<Msg>, why: String) {
    // whoever does not listen has gone, which the next call shows
    let _ = news.send(Msg::Down(why)).await;
}

/// Answers calls that come while there is no connection, until the program ends.
async fn refuse(calls: &mut mpsc::Receiver<Call>, news: &mpsc::Sender<Msg>) -> Result<(), Error> {
    while let Some((ask, ..)) = calls.recv().await {
        let answer = Msg::Answer(ask, Err("there is no connection to the gateway".to_owned()));
        if news.send(answer).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Serves one connection. Gives why it ended; None: the program ends.
async fn serve(
    client: Client,
    mut events: Events,
    calls: &mut mpsc::Receiver<Call>,
    news: &mpsc::Sender<Msg>,
) -> Option<String> {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => news.send(Msg::Event(event.name, event.payload)).await.ok()?,
                // what was missed is in the history
                Err(RecvError::Lagged(_)) => news.send(Msg::Up).await.ok()?,
                Err(RecvError::Closed) => return Some("the connection to the gateway ended; trying again".to_owned()),
            },
            call = calls.recv() => {
                let (ask, method, params) = call?;
                let (client, news) = (client.clone(), news.clone());
                tokio::spawn(async move {
                    let answer = client.call(method, params, ANSWER).await;
                    let answer = Msg::Answer(ask, answer.map_err(|error| error.to_string()));
                    // whoever does not listen has gone
                    let _ = news.send(answer).await;
                });
            }
        }
    }
}
