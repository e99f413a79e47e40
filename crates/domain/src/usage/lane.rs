//! Which pings are merged before which others: what a person may be watching for does not queue behind somebody's long list.

/// The way a push of pings takes from the door to the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// As they are recorded, or after a short while without a connection.
    Live,
    /// In a long list: of a tracker that was offline for long, or an import.
    Bulk,
}

impl Lane {
    /// Both, the one that is served first in front.
    pub const ALL: [Self; 2] = [Self::Live, Self::Bulk];

    /// The most pings of one push that go the way of the live ones: eight minutes of a tracker that records one every five seconds.
    pub const LIVE_PINGS_MAX: usize = 100;

    /// The lane of so many pings that one device sends at once.
    ///
    /// How old they say they are does not count: that is the device's clock, and old ones in short lists come no faster than others.
    #[must_use]
    pub fn of(pings: usize) -> Self {
        if pings > Self::LIVE_PINGS_MAX {
            Self::Bulk
        } else {
            Self::Live
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_may_be_live_is_bulk() {
        assert_eq!(Lane::of(1), Lane::Live);
        assert_eq!(Lane::of(Lane::LIVE_PINGS_MAX), Lane::Live);
        assert_eq!(Lane::of(Lane::LIVE_PINGS_MAX + 1), Lane::Bulk);
    }
}
