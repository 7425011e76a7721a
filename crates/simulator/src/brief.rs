//! Events and effects in a few words, for traces.

use yizhan_exchange::{Effect, Event, Fact};

pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Room(room) => format!("room {room:?}"),
        Event::Tick => "tick".into(),
        Event::Persisted { ticket } => format!("batch {ticket} is durable"),
        Event::LinkUp { neighbour, .. } => format!("{neighbour} is there"),
        Event::LinkDown { neighbour } => format!("{neighbour} is gone"),
        Event::DirectoryChanged { directory } => format!("directory version {}", directory.version),
        Event::Submitting { request, to, .. } => {
            format!("request {request}: a document for {} nodes", to.len())
        }
        Event::NoticeClosed { of, closed, .. } => format!("request {of}: its notice {} is closed", closed.id),
        Event::Submitted { request, closed, .. } => format!("request {request}: {} is closed", closed.id),
        Event::SubmissionAbandoned { request } => format!("request {request}: broke off"),
        Event::Offered { neighbour, offered, .. } => {
            let units: Vec<String> =
                offered.units.iter().map(|unit| format!("{}/{}", unit.node, unit.attempt)).collect();
            format!("{neighbour} offers {} as {} for {}", offered.id, offered.link, units.join(" "))
        }
        Event::BodyArrived { neighbour, link, good } => {
            format!("the body of offer {link} of {neighbour}: {}", if *good { "here" } else { "bad" })
        }
        Event::Recollected { link, past, .. } => {
            format!("offer {link}: {} acceptances in the past", past.len())
        }
        Event::Opened { result, .. } => match result {
            Ok(offices) => format!("opened, for {} offices", offices.len()),
            Err(code) => format!("cannot be opened: {code}"),
        },
        Event::NotOpened { staged } => format!("{staged} could not be opened now"),
        Event::CustodyTaken { neighbour, head, acknowledged, .. } => {
            let acknowledged: Vec<String> =
                acknowledged.iter().map(|(link, entry)| format!("{link}->{}", entry.at.index)).collect();
            format!("{neighbour} took [{}] under size {}", acknowledged.join(" "), head.size)
        }
        Event::Rejected { neighbour, link, reason, retry, .. } => {
            format!("{neighbour} rejects {link}: {reason}, retry {retry}")
        }
        Event::ReceiptsArrived { neighbour, origin, ledger, entries, .. } => {
            let entries: Vec<String> =
                entries.iter().map(|entry| format!("{} {}", entry.at.index, entry.event.kind())).collect();
            format!("receipts of {ledger} for {origin} from {neighbour}: [{}]", entries.join(", "))
        }
        Event::KeptArrived { kept, .. } => {
            format!("{} keeps {:?} of {}", kept.origin, kept.indexes, kept.ledger)
        }
        Event::Damaged { holding } => format!("holding {holding} is damaged"),
        Event::Taken { office, id, .. } => format!("{office} takes {id}"),
        Event::Acted { office, id, act, .. } => format!("{office} on {id}: {}", act.as_str()),
        Event::Recalling { request, order, .. } => format!("request {request}: recall of {}", order.id),
        Event::RecallArrived { neighbour, destination, recall, .. } => {
            let id = recall.map(|recall| recall.id.to_string()).unwrap_or_default();
            format!("a recall for {destination} from {neighbour}: {id}")
        }
        Event::EpochOpened { neighbour, opened } => format!("{neighbour} tells of {}", opened.ledger),
        Event::Witnessed { neighbour, head } => format!("{neighbour} stands at size {}", head.size),
    }
}

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Persist { ticket, facts, stored, .. } => {
            let facts: Vec<String> = facts.iter().map(fact).collect();
            format!("persist {ticket}: {} (+{})", facts.join(", "), stored.len())
        }
        Effect::Answer { request, answer } => format!("answer {request}: {answer:?}"),
        Effect::Offer { neighbour, link, holding, .. } => {
            format!("offer holding {holding} to {neighbour} as {link}")
        }
        Effect::WantBody { neighbour, link, .. } => format!("want body of {link} from {neighbour}"),
        Effect::Open { id, .. } => format!("open {id}"),
        Effect::Discard { staged } => format!("discard {staged}"),
        Effect::Recollect { id, .. } => format!("recollect {id}"),
        Effect::Custody { neighbour, acknowledged } => format!("custody {acknowledged:?} to {neighbour}"),
        Effect::Reject { neighbour, link, reason, retry, .. } => {
            format!("reject {link} of {neighbour}: {reason}, retry {retry}")
        }
        Effect::SendReceipts { hop, origin, indexes } => {
            format!("receipts {indexes:?} for {origin} to {hop}")
        }
        Effect::ForwardReceipts { hop, .. } => format!("receipts on to {hop}"),
        Effect::SendRecall { hop, destination, request, .. } => {
            format!("recall {request} for {destination} to {hop}")
        }
        Effect::TellEpoch { neighbour, ledger } => format!("tell {neighbour} of {ledger}"),
        Effect::ForwardRecall { hop, .. } => format!("a recall on to {hop}"),
        Effect::SendKept { hop, kept } => format!("kept {:?} of {} to {hop}", kept.indexes, kept.ledger),
        Effect::Cosign { neighbour, head } => format!("cosign size {} of {neighbour}", head.size),
        Effect::Release { holding, .. } => format!("release {holding}"),
    }
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Entered(entered) => {
            let kind = yizhan_ledger::Entry::from_bytes(&entered.bytes);
            format!("{} {}", entered.index, kind.map_or("?", |entry| entry.event.kind()))
        }
        Fact::Accepted(accepted) => format!("holding {} of {}", accepted.at.index, accepted.id),
        Fact::Assigned { holding, hop, link, .. } => format!("holding {holding} to {hop} as {link}"),
        Fact::Passed { hop, link } => format!("{hop} has {link}"),
        Fact::Withdrawn { hop, link } => format!("{link} withdrawn from {hop}"),
        Fact::Consigned(consigned) => format!("holding {} consigned", consigned.holding),
        Fact::Ended { id, node, end } => format!("{id} ended at {node}: {end:?}"),
        Fact::Attempted { id, node, attempt } => format!("attempt {attempt} of {id} for {node}"),
        Fact::Heard { ledger, indexes } => format!("heard {indexes:?} of {ledger}"),
        Fact::Kept { origin, indexes } => format!("{origin} keeps {indexes:?}"),
        Fact::Owed { origin, indexes } => format!("{origin} is owed {indexes:?}"),
        Fact::Discharged { holding, .. } => format!("holding {holding} discharged"),
        Fact::Witnessed(head) => format!("witnessed {} at {}", head.ledger, head.size),
        Fact::Handed { id, .. } => format!("{id} handed over"),
        Fact::Renewed { ledger, indexes } => format!("renewed {indexes:?} of {ledger}"),
        Fact::AttemptFailed { id, node, attempt } => format!("attempt {attempt} of {id} for {node} failed"),
        Fact::Recall(recall) => format!("{recall:?}"),
        Fact::Acted { id, act, .. } => format!("{id} {}", act.as_str()),
        Fact::Custodian { id, node, units } => format!("{node} had {} units of {id}", units.len()),
        Fact::Claimed { id, node, units, expired } => {
            format!("{node} says that {} units of {id} ended (expired: {expired})", units.len())
        }
        Fact::EpochOpened(opened) => format!("{} began", opened.ledger),
        Fact::Condensed(part) => format!("condensed {part:?}"),
    }
}
