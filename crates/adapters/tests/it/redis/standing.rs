//! Announcements of sessions through a real Redis: two nodes that hear them, and a Redis that stalls, dies, forgets and fills up.

use std::sync::Arc;
use std::time::Duration;

use adapters::ambient::SystemSteadyClock;
use adapters::crypto::{SignedAccessTokens, TokenKey};
use adapters::redis::{Redis, RedisAnnouncements, RedisHearing};
use async_trait::async_trait;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::accounts::{ANNOUNCED_FOR, AccessTokens, Announcements, Heard, Hearing, News, StandingChange};
use ports::{PortError, SteadyClock};
use redis::cmd;
use testkit::servers::Fsync;
use uuid::Uuid;

use super::{House, SHARDS, TestRedis, soon};

const STREAM: &str = "daybook:standing";

/// Both sides.
struct Both {
    announcements: RedisAnnouncements,
    hearing: RedisHearing,
}

impl Both {
    fn of(redis: &Redis) -> Self {
        Self {
            announcements: redis.announcements(),
            hearing: redis.hearing(),
        }
    }
}

#[async_trait]
impl Announcements for Both {
    async fn announce(&self, changes: &[StandingChange]) -> Result<(), PortError> {
        self.announcements.announce(changes).await
    }
}

#[async_trait]
impl Hearing for Both {
    async fn after(&self, heard: Option<&Heard>) -> Result<News, PortError> {
        self.hearing.after(heard).await
    }
}

fn home() -> (TestRedis, Both) {
    let House { server, redis } = House::start();
    (server, Both::of(&redis))
}

testkit::announcements_contract!(home());

fn ended(id: u128) -> StandingChange {
    StandingChange::Ended(SessionId(Uuid::from_u128(id)))
}

async fn entries(house: &House) -> usize {
    house.ask(&["XLEN", STREAM]).await
}

/// Adds an entry as it would have been added so long before the present instant of Redis, or after it.
async fn add_at(house: &House, ms_from_now: i64) {
    let (secs, micros): (i64, i64) = house.ask(&["TIME"]).await;
    let id = format!("{}-0", secs * 1_000 + micros / 1_000 + ms_from_now);
    let mut add = cmd("XADD");
    add.arg(STREAM).arg(&id).arg("ended").arg(&[7_u8; 16]);
    add.query_async::<String>(&mut house.raw().await).await.expect("added");
}

#[test]
fn announcements_can_be_heard_for_longer_than_a_token_lives_whatever_the_clocks_say() {
    let key = TokenKey::random("k").expect("a key");
    let id = Uuid::from_u128;
    let caller = Caller {
        user: UserId(id(1)),
        device: DeviceId(id(2)),
        session: SessionId(id(3)),
        precedence: 1,
    };
    let tokens = SignedAccessTokens::new(&[key]).expect("a key");
    let (_, secs) = tokens.issue(&caller, UnixMs(0)).expect("issued");
    assert!(ANNOUNCED_FOR >= 2 * Duration::from_secs(secs.into()));
}

#[tokio::test]
async fn what_nobody_needs_to_hear_any_more_makes_room_and_nothing_else_does() {
    const MINUTE_MS: i64 = 60_000;
    let house = House::start();
    let kept_ms = i64::try_from(ANNOUNCED_FOR.as_millis()).expect("small");
    for ms in [-10 * kept_ms, -kept_ms - 1, MINUTE_MS - kept_ms, -1_000] {
        add_at(&house, ms).await;
    }
    house.redis.announcements().announce(&[ended(1)]).await.expect("told");
    assert_eq!(entries(&house).await, 3);
}

