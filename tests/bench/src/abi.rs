//! The boundary: calls, streams, loading, memory.
use crate::{
    host::NoHost,
    measure::{Figure, ROUNDS, memory, millis, nanos},
};
use openclaw_host::plugins::{load, manifest, stage};
use openclaw_plugin_api::{
    Outbound, Receipt,
    abi::{Call, PluginHandle, host_object, sink_pair},
    surface::ids,
};
use std::{
    hint::black_box,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

/// Copies of one plugin that are loaded to see what one costs.
const COPIES: usize = 20;
/// Chunks of one stream.
const CHUNKS: usize = 1000;

type Outcome<T> = Result<T, String>;

/// Measures everything.
pub fn run(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let library = |name: &str| plugins.join(format!("libopenclaw_{name}.so"));
    let mut figures = direct();
    figures.extend(in_process(&create(&library("bench_hosted"))?));
    figures.extend(own_runtime(&create(&library("bench_own_runtime"))?)?);
    figures.extend(loading(&library("bench_hosted"))?);
    figures.push(size(&library("bench_hosted"))?);
    figures.extend(crate::isolated::run(&library("bench_hosted"), program)?);
    Ok(figures)
}

fn create(path: &Path) -> Outcome<PluginHandle> {
    let root = load::open(path).map_err(|e| e.to_string())?;
    let host = host_object(Arc::new(NoHost));
    root.create(host, "bench", "{}", "{}")
        .map(|(plugin, _)| plugin)
        .map_err(|fault| fault.to_string())
}

/// The same work without a boundary: what the figures below stand against.
trait Direct {
    fn ping(&self, n: u64) -> u64;
    fn echo(&self, body: Vec<u8>) -> std::pin::Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;
}

struct Plain;

impl Direct for Plain {
    fn ping(&self, n: u64) -> u64 {
        n.wrapping_add(1)
    }
    fn echo(&self, body: Vec<u8>) -> std::pin::Pin<Box<dyn Future<Output = Vec<u8>> + Send>> {
        Box::pin(async move { body })
    }
}

fn direct() -> Vec<Figure> {
    let plain: Box<dyn Direct> = black_box(Box::new(Plain));
    let mut n = 0;
    vec![
        nanos("direct dyn: no-op", None, 2_000_000, 1, || {
            n = black_box(plain.ping(black_box(n)))
        }),
        nanos("direct dyn: async call, ready", None, 200_000, 1, || {
            black_box(ready(plain.echo(Vec::new())));
        }),
    ]
}

fn in_process(plugin: &PluginHandle) -> Vec<Figure> {
    let mut n = 0;
    let kilobyte = vec![7; 1 << 10];
    let megabyte = vec![7; 1 << 20];
    let message = Outbound {
        idempotency_key: "bench:1".into(),
        text: "x".repeat(140),
        ..Outbound::default()
    };
    let echo = |body: Vec<u8>| {
        black_box(ready(plugin.call(Call::new("bench/echo", "", body)))).expect("an echo");
    };
    vec![
        nanos("in-process: no-op (ping)", Some(5.0), 2_000_000, 1, || {
            n = black_box(plugin.ping(black_box(n)))
        }),
        nanos(
            "in-process: async call, ready, empty",
            Some(200.0),
            200_000,
            1,
            || echo(Vec::new()),
        ),
        nanos(
            "in-process: async call, ready, 1 KB both ways",
            None,
            100_000,
            1,
            || echo(kilobyte.clone()),
        ),
        nanos(
            "in-process: async call, ready, 1 MB both ways",
            None,
            200,
            1,
            || echo(megabyte.clone()),
        ),
        nanos(
            "in-process: typed call, 300 B record",
            Some(1000.0),
            50_000,
            1,
            || typed(plugin, &message),
        ),
        nanos(
            "in-process: streamed chunk, 32 B",
            Some(100.0),
            100,
            CHUNKS,
            || burst(plugin),
        ),
    ]
}

/// A message as the host delivers it: a record out, a record back, both made and read.
fn typed(plugin: &PluginHandle, message: &Outbound) {
    let body = serde_json::to_vec(message).expect("a record");
    let reply = ready(plugin.call(Call::new(ids::channel::SEND, "bench", body))).expect("a receipt");
    black_box(serde_json::from_slice::<Receipt>(&reply).expect("a record"));
}

/// Reader and writer take turns on one thread, so the window of 16 is full and empty again and again.
fn burst(plugin: &PluginHandle) {
    let (out, mut chunks) = sink_pair(16);
    let mut call = Call::new("bench/burst", "", CHUNKS.to_string().into_bytes());
    call.out = Some(out);
    let mut call = pin!(plugin.call(call));
    let mut cx = Context::from_waker(Waker::noop());
    let (mut seen, mut done) = (0, false);
    while !done || seen < CHUNKS {
        done = done || call.as_mut().poll(&mut cx).is_ready();
        while let Poll::Ready(Some(chunk)) = chunks.poll_next(&mut cx) {
            seen += 1;
            black_box(chunk);
        }
    }
}

fn own_runtime(plugin: &PluginHandle) -> Outcome<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|e| e.to_string())?;
    let figure = nanos(
        "in-process: async call through the plugin's own runtime",
        None,
        5_000,
        1,
        || {
            let call = plugin.call(Call::new("bench/echo", "", Vec::new()));
            black_box(runtime.block_on(call)).expect("an echo");
        },
    );
    Ok(vec![figure])
}

/// Polls a future that is ready at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it should have been ready"),
    }
}

fn loading(path: &Path) -> Outcome<Vec<Figure>> {
    let state = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut read = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        black_box(manifest::read(path).map_err(|e| e.to_string())?);
        read.push(begin.elapsed());
    }
    // Each copy has other bytes at its end, so that the dynamic linker takes it for another library.
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let (mut staged, mut again, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut live = Vec::new();
    let before = memory(std::process::id()).ok_or("no /proc")?;
    for copy in 0..COPIES {
        let file = state.path().join(format!("copy{copy}.so"));
        std::fs::write(&file, [bytes.as_slice(), &copy.to_le_bytes()].concat()).map_err(|e| e.to_string())?;
        let id = format!("bench{copy}");
        let stage = || {
            let begin = Instant::now();
            let staged = stage::stage(&id, &file, &stage::Integrity::default(), state.path());
            staged
                .map(|staged| (staged, begin.elapsed()))
                .map_err(|e| e.to_string())
        };
        let (copy, first) = stage()?;
        staged.push(first);
        again.push(stage()?.1);
        let begin = Instant::now();
        manifest::read(&copy.path).map_err(|e| e.to_string())?;
        live.push(create(&copy.path)?);
        whole.push(begin.elapsed());
    }
    let after = memory(std::process::id()).ok_or("no /proc")?;
    let each = |before: f64, after: f64| vec![(after - before) / COPIES as f64];
    Ok(vec![
        millis("manifest read", None, read),
        millis("copy, hash and signature", None, staged),
        millis("the same, of a copy that is there", None, again),
        millis("read, check, open and create, warm", Some(1.0), whole),
        Figure::new(
            "memory of one more hosted plugin: resident",
            "KB",
            each(before.0, after.0),
            Some(600.0),
        ),
        Figure::new(
            "memory of one more hosted plugin: its own",
            "KB",
            each(before.1, after.1),
            None,
        ),
    ])
}

fn size(path: &Path) -> Outcome<Figure> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    Ok(Figure::new(
        "hosted plugin on disk (this build)",
        "KB",
        vec![size as f64 / 1024.0],
        Some(700.0),
    ))
}
