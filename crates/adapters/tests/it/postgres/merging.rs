//! Merges through the real store end where one ordered merge would, whoever runs them and in whatever order.

use std::collections::BTreeMap;

use adapters::postgres::Timelines;
use domain::accounts::{DeviceId, UserId};
use domain::reports::Stint;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Arrival, Attention, Claim, Holder, Label, Rank, Segment, Seq, Timeline};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{MIDNIGHT, client, database, numbered, ping, ping_of, pool, stored};

const WIPE: &str = "TRUNCATE usage_open, app_usage, usage_progress";

/// A source of numbers that is the same for a seed (Marsaglia, "Xorshift RNGs", 2003).
pub struct Dice(pub u64);

impl Dice {
    /// At least 0, and less than that.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).expect("an index");
            items.swap(last, other);
        }
    }

    /// A numbered ping of one of four people and two devices of each, near a midnight that ends a month; most are short, some reach over a day.
    fn ping(&mut self, numbers: &mut BTreeMap<(u64, u64), u64>) -> Arrival {
        let (user, device) = (self.below(4), self.below(2));
        let number = numbers.entry((user, device)).or_default();
        *number += 1;
        // Tens of milliseconds, so that pings often end where others start.
        let start = MIDNIGHT - 120 + 10 * i64::try_from(self.below(24)).expect("small");
        let length = match i64::try_from(self.below(40)).expect("small") {
            0 => DAY_MS + 7,
            other => 10 + other % 6 * 10,
        };
        let rank = Rank {
            attention: if self.below(4) == 0 {
                Attention::Passive
            } else {
                Attention::Active
            },
            precedence: i32::try_from(self.below(2)).expect("small"),
            device: DeviceId(Uuid::from_u128(u128::from(user * 10 + device))),
            beat: None,
        };
        let label = [("a", None), ("a", Some("x.org")), ("b", None)][usize::try_from(self.below(3)).expect("small")];
        let segment = Segment {
            span: Span::new(UnixMs(start), UnixMs(start + length)).expect("not empty"),
            holder: Holder {
                rank,
                label: Label::trusted(label.0, label.1),
            },
        };
        Arrival::Claim {
            claim: Claim {
                user: UserId(Uuid::from_u128(u128::from(user))),
                segment,
            },
            seq: Some(Seq::new(*number).expect("in range")),
        }
    }

    /// The pings in another order and in batches, some twice.
    fn deliveries(&mut self, pings: &[Arrival]) -> Vec<Vec<Arrival>> {
        let mut all = pings.to_vec();
        for ping in pings {
            if self.below(5) == 0 {
                all.push(ping.clone());
            }
        }
        self.shuffle(&mut all);
        let mut batches = Vec::new();
        while !all.is_empty() {
            let size = usize::try_from(1 + self.below(9)).expect("small").min(all.len());
            batches.push(all.split_off(all.len() - size));
        }
        batches
    }
}

async fn merge_all(timelines: &Timelines, batches: &[Vec<Arrival>]) {
    for batch in batches {
        timelines
            .merge(batch)
            .await
            .unwrap_or_else(|error| panic!("{}", error.chain()));
    }
}

/// What the law says: pieces of each person, and every number settled.
fn expected(pings: &[Arrival]) -> BTreeMap<UserId, Vec<Segment>> {
    let mut claims: BTreeMap<UserId, Vec<Segment>> = BTreeMap::new();
    for ping in pings {
        if let Arrival::Claim { claim, .. } = ping {
            claims.entry(claim.user).or_default().push(claim.segment.clone());
        }
    }
    claims
        .into_iter()
        .map(|(user, claims)| (user, Timeline::of(claims).pieces().collect()))
        .collect()
}

