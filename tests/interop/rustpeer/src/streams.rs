// SPDX-License-Identifier: ISC

//! A behaviour whose streams are handed to whoever serves or opened them,
//! however many there are.

use std::convert::Infallible;
use std::future::{ready, Ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::vec;

use futures::channel::{mpsc, oneshot};
use futures::StreamExt;
use libp2p_core::transport::PortUse;
use libp2p_core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p_core::{Endpoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound,
    FullyNegotiatedOutbound,
};
use libp2p_swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId,
    FromSwarm, NetworkBehaviour, Stream, StreamProtocol, StreamUpgradeError,
    SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};

/// A stream that the peer opened.
pub struct Inbound {
    pub peer: PeerId,
    pub protocol: StreamProtocol,
    pub stream: Stream,
}

type Answer = oneshot::Sender<io::Result<Stream>>;

/// What the behaviour, its handlers and their users share.
struct Shared {
    protocols: Vec<StreamProtocol>,
    inbound: mpsc::UnboundedSender<Inbound>,
    handlers: Vec<(PeerId, mpsc::UnboundedSender<(StreamProtocol, Answer)>)>,
    wakers: Vec<Waker>,
}

/// Opens streams, and changes what is served.
#[derive(Clone)]
pub struct Control(Arc<Mutex<Shared>>);

impl Control {
    /// Served from now on, on every connection.
    pub fn serve(&self, protocol: &'static str) {
        let mut shared = self.0.lock().unwrap();
        shared.protocols.push(StreamProtocol::new(protocol));
        shared.wakers.drain(..).for_each(Waker::wake);
    }

    pub async fn open(
        &self,
        peer: PeerId,
        protocol: &'static str,
    ) -> io::Result<Stream> {
        let (sender, receiver) = oneshot::channel();
        let request = (StreamProtocol::new(protocol), sender);
        let lost = || io::Error::from(io::ErrorKind::NotConnected);
        {
            let shared = self.0.lock().unwrap();
            let mut handlers = shared.handlers.iter().rev();
            let found = handlers.find(|(id, open)| {
                *id == peer && !open.is_closed()
            });
            let (_, open) = found.ok_or_else(lost)?;
            open.unbounded_send(request).map_err(|_| lost())?;
        }
        receiver.await.map_err(|_| lost())?
    }
}

pub struct Behaviour(Arc<Mutex<Shared>>);

/// The behaviour, its control, and where inbound streams arrive.
pub fn new() -> (Behaviour, Control, mpsc::UnboundedReceiver<Inbound>) {
    let (inbound, receiver) = mpsc::unbounded();
    let shared = Arc::new(Mutex::new(Shared {
        protocols: Vec::new(),
        inbound,
        handlers: Vec::new(),
        wakers: Vec::new(),
    }));
    (Behaviour(shared.clone()), Control(shared), receiver)
}

impl Behaviour {
    fn handler(&self, peer: PeerId) -> Handler {
        let (sender, requests) = mpsc::unbounded();
        self.0.lock().unwrap().handlers.push((peer, sender));
        Handler { peer, shared: self.0.clone(), requests }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {
        let mut shared = self.0.lock().unwrap();
        shared.handlers.retain(|(_, open)| !open.is_closed());
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

pub struct Handler {
    peer: PeerId,
    shared: Arc<Mutex<Shared>>,
    requests: mpsc::UnboundedReceiver<(StreamProtocol, Answer)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Answer;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        let protocols = self.shared.lock().unwrap().protocols.clone();
        SubstreamProtocol::new(Protocols(protocols), ())
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Protocols, Answer, Infallible>> {
        match self.requests.poll_next_unpin(context) {
            Poll::Ready(Some((protocol, answer))) => Poll::Ready(
                ConnectionHandlerEvent::OutboundSubstreamRequest {
                    protocol: SubstreamProtocol::new(
                        Protocols(vec![protocol]),
                        answer,
                    ),
                },
            ),
            _ => {
                let waker = context.waker().clone();
                let mut shared = self.shared.lock().unwrap();
                if !shared.wakers.iter().any(|w| w.will_wake(&waker)) {
                    shared.wakers.push(waker);
                }
                Poll::Pending
            }
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Protocols, Protocols, (), Answer>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(
                FullyNegotiatedInbound { protocol: (stream, protocol), .. },
            ) => {
                let peer = self.peer;
                let inbound = Inbound { peer, protocol, stream };
                let shared = self.shared.lock().unwrap();
                // nobody serves: it is dropped, which resets it
                let _ = shared.inbound.unbounded_send(inbound);
            }
            ConnectionEvent::FullyNegotiatedOutbound(
                FullyNegotiatedOutbound { protocol: (stream, _), info },
            ) => {
                let _ = info.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError {
                info,
                error,
            }) => {
                let _ = info.send(Err(match error {
                    StreamUpgradeError::Timeout => {
                        io::ErrorKind::TimedOut.into()
                    }
                    StreamUpgradeError::NegotiationFailed => {
                        io::ErrorKind::Unsupported.into()
                    }
                    StreamUpgradeError::Io(error) => error,
                    StreamUpgradeError::Apply(never) => match never {},
                }));
            }
            _ => {}
        }
    }
}

/// Any of these, and then the bare stream.
pub struct Protocols(Vec<StreamProtocol>);

impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, s: Stream, info: Self::Info) -> Self::Future {
        ready(Ok((s, info)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, s: Stream, info: Self::Info) -> Self::Future {
        ready(Ok((s, info)))
    }
}
