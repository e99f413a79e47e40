//! What a merge brings of each person, in the order in which people are locked.

use std::collections::BTreeMap;

use domain::accounts::{DeviceId, UserId};
use domain::usage::{Arrival, Segment, Seq, Timeline};

/// Into how many buckets people are divided for locking. Bounds the locks that all merges hold together, whatever number of people they bring.
const BUCKETS: u16 = 1_024;

/// What a merge brings of one person.
pub(super) struct Share {
    /// Who.
    pub(super) user: UserId,
    /// Their claims, joined.
    pub(super) claims: Timeline,
    /// The numbers to settle, by the device that gave them.
    pub(super) numbers: BTreeMap<DeviceId, Vec<Seq>>,
    /// How many arrivals that is made of.
    pub(super) arrivals: usize,
}

impl Share {
    /// The shares in `arrivals`, one for each person, in ascending order of their buckets.
    pub(super) fn of_all(arrivals: &[Arrival]) -> Vec<Self> {
        let mut people: BTreeMap<(i32, UserId), Gathered> = BTreeMap::new();
        for arrival in arrivals {
            let user = arrival.user();
            let gathered = people.entry((bucket(user), user)).or_default();
            gathered.arrivals += 1;
            if let Arrival::Claim { claim, .. } = arrival {
                gathered.claims.push(claim.segment.clone());
            }
            if let Some((device, seq)) = arrival.numbered() {
                gathered.numbers.entry(device).or_default().push(seq);
            }
        }
        let share = |((_, user), gathered): ((i32, UserId), Gathered)| Self {
            user,
            claims: Timeline::of(gathered.claims),
            numbers: gathered.numbers,
            arrivals: gathered.arrivals,
        };
        people.into_iter().map(share).collect()
    }
}

/// A share whose claims are not joined yet.
#[derive(Default)]
struct Gathered {
    claims: Vec<Segment>,
    numbers: BTreeMap<DeviceId, Vec<Seq>>,
    arrivals: usize,
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
        assert_eq!(shares[3].numbers.values().flatten().count(), 2);
        assert_eq!(
            shares.iter().map(|share| share.arrivals).collect::<Vec<_>>(),
            [1, 1, 1, 2, 1]
        );
    }
}
