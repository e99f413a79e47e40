//! `kill -9` of everything at once, in the middle of the work: nothing that got a 202 is missing, and nothing else is there.

use std::sync::mpsc::channel;

use crate::client::Client;
use crate::ledger::{People, Random, pings};
use crate::program::data_dir;
use crate::up::up_with;

const SEED: u64 = 7;
/// The test asks for timelines until they are right, which is more often than anybody does.
const UNLIMITED: [(&str, &str); 1] = [("DAYBOOK_RATE_LIMITS", "off")];

#[test]
fn what_was_acknowledged_before_a_kill_of_everything_is_there_after_a_restart() {
    let data = data_dir();
    let first = up_with(&data, &UNLIMITED);
    let address = first.address();
    let client = Client::new(&address);
    People::register(&client);
    let people = People::sign_in(&client);
    let mut pings = pings(SEED);
    Random::new(SEED).shuffle(&mut pings);
    let (early, late) = pings.split_at(pings.len() / 2);

    let (report, outcomes) = channel();
    let mut acknowledged = Vec::new();
    let mut unknown = Vec::new();
    std::thread::scope(|scope| {
        for lane in 0..8 {
            let (client, people, report) = (&client, &people, report.clone());
            scope.spawn(move || {
                for ping in early.iter().skip(lane).step_by(8) {
                    let status = client.track(people.caller(ping), &ping.body()).status;
                    if report.send((ping.clone(), status)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(report);
        let mut victim = Some(first);
        for (ping, status) in outcomes {
            match status {
                202 => acknowledged.push(ping),
                // The killed server answers nothing; whether it kept the ping is not known to its sender.
                0 => unknown.push(ping),
                other => panic!("status {other}"),
            }
            if acknowledged.len() == early.len() / 3
                && let Some(victim) = victim.take()
            {
                victim.kill();
            }
        }
        assert!(victim.is_none(), "the server was killed while it was sent pings");
    });
    assert!(!unknown.is_empty(), "some pings met a dead server");

    // Only what nobody acknowledged is sent again. A lost acknowledged ping would leave its person's timeline short of the law for ever.
    let second = up_with(&data, &UNLIMITED);
    let client = Client::new(&second.address());
    for ping in unknown.iter().chain(late) {
        assert_eq!(client.track(people.caller(ping), &ping.body()).status, 202);
    }
    people.timelines(&client, &people.expected(&pings));
    assert!(second.terminate().success());
}
