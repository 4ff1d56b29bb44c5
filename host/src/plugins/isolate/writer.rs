//! The writing half of the socket: one queue of bytes, written by whoever has a frame while it is empty, and by a
//! task of its own when the socket is full.
//!
//! Data (calls, replies, chunks) waits while [`DATA_ROOM`] bytes are queued. Control frames pass, because they are
//! short and their number is bounded by the calls that are open; a peer that lets them pile up is given up. Log
//! events are dropped, and counted, beyond [`LOG_ROOM`].
use super::frame::{MAX_FRAME, Outgoing};
use openclaw_plugin_api::abi::LogRecord;
use rustix::net::Shutdown;
use std::{
    io::{self, IoSlice},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{net::unix::OwnedWriteHalf, sync::Notify};

/// Queued bytes beyond which data waits.
const DATA_ROOM: usize = 256 << 10;
/// Queued bytes beyond which log events are dropped.
const LOG_ROOM: usize = 64 << 10;
/// Queued bytes at which the other side is given up: it does not read. Data alone can't get there.
const STALLED: usize = DATA_ROOM + MAX_FRAME + (1 << 20);
/// Capacity that an empty queue may keep.
const KEPT: usize = 64 << 10;

pub(super) struct Writer {
    socket: OwnedWriteHalf,
    queue: Mutex<Queue>,
    /// The queue is not empty any more, or closed.
    work: Notify,
    /// There is room for data again, or there never will be.
    room: Notify,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    written: usize,
    /// Nothing is written at once, because more is about to come.
    corked: bool,
    closed: bool,
    logs_dropped: u32,
}

/// What became of a frame.
pub(super) enum Admission {
    Sent,
    Full(Outgoing),
    Closed,
}

// === impl Writer ===

impl Writer {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self {
            socket,
            queue: Mutex::default(),
            work: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Sends a control frame.
    pub(super) fn control(&self, frame: &Outgoing) {
        let mut queue = self.lock();
        if !queue.closed {
            self.push(&mut queue, frame);
        }
    }

    /// Sends data if there is room.
    pub(super) fn try_data(&self, frame: Outgoing) -> Admission {
        let mut queue = self.lock();
        if queue.closed {
            return Admission::Closed;
        }
        if queue.len() >= DATA_ROOM {
            return Admission::Full(frame);
        }
        self.push(&mut queue, &frame);
        Admission::Sent
    }

    /// Sends data when there is room. False: the socket is closed. Dropping the future sends nothing.
    pub(super) async fn data(&self, mut frame: Outgoing) -> bool {
        loop {
            // Registered before looking, so that no notice is missed in between.
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            match self.try_data(frame) {
                Admission::Sent => {
                    // One waiter is woken at a time; each passes on what is left.
                    if self.lock().len() < DATA_ROOM {
                        self.room.notify_one();
                    }
                    return true;
                }
                Admission::Closed => return false,
                Admission::Full(back) => frame = back,
            }
            room.await;
        }
    }

    /// Sends a log event, or counts it as dropped. It is written at once even if more is to come: it may be the last
    /// words of this process.
    pub(super) fn log(&self, record: &LogRecord<'_>) {
        let mut queue = self.lock();
        if queue.closed || queue.len() >= LOG_ROOM {
            queue.logs_dropped = queue.logs_dropped.saturating_add(1);
            return;
        }
        let frame = Outgoing::log(record, std::mem::take(&mut queue.logs_dropped));
        let corked = std::mem::take(&mut queue.corked);
        if corked {
            self.flush(&mut queue);
        }
        self.push(&mut queue, &frame);
        queue.corked = corked;
    }

    /// From here on frames are collected, until [`Writer::uncork`].
    pub(super) fn cork(&self) {
        self.lock().corked = true;
    }

    /// Writes what was collected.
    pub(super) fn uncork(&self) {
        let mut queue = self.lock();
        queue.corked = false;
        self.flush(&mut queue);
    }

    /// Nothing is sent any more, and nobody waits any more.
    pub(super) fn close(&self) {
        self.fail(&mut self.lock());
    }

    /// Bytes that wait for the socket.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.lock().len()
    }

    /// Writes whenever the socket takes something; returns when it is closed.
    pub(super) async fn run(&self) {
        loop {
            if self.lock().closed {
                return;
            }
            if self.lock().len() == 0 {
                self.work.notified().await;
                continue;
            }
            if self.socket.writable().await.is_err() {
                return self.close();
            }
            self.flush(&mut self.lock());
        }
    }

    fn push(&self, queue: &mut Queue, frame: &Outgoing) {
        let mut sent = 0;
        if queue.len() == 0 && !queue.corked {
            let parts = [IoSlice::new(&frame.head), IoSlice::new(&frame.body)];
            match self.socket.try_write_vectored(&parts) {
                Ok(n) => sent = n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return self.fail(queue),
            }
        }
        if sent == frame.len() {
            return;
        }
        let head = sent.min(frame.head.len());
        queue.bytes.extend_from_slice(&frame.head[head..]);
        queue.bytes.extend_from_slice(&frame.body[sent - head..]);
        if queue.len() > STALLED {
            return self.fail(queue);
        }
        if !queue.corked {
            self.work.notify_one();
        }
    }

    /// Writes once as much as the socket takes.
    fn flush(&self, queue: &mut Queue) {
        if queue.len() == 0 {
            return;
        }
        let was_full = queue.len() >= DATA_ROOM;
        match self.socket.try_write(&queue.bytes[queue.written..]) {
            Ok(n) => queue.written += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return self.fail(queue),
        }
        queue.compact();
        if queue.len() > 0 {
            self.work.notify_one();
        }
        if was_full && queue.len() < DATA_ROOM {
            self.room.notify_one();
        }
    }

    fn fail(&self, queue: &mut Queue) {
        queue.closed = true;
        queue.bytes = Vec::new();
        queue.written = 0;
        // The reader on either side has to learn of it, whoever still holds a half. Closed already is as good.
        let _ = rustix::net::shutdown(self.socket.as_ref(), Shutdown::Both);
        self.work.notify_one();
        self.room.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Queue ===

impl Queue {
    fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Gives back what was written. Moving the rest is worth it only if there is less of it.
    fn compact(&mut self) {
        if self.written <= self.len() {
            return;
        }
        self.bytes.drain(..self.written);
        self.written = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }
}
