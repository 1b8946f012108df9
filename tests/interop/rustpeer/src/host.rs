// SPDX-License-Identifier: ISC

//! A host: its swarm, what drives it, and what it has learnt.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc;
use futures::StreamExt;
use libp2p_core::{upgrade, Transport};
use libp2p_identity::{Keypair, PeerId};
use libp2p_swarm::{NetworkBehaviour, Swarm, SwarmEvent};

use crate::serve;
use crate::streams::{self, Control, Inbound};

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p_swarm::derive_prelude")]
pub struct Parts {
    identify: libp2p_identify::Behaviour,
    ping: libp2p_ping::Behaviour,
    streams: streams::Behaviour,
}

/// What identify told about whom, pushes included.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<HashMap<PeerId, libp2p_identify::Info>>>);

impl Known {
    pub fn get(&self, peer: &PeerId) -> Option<libp2p_identify::Info> {
        self.0.lock().unwrap().get(peer).cloned()
    }

    pub fn text(&self, peer: &PeerId) -> String {
        let Some(info) = self.get(peer) else {
            return String::new();
        };
        let addrs = info.listen_addrs.iter().map(|a| format!("{a}\n"));
        let protocols = info.protocols.iter().map(|p| format!("{p}\n"));
        addrs.chain(protocols).collect()
    }
}

/// What happened that somebody may wait for.
pub enum Event {
    Listening(String),
    Connected,
    Failed(String),
    Closed(String),
    Ping(Result<Duration, String>),
}

pub struct Host {
    pub swarm: Swarm<Parts>,
    pub control: Control,
    pub known: Known,
    inbound: mpsc::UnboundedReceiver<Inbound>,
}

impl Host {
    /// With the key of the seed, or a random one. `ping_every`: how often each
    /// peer is pinged.
    pub fn new(
        seed: Option<&str>,
        ping_every: Duration,
    ) -> Result<Host, Box<dyn Error>> {
        let key = match seed {
            Some(hex) => Keypair::ed25519_from_bytes(bytes_of(hex)?)?,
            None => Keypair::generate_ed25519(),
        };
        let transport = libp2p_tcp::tokio::Transport::default()
            .upgrade(upgrade::Version::V1Lazy)
            .authenticate(libp2p_tls::Config::new(&key)?)
            .multiplex(libp2p_yamux::Config::default())
            .timeout(Duration::from_secs(10))
            .boxed();
        let (streams, control, inbound) = streams::new();
        let identify = libp2p_identify::Config::new_with_signed_peer_record(
            "ipfs/0.1.0".to_string(),
            &key,
        );
        let parts = Parts {
            identify: libp2p_identify::Behaviour::new(
                identify.with_agent_version("rustpeer".to_string()),
            ),
            ping: libp2p_ping::Behaviour::new(
                libp2p_ping::Config::new().with_interval(ping_every),
            ),
            streams,
        };
        // Its limits are off: the other side's are what is tested.
        let config = libp2p_swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(u64::MAX))
            .with_max_negotiating_inbound_streams(1000);
        let id = key.public().to_peer_id();
        let swarm = Swarm::new(transport, parts, id, config);
        for protocol in
            [serve::ECHO, serve::DISCARD, serve::SOURCE, serve::KNOWN]
        {
            control.serve(protocol);
        }
        Ok(Host { swarm, control, known: Known::default(), inbound })
    }

    /// Runs for ever, serving, and tells what happens.
    pub async fn run(mut self, tell: mpsc::UnboundedSender<Event>) {
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => {
                    if let Some(event) = self.on_event(event) {
                        let _ = tell.unbounded_send(event);
                    }
                }
                Some(inbound) = self.inbound.next() => {
                    tokio::spawn(serve::serve(inbound, self.known.clone()));
                }
            }
        }
    }

    fn on_event(&self, event: SwarmEvent<PartsEvent>) -> Option<Event> {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                let id = self.swarm.local_peer_id();
                Some(Event::Listening(format!("{address}/p2p/{id}")))
            }
            SwarmEvent::ConnectionEstablished { .. } => Some(Event::Connected),
            SwarmEvent::ConnectionClosed { cause, .. } => {
                Some(Event::Closed(format!("{cause:?}")))
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                Some(Event::Failed(error.to_string()))
            }
            SwarmEvent::Behaviour(PartsEvent::Identify(
                libp2p_identify::Event::Received { peer_id, info, .. },
            )) => {
                self.known.0.lock().unwrap().insert(peer_id, info);
                None
            }
            SwarmEvent::Behaviour(PartsEvent::Ping(event)) => Some(
                Event::Ping(event.result.map_err(|error| error.to_string())),
            ),
            _ => None,
        }
    }
}

fn bytes_of(hex: &str) -> Result<[u8; 32], Box<dyn Error>> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return Err("seed: 64 hex digits are needed".into());
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16)?;
    }
    Ok(bytes)
}
