//! What a plugin's process prints, line by line, to the log of the gateway.
//!
//! Lines and the rate are bounded: a plugin that prints more than [`PER_SECOND`] waits for its pipe to be read.
use openclaw_plugin_api::abi::{HostServices, Level, LogRecord};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::{Instant, sleep_until},
};

/// Longest line, bytes; what is longer is cut into several.
const MAX_LINE: usize = 4 << 10;
/// Bytes of one pipe that are read in one second.
const PER_SECOND: usize = 64 << 10;

/// Logs what comes out of a pipe until it is closed.
pub(super) async fn forward(
    mut pipe: impl AsyncRead + Unpin,
    host: &impl HostServices,
    level: Level,
    target: &str,
) {
    let mut line = Vec::new();
    let mut buffer = vec![0; MAX_LINE];
    let (mut until, mut left) = (Instant::now() + Duration::from_secs(1), PER_SECOND);
    loop {
        let n = match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        for &byte in &buffer[..n] {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= MAX_LINE {
                emit(&mut line, host, level, target);
            }
        }
        left = left.saturating_sub(n);
        if left == 0 {
            sleep_until(until).await;
        }
        if Instant::now() >= until {
            (until, left) = (Instant::now() + Duration::from_secs(1), PER_SECOND);
        }
    }
    emit(&mut line, host, level, target);
}

fn emit(line: &mut Vec<u8>, host: &impl HostServices, level: Level, target: &str) {
    let text = String::from_utf8_lossy(line);
    let message = text.trim_end();
    if !message.is_empty() {
        host.log(&LogRecord {
            level,
            target,
            message,
            fields: "",
            file: "",
            line: 0,
        });
    }
    line.clear();
}
