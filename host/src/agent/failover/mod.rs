//! Asks one model after the other until one answers: the same again after a pause, the next key, the next model.
//!
//! What a person has seen is never said twice: once anything of an answer was shown, its failure is the end. Until an answer
//! begins, the whole has one deadline, whatever the single steps do, and a model that has others behind it leaves them half of
//! the time; what the operator grants a model beyond that (`timeoutSeconds`) is its own. What fails for good rests
//! ([`Cooldowns`]) and is passed over for a while; if nothing else answers, it is asked all the same, for a person who waits is
//! worth a try.
mod report;
mod rules;

pub use report::{Attempted, Exhausted, Fallback, Stopped, reason};
pub use rules::{Budget, Step, step};

use crate::models::{Cooldowns, Credential, Scope, Served};
use openclaw_plugin_api::{Error, ErrorKind};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

/// One try: which model is asked, with which key.
#[derive(Debug, Clone)]
pub struct Try {
    /// The model.
    pub served: Arc<Served>,
    /// The key.
    pub credential: Credential,
    /// How often this pair was asked before in this run.
    pub before: u32,
    /// When the try ends, unless an answer has begun.
    pub deadline: Instant,
    /// To be set when something of an answer has come: from then on the deadline does not count.
    pub begun: Arc<AtomicBool>,
}

/// How far a try came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing came back.
    Nothing,
    /// An answer began, and nobody has seen it.
    Unseen,
    /// Somebody has seen a part of the answer.
    Shown,
}

/// Why a try failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What the provider said.
    pub error: Error,
    /// How far it came.
    pub progress: Progress,
}

/// What a run came to.
#[derive(Debug)]
pub struct Answered<A> {
    /// The answer.
    pub answer: A,
    /// The model that gave it.
    pub served: Arc<Served>,
    /// The key that was used.
    pub credential: Credential,
    /// What failed before.
    pub failed: Vec<Attempted>,
    /// Set if it is not the model that was asked first.
    pub fallback: Option<Fallback>,
}

/// What a run needs beside the models.
#[derive(Debug, Clone, Copy)]
pub struct Driver<'a> {
    /// What rests.
    pub cooldowns: &'a Cooldowns,
    /// How long, how often.
    pub budget: Budget,
    /// Numbers from 0 to 1, so that many gateways don't come back at the same moment.
    pub jitter: fn() -> f64,
}

/// What else there is to ask behind a model and its key.
#[derive(Debug, Clone, Copy)]
struct Behind {
    any: bool,
    /// Another key of the same model.
    key: bool,
    /// Another model.
    model: bool,
}

/// A model and one of its keys.
type Pair = (Arc<Served>, Credential);

/// A run under way.
struct Run<'a> {
    driver: Driver<'a>,
    deadline: Instant,
    failed: Vec<Attempted>,
    /// Keys that were refused for every model.
    refused: Vec<String>,
}

// === impl Failure ===

impl Failure {
    /// Before anything came back.
    pub fn early(error: Error) -> Self {
        Self {
            error,
            progress: Progress::Nothing,
        }
    }
}

// === impl Driver ===

impl Driver<'_> {
    /// Asks the models of the plan in their order. `attempt` asks one of them once; dropping the future cancels it.
    pub async fn run<A, F, R>(&self, plan: &[Arc<Served>], mut attempt: F) -> Result<Answered<A>, Stopped>
    where
        F: FnMut(Try) -> R,
        R: Future<Output = Result<A, Failure>>,
    {
        let mut run = Run {
            driver: *self,
            deadline: Instant::now() + self.budget.total,
            failed: Vec::new(),
            refused: Vec::new(),
        };
        let (awake, resting) = self.order(plan);
        for pairs in [awake, resting] {
            if let Some((answer, (served, credential))) = run.through(&pairs, &mut attempt).await? {
                return Ok(run.answered(plan, answer, served, credential));
            }
        }
        Err(Stopped::Exhausted(Exhausted { attempts: run.failed }))
    }

    /// The pairs of model and key that do not rest, and those that do, the first to wake up first.
    fn order(&self, plan: &[Arc<Served>]) -> (Vec<Pair>, Vec<Pair>) {
        let mut awake = Vec::new();
        let mut resting = Vec::new();
        for served in plan {
            let model = served.reference.to_string();
            for credential in &served.credentials {
                let pair = (served.clone(), credential.clone());
                match self.cooldowns.resting(&credential.id, &model) {
                    None => awake.push(pair),
                    Some(rest) => resting.push((rest.until_ms, pair)),
                }
            }
        }
        resting.sort_by_key(|(until, _)| *until);
        (awake, resting.into_iter().map(|(_, pair)| pair).collect())
    }
}

// === impl Run ===

