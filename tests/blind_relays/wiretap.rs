//! A wire between nodes that belongs to the test: every datagram passes through it and is kept.

use crate::harness::Network;
use crate::harness::waiting::until;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a thread listens before it looks whether it is still wanted.
const LISTEN: Duration = Duration::from_millis(50);
/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// The taps before all nodes.
pub(crate) struct Wiretap {
    tap: Arc<Tap>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Tap {
    doors: Mutex<Vec<SocketAddr>>,
    kept: Mutex<Vec<u8>>,
    wanted: AtomicBool,
}

impl Wiretap {
    /// Puts itself before every node: it listens where the directory says that the node is, and the node listens elsewhere.
    /// No node runs yet.
    pub(crate) fn between_all(network: &Network) -> Self {
        let tap =
            Arc::new(Tap { doors: Mutex::default(), kept: Mutex::default(), wanted: AtomicBool::new(true) });
        let mut threads = Vec::new();
        for node in network.ids() {
            let path = network.node(node).join("node.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let line = text.lines().find(|line| line.starts_with("listen = ")).unwrap();
            let known: SocketAddr = line.split('"').nth(1).unwrap().parse().unwrap();
            let door = UdpSocket::bind(known).unwrap();
            let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let moved = free.local_addr().unwrap();
            std::fs::write(&path, text.replace(line, &format!("listen = \"{moved}\""))).unwrap();
            tap.doors.lock().unwrap().push(known);
            let tap = Arc::clone(&tap);
            threads.push(std::thread::spawn(move || tap.stand_before(&door, moved)));
            drop(free);
        }
        Self { tap, threads: Mutex::new(threads) }
    }

    /// Sends words in the clear to every node, which has no use for them, and waits until the tap has heard them.
    pub(crate) fn speak(&self, words: &str) {
        let mouth = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for door in self.tap.doors.lock().unwrap().iter() {
            let before = self.tap.kept.lock().unwrap().len();
            mouth.send_to(words.as_bytes(), door).unwrap();
            until("the tap hears", || {
                let kept = self.tap.kept.lock().unwrap();
                kept[before..].windows(words.len()).any(|heard| heard == words.as_bytes()).then_some(())
            });
        }
    }

    /// Everything that went over the wire, in both directions. The tap is gone then.
    pub(crate) fn carried(&self) -> Vec<u8> {
        self.tap.wanted.store(false, Ordering::SeqCst);
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.tap.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.tap.wanted.store(false, Ordering::SeqCst);
    }
}

impl Tap {
    fn keep(&self, datagram: &[u8]) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(datagram);
    }

    /// Passes on what comes to `door`, for each sender through a socket of its own, whose answers go back to it.
    fn stand_before(self: &Arc<Self>, door: &UdpSocket, node: SocketAddr) {
        door.set_read_timeout(Some(LISTEN)).unwrap();
        let mut senders: HashMap<SocketAddr, UdpSocket> = HashMap::new();
        let mut back = Vec::new();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while self.wanted.load(Ordering::SeqCst) {
            let Ok((length, sender)) = door.recv_from(&mut buffer) else { continue };
            self.keep(&buffer[..length]);
            let onwards = senders.entry(sender).or_insert_with(|| {
                let onwards = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let (tap, answers, door) =
                    (Arc::clone(self), onwards.try_clone().unwrap(), door.try_clone().unwrap());
                back.push(std::thread::spawn(move || tap.bring_back(&answers, &door, sender)));
                onwards
            });
            // A node that is not there yet, or no more, gets nothing: datagrams may be lost.
            drop(onwards.send_to(&buffer[..length], node));
        }
        back.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn bring_back(&self, answers: &UdpSocket, door: &UdpSocket, sender: SocketAddr) {
        answers.set_read_timeout(Some(LISTEN)).unwrap();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while self.wanted.load(Ordering::SeqCst) {
            let Ok((length, _)) = answers.recv_from(&mut buffer) else { continue };
            self.keep(&buffer[..length]);
            drop(door.send_to(&buffer[..length], sender));
        }
    }
}
