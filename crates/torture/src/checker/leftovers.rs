//! What must not be left over once the queue is drained: dead letters, and pings that the books have lost or found.

use std::collections::BTreeMap;

use testkit::runs::Failure;

use super::queue::Queue;
use crate::ledger::Ledger;
use crate::violation::Violation;

/// The promise behind the books.
const BALANCE: &str = "every ping that was received is accounted for";

/// Looks for them.
pub(super) async fn check(queue: &mut Queue, ledger: &Ledger) -> Result<Vec<Violation>, Failure> {
    let mut violations = Vec::new();
    let dead = queue.dead().await?;
    if dead > 0 {
        violations.push(Violation {
            promise: "no ping becomes a dead letter".to_owned(),
            found: format!("there are {dead}"),
            history: queue.reasons().await?,
        });
    }
    let arrivals = ledger.logs.iter().map(|log| log.arrivals).sum();
    let unbalanced = |found: String| Violation {
        promise: BALANCE.to_owned(),
        found,
        history: Vec::new(),
    };
    let faults = balance(&queue.books().await?, arrivals);
    violations.extend(faults.into_iter().map(unbalanced));
    Ok(violations)
}

/// What is wrong with the books of a queue that should be drained, and that was sent `arrivals` at least.
fn balance(books: &BTreeMap<String, i64>, arrivals: u64) -> Vec<String> {
    if books.is_empty() && arrivals > 0 {
        return vec![format!("{arrivals} were accepted, and the books are empty")];
    }
    let count = |name: &str| books.get(name).copied().unwrap_or(0);
    let (received, in_flight, dead, dropped) = (count("received"), count("in_flight"), count("dead"), count("dropped"));
    let settled = count("merged") + count("refused") + dropped + dead;
    let mut faults = Vec::new();
    if in_flight != 0 {
        faults.push(format!("{in_flight} are still in flight: {books:?}"));
    }
    if settled + in_flight != received {
        faults.push(format!(
            "{received} were received, and {settled} are settled: {books:?}"
        ));
    }
    if received < i64::try_from(arrivals).unwrap_or(i64::MAX) {
        faults.push(format!("{arrivals} were accepted, and {received} received: {books:?}"));
    }
    if dead != 0 || dropped != 0 {
        faults.push(format!(
            "{dead} are dead and {dropped} were dropped, and nobody was erased: {books:?}"
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(counts: [i64; 6]) -> BTreeMap<String, i64> {
        let names = ["received", "merged", "refused", "dropped", "dead", "in_flight"];
        names.into_iter().map(str::to_owned).zip(counts).collect()
    }

    #[test]
    fn books_that_balance_are_right() {
        assert_eq!(balance(&books([12, 10, 2, 0, 0, 0]), 11), Vec::<String>::new());
        assert_eq!(balance(&BTreeMap::new(), 0), Vec::<String>::new());
    }

    #[test]
    fn each_fault_of_the_books_is_named() {
        for (counts, arrivals, fault) in [
            ([12, 9, 2, 0, 0, 0], 12, "12 were received, and 11 are settled"),
            ([12, 10, 3, 0, 0, 0], 12, "12 were received, and 13 are settled"),
            ([12, 9, 2, 0, 0, 1], 12, "1 are still in flight"),
            ([12, 9, 2, 0, 1, 0], 12, "1 are dead"),
            ([12, 9, 2, 1, 0, 0], 12, "1 were dropped"),
            ([12, 10, 2, 0, 0, 0], 13, "13 were accepted, and 12 received"),
        ] {
            let faults = balance(&books(counts), arrivals);
            assert!(faults.len() == 1 && faults[0].contains(fault), "{fault}: {faults:?}");
        }
        assert_eq!(
            balance(&BTreeMap::new(), 3),
            ["3 were accepted, and the books are empty"]
        );
    }
}
