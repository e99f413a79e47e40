use std::fs::{self, OpenOptions};

use proptest::prelude::*;
use tempfile::TempDir;

use domain::time::Span;
use domain::usage::{AppName, Domain};

use super::*;

const BASE: i64 = 1_772_355_600_000;

fn ping(number: i64) -> Ping {
    let start = UnixMs(BASE + 5_000 * number);
    let is_browser = number % 2 != 0;
    Ping {
        app: AppName::parse(if is_browser { "Browser" } else { "Editor" }).expect("a name"),
        domain: Domain::of_url(if is_browser {
            "https://example.org/"
        } else {
            "about:blank"
        })
        .expect("a URL"),
        passive: number % 3 == 0,
        span: Span::new(start, start.plus_ms(5_000)).expect("not empty"),
    }
}

fn pings(numbers: std::ops::Range<i64>) -> Vec<Ping> {
    numbers.map(ping).collect()
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn open(dir: &TempDir) -> Spool {
    Spool::open(dir.path(), 10_000).expect("opened")
}

/// What would be sent: each number, and the number of the ping that goes with it.
fn numbers(spool: &mut Spool) -> Vec<(u64, u64)> {
    let offers = spool.offers(0, usize::MAX);
    offers.iter().map(|offer| (offer.seq, offer.kept.seq)).collect()
}

fn own_numbers(range: std::ops::RangeInclusive<u64>) -> Vec<(u64, u64)> {
    range.map(|seq| (seq, seq)).collect()
}

#[test]
fn pings_are_there_again_after_a_restart_and_numbers_go_on() {
    let dir = dir();
    let mut spool = open(&dir);
    assert_eq!(spool.keep(&pings(0..3)).expect("kept"), 0);
    drop(spool);
    let mut spool = open(&dir);
    spool.keep(&pings(3..4)).expect("kept");
    let offers = spool.offers(0, 100);
    let expected: Vec<Offer> = (1..)
        .zip(pings(0..4))
        .map(|(seq, ping)| Offer {
            seq,
            kept: Kept { seq, ping },
        })
        .collect();
    assert_eq!(offers, expected);
    assert_eq!(spool.offers(2, 1), expected[2..3]);
    assert_eq!(summary(dir.path()).expect("readable"), spool.summary());
}

#[test]
fn only_what_is_merged_is_cut_and_numbers_go_on_above_it() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.keep(&pings(0..5)).expect("kept");
    assert_eq!(numbers(&mut spool), own_numbers(1..=5));
    assert_eq!(spool.answered(0, UnixMs(BASE)).expect("written"), News::None);
    assert_eq!(spool.waiting(), 5);
    assert_eq!(spool.answered(3, UnixMs(BASE)).expect("written"), News::Merged);
    let older = spool.answered(2, UnixMs(BASE + 7)).expect("written");
    assert_eq!(older, News::None);
    assert_eq!(numbers(&mut spool), own_numbers(4..=5));
    spool.answered(5, UnixMs(BASE + 9)).expect("written");
    drop(spool);
    let mut spool = open(&dir);
    spool.keep(&pings(5..6)).expect("kept");
    assert_eq!(numbers(&mut spool), own_numbers(6..=6));
    let summary = spool.summary();
    assert_eq!((summary.merged, summary.answered_at), (5, Some(UnixMs(BASE + 9))));
}

#[test]
fn a_line_torn_anywhere_was_never_kept_and_harms_no_other() {
    let dir = dir();
    open(&dir).keep(&pings(0..2)).expect("kept");
    let path = dir.path().join("spool");
    let whole = fs::read(&path).expect("there");
    let lines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let start_of_last = lines[lines.len() - 2] + 1;
    for length in start_of_last..whole.len() {
        fs::write(&path, &whole[..length]).expect("torn");
        let mut spool = open(&dir);
        assert_eq!(numbers(&mut spool), own_numbers(1..=1), "torn at {length}");
        spool.keep(&pings(7..8)).expect("kept");
        drop(spool);
        let spool = open(&dir);
        assert_eq!(
            (spool.waiting(), spool.summary().unreadable),
            (2, 0),
            "torn at {length}"
        );
    }
}

