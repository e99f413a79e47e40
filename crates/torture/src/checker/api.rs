//! The API as the checker asks it: past the proxies, node after node, with patience.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::runs::Failure;

use crate::http::{Answer, Ask, Cut, Node};
use crate::ledger::Person;
use crate::reach::Reach;
use crate::trackers::{login, text};

/// How long an answer may take: a report over all days of a heavy person, on a busy machine.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long the checker goes on asking while everything that was healed comes back.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// All nodes.
pub(super) struct Api {
    nodes: Vec<Node>,
    at: usize,
}

impl Api {
    pub(super) fn new(reach: &Reach) -> Result<Self, Failure> {
        let nodes = reach
            .api
            .iter()
            .map(|url| Node::at(url))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(Failure::new("there is no API node to ask"));
        }
        Ok(Self { nodes, at: 0 })
    }

    /// Signs a person in on a device; the access token.
    pub(super) async fn sign_in(&mut self, person: &Person, key: &str) -> Result<String, Failure> {
        self.turn();
        let answer = login(&mut self.nodes[self.at], person, key).await?;
        text(&answer, "/access_token")
    }

    /// What is answered with 200.
    pub(super) async fn get(&mut self, path: &str, token: &str) -> Result<Value, Failure> {
        self.turn();
        let answer = self.patiently(&Ask::get(path).by(token)).await?;
        if answer.status == 200 {
            return answer.json();
        }
        Err(Failure::new(format!(
            "GET {path} was answered {}: {}",
            answer.status,
            answer.text()
        )))
    }

    /// The answer that is neither none nor that it cannot be done just now.
    pub(super) async fn patiently(&mut self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.nodes[self.at].ask(ask, ANSWER_MAX).await;
            let later = match &answer {
                Ok(answer) => matches!(answer.status, 429 | 503),
                Err(_) => true,
            };
            if !later {
                return answer.map_err(|cut| unanswered(ask, &cut));
            }
            if Instant::now() >= deadline {
                return Err(match answer {
                    Ok(answer) => Failure::new(format!(
                        "{} {} is answered {} for ever: {}",
                        ask.method,
                        ask.path,
                        answer.status,
                        answer.text()
                    )),
                    Err(cut) => unanswered(ask, &cut),
                });
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Every node must know the same.
    fn turn(&mut self) {
        self.at = (self.at + 1) % self.nodes.len();
    }
}

fn unanswered(ask: &Ask<'_>, cut: &Cut) -> Failure {
    Failure::new(format!("{} {} was not answered: {cut}", ask.method, ask.path))
}
