//! What an answer to pings means: done, refused for good, later, or nobody knows.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::http::Answer;

/// What the server says became of a request's pings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Accepted, but for those at these places of the request.
    Taken {
        /// Refused for good.
        rejected: BTreeSet<usize>,
        /// Through which number everything is merged, where that was told.
        merged_through: Option<u64>,
    },
    /// Refused for good, all of them.
    Refused,
    /// None was taken; again after this long.
    Later(Duration),
    /// None was taken, because the access token is good for nothing.
    Unauthenticated,
    /// Nobody knows.
    Unknown,
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What it says.
    pub(crate) told: Told,
    /// The promise that the answer itself breaks, if it does.
    pub(crate) broken: Option<&'static str>,
}

#[derive(Deserialize)]
struct Tracked {
    accepted: usize,
    rejected: Vec<Rejected>,
    #[serde(default)]
    merged_through: Option<u64>,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
}

/// Reads the answer to a request with this many pings.
pub(crate) fn read(answer: &Answer, sent: usize) -> Reading {
    let sound = |told| Reading { told, broken: None };
    let broken = |told, promise| Reading {
        told,
        broken: Some(promise),
    };
    match (answer.status, answer.retry_after) {
        (202, _) => match taken(&answer.body, sent) {
            Some(taken) => sound(taken),
            None => broken(Told::Unknown, "a 202 says of every ping what became of it"),
        },
        (422, _) => sound(Told::Refused),
        (401, _) => sound(Told::Unauthenticated),
        (429 | 503, Some(after)) => sound(Told::Later(after)),
        (429 | 503, None) => broken(Told::Later(Duration::ZERO), "a 429 or 503 says when to come again"),
        (500, _) => broken(Told::Unknown, "no request is answered with a 500"),
        // A body that a proxy held up did not arrive in time.
        (408 | 501.., _) => sound(Told::Unknown),
        _ => broken(Told::Refused, "a sound request is not refused"),
    }
}

fn taken(body: &[u8], sent: usize) -> Option<Told> {
    let tracked: Tracked = serde_json::from_slice(body).ok()?;
    let rejected: BTreeSet<usize> = tracked.rejected.iter().map(|rejected| rejected.index).collect();
    let is_whole = tracked.accepted + rejected.len() == sent && rejected.last().is_none_or(|last| *last < sent);
    is_whole.then_some(Told::Taken {
        rejected,
        merged_through: tracked.merged_through,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<u64>, body: &str) -> Reading {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: body.into(),
        };
        read(&answer, 3)
    }

    #[test]
    fn a_202_tells_ping_by_ping() {
        let body = r#"{"status":"queued","accepted":2,"rejected":[{"index":1,"code":"a"},{"index":1,"code":"b"}],"merged_through":7}"#;
        let told = Told::Taken {
            rejected: [1].into(),
            merged_through: Some(7),
        };
        assert_eq!(answered(202, None, body), Reading { told, broken: None });
    }

    #[test]
    fn a_202_that_forgets_a_ping_breaks_its_promise() {
        for body in [
            r#"{"accepted":2,"rejected":[]}"#,
            r#"{"accepted":2,"rejected":[{"index":3}]}"#,
            "{}",
            "",
        ] {
            let reading = answered(202, None, body);
            assert_eq!(
                (reading.told, reading.broken.is_some()),
                (Told::Unknown, true),
                "{body}"
            );
        }
    }

    #[test]
    fn each_status_is_of_its_class() {
        for (status, retry_after, told, is_broken) in [
            (422, None, Told::Refused, false),
            (401, None, Told::Unauthenticated, false),
            (503, Some(2), Told::Later(Duration::from_secs(2)), false),
            (429, Some(1), Told::Later(Duration::from_secs(1)), false),
            (503, None, Told::Later(Duration::ZERO), true),
            (500, None, Told::Unknown, true),
            (502, None, Told::Unknown, false),
            (408, None, Told::Unknown, false),
            (400, None, Told::Refused, true),
            (403, None, Told::Refused, true),
            (302, None, Told::Refused, true),
        ] {
            let reading = answered(status, retry_after, "{}");
            assert_eq!((reading.told, reading.broken.is_some()), (told, is_broken), "{status}");
        }
    }
}