#[test]
fn a_damaged_line_is_counted_and_its_number_goes_with_the_next_ping() {
    let dir = dir();
    open(&dir).keep(&pings(0..4)).expect("kept");
    let path = dir.path().join("spool");
    let mut bytes = fs::read(&path).expect("there");
    let at = bytes
        .windows(8)
        .position(|window| window == br#"{"seq":2"#)
        .expect("the second");
    bytes[at] = b'?';
    fs::write(&path, bytes).expect("damaged");
    let mut spool = open(&dir);
    assert_eq!(spool.summary().unreadable, 1);
    assert_eq!(numbers(&mut spool), [(1, 1), (2, 3), (3, 3), (4, 4)]);
}

#[test]
fn a_full_spool_drops_the_oldest_counts_them_and_leaves_no_number_out() {
    let dir = dir();
    let mut spool = Spool::open(dir.path(), 200).expect("opened");
    assert_eq!(spool.keep(&pings(0..200)).expect("kept"), 0);
    assert_eq!(spool.keep(&pings(200..201)).expect("kept"), 2);
    assert_eq!(spool.keep(&pings(201..202)).expect("kept"), 0);
    assert_eq!(spool.waiting(), 200);
    let expected: Vec<_> = [(1, 3), (2, 3)].into_iter().chain(own_numbers(3..=202)).collect();
    assert_eq!(numbers(&mut spool), expected);
    assert_eq!(spool.keep(&pings(0..1_000)).expect("kept"), 1_000);
    assert_eq!((spool.waiting(), spool.summary().dropped), (200, 1_002));
    drop(spool);
    let spool = Spool::open(dir.path(), 200).expect("opened");
    assert_eq!((spool.waiting(), spool.summary().dropped), (200, 1_002));
}

#[test]
fn a_spool_holds_so_many_bytes_and_no_more_whatever_the_pings_are_called() {
    let dir = dir();
    let named = |number: i64, chars: usize| Ping {
        app: AppName::parse(&"x".repeat(chars)).expect("a name"),
        ..ping(number)
    };
    let three = [named(0, 255), named(2, 255), named(4, 10)];
    let mut spool = Spool::open(dir.path(), 1_000).expect("opened");
    spool.keep(&three).expect("kept");
    let bytes = spool.summary().bytes;
    drop(spool);
    let bounds = Bounds { pings: 1_000, bytes };
    let mut spool = Spool::open_within(dir.path(), bounds).expect("opened");
    assert_eq!(
        (spool.waiting(), spool.summary().bytes),
        (3, bytes),
        "at the bound nothing goes"
    );
    assert_eq!(spool.keep(&[named(6, 1)]).expect("kept"), 1, "one is enough");
    assert!(spool.summary().bytes < bytes);
    assert_eq!(numbers(&mut spool), [(1, 2), (2, 2), (3, 3), (4, 4)]);
    drop(spool);
    let spool = Spool::open_within(dir.path(), bounds).expect("opened");
    let summary = spool.summary();
    assert_eq!((summary.waiting, summary.dropped), (3, 1));
}

#[test]
fn a_refused_ping_goes_and_its_number_stays() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.keep(&pings(0..3)).expect("kept");
    spool.refuse(3).expect("written");
    spool.refuse(1).expect("written");
    spool.refuse(1).expect("written twice");
    assert_eq!(numbers(&mut spool), [(1, 2), (2, 2)]);
    drop(spool);
    let mut spool = open(&dir);
    assert_eq!(spool.summary().refused, 2);
    spool.keep(&pings(3..4)).expect("kept");
    assert_eq!(numbers(&mut spool), [(1, 2), (2, 2), (3, 4), (4, 4)]);
}

#[test]
fn a_spool_that_was_lost_goes_on_above_the_servers_number_and_sends_everything() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.keep(&pings(0..7)).expect("kept");
    assert_eq!(numbers(&mut spool), own_numbers(1..=7));
    // Below our own numbers, so only the first answer to a new spool can tell that this is somebody else's count.
    assert_eq!(spool.answered(5, UnixMs(BASE)).expect("written"), News::Renumbered);
    assert_eq!(numbers(&mut spool), own_numbers(6..=12));
    assert_eq!(spool.answered(6, UnixMs(BASE)).expect("written"), News::Merged);
    drop(spool);
    let mut spool = open(&dir);
    assert_eq!(numbers(&mut spool), own_numbers(7..=12));
    assert_eq!(spool.offers(0, 1)[0].kept.ping.span, ping(1).span);
}

#[test]
fn a_number_never_sent_is_not_believed() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.answered(0, UnixMs(BASE)).expect("written");
    spool.keep(&pings(0..10)).expect("kept");
    spool.offers(0, 4);
    assert_eq!(spool.answered(5, UnixMs(BASE)).expect("written"), News::Renumbered);
    assert_eq!(numbers(&mut spool), own_numbers(6..=15));
}

#[test]
fn numbers_follow_a_server_that_lost_count() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.keep(&pings(0..10)).expect("kept");
    numbers(&mut spool);
    spool.answered(0, UnixMs(BASE)).expect("written");
    spool.answered(8, UnixMs(BASE)).expect("written");
    spool.refuse(9).expect("written");
    spool.renumber(4).expect("written");
    drop(spool);
    let mut spool = open(&dir);
    assert_eq!(numbers(&mut spool), own_numbers(4..=4));
    assert_eq!(spool.offers(0, 1)[0].kept.ping.span, ping(9).span);
}