#[tokio::test]
async fn concurrent_merges_in_any_order_leave_the_rows_of_one_ordered_merge() {
    let (server, database) = database().await;
    let client = client(&server).await;
    let (one, other) = (Timelines::new(database), Timelines::new(pool(&server)));
    let around = Span::new(UnixMs(MIDNIGHT - 40 * DAY_MS), UnixMs(MIDNIGHT + 40 * DAY_MS)).expect("not empty");
    for seed in 1..=16_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut numbers = BTreeMap::new();
        let pings: Vec<_> = (0..150).map(|_| dice.ping(&mut numbers)).collect();
        let batches = dice.deliveries(&pings);
        let (ones, others) = batches.split_at(batches.len() / 2);
        client.batch_execute(WIPE).await.expect("wipe");
        tokio::join!(merge_all(&one, ones), merge_all(&other, others));
        let concurrent = stored(&client).await;
        for (user, pieces) in expected(&pings) {
            let read = one.pieces(user, around).await.expect("read");
            assert_eq!(read, pieces, "seed {seed}");
            let stints = one.stints(user, around).await.expect("read");
            assert_eq!(
                stints,
                pieces.iter().map(Stint::from).collect::<Vec<_>>(),
                "seed {seed}"
            );
        }
        let again = one.merge(&pings).await.expect("merge");
        assert_eq!(again.rows, 0, "seed {seed}");
        for (device, through) in again.merged_through {
            let (user, device) = (device.0.as_u128() / 10, device.0.as_u128() % 10);
            let key = (
                u64::try_from(user).expect("small"),
                u64::try_from(device).expect("small"),
            );
            assert_eq!(through, numbers[&key], "seed {seed}");
        }

        client.batch_execute(WIPE).await.expect("wipe");
        one.merge(&pings).await.expect("merge");
        assert_eq!(concurrent, stored(&client).await, "seed {seed}");
    }
}

#[tokio::test]
async fn merges_that_name_the_same_people_in_opposite_order_never_deadlock() {
    let (server, database) = database().await;
    let (one, other) = (Timelines::new(database), Timelines::new(pool(&server)));
    let batches = |device: u128, reverse: bool| -> Vec<Vec<_>> {
        let batch = |round: i64| {
            // Ids that differ in their last bytes, so that they fall into different buckets.
            let mut pings: Vec<_> = (1..=60)
                .map(|user| {
                    ping_of(
                        user,
                        (round * 10, round * 10 + 10),
                        device,
                        if round % 2 == 0 { "a" } else { "b" },
                    )
                })
                .collect();
            if reverse {
                pings.reverse();
            }
            pings
        };
        (0..40).map(batch).collect()
    };
    let (ones, others) = (batches(1, false), batches(2, true));
    tokio::join!(merge_all(&one, &ones), merge_all(&other, &others));
    let client = client(&server).await;
    assert_eq!(stored(&client).await.len(), 60 * 40);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(
        client
            .query_one(deadlocks, &[])
            .await
            .expect("statistics")
            .get::<_, i64>(0),
        0
    );
}

#[tokio::test]
async fn a_merge_that_is_refused_leaves_no_trace_and_its_people_can_be_merged_again() {
    let (server, database) = database().await;
    let client = client(&server).await;
    let timelines = Timelines::new(database);
    let before = [
        ping_of(1, (0, 5), 1, "a"),
        ping_of(2, (0, 5), 2, "a"),
        ping_of(3, (0, 5), 3, "a"),
    ];
    timelines.merge(&before).await.expect("merge");
    let left = stored(&client).await;
    let poison = "ALTER TABLE app_usage ADD CONSTRAINT app_usage_poison CHECK (app_name <> 'poison')";
    client.batch_execute(poison).await.expect("alter");
    let mut pings = vec![
        numbered(ping_of(1, (5, 9), 1, "a"), 1),
        ping_of(2, (5, 9), 2, "b"),
        ping_of(3, (5, 9), 3, "poison"),
        ping_of(3, (9, 12), 3, "b"),
    ];
    let refused = timelines.merge(&pings).await.expect_err("poison");
    assert!(!refused.is_unavailable());
    assert!(
        refused.chain().contains("app_usage_poison") && !refused.chain().contains('\n'),
        "{}",
        refused.chain()
    );
    assert_eq!(stored(&client).await, left);
    pings.truncate(2);
    assert!(timelines.merge(&pings).await.expect("merge").rows > 0);
}

