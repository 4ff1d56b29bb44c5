//! The end of a turn that has no answer: it failed, or somebody stopped it. What was seen of an answer stays.
use super::{
    super::{compose::in_place, heard::apology, live::End, request},
    Case, Spoken,
};
use crate::{
    deliver::Seen,
    journal::{JournalError, Settled},
};
use openclaw_plugin_api::Error;

impl Case<'_> {
    /// The person is told. What was seen of an answer stays, with a mark that it is not whole.
    pub(super) async fn failed(
        self,
        error: &Error,
        seen: Seen,
        spoken: Spoken,
    ) -> std::result::Result<(), JournalError> {
        tracing::error!(target: "openclaw::agent", session = self.key, kind = %error.kind(), %error, "not answered");
        let begun = format!("{}\n\n{}", seen.text, spoken.rest);
        let text = match begun.trim() {
            "" if spoken.parts == 0 => apology(error),
            begun => format!("{begun}\n\n⚠️ The answer was cut off here. {}", apology(error)),
        };
        let replies = match self.last().ask {
            Some(_) => Vec::new(),
            None => self.addressed(&in_place(self.composition().plain(&text), &seen.shown)),
        };
        let (note, end) = request::failure(&self.run, &self.turn_id, apology(error), error);
        let done = self.commit(replies, vec![note], None, Settled::Failed(error.to_string()));
        done.await?;
        self.run.wrote();
        self.desk.live.end(&self.run.id, end);
        Ok(())
    }

    /// What was seen of the answer stays in the conversation.
    pub(super) async fn stopped(self) -> std::result::Result<(), JournalError> {
        let entries = request::partial(&self.run, &self.turn_id);
        let how = Settled::Dropped("stopped".into());
        self.commit(Vec::new(), entries, None, how).await?;
        self.run.wrote();
        self.desk.live.end(&self.run.id, End::Aborted);
        Ok(())
    }
}
