//! How many files the process may open: connections are files, and systems allow few unless they are asked.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many descriptors a client's connection takes: one to serve it, one to close it with when it rests for too long.
const PER_CONNECTION: u64 = 2;
/// For everything else: Postgres, Redis, listeners, logs.
const BESIDE: u64 = 1_024;

/// Allows as many open files as that many connections need, or as many as may be had, and warns when those are too few.
pub fn allow(connections_max: u32) {
    let wanted = u64::from(connections_max) * PER_CONNECTION + BESIDE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(change) = raised(current, maximum, wanted) else {
        return;
    };
    let allowed = match setrlimit(Resource::Nofile, change) {
        Ok(()) => change.current,
        Err(_) => current,
    };
    if allowed.is_some_and(|allowed| allowed < wanted) {
        tracing::warn!(
            allowed,
            wanted,
            "fewer files may be open than DAYBOOK_CONNECTIONS_MAX needs; raise the limit (ulimit -n), or lower the setting"
        );
    }
}

/// The limit to set; `None` when the present one will do. `None` within is no limit.
fn raised(current: Option<u64>, maximum: Option<u64>, wanted: u64) -> Option<Rlimit> {
    let enough = current.is_none_or(|current| current >= wanted);
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    (!enough).then_some(Rlimit {
        current: Some(most.max(current.unwrap_or(most))),
        maximum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_is_needed_and_allowed_and_never_lowered() {
        let to = |current, maximum, wanted| raised(current, maximum, wanted).and_then(|limit| limit.current);
        assert_eq!(to(Some(1_024), Some(4_096), 2_000), Some(2_000));
        assert_eq!(to(Some(1_024), Some(4_096), 5_000), Some(4_096));
        assert_eq!(to(Some(1_024), None, 5_000), Some(5_000));
        assert_eq!(to(Some(2_000), Some(4_096), 2_000), None);
        assert_eq!(to(None, None, 2_000), None);
        assert_eq!(to(Some(4_096), Some(4_096), 5_000), Some(4_096));
    }
}
