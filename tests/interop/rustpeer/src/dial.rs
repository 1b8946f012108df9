// SPDX-License-Identifier: ISC

//! The checks that a dialer makes.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use futures::channel::mpsc;
use futures::future::try_join_all;
use futures::{try_join, AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p_core::multiaddr::Protocol;
use libp2p_core::Multiaddr;
use libp2p_identity::PeerId;
use libp2p_swarm::dial_opts::DialOpts;
use libp2p_swarm::Stream;
use serde_json::json;

use crate::host::{Event, Host, Known};
use crate::serve;
use crate::streams::Control;

const CHECKS: [&str; 14] = [
    "identify", "ping", "unknown", "streams", "echo", "echo8", "halfclose",
    "reset", "discard", "source", "discard16", "source16", "push", "idle",
];
const PINGS: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(30);
/// A protocol that is served from the check of pushes on.
const NEWS: &str = "/pushed/1.0.0";

pub struct Options {
    pub bytes: usize,
    pub streams: usize,
    pub idle: Duration,
}

struct Run {
    options: Options,
    peer: PeerId,
    control: Control,
    known: Known,
    events: mpsc::UnboundedReceiver<Event>,
}

fn need(is_ok: bool, text: impl Into<String>) -> io::Result<()> {
    if is_ok {
        Ok(())
    } else {
        Err(io::Error::other(text.into()))
    }
}

impl Run {
    async fn open(&self, protocol: &'static str) -> io::Result<Stream> {
        self.control.open(self.peer, protocol).await
    }

    /// Sends on a new echo stream, half-closes it, and reads meanwhile.
    async fn exchange(&self, count: usize) -> io::Result<()> {
        let (mut reader, mut writer) = self.open(serve::ECHO).await?.split();
        let write = async {
            serve::send_pattern(&mut writer, count).await?;
            writer.close().await
        };
        let (_, got) = try_join!(write, serve::read_pattern(&mut reader))?;
        need(got == count, format!("{got} of {count} bytes came back"))
    }

    async fn upload(&self, count: usize) -> io::Result<()> {
        let mut stream = self.open(serve::DISCARD).await?;
        serve::send_pattern(&mut stream, count).await?;
        stream.close().await?;
        let got = serve::read_number(&mut stream).await?;
        need(got == count, format!("sent {count} bytes, {got} arrived"))
    }

    async fn download(&self, count: usize) -> io::Result<()> {
        let mut stream = self.open(serve::SOURCE).await?;
        serve::send_number(&mut stream, count).await?;
        stream.close().await?;
        let got = serve::read_pattern(&mut stream).await?;
        need(got == count, format!("{got} of {count} bytes came"))
    }

    async fn identify(&self) -> io::Result<()> {
        while self.known.get(&self.peer).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let info = self.known.get(&self.peer).unwrap();
        let served = info.protocols.iter().any(|p| p.as_ref() == serve::ECHO);
        need(served, "the echo protocol is not listed")?;
        need(!info.listen_addrs.is_empty(), "an address is missing")?;
        let is_it = info.public_key.to_peer_id() == self.peer;
        need(is_it, "the key is another peer's")
    }

    async fn ping(&mut self) -> io::Result<()> {
        let mut count = 0;
        while count < PINGS {
            match self.events.next().await {
                Some(Event::Ping(Ok(_))) => count += 1,
                Some(Event::Ping(Err(text))) => return need(false, text),
                Some(Event::Closed(text)) => return need(false, text),
                Some(_) => {}
                None => return need(false, "the host is gone"),
            }
        }
        Ok(())
    }

    async fn unknown(&self) -> io::Result<()> {
        let result = self.open("/no-such-protocol/1.0.0").await;
        let refused = matches!(
            &result, Err(e) if e.kind() == io::ErrorKind::Unsupported);
        need(refused, format!("not refused: {:?}", result.err()))
    }

    /// After an empty stream one that is read only after its own FIN.
    async fn half_close(&self) -> io::Result<()> {
        const COUNT: usize = 64 * 1024;
        self.exchange(0).await?;
        let mut stream = self.open(serve::ECHO).await?;
        serve::send_pattern(&mut stream, COUNT).await?;
        stream.close().await?;
        let got = serve::read_pattern(&mut stream).await?;
        need(got == COUNT, format!("{got} bytes after the half-close"))
    }

    /// Drops streams in the middle; the connection must not mind.
    async fn reset(&self) -> io::Result<()> {
        for i in 0..20 {
            let mut stream = self.open(serve::ECHO).await?;
            serve::send_pattern(&mut stream, 4096).await?;
            let mut some = vec![0; 1 + i * 100];
            stream.read_exact(&mut some).await?;
            drop(stream);
        }
        self.exchange(1024).await
    }

    /// Serves another protocol, which the other side has to hear of.
    async fn push(&self) -> io::Result<()> {
        self.identify().await?;
        self.control.serve(NEWS);
        loop {
            let mut stream = self.open(serve::KNOWN).await?;
            stream.close().await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            if text.lines().any(|line| line == NEWS) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn idle(&self) -> io::Result<()> {
        tokio::time::sleep(self.options.idle).await;
        self.exchange(1000).await
    }

    async fn check(&mut self, name: &str) -> io::Result<()> {
        let Options { bytes, streams, .. } = self.options;
        let this = &*self;
        match name {
            "identify" => self.identify().await,
            "ping" => self.ping().await,
            "unknown" => self.unknown().await,
            "streams" => {
                each(streams, |i| this.exchange(1024 + i)).await
            }
            "echo" => self.exchange(bytes).await,
            "echo8" => each(8, |_| this.exchange(bytes / 8)).await,
            "halfclose" => self.half_close().await,
            "reset" => self.reset().await,
            "discard" => self.upload(bytes).await,
            "source" => self.download(bytes).await,
            "discard16" => each(16, |_| this.upload(bytes / 16)).await,
            "source16" => each(16, |_| this.download(bytes / 16)).await,
            "push" => self.push().await,
            "idle" => self.idle().await,
            _ => need(false, "no such check"),
        }
    }

    fn is_lost(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            if matches!(event, Event::Closed(_)) {
                return true;
            }
        }
        false
    }
}

/// All of them at once.
async fn each<F>(n: usize, f: impl Fn(usize) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>>,
{
    try_join_all((0..n).map(f)).await.map(|_| ())
}

fn report(name: &str, result: &io::Result<()>, since: Instant) -> bool {
    let error = result.as_ref().err().map(|e| e.to_string());
    let line = json!({
        "name": name,
        "ok": result.is_ok(),
        "error": error.unwrap_or_default(),
        "ms": since.elapsed().as_secs_f64() * 1000.0,
    });
    println!("{line}");
    result.is_ok()
}

async fn connect(
    events: &mut mpsc::UnboundedReceiver<Event>,
) -> io::Result<()> {
    while let Some(event) = events.next().await {
        match event {
            Event::Connected => return Ok(()),
            Event::Failed(text) => return need(false, text),
            _ => {}
        }
    }
    need(false, "the host is gone")
}

/// Makes the checks, or all of them, a line each; whether all passed.
pub async fn dial(
    mut host: Host,
    options: Options,
    address: Multiaddr,
    names: &[String],
) -> io::Result<bool> {
    let Some(Protocol::P2p(peer)) = address.iter().last() else {
        return Err(io::Error::other("the address lacks a peer id"));
    };
    let (sender, mut events) = mpsc::unbounded();
    let start = Instant::now();
    let to = DialOpts::peer_id(peer).addresses(vec![address]).build();
    host.swarm.dial(to).map_err(io::Error::other)?;
    let (control, known) = (host.control.clone(), host.known.clone());
    tokio::spawn(host.run(sender));
    if !report("connect", &connect(&mut events).await, start) {
        return Ok(false);
    }
    let mut run = Run { options, peer, control, known, events };
    let mut is_ok = true;
    for name in CHECKS {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let start = Instant::now();
        let limit = TIMEOUT + run.options.idle;
        let mut result = match tokio::time::timeout(limit, run.check(name)).await
        {
            Ok(result) => result,
            Err(_) => need(false, "it takes too long"),
        };
        if result.is_ok() && run.is_lost() {
            result = need(false, "the connection was lost");
        }
        is_ok &= report(name, &result, start);
    }
    Ok(is_ok)
}
