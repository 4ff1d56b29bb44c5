//! The ABI through its static path: what Miri and the sanitizers run.
use super::*;
use abi_stable::std_types::{RErr, ROk};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

struct Echo(Arc<AtomicUsize>);

impl Drop for Echo {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl PluginDispatch for Echo {
    fn call(&self, mut call: Call<'_>) -> Fut<Reply> {
        use async_ffi::FutureExt;
        assert!(call.method != "panic at once", "before the future exists");
        let (method, body) = (call.method.to_owned(), call.body);
        async move {
            if method == "stream" {
                let out = call.out.as_mut().expect("a stream");
                for byte in body.clone() {
                    if !out.send(&[byte]).await {
                        return RErr(Fault::new("cancelled", "stopped"));
                    }
                }
            }
            ROk(body.into())
        }
        .into_ffi()
    }
}

fn echo() -> (PluginHandle, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (plugin_object(Echo(drops.clone())), drops)
}

#[tokio::test]
async fn a_call_returns_its_bytes_and_the_object_is_dropped_once() {
    let (plugin, drops) = echo();
    assert_eq!(plugin.ping(41), 42);
    let reply = plugin
        .call(Call::new("echo", "x", b"hello".to_vec()))
        .await
        .expect("an answer");
    assert_eq!(reply, b"hello");
    drop(plugin);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panic_before_the_future_is_a_fault() {
    let (plugin, _) = echo();
    let fault = plugin
        .call(Call::new("panic at once", "", Vec::new()))
        .await
        .expect_err("a fault");
    assert_eq!(fault.code.as_str(), "panic");
    assert!(fault.message.contains("before the future exists"), "{fault}");
}

#[tokio::test]
async fn a_stream_keeps_order_and_waits_for_its_reader() {
    let (plugin, _) = echo();
    let (out, mut chunks) = sink_pair(1);
    let mut call = Call::new("stream", "", (0..100).collect());
    call.out = Some(out);
    let call = plugin.call(call);
    let read = async {
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next().await {
            all.extend(chunk);
        }
        all
    };
    let (reply, all) = tokio::join!(call, read);
    assert_eq!(reply.expect("an answer"), all);
}

#[tokio::test]
async fn a_writer_learns_that_its_reader_went_away() {
    let (plugin, _) = echo();
    let (out, chunks) = sink_pair(1);
    drop(chunks);
    let mut call = Call::new("stream", "", vec![1, 2, 3]);
    call.out = Some(out);
    assert_eq!(
        plugin.call(call).await.expect_err("a fault").code.as_str(),
        "cancelled"
    );
}

#[tokio::test]
async fn an_error_in_a_source_is_its_last_item() {
    let (mut feed, mut source) = source_pair(4);
    feed.send(Ok(vec![1])).await;
    feed.send(Err(Fault::new("network", "cut"))).await;
    drop(feed);
    assert_eq!(source.next().await, Some(Ok(vec![1])));
    assert_eq!(source.next().await, Some(Err(Fault::new("network", "cut"))));
    assert_eq!(source.next().await, None);
}

#[tokio::test]
async fn catch_contains_panics_in_poll_and_in_drop() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let text = Catch::new(async { panic!("in poll {}", 1) })
        .await
        .map(|(): ()| ())
        .expect_err("caught");
    assert_eq!(text, "in poll 1");
    drop(Catch::new(async {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
    }));
    let mut polled = Box::pin(Catch::new(async {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
    }));
    assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(polled.as_mut().poll(cx).is_pending())).await);
    drop(polled);
}

struct Recorder(AtomicUsize);

impl HostServices for Recorder {
    fn call(&self, call: Call<'_>) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send>> {
        let (method, body) = (call.method.to_owned(), call.body);
        Box::pin(async move {
            assert!(method != "panic", "host panics");
            Ok(body)
        })
    }
    fn spawn(&self, task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(task);
    }
    fn sleep(&self, time: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(time))
    }
    fn log_enabled(&self, level: Level, _: &str) -> bool {
        level <= Level::Info
    }
    fn log(&self, _: &LogRecord<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_object_serves_calls_tasks_time_and_logs() {
    let recorder = Arc::new(Recorder(AtomicUsize::new(0)));
    let host = host_object(recorder.clone());
    let second = host.clone();
    assert_eq!(second.call(Call::new("x", "", vec![7])).await, Ok(vec![7]));
    let fault = host
        .call(Call::new("panic", "", vec![]))
        .await
        .expect_err("a fault");
    assert!(fault.message.contains("host panics"), "{fault}");
    let (tx, rx) = tokio::sync::oneshot::channel();
    host.spawn(async move { tx.send(1).expect("a receiver") });
    assert_eq!(rx.await, Ok(1));
    host.sleep(Duration::from_secs(3600)).await;
    assert!(host.log_enabled(Level::Warn, "t") && !host.log_enabled(Level::Debug, "t"));
    host.log(&LogRecord {
        level: Level::Info,
        target: "t",
        message: "m",
        fields: "",
        file: "",
        line: 0,
    });
    assert_eq!(recorder.0.load(Ordering::SeqCst), 1);
    drop((host, second));
    assert_eq!(Arc::strong_count(&recorder), 1, "every reference was given back");
}

/// Sizes and offsets on 64-bit targets. They are the ABI: a change here is a new major version.
#[cfg(target_pointer_width = "64")]
#[test]
fn the_layout_is_frozen() {
    use std::mem::{offset_of, size_of};
    assert_eq!(size_of::<Fault>(), 96);
    assert_eq!((offset_of!(Fault, message), offset_of!(Fault, detail)), (32, 64));
    assert_eq!(size_of::<CallArgs<'_>>(), 128);
    assert_eq!(offset_of!(CallArgs<'_>, target), 16);
    assert_eq!(offset_of!(CallArgs<'_>, meta), 32);
    assert_eq!(offset_of!(CallArgs<'_>, body), 48);
    assert_eq!(offset_of!(CallArgs<'_>, out), 80);
    assert_eq!(offset_of!(CallArgs<'_>, input), 104);
    assert_eq!(size_of::<RawLogRecord<'_>>(), 80);
    assert_eq!(size_of::<PluginObj>(), 16);
    assert_eq!(size_of::<HostObj>(), 16);
    assert_eq!(size_of::<CreateArgs<'_>>(), 64);
    assert_eq!(size_of::<Created>(), 48);
}
