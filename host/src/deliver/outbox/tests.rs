//! The outbox with a carrier of the test's own, a real journal, and time that the test holds.
use super::*;
use crate::journal::Settled;
use openclaw_plugin_api::{Error, ErrorKind, Outbound};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

type Deed = Box<dyn Fn(usize) -> Result<Receipt> + Send + Sync>;

/// Does what the test says at each try, after the gate let it through.
struct Fake {
    tries: AtomicUsize,
    gate: Semaphore,
    entered: Notify,
    /// The previews that tries were to take the place of.
    previews: Mutex<Vec<String>>,
    deed: Deed,
}

impl Carrier for Fake {
    fn info(&self, _: &str) -> Arc<ChannelInfo> {
        Arc::default()
    }

    fn carry<'a>(&'a self, body: Body, _: &'a str, _: i64) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async {
            self.previews
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(body.preview);
            self.entered.notify_one();
            self.gate.acquire().await.expect("the gate stays").forget();
            (self.deed)(self.tries.fetch_add(1, Ordering::Relaxed))
        })
    }
}

struct Bench {
    outbox: Arc<Outbox>,
    fake: Arc<Fake>,
    journal: Journal,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// An outbox that lets `through` tries pass.
    fn new(through: usize, deed: impl Fn(usize) -> Result<Receipt> + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        let fake = Arc::new(Fake {
            tries: AtomicUsize::default(),
            gate: Semaphore::new(through),
            entered: Notify::new(),
            previews: Mutex::default(),
            deed: Box::new(deed),
        });
        let outbox = Outbox::new(journal.clone(), fake.clone(), Clock::system());
        Self {
            outbox,
            fake,
            journal,
            _folder: folder,
        }
    }

    fn write(&self, text: &str) -> i64 {
        self.write_over("", text)
    }

    /// A reply that is to take the place of its preview.
    fn write_over(&self, preview: &str, text: &str) -> i64 {
        let message = Outbound {
            text: text.into(),
            ..Outbound::default()
        };
        let body = Body {
            preview: preview.into(),
            ..Body::new(message)
        };
        let reply = [body.to("lane", "c")];
        let now = self.outbox.clock.now_ms();
        let written = self.journal.reply(&[], &Settled::Done, &reply, "", &[], now);
        let id = written.expect("written")[0].id;
        self.outbox.wake("lane");
        id
    }

    /// Without a limit of its own: held time would jump to it while the journal's thread works.
    async fn outcome(&self, id: i64) -> Outcome {
        loop {
            let tried = self.outbox.tried.notified();
            tokio::pin!(tried);
            tried.as_mut().enable();
            if let Some(outcome) = self.journal.outcome(id).expect("read") {
                return outcome;
            }
            tried.await;
        }
    }
}

#[tokio::test]
async fn a_worker_that_breaks_off_is_begun_again() {
    let bench = Bench::new(10, |n| {
        assert!(n > 0, "on purpose");
        Ok(Receipt::default())
    });
    let id = bench.write("x");
    tokio::time::pause();
    assert!(matches!(bench.outcome(id).await, Outcome::Sent(_)));
    assert_eq!(bench.fake.tries.load(Ordering::Relaxed), 2);
    let again = bench.write("y");
    assert!(
        matches!(bench.outcome(again).await, Outcome::Sent(_)),
        "the lane lives"
    );
}

#[tokio::test]
async fn a_reply_that_always_breaks_its_worker_does_not_hold_up_the_others() {
    let bench = Bench::new(10, |n| {
        assert!(n >= 2, "on purpose");
        Ok(Receipt::default())
    });
    let (first, second) = (bench.write("x"), bench.write("y"));
    tokio::time::pause();
    assert!(matches!(bench.outcome(second).await, Outcome::Sent(_)));
    assert!(matches!(bench.outcome(first).await, Outcome::Unknown(_)));
}

#[tokio::test]
async fn closing_waits_for_the_note_and_begins_nothing_more() {
    let bench = Bench::new(0, |_| Ok(Receipt::default()));
    let (first, second) = (bench.write("x"), bench.write("y"));
    bench.fake.entered.notified().await;
    let closing = tokio::spawn({
        let outbox = bench.outbox.clone();
        async move { outbox.close(Duration::from_secs(60)).await }
    });
    // the platform has it only after the end has begun
    bench
        .outbox
        .closed
        .subscribe()
        .wait_for(|closed| *closed)
        .await
        .expect("it is there");
    bench.fake.gate.add_permits(2);
    assert!(closing.await.expect("it ends"));
    assert!(matches!(bench.journal.outcome(first), Ok(Some(Outcome::Sent(_)))));
    let left = bench
        .journal
        .next_delivery("lane")
        .expect("read")
        .expect("the second");
    assert_eq!((left.id, left.state), (second, SendState::Pending));
    assert_eq!(bench.fake.tries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn closing_does_not_wait_for_what_is_not_due_nor_for_ever() {
    let late = || Error::new(ErrorKind::Network, "no way").with_retry_after(Duration::from_secs(3600));
    let bench = Bench::new(1, move |_| Err(late()));
    bench.write("x");
    bench.fake.entered.notified().await;
    assert!(
        bench.outbox.close(Duration::from_secs(60)).await,
        "its wait is cut short"
    );

    let bench = Bench::new(0, |_| Ok(Receipt::default()));
    bench.write("x");
    bench.fake.entered.notified().await;
    tokio::time::pause();
    assert!(
        !bench.outbox.close(Duration::from_secs(60)).await,
        "the platform says nothing"
    );
}

#[tokio::test]
async fn an_answer_whose_preview_can_not_become_it_is_sent_as_a_message_of_its_own() {
    for kind in [ErrorKind::NotFound, ErrorKind::Rejected, ErrorKind::InvalidInput] {
        let gone = move |number| match number {
            0 => Err(Error::new(kind, "no such message")),
            _ => Ok(Receipt::default()),
        };
        let bench = Bench::new(2, gone);
        let id = bench.write_over("41", "the answer");
        assert!(matches!(bench.outcome(id).await, Outcome::Sent(_)), "{kind}");
        assert_eq!(*bench.fake.previews.lock().expect("whole"), ["41", ""], "{kind}");
    }
    let bench = Bench::new(2, |_| Err(Error::new(ErrorKind::Rejected, "too rude")));
    let id = bench.write_over("41", "the answer");
    assert_eq!(
        bench.outcome(id).await,
        Outcome::Failed("too rude".into()),
        "once"
    );
}

#[tokio::test]
async fn what_a_killed_process_left_is_sent_once_more_and_marked() {
    let bench = Bench::new(0, |_| Ok(Receipt::default()));
    let id = bench.write("x");
    bench.fake.entered.notified().await;
    let next = Outbox::new(bench.journal.clone(), bench.fake.clone(), Clock::system());
    next.resume().await.expect("read");
    bench.fake.entered.notified().await;
    let row = bench
        .journal
        .next_delivery("lane")
        .expect("read")
        .expect("still open");
    assert_eq!((row.id, row.repeated), (id, true));
    bench.fake.gate.add_permits(2);
    next.close(Duration::from_secs(60)).await;
    assert!(matches!(bench.journal.outcome(id), Ok(Some(Outcome::Sent(_)))));
}
