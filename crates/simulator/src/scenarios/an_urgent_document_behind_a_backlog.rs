//! A link comes back over which hundreds of ordinary documents wait, more than may be under way at once, and behind them urgent ones
//! and one of the highest urgency: these go first, and the ordinary ones are not forgotten over them.

use super::*;
use std::sync::{Arc, Mutex};
use yizhan_document::Urgency;
use yizhan_envelope::Header;
use yizhan_exchange::limits::{OFFERS_IN_FLIGHT_MAX, TURNS_BY_RANK};
use yizhan_protocol::Frame;

/// Hands in documents of one urgency and deadline.
fn hand_in_many(world: &mut World, count: usize, urgency: Urgency, sooner_ms: u64) {
    let to = node("653101");
    let office = world.out.directory.division(to).unwrap().offices[0].office.clone();
    for _ in 0..count {
        let plain = Document::plain(0, node("6523"), &[to], &office);
        let deadline_ms = plain.deadline_ms - sooner_ms;
        let document = world.out.book.add(Document { urgency, deadline_ms, ..plain });
        world.out.agenda.at(world.out.now, Happening::HandIn { document });
        pass(world, 5);
    }
}

#[test]
fn it_goes_first_and_every_eighth_offer_is_for_the_one_that_waited_longest() {
    const ORDINARY: usize = 2 * OFFERS_IN_FLIGHT_MAX;
    let mut world = seven();
    world.out.checks.queues_stay_bounded.documents = 2 * ORDINARY;
    apart(&mut world, "65", "6523");
    pass(&mut world, 11_000);
    hand_in_many(&mut world, ORDINARY, Urgency::Normal, 0);
    hand_in_many(&mut world, 1, Urgency::Normal, 3_600_000);
    hand_in_many(&mut world, 70, Urgency::Urgent, 0);
    hand_in_many(&mut world, 1, Urgency::Flash, 0);
    pass(&mut world, 5_000);
    let all = world.out.book.len() as usize;
    assert_eq!(world.out.book.told.len(), all, "all are accepted while the uplink is down");

    let offered = Arc::new(Mutex::new(Vec::new()));
    let offers = Arc::clone(&offered);
    world.tamper(Box::new(move |from, to, frame| {
        if let (Frame::Offer(offer), true) = (frame, from == node("6523") && to == node("65")) {
            let header = Header::from_bytes(&offer.header).unwrap();
            offers.lock().unwrap().push((offer.link, header.urgency, header.deadline));
        }
        true
    }));
    together(&mut world, "65", "6523");
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "653101", "ContentConsignment"), all);

    let order = offered.lock().unwrap().clone();
    assert_eq!(order[0].1, Urgency::Flash);
    let urgent = order.iter().rposition(|of| of.1 == Urgency::Urgent).unwrap();
    assert!(
        urgent <= 71 * (TURNS_BY_RANK + 1) / TURNS_BY_RANK,
        "the last urgent one went as number {urgent}"
    );
    let turns: Vec<u64> =
        order[..urgent].iter().filter(|of| of.1 == Urgency::Normal).map(|of| of.0).collect();
    assert_eq!(turns, (0..turns.len() as u64).collect::<Vec<_>>(), "the oldest, in their order");
    assert!(turns.len() >= 71 / (TURNS_BY_RANK + 1));
    let ordinary = order.iter().filter(|of| of.1 == Urgency::Normal);
    let nearest = ordinary.map(|of| of.2).min().unwrap();
    let next_by_rank = order[urgent + 1..].iter().take(2).any(|of| of.2 == nearest);
    assert!(next_by_rank, "of the ordinary ones that with the nearest deadline goes first");
}