#[test]
fn the_file_does_not_grow_with_what_is_gone() {
    let dir = dir();
    let mut spool = open(&dir);
    for number in 0..2_000 {
        spool.keep(&[ping(number)]).expect("kept");
        let last = spool.offers(0, 1).last().expect("one").seq;
        spool.answered(last - 1, UnixMs(BASE)).expect("written");
        spool.answered(last, UnixMs(BASE)).expect("written");
    }
    let bytes = fs::metadata(dir.path().join("spool")).expect("there").len();
    assert!(bytes < 200_000, "{bytes} bytes");
    assert_eq!(spool.summary().merged, 2_000);
}

#[test]
fn the_pings_of_one_account_are_not_given_to_another() {
    let dir = dir();
    let mut spool = open(&dir);
    assert!(spool.own("ada@example.org").expect("written"));
    spool.keep(&pings(0..1)).expect("kept");
    drop(spool);
    let mut spool = open(&dir);
    assert!(!spool.own("bob@example.org").expect("read"));
    assert!(spool.own("ada@example.org").expect("read"));
    numbers(&mut spool);
    spool.answered(0, UnixMs(BASE)).expect("written");
    spool.answered(1, UnixMs(BASE)).expect("written");
    assert!(spool.own("bob@example.org").expect("written"));
    assert_eq!(
        summary(dir.path()).expect("readable").owner.as_deref(),
        Some("bob@example.org")
    );
}

#[test]
fn a_failed_write_keeps_nothing_and_the_next_one_works() {
    let dir = dir();
    let mut spool = open(&dir);
    spool.keep(&pings(0..1)).expect("kept");
    let path = dir.path().join("spool");
    let working = std::mem::replace(&mut spool.file, File::open(&path).expect("for reading only"));
    assert!(spool.keep(&pings(1..2)).is_err());
    spool.file = working;
    // As a disk that filled up in the middle of the line leaves it.
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"0badc0de {\"pi"))
        .expect("torn");
    spool.keep(&pings(2..3)).expect("kept");
    drop(spool);
    let mut spool = open(&dir);
    assert_eq!(
        (numbers(&mut spool), spool.summary().unreadable),
        (own_numbers(1..=2), 0)
    );
}

#[derive(Debug, Clone)]
enum Act {
    Keep(i64),
    Offer(usize),
    /// The server merged this share of what was offered, in percent.
    Merge(u64),
    Refuse(u64),
    Crash(Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..40_i64).prop_map(Act::Keep),
        4 => (1..60_usize).prop_map(Act::Offer),
        3 => (0..=100_u64).prop_map(Act::Merge),
        1 => (1..50_u64).prop_map(Act::Refuse),
        2 => proptest::collection::vec(32..127_u8, 0..60).prop_map(Act::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens, every ping is kept until it is merged or refused, in order, and the numbers offered have no gap.
    #[test]
    fn nothing_is_forgotten_before_it_is_merged(acts in proptest::collection::vec(act(), 1..40)) {
        let dir = dir();
        let mut spool = open(&dir);
        let mut model: Vec<(u64, Ping)> = Vec::new();
        let (mut made, mut offered) = (0, 0);
        spool.answered(0, UnixMs(BASE)).expect("written");
        for act in acts {
            match act {
                Act::Keep(count) => {
                    let more = pings(made..made + count);
                    spool.keep(&more).expect("kept");
                    model.extend((made.unsigned_abs() + 1..).zip(more));
                    made += count;
                }
                Act::Offer(max) => {
                    let offers = spool.offers(offered, max);
                    offered = offers.last().map_or(offered, |offer| offer.seq);
                }
                Act::Merge(percent) => {
                    let merged = spool.merged() + offered.saturating_sub(spool.merged()) * percent / 100;
                    spool.answered(merged, UnixMs(BASE)).expect("written");
                    model.retain(|(seq, _)| *seq > merged);
                }
                Act::Refuse(seq) => {
                    spool.refuse(seq).expect("written");
                    model.retain(|(kept, _)| *kept != seq);
                }
                Act::Crash(half_a_line) => {
                    drop(spool);
                    let mut file = OpenOptions::new().append(true).open(dir.path().join("spool")).expect("there");
                    file.write_all(&half_a_line).expect("torn");
                    spool = open(&dir);
                }
            }
            let kept: Vec<(u64, Ping)> = spool.book.queue().iter().map(|kept| (kept.seq, kept.ping.clone())).collect();
            prop_assert_eq!(&kept, &model);
            let offers = spool.book.offers(0, usize::MAX);
            let seqs: Vec<u64> = offers.iter().map(|offer| offer.seq).collect();
            let last = model.last().map_or(spool.merged(), |(seq, _)| *seq);
            prop_assert_eq!(seqs, (spool.merged() + 1..=last).collect::<Vec<_>>());
            prop_assert!(offers.iter().all(|offer| offer.kept.seq >= offer.seq));
        }
    }
}
