//! The numbers end to end: what devices were told, what is kept in the database, and what is kept beside the queue must agree.

use std::collections::BTreeMap;

use domain::accounts::DeviceId;
use serde_json::{Value, json};
use testkit::runs::Failure;

use super::api::Api;
use super::queue::Queue;
use super::stored::{Progress, Store};
use crate::http::Ask;
use crate::ledger::{Ledger, Log, Ping, Standing};
use crate::trackers::{LIST_MAX, TRACK, body};
use crate::violation::Violation;

/// What was found.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) violations: Vec<Violation>,
    /// How many settled pings were sent again.
    pub(super) renumbered: u64,
}

/// Looks at every device that numbers its pings.
///
/// The server may forget numbers that lie above too many gaps; a device that still has those pings sends them again, and only then must be told of all. That
/// happens here, after everything else was looked at: so a ping that was lost cannot come back this way and hide the loss.
pub(super) async fn check(
    store: &Store,
    queue: &mut Queue,
    api: &mut Api,
    ledger: &Ledger,
) -> Result<Numbers, Failure> {
    let mut numbers = Numbers::default();
    let numbered = || ledger.logs.iter().filter(|log| log.owner.numbered);
    let (progress, merged) = (store.progress().await?, queue.merged().await?);
    for log in numbered() {
        let (kept, told) = of_device(log, &progress, &merged);
        numbers.violations.extend(
            faults(log, &kept, told)
                .into_iter()
                .map(|fault| violation(ledger, log, &kept, fault)),
        );
    }
    let mut sent_above = BTreeMap::new();
    loop {
        let (progress, merged) = (store.progress().await?, queue.merged().await?);
        let mut sent = 0;
        for log in numbered() {
            let (kept, _) = of_device(log, &progress, &merged);
            if goes_on(log, &kept, sent_above.insert(log.owner.device, kept.through)) {
                sent += send_again(api, ledger, log, kept.through).await?;
            }
        }
        if sent == 0 {
            break;
        }
        numbers.renumbered += sent;
        numbers.violations.extend(queue.drain().await?);
    }
    if numbers.renumbered > 0 {
        let (progress, merged) = (store.progress().await?, queue.merged().await?);
        for log in numbered() {
            let (kept, told) = of_device(log, &progress, &merged);
            let late = late(log, &kept).into_iter().chain(faults(log, &kept, told));
            numbers
                .violations
                .extend(late.map(|fault| violation(ledger, log, &kept, fault)));
        }
    }
    Ok(numbers)
}

fn of_device(
    log: &Log,
    progress: &BTreeMap<DeviceId, Progress>,
    merged: &BTreeMap<DeviceId, u64>,
) -> (Progress, Option<u64>) {
    let device = log.owner.device;
    (
        progress.get(&device).cloned().unwrap_or_default(),
        merged.get(&device).copied(),
    )
}

/// What must never be, however many gaps there are. `told` is what the door tells the device.
fn faults(log: &Log, kept: &Progress, told: Option<u64>) -> Vec<String> {
    let mut faults = Vec::new();
    let highest = log.pings.len() as u64;
    let through = kept.through;
    if through < log.told {
        faults.push(format!(
            "{} was told to be merged through {}, and {through} is kept",
            log.owner.name, log.told
        ));
    }
    if kept.ahead.last().copied().unwrap_or(through).max(through) > highest {
        faults.push(format!(
            "{} has {highest} numbers, and {kept:?} is kept",
            log.owner.name
        ));
    }
    if told.unwrap_or(0) != through {
        faults.push(format!("{} is told {told:?} and {through} is kept", log.owner.name));
    }
    let unsent = log
        .pings
        .iter()
        .find(|ping| ping.standing == Standing::Unsent)
        .and_then(|ping| ping.seq);
    if let Some(unsent) = unsent.filter(|unsent| *unsent <= through) {
        faults.push(format!(
            "{} never sent number {unsent}, and {through} is kept",
            log.owner.name
        ));
    }
    faults
}

/// Whether a device sends again what it was not told of: of what it sent the last time, the server may have merged the last list before those that close the gaps
/// below it, and forgotten its numbers. Each time must bring it further, or something is lost.
fn goes_on(log: &Log, kept: &Progress, sent_above: Option<u64>) -> bool {
    kept.through < log.settled_through() && sent_above.is_none_or(|before| before < kept.through)
}

/// What must be once everything above the gaps was sent again.
fn late(log: &Log, kept: &Progress) -> Option<String> {
    let settled = log.settled_through();
    (kept.through < settled).then(|| {
        format!(
            "{} has settled all numbers through {settled}, and {} is kept",
            log.owner.name, kept.through
        )
    })
}

