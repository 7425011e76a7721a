//! Publishes persistent messages with publisher confirms for so many seconds, then waits until the last queue holds all of them.
//!
//! Usage: `amqp-load SRC_URI DST_URI QUEUE SIZE IN_FLIGHT SECONDS classic|quorum`. Prints one JSON object.

use anyhow::{Context, ensure};
use futures::stream::{FuturesUnordered, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use std::time::{Duration, Instant};

/// How often the last queue is counted.
const LOOK: Duration = Duration::from_millis(1);
/// How long nothing may arrive before it counts as lost.
const STANDSTILL: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, destination, queue, size, in_flight, seconds, kind] = &arguments[..] else {
        anyhow::bail!("usage: amqp-load SRC_URI DST_URI QUEUE SIZE IN_FLIGHT SECONDS classic|quorum");
    };
    let (size, in_flight, seconds): (usize, usize, u64) = (size.parse()?, in_flight.parse()?, seconds.parse()?);
    let (_first, source) = channel(source).await?;
    let (_second, destination) = channel(destination).await?;
    let mut kinds = FieldTable::default();
    if kind == "quorum" {
        kinds.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    }
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    source.queue_declare(queue, durable, kinds.clone()).await?;
    destination.queue_declare(queue, durable, kinds.clone()).await?;
    destination.queue_purge(queue, QueuePurgeOptions::default()).await?;
    source.confirm_select(ConfirmSelectOptions::default()).await?;
    let content = vec![0x42_u8; size];
    let persistent = BasicProperties::default().with_delivery_mode(2);

    let began = Instant::now();
    let mut published = 0_u32;
    let mut confirms = FuturesUnordered::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        if confirms.len() >= in_flight {
            confirmed(confirms.next().await)?;
        }
        let options = BasicPublishOptions::default();
        confirms.push(source.basic_publish("", queue, options, &content, persistent.clone()).await?);
        published += 1;
    }
    while !confirms.is_empty() {
        confirmed(confirms.next().await)?;
    }
    let accepted = began.elapsed();

    let passive = QueueDeclareOptions { passive: true, ..durable };
    let (mut most, mut changed) = (0, Instant::now());
    loop {
        let there = destination.queue_declare(queue, passive, kinds.clone()).await?.message_count();
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
    destination.queue_purge(queue, QueuePurgeOptions::default()).await?;
    println!(
        "{}",
        serde_json::json!({ "documents": published, "accepted_s": accepted.as_secs_f64(), "delivered_s": delivered.as_secs_f64() })
    );
    Ok(())
}

/// A channel, and the connection that has to live as long.
async fn channel(uri: &str) -> anyhow::Result<(Connection, Channel)> {
    let properties = ConnectionProperties::default()
        .with_executor(tokio_executor_trait::Tokio::current())
        .with_reactor(tokio_reactor_trait::Tokio);
    let connection = Connection::connect(uri, properties).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

fn confirmed(
    outcome: Option<lapin::Result<lapin::publisher_confirm::Confirmation>>,
) -> anyhow::Result<()> {
    ensure!(outcome.context("no confirm")??.is_ack(), "the broker refused a message");
    Ok(())
}
