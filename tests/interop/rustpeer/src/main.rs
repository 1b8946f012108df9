// SPDX-License-Identifier: ISC

//! rustpeer is a rust-libp2p host over TCP, TLS and yamux, with the commands,
//! the protocols and the checks of gopeer:
//!
//!     rustpeer listen [SEED]
//!     rustpeer dial KIB STREAMS IDLE_S MULTIADDR [CHECK ...]

mod dial;
mod host;
mod serve;
mod streams;

use std::error::Error;
use std::io::Read;
use std::process::exit;
use std::thread;
use std::time::Duration;

use futures::channel::mpsc;
use futures::StreamExt;

use dial::Options;
use host::{Event, Host};

/// Often enough for the check of pings to be short.
const PING_OFTEN: Duration = Duration::from_millis(50);
const PING_USUALLY: Duration = Duration::from_secs(15);

async fn listen(seed: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut host = Host::new(seed, PING_USUALLY)?;
    host.swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let (sender, mut events) = mpsc::unbounded();
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        exit(0)
    });
    tokio::spawn(host.run(sender));
    while let Some(event) = events.next().await {
        if let Event::Listening(address) = event {
            println!("{address}");
        }
    }
    Ok(())
}

async fn dial(args: &[String]) -> Result<bool, Box<dyn Error>> {
    let [kib, streams, idle, address, names @ ..] = args else {
        return Err("dial KIB STREAMS IDLE_S MULTIADDR [CHECK ...]".into());
    };
    let options = Options {
        bytes: kib.parse::<usize>()? * 1024,
        streams: streams.parse()?,
        idle: Duration::from_secs(idle.parse()?),
    };
    let is_idle = names.len() == 1 && names[0] == "idle";
    let every = if is_idle { PING_USUALLY } else { PING_OFTEN };
    let host = Host::new(None, every)?;
    Ok(dial::dial(host, options, address.parse()?, names).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("listen") => {
            listen(args.get(1).map(String::as_str)).await.map(|()| true)
        }
        Some("dial") => dial(&args[1..]).await,
        _ => Err("usage: rustpeer listen|dial ...".into()),
    };
    match result {
        Ok(true) => {}
        Ok(false) => exit(1),
        Err(error) => {
            eprintln!("rustpeer: {error}");
            exit(2);
        }
    }
}
