//! The names under which everything lives in Redis. They are shared by every process of an installation and stay as they are.

use domain::accounts::UserId;
use domain::time::UnixMs;
use domain::usage::Lane;

/// The group of all workers in each stream of pings.
pub(super) const GROUP: &str = "daybook";
/// The group by which workers take the newest of a live lane that lags.
pub(super) const NEWEST: &str = "daybook-newest";
/// How many shards there are.
pub(super) const SHARDS: &str = "daybook:pings:shards";
/// The stream of dead letters.
pub(super) const DEAD: &str = "daybook:pings:dead";
/// A hash: what became of all arrivals, see [`ports::usage::Books`]. Its fields are those of the books, as decimal numbers; one that is missing is 0.
pub(super) const BOOKS: &str = "daybook:pings:books";
/// A hash: through which number each device's pings are merged. Its fields are the 16 bytes of a device's id.
pub(super) const MERGED: &str = "daybook:merged";

/// The stream of what changed for access tokens that are out, and for privacy rules that are known.
pub(super) const STANDING: &str = "daybook:standing";
/// Of an entry there: sessions that have ended, 16 bytes each.
pub(super) const ENDED: &str = "ended";
/// Of an entry there: sessions and the precedences of their devices, 16 and 4 bytes each, the number with its highest byte first.
pub(super) const PRECEDENCE: &str = "precedence";
/// Of an entry there: people and the versions of their privacy rules, 16 and 8 bytes each, the number with its highest byte first.
pub(super) const RULES: &str = "rules";
/// What the keys begin with under which failures to sign in are counted.
pub(super) const THROTTLE: &str = "daybook:throttle:";

/// The one field of an entry of pings: the arrivals.
pub(super) const ARRIVALS: &str = "p";
/// Of a dead letter: its bytes, an entry of pings where they can be read. How many arrivals it counts as is in a field `n`, which only scripts read.
pub(super) const LETTER: &str = "p";
/// Of a dead letter: why.
pub(super) const REASON: &str = "reason";
/// Of a dead letter: the shard it came from.
pub(super) const SHARD: &str = "shard";

/// The stream of a shard's lane.
pub(super) fn pings(shard: u16, lane: Lane) -> String {
    match lane {
        Lane::Live => format!("daybook:pings:{shard}"),
        Lane::Bulk => format!("daybook:pings:{shard}:bulk"),
    }
}

/// The streams of all lanes of all shards: whoever counts or scans what waits goes through them.
pub(super) fn streams(shards: u16) -> impl Iterator<Item = String> {
    (0..shards).flat_map(|shard| Lane::ALL.map(|lane| pings(shard, lane)))
}

/// When an entry of this id was put into its stream, by Redis' clock; `None` when no entry has such an id.
pub(super) fn put_at(id: &str) -> Option<UnixMs> {
    let (ms, count) = id.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(ms) && is_number(count) && count.parse::<u64>().is_ok()).then(|| ms.parse().ok().map(UnixMs))?
}

/// The shard that holds all pings of `user`: ids of version 7 end in random bits.
pub(super) fn shard_of(user: UserId, shards: u16) -> u16 {
    let [.., high, low] = user.0.into_bytes();
    u16::from_be_bytes([high, low]) % shards.max(1)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn users_who_registered_one_after_the_other_are_spread_over_all_shards() {
        let mut users = [0_u32; 7];
        for _ in 0..7_000 {
            #[expect(clippy::disallowed_methods, reason = "the ids must be those that are given out")]
            let user = UserId(Uuid::now_v7());
            users[usize::from(shard_of(user, 7))] += 1;
        }
        assert!(users.iter().all(|count| (800..1_200).contains(count)), "{users:?}");
    }
}
