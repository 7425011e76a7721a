//! Links between nodes over real QUIC on 127.0.0.1: who gets up and who does not, frames, bodies, and coming back.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod breaches;
mod changing;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod network;
#[cfg(test)]
mod reconnecting;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod stranger;
