//! For `fuzz/` alone: one connection of the door over any stream, with the limits that it has on its socket.

use crate::{NodeDoor, server};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves one connection until its client or the door ends it.
pub async fn serve_one(stream: impl AsyncRead + AsyncWrite + Unpin, door: Arc<dyn NodeDoor>) {
    server::serve_one(stream, door).await;
}
