//! One connection that plays its script.

use std::io;
use std::time::Instant;

use crate::histogram::Histogram;
use crate::http::Connection;

use super::{Alarm, Pace, Plan, Script, Times};

/// After so many failed requests a connection gives up: the run has failed, and there is nothing to learn from more.
const FAILURES_MAX: u64 = 100;
/// How much of a bad answer is kept to show.
const SHOWN_MAX: usize = 300;

/// A script being played, and what was measured.
#[derive(Debug)]
pub(super) struct Player<S> {
    pub(super) script: S,
    pub(super) latency: Histogram,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
    /// When the last answer came.
    pub(super) ended: Option<Instant>,
}

impl<S: Script> Player<S> {
    pub(super) fn new(script: S) -> Self {
        Self {
            script,
            latency: Histogram::default(),
            failed: 0,
            first_failure: None,
            ended: None,
        }
    }

    /// Plays the script to its end or that of the run. `place` numbers the connection: at a set pace, connections take turns.
    pub(super) async fn play(mut self, plan: Plan, times: Times, place: u32) -> Self {
        let alarm = match Alarm::new() {
            Ok(alarm) => alarm,
            Err(error) => {
                self.fail(format!("no timer: {error}"));
                return self;
            }
        };
        let mut connection = Connection::open(plan.target).await;
        self.wait(&alarm, times.begin).await;
        let mut request = Vec::new();
        for turn in 0.. {
            let due = match plan.pace {
                Pace::Closed => Instant::now(),
                Pace::Open { every, of } => times.begin + every * turn + every * place / of,
            };
            if due >= times.until || self.failed >= FAILURES_MAX {
                break;
            }
            self.wait(&alarm, due).await;
            request.clear();
            if !self.script.next(&mut request) {
                break;
            }
            let answer = match &mut connection {
                Ok(connection) => connection.exchange(&request).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let answered = Instant::now();
            self.ended = Some(answered);
            let good = answer.and_then(|answer| {
                if self.script.answered(answer.status, answer.body) {
                    Ok(())
                } else {
                    Err(shown(answer.status, answer.body))
                }
            });
            match good {
                Ok(()) if (times.counted_from..times.until).contains(&answered) => self.latency.record(answered - due),
                Ok(()) => {}
                Err(why) => {
                    self.fail(why);
                    connection = reopened(&plan).await;
                }
            }
        }
        self
    }

    async fn wait(&mut self, alarm: &Alarm, due: Instant) {
        if let Err(error) = alarm.wait_until(due).await {
            self.fail(format!("the timer failed: {error}"));
        }
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(why);
    }
}

/// Whatever was wrong with the connection or the answer, nothing of it is left on a new one.
async fn reopened(plan: &Plan) -> io::Result<Connection> {
    Connection::open(plan.target).await
}

fn shown(status: u16, body: &[u8]) -> String {
    let body = &body[..body.len().min(SHOWN_MAX)];
    format!("{status} {}", String::from_utf8_lossy(body))
}