fn violation(ledger: &Ledger, log: &Log, kept: &Progress, found: String) -> Violation {
    Violation {
        promise: "numbers are settled with their pings".to_owned(),
        found,
        history: ledger.history_of_numbers(log, kept.through + 1, kept.through + 1),
    }
}

/// Sends what is settled above `through` again, as the device itself would.
async fn send_again(api: &mut Api, ledger: &Ledger, log: &Log, through: u64) -> Result<u64, Failure> {
    let person = &ledger.people[log.owner.person];
    let token = api.sign_in(person, &log.owner.key).await?;
    let above = |ping: &&Ping| ping.seq.is_some_and(|seq| seq > through) && ping.standing >= Standing::Refused;
    let pings: Vec<&Ping> = log.pings.iter().filter(above).collect();
    for list in pings.chunks(LIST_MAX) {
        let bodies: Vec<Value> = list.iter().map(|ping| body(ping)).collect();
        let body = json!({"pings": bodies}).to_string();
        let answer = api.patiently(&Ask::post(TRACK, &body).by(&token)).await?;
        // 422 is for a list in which nothing is sound; its numbers are settled all the same.
        if !matches!(answer.status, 202 | 422) {
            return Err(Failure::new(format!(
                "{} pings sent again were answered {}: {}",
                list.len(),
                answer.status,
                answer.text()
            )));
        }
    }
    Ok(pings.len() as u64)
}

#[cfg(test)]
mod tests {
    use domain::time::{Span, UnixMs};
    use domain::usage::{Attention, Label};
    use uuid::Uuid;

    use super::*;
    use crate::ledger::Owner;

    /// A device whose pings are in these standings, which was told that `told` are merged.
    fn log(standings: &[Standing], told: u64) -> Log {
        let mut log = Log::new(Owner {
            name: "person-0/device-0".to_owned(),
            key: "device-0".to_owned(),
            person: 0,
            device: DeviceId(Uuid::nil()),
            precedence: 1,
            numbered: true,
        });
        for standing in standings {
            log.make(Ping {
                span: Span::new(UnixMs(0), UnixMs(1)).expect("not empty"),
                label: Label::trusted("a", None),
                attention: Attention::Active,
                seq: None,
                wrong: None,
                standing: *standing,
            });
        }
        log.told = told;
        log
    }

    fn kept(through: u64, ahead: &[u64]) -> Progress {
        Progress {
            through,
            ahead: ahead.to_vec(),
        }
    }

    const SETTLED: [Standing; 3] = [Standing::Acknowledged, Standing::Refused, Standing::Acknowledged];

    #[test]
    fn numbers_that_agree_are_right() {
        let log = log(&SETTLED, 2);
        assert_eq!(faults(&log, &kept(3, &[]), Some(3)), Vec::<String>::new());
        assert_eq!(late(&log, &kept(3, &[])), None);
        // Nothing is known of a device that was told nothing.
        assert_eq!(faults(&self::log(&[], 0), &kept(0, &[]), None), Vec::<String>::new());
    }

    #[test]
    fn pings_are_sent_again_as_long_as_that_closes_gaps() {
        let log = log(&SETTLED, 1);
        assert!(goes_on(&log, &kept(1, &[3, 3]), None));
        assert!(goes_on(&log, &kept(2, &[]), Some(1)));
        assert!(!goes_on(&log, &kept(2, &[]), Some(2)), "it was lost");
        assert!(!goes_on(&log, &kept(3, &[]), Some(2)), "all is settled");
    }

    #[test]
    fn each_disagreement_is_named() {
        for (kept, told, fault) in [
            (kept(1, &[]), Some(1), "was told to be merged through 2, and 1 is kept"),
            (kept(4, &[]), Some(4), "has 3 numbers"),
            (kept(2, &[4, 4]), Some(2), "has 3 numbers"),
            (kept(3, &[]), Some(2), "is told Some(2) and 3 is kept"),
            (kept(3, &[]), None, "is told None and 3 is kept"),
        ] {
            let faults = faults(&log(&SETTLED, 2), &kept, told);
            assert!(faults.len() == 1 && faults[0].contains(fault), "{fault}: {faults:?}");
        }
        let unsent = log(&[Standing::Acknowledged, Standing::Unsent, Standing::Acknowledged], 1);
        assert_eq!(
            faults(&unsent, &kept(3, &[]), Some(3)),
            ["person-0/device-0 never sent number 2, and 3 is kept"]
        );
        assert!(late(&log(&SETTLED, 2), &kept(2, &[])).is_some());
        assert_eq!(late(&unsent, &kept(1, &[3, 3])), None);
    }
}
