//! The doors as one device sees them: it goes to one after the other, and leaves one that does not answer.

use std::time::Duration;

use testkit::runs::Failure;

use crate::http::{Answer, Ask, Cut, Node};
use crate::reach::Doors;

/// After so many answers from one door a device goes to the next.
const STAYS: u32 = 8;

/// All doors, with a connection of this device's own to each.
#[derive(Debug)]
pub(super) struct Entrance {
    nodes: Vec<Node>,
    at: usize,
    answers: u32,
    answer_max: Duration,
}

impl Entrance {
    pub(super) fn new(doors: &Doors, first: usize, answer_max: Duration) -> Result<Self, Failure> {
        let nodes = doors
            .api
            .iter()
            .map(|url| Node::at(url))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(Failure::new("there is no door to send pings to"));
        }
        Ok(Self {
            at: first % nodes.len(),
            nodes,
            answers: 0,
            answer_max,
        })
    }

    /// Which door the next request goes to.
    pub(super) fn door(&self) -> usize {
        self.at
    }

    /// Asks at that door.
    pub(super) async fn ask(&mut self, ask: &Ask<'_>) -> Result<Answer, Cut> {
        let answer = self.nodes[self.at].ask(ask, self.answer_max).await;
        self.answers += 1;
        // Another node may well be able to do what this one cannot just now.
        let leaves = answer.as_ref().map_or(true, |answer| answer.status >= 500);
        if leaves || self.answers >= STAYS {
            self.at = (self.at + 1) % self.nodes.len();
            self.answers = 0;
        }
        answer
    }
}
