//! How many trackers there are, and how they behave.

use std::path::PathBuf;
use std::time::Duration;

use testkit::runs::Failure;

/// The plan of a fleet.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// How many people, 1 to [`Self::PEOPLE_MAX`].
    pub people: usize,
    /// How many devices each of them has, 1 to [`Self::DEVICES_MAX`].
    pub devices: usize,
    /// The longest pause between two requests of a device.
    pub pause_max: Duration,
    /// How long a device waits for an answer.
    pub answer_max: Duration,
    /// The longest that a device waits because a `Retry-After` says so.
    pub retry_after_max: Duration,
    /// How long `finish` goes on asking what became of a ping while nothing is accepted of anybody.
    pub patience: Duration,
    /// How long faults will strike: what a device makes in a run is spread over it, where it is long.
    pub lasts: Duration,
    /// Where each device's log is written, too.
    pub directory: Option<PathBuf>,
}

impl Default for FleetPlan {
    fn default() -> Self {
        Self {
            people: 12,
            devices: 2,
            pause_max: Duration::from_millis(120),
            answer_max: Duration::from_secs(3),
            retry_after_max: Duration::from_millis(500),
            patience: Duration::from_secs(90),
            lasts: Duration::from_secs(30),
            directory: None,
        }
    }
}

impl FleetPlan {
    /// The most people.
    pub const PEOPLE_MAX: usize = 1_000;
    /// The most devices of one person: as many as a person may sign in on with some to spare.
    pub const DEVICES_MAX: usize = 16;

    pub(super) fn check(&self) -> Result<(), Failure> {
        if (1..=Self::PEOPLE_MAX).contains(&self.people) && (1..=Self::DEVICES_MAX).contains(&self.devices) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} people with {} devices each cannot be: 1 to {} and 1 to {} can",
            self.people,
            self.devices,
            Self::PEOPLE_MAX,
            Self::DEVICES_MAX
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::FleetPlan;

    #[test]
    fn a_fleet_is_neither_empty_nor_without_bound() {
        let plan = |people, devices| FleetPlan {
            people,
            devices,
            ..FleetPlan::default()
        };
        for (people, devices, sound) in [
            (1, 1, true),
            (1_000, 16, true),
            (0, 1, false),
            (1, 0, false),
            (1_001, 1, false),
            (1, 17, false),
        ] {
            assert_eq!(plan(people, devices).check().is_ok(), sound, "{people} × {devices}");
        }
    }
}
