// SPDX-License-Identifier: ISC

//! The protocols that all peers of these tests serve.

use std::io;

use futures::io::{copy, sink};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p_swarm::Stream;

use crate::host::Known;
use crate::streams::Inbound;

/// Everything comes back; FIN is answered by FIN.
pub const ECHO: &str = "/echo/1.0.0";
/// Everything is read; at FIN the count comes back, 8 bytes big-endian.
pub const DISCARD: &str = "/discard/1.0.0";
/// The dialer sends a count, 8 bytes big-endian, and gets that many bytes:
/// 0, 1, ... 250, 0, ...
pub const SOURCE: &str = "/source/1.0.0";
/// At FIN, what is known about the dialer comes, each of its addresses and
/// protocols on a line.
pub const KNOWN: &str = "/known/1.0.0";

const PERIOD: usize = 251;
const CHUNK: usize = 64 * 1024;

/// The bytes of SOURCE from `offset` on.
pub fn pattern(len: usize, offset: usize) -> Vec<u8> {
    (offset % PERIOD..).take(len).map(|i| (i % PERIOD) as u8).collect()
}

pub async fn send_pattern(
    stream: &mut (impl AsyncWriteExt + Unpin),
    count: usize,
) -> io::Result<()> {
    // the pattern repeats in it, so that any offset can be copied from it
    let table = pattern(CHUNK + PERIOD, 0);
    let mut sent = 0;
    while sent < count {
        let n = CHUNK.min(count - sent);
        let at = sent % PERIOD;
        stream.write_all(&table[at..at + n]).await?;
        sent += n;
    }
    Ok(())
}

/// Reads to the end; how many bytes of the pattern came.
pub async fn read_pattern(
    stream: &mut (impl AsyncReadExt + Unpin),
) -> io::Result<usize> {
    let table = pattern(CHUNK + PERIOD, 0);
    let mut buffer = vec![0; CHUNK];
    let mut got = 0;
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(got);
        }
        let at = got % PERIOD;
        if buffer[..n] != table[at..at + n] {
            return Err(io::Error::other("other bytes came"));
        }
        got += n;
    }
}

pub async fn read_number(stream: &mut Stream) -> io::Result<usize> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes).await?;
    Ok(u64::from_be_bytes(bytes) as usize)
}

pub async fn send_number(stream: &mut Stream, n: usize) -> io::Result<()> {
    stream.write_all(&(n as u64).to_be_bytes()).await
}

/// Serves one stream. If it ends early the stream is dropped: reset.
pub async fn serve(inbound: Inbound, known: Known) -> io::Result<()> {
    let Inbound { peer, protocol, mut stream } = inbound;
    match protocol.as_ref() {
        ECHO => {
            let (reader, mut writer) = stream.split();
            copy(reader, &mut writer).await?;
            return writer.close().await;
        }
        DISCARD => {
            let count = copy(&mut stream, &mut sink()).await?;
            send_number(&mut stream, count as usize).await?;
        }
        SOURCE => {
            let count = read_number(&mut stream).await?;
            send_pattern(&mut stream, count).await?;
        }
        KNOWN => {
            copy(&mut stream, &mut sink()).await?;
            let text = known.text(&peer);
            stream.write_all(text.as_bytes()).await?;
        }
        _ => return Ok(()),
    }
    stream.close().await
}
