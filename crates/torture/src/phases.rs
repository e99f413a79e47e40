//! How long each part of a run took.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The parts of a run, from the first ping on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Phases {
    /// Faults struck.
    pub faults_secs: f32,
    /// Everything was healed and made ready.
    pub healing_secs: f32,
    /// Trackers asked what became of their pings.
    pub asking_secs: f32,
    /// The queue was emptied.
    pub draining_secs: f32,
    /// What is stored was held against what was acknowledged.
    pub checking_secs: f32,
}

impl Phases {
    /// Of the durations, in order.
    #[must_use]
    pub fn of(lasted: [Duration; 5]) -> Self {
        let [faults_secs, healing_secs, asking_secs, draining_secs, checking_secs] =
            lasted.map(|lasted| lasted.as_secs_f32());
        Self {
            faults_secs,
            healing_secs,
            asking_secs,
            draining_secs,
            checking_secs,
        }
    }
}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            faults_secs,
            healing_secs,
            asking_secs,
            draining_secs,
            checking_secs,
        } = self;
        write!(
            f,
            "faults {faults_secs:.1} s, healing {healing_secs:.1} s, asking {asking_secs:.1} s, draining {draining_secs:.1} s, checking {checking_secs:.1} s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_by_its_name() {
        let phases = Phases::of([8_000, 3_250, 100, 12_340, 900].map(Duration::from_millis));
        assert_eq!(
            phases.to_string(),
            "faults 8.0 s, healing 3.2 s, asking 0.1 s, draining 12.3 s, checking 0.9 s"
        );
    }
}
