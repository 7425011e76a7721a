//! From a QUIC connection to a session: whose certificate it is, and the two hellos.

use crate::closing::{Closing, Refusal};
use crate::control::{FrameReader, lost};
use crate::shared::Shared;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use std::time::Duration;
use tokio::sync::oneshot;
use yizhan_document::NodeId;
use yizhan_identity::validity_of_certificate;
use yizhan_planted::{Bug, on};
use yizhan_protocol::{Frame, Hello, WIRE_VERSION, encode};

/// The priority of the control stream: above every body.
const CONTROL_PRIORITY: i32 = i32::MAX;

/// A connection on which both hellos were exchanged; nobody is up without one (MUST-03).
pub(crate) struct Session {
    pub(crate) neighbour: NodeId,
    pub(crate) connection: Connection,
    pub(crate) frames_out: SendStream,
    pub(crate) frames_in: FrameReader,
    pub(crate) hello: Hello,
    /// How long until both sides must show their certificates again.
    pub(crate) lifetime: Duration,
    /// Hears whether the session gave way to a newer one when it ends.
    pub(crate) replaced: Option<oneshot::Sender<bool>>,
}

/// The dialling side: opens the control stream and speaks first.
pub(crate) async fn dialled(
    shared: &Shared,
    connection: Connection,
    expected: NodeId,
) -> Result<Session, Refusal> {
    let (neighbour, lifetime) = certified(shared, &connection)?;
    if neighbour != expected {
        return Err(Refusal {
            closing: Closing::NotNeighbour,
            reason: format!("{expected} was dialled, {neighbour} answered"),
        });
    }
    let (mut frames_out, frames_in) = connection.open_bi().await.map_err(|error| lost(&error))?;
    say_hello(shared, neighbour, &mut frames_out).await?;
    let mut frames_in = FrameReader::new(frames_in);
    let hello = hear_hello(&mut frames_in, neighbour).await?;
    Ok(Session { neighbour, connection, frames_out, frames_in, hello, lifetime, replaced: None })
}

/// The dialled side: speaks only when it has been spoken to.
pub(crate) async fn accepted(shared: &Shared, connection: Connection) -> Result<Session, Refusal> {
    let (neighbour, lifetime) = certified(shared, &connection)?;
    // MUST-01; that its network's authority issued the certificate, has been checked.
    if shared.neighbour(neighbour).is_none() && !on(Bug::StrangerAccepted) {
        let reason = format!("{neighbour} is no neighbour of {}", shared.me);
        return Err(Refusal { closing: Closing::NotNeighbour, reason });
    }
    let (mut frames_out, frames_in): (SendStream, RecvStream) =
        connection.accept_bi().await.map_err(|error| lost(&error))?;
    let mut frames_in = FrameReader::new(frames_in);
    let hello = hear_hello(&mut frames_in, neighbour).await?;
    say_hello(shared, neighbour, &mut frames_out).await?;
    Ok(Session { neighbour, connection, frames_out, frames_in, hello, lifetime, replaced: None })
}

/// The node that the other side's certificate names, and how long the connection may last. The certificate itself was
/// verified in the handshake.
fn certified(shared: &Shared, connection: &Connection) -> Result<(NodeId, Duration), Refusal> {
    let refuse = |reason| Refusal { closing: Closing::NotNeighbour, reason };
    let chain =
        connection.peer_identity().and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok());
    let certificate = chain
        .as_ref()
        .and_then(|chain| chain.first())
        .ok_or_else(|| refuse("the other side showed no certificate".to_owned()))?;
    let named = shared.foreign().named(&shared.given, certificate, (shared.wall)());
    let node = named.map_err(|error| refuse(error.to_string()))?;
    let (_, ends) = validity_of_certificate(certificate).map_err(|error| refuse(error.to_string()))?;
    let valid = Duration::from_millis(ends.ms_since((shared.wall)()));
    Ok((node, valid.min(shared.timing.age)))
}

async fn say_hello(shared: &Shared, neighbour: NodeId, frames_out: &mut SendStream) -> Result<(), Refusal> {
    let silent = |reason: String| Refusal { closing: Closing::Stopping, reason };
    let hello = (shared.hello)(neighbour);
    let bytes = encode(&Frame::Hello(hello)).map_err(|error| silent(error.to_string()))?;
    frames_out
        .set_priority(CONTROL_PRIORITY)
        .map_err(|_| Refusal::protocol("the neighbour closed the control stream"))?;
    frames_out.write_all(&bytes).await.map_err(|_| Refusal::protocol("the neighbour does not take the hello"))
}

async fn hear_hello(frames_in: &mut FrameReader, neighbour: NodeId) -> Result<Hello, Refusal> {
    let Frame::Hello(hello) = frames_in.next().await? else {
        return Err(Refusal::protocol(format!("{neighbour} did not begin with a hello")));
    };
    if hello.node != neighbour && !on(Bug::HelloOfAnother) {
        return Err(Refusal::protocol(format!(
            "the certificate names {neighbour}, the hello {}",
            hello.node
        )));
    }
    if !hello.versions.contains(&u16::from(WIRE_VERSION)) {
        return Err(Refusal::protocol(format!(
            "{neighbour} does not speak version {WIRE_VERSION} of the protocol; one of both must be updated"
        )));
    }
    Ok(hello)
}
