//! What a merge brings of each person, in the order in which people are locked.

use domain::accounts::{DeviceId, UserId};
use domain::usage::{Arrival, Seq, Timeline};

use super::heartbeats::Point;

/// Into how many buckets people are divided for locking. Bounds the locks that all merges hold together, whatever number of people they bring.
const BUCKETS: u16 = 1_024;

/// What a merge brings of one person.
pub(super) struct Share {
    /// Who.
    pub(super) user: UserId,
    /// Their claims, joined.
    pub(super) claims: Timeline,
    /// Their heartbeats, each once, in the order of their digests within an instant; what they claim joins the claims once it is known which are there already.
    pub(super) points: Vec<Point>,
    /// The numbers to settle, each with the device that gave it, in ascending order.
    pub(super) numbers: Vec<(DeviceId, Seq)>,
}

impl Share {
    /// The shares in `arrivals`, one for each person, in ascending order of their buckets.
    pub(super) fn of_all(arrivals: &[Arrival]) -> Vec<Self> {
        let place = |arrival| {
            let user = Arrival::user(arrival);
            ((bucket(user), user), arrival)
        };
        let mut places: Vec<((i32, UserId), &Arrival)> = arrivals.iter().map(place).collect();
        places.sort_by_key(|(place, _)| *place);
        places
            .chunk_by(|(place, _), (next, _)| place == next)
            .map(|of_one| Self::of_one(of_one[0].0.1, of_one.iter().map(|(_, arrival)| *arrival)))
            .collect()
    }

    fn of_one<'a>(user: UserId, arrivals: impl ExactSizeIterator<Item = &'a Arrival>) -> Self {
        let count = arrivals.len();
        let (mut claims, mut numbers) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut points = Vec::new();
        for arrival in arrivals {
            match arrival {
                Arrival::Claim { claim, .. } => claims.push(claim.segment.clone()),
                Arrival::Heartbeat { heartbeat } => points.push(Point::of(heartbeat)),
                Arrival::Refused { .. } => {}
            }
            numbers.extend(arrival.numbered());
        }
        numbers.sort_unstable();
        points.sort_unstable_by_key(Point::key);
        points.dedup_by(|one, next| one.key() == next.key());
        Self {
            user,
            claims: Timeline::of(claims),
            points,
            numbers,
        }
    }
}

/// The bucket of a person: ids of version 7 end in random bits. The queue takes its shards from the same bits, so that merges of different shards, where
/// their number is a power of two, never wait for each other.
pub(super) fn bucket(user: UserId) -> i32 {
    let [.., high, low] = user.0.into_bytes();
    i32::from(u16::from_be_bytes([high, low]) % BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn shares_come_in_ascending_order_of_buckets_and_each_person_once() {
        let seq = Seq::new(1).expect("in range");
        let refused = |user: u128| Arrival::Refused {
            user: UserId(Uuid::from_u128(user)),
            device: DeviceId(Uuid::from_u128(7)),
            seq,
        };
        let users = [5, 1_024 + 3, 5, 3, 70_000, 2_048 + 3];
        let arrivals = users.map(refused);
        let shares = Share::of_all(&arrivals);
        let buckets: Vec<_> = shares.iter().map(|share| bucket(share.user)).collect();
        assert_eq!(buckets, [3, 3, 3, 5, 70_000 % 65_536 % 1_024]);
        let of_each = shares.iter().map(|share| share.numbers.len());
        assert_eq!(of_each.collect::<Vec<_>>(), [1, 1, 1, 2, 1]);
    }
}