impl Run<'_> {
    /// Asks one pair after the other, as long as there is time. None: none of them answered.
    async fn through<'p, A, F, R>(
        &mut self,
        pairs: &'p [Pair],
        attempt: &mut F,
    ) -> Result<Option<(A, &'p Pair)>, Stopped>
    where
        F: FnMut(Try) -> R,
        R: Future<Output = Result<A, Failure>>,
    {
        let mut position = 0;
        while let Some(pair) = pairs.get(position)
            && Instant::now() < self.deadline
        {
            let (served, credential) = pair;
            position += 1;
            if self.refused.contains(&credential.id) {
                continue;
            }
            let rest = &pairs[position..];
            let same_model = |(next, _): &Pair| Arc::ptr_eq(next, served);
            let behind = Behind {
                any: !rest.is_empty(),
                key: rest.iter().any(same_model),
                model: !rest.iter().all(same_model),
            };
            match self.exhaust(served, credential, behind, attempt).await? {
                Ok(answer) => return Ok(Some((answer, pair))),
                Err(Step::NextCredential) => {}
                Err(_) => position += rest.iter().take_while(|pair| same_model(pair)).count(),
            }
        }
        Ok(None)
    }

    /// Asks one model with one key, again and again as long as that makes sense.
    async fn exhaust<A, F, R>(
        &mut self,
        served: &Arc<Served>,
        credential: &Credential,
        behind: Behind,
        attempt: &mut F,
    ) -> Result<Result<A, Step>, Stopped>
    where
        F: FnMut(Try) -> R,
        R: Future<Output = Result<A, Failure>>,
    {
        let model = served.reference.to_string();
        let begun = Instant::now();
        for before in 0.. {
            let answer_begun = Arc::<AtomicBool>::default();
            let asked = Instant::now();
            let until = self.patience(asked, served, behind);
            let now = Try {
                begun: answer_begun.clone(),
                served: served.clone(),
                credential: credential.clone(),
                before,
                deadline: until,
            };
            let mut work = std::pin::pin!(attempt(now));
            let outcome = match timeout_at(until, &mut work).await {
                // a long answer is no late one; its provider and the agent have their own limits
                Err(_) if answer_begun.load(Ordering::Relaxed) => Ok(work.await),
                outcome => outcome,
            };
            let failure = match outcome {
                Ok(Ok(answer)) => {
                    self.driver.cooldowns.succeeded(&credential.id, &model);
                    return Ok(Ok(answer));
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::early(too_late(until - asked)),
            };
            // no time of the others: what the operator grants this model, and what an answer took that broke off unseen
            if served.timeout.is_some() || answer_begun.load(Ordering::Relaxed) {
                self.deadline += asked.elapsed();
            }
            let Failure { error, progress } = failure;
            self.note(served, credential, &error);
            tracing::debug!(target: "openclaw::agent", model, before, %error, "a try failed");
            if progress == Progress::Shown {
                return Err(Stopped::Failed(error));
            }
            let step = step(error.kind(), behind.key);
            let step = match step {
                Step::Stop => return Err(Stopped::Failed(error)),
                Step::Compact => return Err(Stopped::Overflow(served.clone(), error)),
                Step::Retry => match self.pause(&error, before, begun, behind.any) {
                    Some(pause) => {
                        sleep(pause).await;
                        continue;
                    }
                    None => Step::NextModel,
                },
                moved => moved,
            };
            if Scope::of(error.kind()) == Some(Scope::Credential) {
                self.refused.push(credential.id.clone());
            }
            let cooldowns = self.driver.cooldowns;
            cooldowns.failed(&credential.id, &model, error.kind(), error.retry_after());
            tracing::warn!(
                target: "openclaw::agent",
                model, credential = credential.id, reason = report::reason(error.kind()), "a model did not answer"
            );
            return Ok(Err(step));
        }
        Ok(Err(Step::NextModel))
    }

    /// Until when an answer has to begin.
    fn patience(&self, now: Instant, served: &Served, behind: Behind) -> Instant {
        match served.timeout {
            Some(granted) => now + granted,
            None if behind.model => now + self.deadline.saturating_duration_since(now) / 2,
            None => self.deadline,
        }
    }

    /// How long to wait before the same again. None: it makes no sense any more.
    fn pause(&self, error: &Error, before: u32, begun: Instant, others: bool) -> Option<Duration> {
        let budget = &self.driver.budget;
        if before >= budget.retries(error.kind(), others) {
            return None;
        }
        let pause = rules::pause(before, (self.driver.jitter)(), error.retry_after());
        let window = if others {
            budget.window_with_others
        } else {
            budget.window
        };
        let until = Instant::now() + pause;
        (until < self.deadline && until <= begun + window).then_some(pause)
    }

    fn note(&mut self, served: &Served, credential: &Credential, error: &Error) {
        Attempted::note(&mut self.failed, served.reference.clone(), &credential.id, error);
    }

    fn answered<A>(
        self,
        plan: &[Arc<Served>],
        answer: A,
        served: &Arc<Served>,
        credential: &Credential,
    ) -> Answered<A> {
        let wanted = plan.first().filter(|first| first.reference != served.reference);
        let fallback = wanted.map(|wanted| Fallback {
            wanted: wanted.reference.clone(),
            used: served.reference.clone(),
            reason: self
                .failed
                .iter()
                .find(|attempted| attempted.model == wanted.reference)
                .map(|attempted| attempted.kind),
        });
        Answered {
            answer,
            served: served.clone(),
            credential: credential.clone(),
            failed: self.failed,
            fallback,
        }
    }
}

fn too_late(waited: Duration) -> Error {
    let text = format!("no answer began within {} s", waited.as_secs());
    Error::new(ErrorKind::Timeout, text)
}

#[cfg(test)]
mod tests;
