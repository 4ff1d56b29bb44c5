//! An answer of a model that comes as server-sent events, passed on while it comes.
//!
//! Invariant: an answer that is cut off is an error, never a short answer. Whoever reads it and goes away ends the request,
//! because the response is dropped with the future.
use crate::{Completion, Delta, Deltas, Error, ErrorKind, FetchResponse, Result, sse::Decoder};
use serde::de::IgnoredAny;

/// Reads the events of one answer of a model. It does no I/O.
pub trait AnswerReader: Send {
    /// What a vendor says that breaks off in the middle.
    type Told: Send;

    /// Takes the data of one event and adds what it means to `out`. True: that was the end of the answer.
    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> std::result::Result<bool, Self::Told>;

    /// How the answer ended. `None`: it didn't, so what came is a part of something longer.
    fn finish(self) -> Option<Completion>;
}

impl Deltas {
    /// Passes on what a vendor streams as server-sent events, while it comes. `error` makes an error of what the vendor
    /// says where it breaks off. The errors are those, the network's, `Network` for an answer that was cut off, `Server`
    /// for an event that is too long, and `Cancelled` where nobody reads any more.
    ///
    /// ```no_run
    /// # use openclaw_plugin_api::{AnswerReader, Delta, FetchResponse, prelude::*};
    /// #[derive(Default)]
    /// struct Reader(Completion, bool);
    ///
    /// impl AnswerReader for Reader {
    ///     type Told = String;
    ///
    ///     fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> std::result::Result<bool, String> {
    ///         let event: Value = serde_json::from_str(data).map_err(|_| "an event is not JSON".to_owned())?;
    ///         out.extend(event["text"].as_str().map(|text| Delta::Text(text.to_owned())));
    ///         self.1 = event["last"] == true;
    ///         Ok(self.1)
    ///     }
    ///
    ///     fn finish(self) -> Option<Completion> {
    ///         self.1.then_some(self.0)
    ///     }
    /// }
    ///
    /// # async fn complete(answer: FetchResponse, mut out: Deltas) -> Result<Completion> {
    /// let error = |told: String| Error::new(ErrorKind::Server, told);
    /// out.relay(answer, Reader::default(), error).await
    /// # }
    /// ```
    pub async fn relay<R: AnswerReader>(
        &mut self,
        mut answer: FetchResponse,
        mut reader: R,
        error: impl Fn(R::Told) -> Error + Send + Sync,
    ) -> Result<Completion> {
        let mut decoder = Decoder::new();
        let broke = loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break None,
                Err(broke) => break Some(broke),
            };
            let pushed = decoder.push(&chunk);
            let mut spoke = false;
            while let Some(event) = decoder.next_event() {
                let (said, outcome) = self.event(&event.data, &mut reader).await?;
                spoke |= said;
                if outcome.map_err(&error)? {
                    return ended(reader, None);
                }
            }
            pushed?;
            // whoever reads can go away while nothing is said, and this is how it shows
            if !spoke {
                self.send(Delta::Ping).await?;
            }
        };
        // some services forget the empty line behind their last event
        if let Some(event) = decoder.finish().filter(|_| broke.is_none()) {
            let (_, outcome) = self.event(&event.data, &mut reader).await?;
            // one that was cut off is no event, and the reader then misses its end
            if serde_json::from_str::<IgnoredAny>(&event.data).is_ok() {
                outcome.map_err(&error)?;
            }
        }
        ended(reader, broke)
    }

    /// Passes on what one event says: whether it says anything, and what came of it.
    async fn event<R: AnswerReader>(
        &mut self,
        data: &str,
        reader: &mut R,
    ) -> Result<(bool, std::result::Result<bool, R::Told>)> {
        let mut deltas = Vec::new();
        let outcome = reader.read(data, &mut deltas);
        let said = !deltas.is_empty();
        // what came before a failure was said
        for delta in deltas {
            self.send(delta).await?;
        }
        Ok((said, outcome))
    }
}

fn ended(reader: impl AnswerReader, broke: Option<Error>) -> Result<Completion> {
    let cut = || {
        let text = "the answer was cut off: the connection closed before its end; try again";
        Error::new(ErrorKind::Network, text)
    };
    match (reader.finish(), broke) {
        // nothing is missing if the connection breaks behind the end: some services drop it without the last event
        (Some(completion), Some(broke))
            if matches!(broke.kind(), ErrorKind::Network | ErrorKind::Timeout) =>
        {
            Ok(completion)
        }
        (Some(completion), None) => Ok(completion),
        (_, broke) => Err(broke.unwrap_or_else(cut)),
    }
}