#[tokio::test]
async fn a_row_that_vanishes_under_a_merge_fails_it_instead_of_losing_a_ping() {
    let (server, database) = database().await;
    let client = client(&server).await;
    let timelines = Timelines::new(database);
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
    let vanish = "CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
        CREATE TRIGGER vanish BEFORE UPDATE ON usage_open FOR EACH ROW EXECUTE FUNCTION vanish()";
    client
        .batch_execute(vanish)
        .await
        .expect("a trigger that skips the update");
    let failed = timelines
        .merge(&[numbered(ping(5, 9, 1, "a"), 1)])
        .await
        .expect_err("nothing was extended");
    assert!(
        failed.chain().contains("a merge wrote 0 of the 1 rows it named"),
        "{}",
        failed.chain()
    );
    client
        .batch_execute("DROP TRIGGER vanish ON usage_open")
        .await
        .expect("drop");
    let merged = timelines
        .merge(&[numbered(ping(5, 9, 1, "a"), 1)])
        .await
        .expect("merge");
    assert_eq!(
        merged.rows, 1,
        "neither the piece nor the number beside it was kept before"
    );
}

#[tokio::test]
async fn text_that_cannot_be_stored_is_refused_for_good() {
    let (_server, database) = database().await;
    let refused = Timelines::new(database).merge(&[ping(0, 5, 1, "a\0b")]).await;
    assert!(!refused.expect_err("no such character").is_unavailable());
}

#[tokio::test]
async fn a_merge_that_is_given_up_midway_leaves_a_connection_that_works() {
    let (server, _) = database().await;
    let client = client(&server).await;
    let mut settings = adapters::postgres::Settings::new(server.worker_database_url());
    settings.connections_max = 1;
    let timelines = Timelines::new(adapters::postgres::connect(&settings).expect("a pool"));
    client
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1, 1)")
        .await
        .expect("lock");
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let (pings, mut polls) = ([ping(0, 5, 1, "a")], 0);
    tokio::select! {
        merged = timelines.merge(&pings) => panic!("the lock is held: {merged:?}"),
        () = async { while client.query_one(waiting, &[]).await.expect("locks").get::<_, i64>(0) == 0 { polls += 1 } } => {}
    }
    client.batch_execute("COMMIT").await.expect("unlock");
    timelines.merge(&[ping(5, 9, 1, "b")]).await.expect("merge");
    assert_eq!(
        stored(&client).await.len(),
        1,
        "after {polls} looks: what was given up was rolled back"
    );
}

#[tokio::test]
async fn what_is_read_during_merges_is_always_whole() {
    let (server, database) = database().await;
    let (writer, reader) = (Timelines::new(database), Timelines::new(pool(&server)));
    let window = Span::new(UnixMs(MIDNIGHT - DAY_MS), UnixMs(MIDNIGHT + DAY_MS)).expect("not empty");
    let user = UserId(Uuid::from_u128(1));
    let batches: Vec<_> = (-150..150)
        .map(|round| {
            vec![ping(
                round * 10,
                round * 10 + 10,
                1,
                if round % 3 == 0 { "a" } else { "b" },
            )]
        })
        .collect();
    let reading = async {
        let mut reads = 0;
        loop {
            let pieces = reader.pieces(user, window).await.expect("read");
            assert!(
                pieces.windows(2).all(|pair| pair[0].span.end() == pair[1].span.start()),
                "{pieces:?}"
            );
            assert!(
                pieces
                    .first()
                    .is_none_or(|first| first.span.start().0 == MIDNIGHT - 1_500)
            );
            reads += 1;
            if pieces.last().is_some_and(|last| last.span.end().0 == MIDNIGHT + 1_500) {
                return reads;
            }
        }
    };
    let ((), reads) = tokio::join!(merge_all(&writer, &batches), reading);
    assert!(reads > 1, "reads and merges took turns");
}

