//! Publishes to a JetStream stream, waiting for its acknowledgements, for so many seconds; then waits until the last stream holds all.
//!
//! Usage: `nats-load SRC_URL DST_URL DST_STREAM SUBJECT SIZE IN_FLIGHT SECONDS`. Prints one JSON object.

use anyhow::{Context, ensure};
use async_nats::jetstream;
use futures::stream::{FuturesUnordered, StreamExt};
use std::future::IntoFuture;
use std::time::{Duration, Instant};

/// How often the last stream is counted.
const LOOK: Duration = Duration::from_millis(1);
/// How long nothing may arrive before it counts as lost.
const STANDSTILL: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, destination, stream, subject, size, in_flight, seconds] = &arguments[..] else {
        anyhow::bail!("usage: nats-load SRC_URL DST_URL DST_STREAM SUBJECT SIZE IN_FLIGHT SECONDS");
    };
    let (size, in_flight, seconds): (usize, usize, u64) = (size.parse()?, in_flight.parse()?, seconds.parse()?);
    let source = jetstream::new(async_nats::connect(source).await?);
    let destination = jetstream::new(async_nats::connect(destination).await?);
    let mut last = destination.get_stream(stream).await?;
    let before = last.info().await?.state.messages;
    let content = bytes::Bytes::from(vec![0x42_u8; size]);

    let began = Instant::now();
    let mut published = 0_u64;
    let mut acks = FuturesUnordered::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        if acks.len() >= in_flight {
            let acknowledged: Result<jetstream::publish::PublishAck, _> = acks.next().await.context("no ack")?;
            acknowledged?;
        }
        acks.push(source.publish(subject.clone(), content.clone()).await?.into_future());
        published += 1;
    }
    while let Some(acknowledged) = acks.next().await {
        acknowledged?;
    }
    let accepted = began.elapsed();

    let (mut most, mut changed) = (0, Instant::now());
    loop {
        let there = last.info().await?.state.messages - before;
        if there >= published {
            break;
        }
        if there > most {
            (most, changed) = (there, Instant::now());
        }
        ensure!(changed.elapsed() < STANDSTILL, "{there} of {published} arrived, then nothing");
        tokio::time::sleep(LOOK).await;
    }
    let delivered = began.elapsed();
    println!(
        "{}",
        serde_json::json!({ "documents": published, "accepted_s": accepted.as_secs_f64(), "delivered_s": delivered.as_secs_f64() })
    );
    Ok(())
}
