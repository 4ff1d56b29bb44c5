//! The plugin in C is compiled, opened and called: the ABI is not Rust's alone.
use crate::{
    Manifest, PanicStrategy, Registrations,
    abi::{
        Call, Fault, HostServices, Level, LogRecord, PluginHandle, RootHandle, SYMBOL,
        c::{ABI, ABI_HASH, CRoot},
        host_object, sink_pair,
    },
    surface::ids,
};
use std::{
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A host that only listens.
#[derive(Default)]
struct Listener(Mutex<Vec<(Level, String)>>);

impl HostServices for Listener {
    fn call(&self, _: Call<'_>) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send>> {
        Box::pin(async { Err(Fault::new("unknown_method", "this host only listens")) })
    }
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(task);
    }
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
    fn log_enabled(&self, _: Level, _: &str) -> bool {
        true
    }
    fn log(&self, record: &LogRecord<'_>) {
        self.0
            .lock()
            .expect("no panic")
            .push((record.level, record.message.to_owned()));
    }
}

fn compile(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-plugin");
    let library = std::env::temp_dir().join(format!("libc_hello-{name}-{}.so", std::process::id()));
    let status = Command::new("cc")
        .args([
            "-std=c11",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ])
        .arg("-I")
        .arg(folder.join("include"))
        .arg(folder.join("c_hello.c"))
        .arg("-o")
        .arg(&library)
        .status()
        .expect("a C compiler is installed as cc");
    assert!(status.success(), "c_hello.c does not compile");
    library
}

fn open(path: &Path) -> RootHandle {
    // SAFETY: the file was built a moment ago, and its constructors do nothing.
    let library = unsafe { libloading::Library::new(path) }.expect("the library can be opened");
    // SAFETY: the symbol is a root of the C form; the library stays open.
    let root = unsafe { library.get::<*const CRoot>(SYMBOL.as_bytes()) }
        .map(|symbol| *symbol)
        .expect("a root");
    std::mem::forget(library);
    std::fs::remove_file(path).expect("the library was there");
    // SAFETY: as above.
    unsafe { RootHandle::from_c(root) }.expect("a root that this host can use")
}

fn create(root: &RootHandle, host: &Arc<Listener>) -> (PluginHandle, Registrations) {
    let (plugin, registrations) = root
        .create(host_object(host.clone()), "c-hello", "{}", "{}")
        .expect("an instance");
    (
        plugin,
        serde_json::from_str(&registrations).expect("registrations"),
    )
}

#[tokio::test]
async fn a_plugin_in_c_is_a_plugin() {
    let root = open(&compile("calls"));
    let manifest: Manifest = serde_json::from_str(root.manifest()).expect("a manifest");
    assert_eq!(
        (manifest.abi.as_str(), manifest.abi_hash.as_str()),
        (ABI, ABI_HASH)
    );
    assert_eq!(manifest.panic, PanicStrategy::Unwind);

    let host = Arc::new(Listener::default());
    let (plugin, registrations) = create(&root, &host);
    assert_eq!(manifest.difference(&registrations), None);
    assert_eq!(plugin.ping(41), 42);

    for _ in 0..1000 {
        let reply = plugin
            .call(Call::new(ids::tool::INVOKE, "c_hello", b"{}".to_vec()))
            .await;
        assert!(String::from_utf8_lossy(&reply.expect("an answer")).contains("hello from C"));
    }
    drop(plugin.call(Call::new(ids::tool::INVOKE, "c_hello", b"{}".to_vec())));
    let fault = plugin
        .call(Call::new(ids::plugin::STOP, "", Vec::new()))
        .await
        .expect_err("no such method");
    assert_eq!(fault.code.as_str(), "unknown_method");

    drop(plugin);
    assert_eq!(
        *host.0.lock().expect("no panic"),
        [(Level::Info, "C is here".to_owned())]
    );
    assert_eq!(Arc::strong_count(&host), 1, "the host was given back");
}

#[tokio::test]
async fn a_plugin_in_c_waits_for_room_in_a_stream() {
    let host = Arc::new(Listener::default());
    let (plugin, _) = create(&open(&compile("streams")), &host);
    let (mut out, mut chunks) = sink_pair(0);
    assert!(out.send(b"first").await);
    let mut call = Call::new(ids::tool::INVOKE, "c_hello", Vec::new());
    call.out = Some(out);
    let mut reply = Box::pin(plugin.call(call));
    let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(reply.as_mut().poll(cx).is_pending()));
    assert!(waits.await, "there is room for one chunk only");
    assert_eq!(chunks.next().await.as_deref(), Some(b"first".as_slice()));
    reply.await.expect("an answer");
    assert_eq!(chunks.next().await.as_deref(), Some(b"saying hello".as_slice()));
    assert_eq!(chunks.next().await, None, "the stream was given back");
}