#[tokio::test]
async fn there_is_a_most_that_can_be_announced_and_nothing_is_dropped_for_more() {
    const ENTRIES_MAX: usize = 100_000;
    const PART: usize = 2_000;
    let house = House::start();
    let fill = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'ended', '0123456789abcdef') end";
    // In parts, each of which Redis answers soon.
    for entries in std::iter::repeat_n(PART, ENTRIES_MAX / PART - 1).chain([PART - 1]) {
        house
            .ask::<()>(&["EVAL", fill, "1", STREAM, &entries.to_string()])
            .await;
    }
    let announcements = house.redis.announcements();
    announcements
        .announce(&[ended(1)])
        .await
        .expect("the last there is room for");
    let refused = announcements.announce(&[ended(2)]).await.expect_err("one too many");
    assert!(
        refused.is_unavailable() && refused.chain().contains(STREAM),
        "{}",
        refused.chain()
    );
    assert_eq!(entries(&house).await, ENTRIES_MAX);
    let mut heard = None;
    let mut changes = 0;
    loop {
        let news = house.redis.hearing().after(heard.as_ref()).await.expect("heard");
        changes += news.changes.len();
        if news.is_all {
            break;
        }
        heard = Some(news.heard);
    }
    assert_eq!(changes, ENTRIES_MAX);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_passed_over() {
    let house = House::start();
    house.redis.announcements().announce(&[ended(1)]).await.expect("told");
    let id: String = house.ask(&["XADD", STREAM, "*", "user", "0123456789abcdef"]).await;
    let hearing = house.redis.hearing();
    for _ in 0..2 {
        let error = hearing.after(None).await.expect_err("words of a newer program");
        assert!(
            !error.is_unavailable() && error.chain().contains(&id),
            "{}",
            error.chain()
        );
    }
    house.ask::<()>(&["XDEL", STREAM, &id]).await;
    assert_eq!(hearing.after(None).await.expect("heard").changes, [ended(1)]);
}

#[tokio::test]
async fn a_redis_that_stalls_is_noticed_and_what_was_announced_is_heard_once_it_goes_on() {
    let mut house = House::start();
    let hearing = house.redis.hearing();
    let clock = SystemSteadyClock;
    let heard = hearing.after(None).await.expect("heard").heard;
    house.server.pause();
    let (asked, error) = (clock.elapsed(), soon(hearing.after(Some(&heard))).await);
    assert!(error.expect_err("it says nothing").is_unavailable());
    assert!(
        clock.elapsed() >= asked + Duration::from_secs(1),
        "it was given its time"
    );
    house.server.resume();
    house.redis.announcements().announce(&[ended(1)]).await.expect("told");
    assert_eq!(hearing.after(None).await.expect("heard").changes, [ended(1)]);
}

#[tokio::test]
async fn a_redis_that_was_killed_has_kept_what_was_announced() {
    let mut house = House::on(TestRedis::start_with(Fsync::Always, 0));
    let (announcements, hearing) = (house.redis.announcements(), house.redis.hearing());
    announcements.announce(&[ended(1)]).await.expect("told");
    let heard = hearing.after(None).await.expect("heard").heard;
    house.server.kill();
    assert!(
        hearing
            .after(Some(&heard))
            .await
            .expect_err("it is gone")
            .is_unavailable()
    );
    assert!(
        announcements
            .announce(&[ended(2)])
            .await
            .expect_err("it is gone")
            .is_unavailable()
    );
    house.server.restart();
    announcements.announce(&[ended(3)]).await.expect("told");
    assert_eq!(hearing.after(None).await.expect("heard").changes, [ended(1), ended(3)]);
}

#[tokio::test]
async fn a_redis_that_is_full_and_takes_no_ping_still_takes_announcements() {
    let house = House::start();
    house.redis.announcements().announce(&[ended(1)]).await.expect("told");
    house.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let set: redis::RedisResult<()> = cmd("SET").arg("n").arg(1).query_async(&mut house.raw().await).await;
    assert_eq!(set.expect_err("full").code(), Some("OOM"));
    house.redis.announcements().announce(&[ended(2)]).await.expect("told");
    let heard = house.redis.hearing().after(None).await.expect("heard");
    assert_eq!(heard.changes, [ended(1), ended(2)]);
}

#[tokio::test]
async fn nodes_that_wait_hear_at_once_each_over_a_connection_of_its_own() {
    let house = House::start();
    let nodes: Vec<Arc<RedisHearing>> = (0..2).map(|_| Arc::new(house.redis.hearing())).collect();
    let mut waiting = Vec::new();
    for node in &nodes {
        let heard = node.after(None).await.expect("heard").heard;
        let node = Arc::clone(node);
        waiting.push(tokio::spawn(async move {
            let mut heard = heard;
            loop {
                let news = node.after(Some(&heard)).await.expect("heard");
                if !news.changes.is_empty() {
                    return news.changes;
                }
                heard = news.heard;
            }
        }));
    }
    let other = Redis::new(house.server.url(), SHARDS).expect("a URL");
    other
        .announcements()
        .announce(&[ended(1), ended(2)])
        .await
        .expect("told");
    for node in waiting {
        assert_eq!(soon(node).await.expect("no panic"), [ended(1), ended(2)]);
    }
}