#[tokio::test]
async fn what_a_merge_writes_counts_pieces_and_not_pings() {
    let (_server, database) = database().await;
    let timelines = Timelines::new(database);
    // Ten minutes of a tracker that sends every five seconds.
    let batch = |from: u64, app: &str| -> Vec<_> {
        let ping_at = |number: u64| {
            let start = i64::try_from(number).expect("small") * 5_000;
            numbered(ping(start, start + 5_000, 1, app), number + 1)
        };
        (from..from + 120).map(ping_at).collect()
    };
    for (from, app, rows, what) in [
        (0, "a", 1, "the open piece with its number, made"),
        (120, "a", 1, "the same, extended"),
        (240, "b", 2, "another open piece, and the one that it closes"),
        (240, "b", 0, "the same again"),
    ] {
        let merged = timelines.merge(&batch(from, app)).await.expect("merge");
        assert_eq!(merged.rows, rows, "{what}");
        assert_eq!(
            merged.merged_through,
            [(DeviceId(Uuid::from_u128(1)), from + 120)],
            "{what}"
        );
    }
}

#[tokio::test]
async fn the_number_stands_beside_the_open_piece_of_its_device_and_nowhere_else() {
    let (server, database) = database().await;
    let client = client(&server).await;
    let timelines = Timelines::new(database);
    let numbers = "SELECT (SELECT coalesce(string_agg(right(numbered_by::text, 1) || ':' || merged_through, ''), '-') FROM usage_open) || ' ' || \
        (SELECT coalesce(string_agg(right(device_id::text, 1) || ':' || merged_through || ahead::text, ' ' ORDER BY device_id), '-') FROM usage_progress)";
    for ((at, device, number), expected) in [
        ((0, 1, 1), "1:1 -"),
        ((5, 1, 3), "- 1:1{3,3}"),
        ((10, 1, 2), "1:3 -"),
        ((15, 2, 1), "2:1 1:3{}"),
        ((2, 1, 4), "2:1 1:4{}"),
        ((20, 1, 5), "1:5 2:1{}"),
    ] {
        let pings = [numbered(ping(at, at + 5, device, "a"), number)];
        timelines.merge(&pings).await.expect("merge");
        let row = client.query_one(numbers, &[]).await.expect("numbers");
        assert_eq!(
            row.get::<_, &str>(0),
            expected,
            "after number {number} of device {device}"
        );
    }
}

/// Rows of `usage_open` that were updated, and of these without touching an index, once the sessions that did it have reported.
async fn updates(client: &Client, expected: i64) -> (i64, i64) {
    let sql = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'usage_open'";
    loop {
        let row = client.query_one(sql, &[]).await.expect("statistics");
        if row.get::<_, i64>(0) >= expected {
            return (row.get(0), row.get(1));
        }
    }
}

#[tokio::test]
async fn extending_the_open_piece_is_a_hot_update() {
    let (server, database) = database().await;
    let timelines = Timelines::new(database);
    let round = |round: i64| -> Vec<_> {
        (1..=400)
            .map(|user| ping_of(user, (round * 5, round * 5 + 5), 1, "app"))
            .collect()
    };
    timelines.merge(&round(0)).await.expect("merge");
    for number in 1..=30 {
        assert_eq!(timelines.merge(&round(number)).await.expect("merge").rows, 400);
    }
    // A session reports what it did when it ends, at the latest.
    drop(timelines);
    assert_eq!(updates(&client(&server).await, 12_000).await, (12_000, 12_000));
}
