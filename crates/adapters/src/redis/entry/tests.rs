use std::sync::Arc;

use domain::usage::{Beat, Context, ContextText, Heartbeat, Kind, Mention, Patience};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn id() -> impl Strategy<Value = Uuid> {
    // Few, so that neighbours often share a group.
    prop_oneof![
        Just(Uuid::nil()),
        Just(Uuid::max()),
        any::<u128>().prop_map(Uuid::from_u128)
    ]
}

fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![Just(1), Just(Seq::MAX), 1..=Seq::MAX].prop_map(|number| Seq::new(number).expect("in range"))
}

fn span() -> impl Strategy<Value = Span> {
    let widest = Just((i64::MIN, i64::MAX));
    prop_oneof![
        widest,
        any::<(i64, i64)>(),
        (1_700_000_000_000..1_800_000_000_000_i64, 1..86_400_000_i64).prop_map(|(start, ms)| (start, start + ms))
    ]
    .prop_filter_map("empty", |(start, end)| Span::new(UnixMs(start), UnixMs(end)))
}

fn label() -> impl Strategy<Value = Label> {
    let app = prop_oneof![Just("𝄞".repeat(AppName::CHARS_MAX)), "\\PC{1,20}"];
    let domain = prop_oneof![Just("d".repeat(Domain::BYTES_MAX)), "[a-z.]{1,20}"];
    (app, option::of(domain)).prop_map(|(app, domain)| Label::trusted(&app, domain.as_deref()))
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let claim = (
        id(),
        id(),
        any::<bool>(),
        any::<i32>(),
        span(),
        label(),
        option::of(seq()),
    );
    let claim = claim.prop_map(|(user, device, is_active, precedence, span, label, seq)| {
        let attention = if is_active {
            Attention::Active
        } else {
            Attention::Passive
        };
        let rank = Rank {
            attention,
            precedence,
            device: DeviceId(device),
            beat: None,
        };
        let segment = Segment {
            span,
            holder: Holder { rank, label },
        };
        let user = UserId(user);
        Arrival::Claim {
            claim: Claim { user, segment },
            seq,
        }
    });
    let refused = (id(), id(), seq()).prop_map(|(user, device, seq)| Arrival::Refused {
        user: UserId(user),
        device: DeviceId(device),
        seq,
    });
    prop_oneof![4 => claim, 1 => refused, 2 => beat()]
}

fn text() -> impl Strategy<Value = ContextText> {
    prop_oneof![Just("𝄞".repeat(ContextText::CHARS_MAX)), "\\PC{1,20}"].prop_map(|text| ContextText::trusted(&text))
}

fn mention() -> impl Strategy<Value = Option<Mention>> {
    option::of(prop_oneof![Just(Mention::Last), text().prop_map(Mention::Named)])
}

fn context() -> impl Strategy<Value = Context> {
    let texts = [
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    ];
    let mentions = [mention(), mention(), mention()];
    (prop::sample::select(&Kind::ALL), texts, mentions, any::<Option<bool>>()).prop_map(
        |(kind, [category, editor, machine, operating_system], [project, branch, language], is_write)| Context {
            kind,
            category,
            project,
            branch,
            language,
            editor,
            machine,
            operating_system,
            is_write,
        },
    )
}

fn beat() -> impl Strategy<Value = Arrival> {
    let patience = (Patience::MS_MIN..=Patience::MS_MAX).prop_map(|ms| Patience::from_ms(ms).expect("in range"));
    let rank = (any::<bool>(), any::<i32>());
    (id(), id(), any::<i64>(), rank, label(), patience, context()).prop_map(
        |(user, device, at, (is_active, precedence), label, patience, context)| {
            let attention = if is_active {
                Attention::Active
            } else {
                Attention::Passive
            };
            let beat = Beat {
                device: DeviceId(device),
                at: UnixMs(at),
                attention,
                precedence,
                label,
                patience,
            };
            let heartbeat = Heartbeat {
                user: UserId(user),
                beat,
                context: Arc::new(context),
            };
            Arrival::Heartbeat { heartbeat }
        },
    )
}

fn entry_of(arrivals: &[Arrival]) -> Vec<u8> {
    entry_of_pieces(pieces(arrivals))
}

/// Also of more arrivals than an entry should hold.
fn entry_of_pieces(pieces: Vec<Piece>) -> Vec<u8> {
    let whole = Piece {
        version: pieces.iter().map(|piece| piece.version).max().unwrap_or(FIRST),
        arrivals: pieces.iter().map(|piece| piece.arrivals).sum(),
        bytes: pieces.into_iter().flat_map(|piece| piece.bytes).collect(),
    };
    whole.entry()
}

fn ping() -> Arrival {
    let rank = Rank {
        attention: Attention::Active,
        precedence: 3,
        device: DeviceId(Uuid::from_u128(2)),
        beat: None,
    };
    let segment = Segment {
        span: Span::new(UnixMs(1_772_355_600_000), UnixMs(1_772_355_605_000)).expect("not empty"),
        holder: Holder {
            rank,
            label: Label::trusted("firefox", Some("example.org")),
        },
    };
    Arrival::Claim {
        claim: Claim {
            user: UserId(Uuid::from_u128(1)),
            segment,
        },
        seq: Some(Seq::new(300).expect("in range")),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(arrivals in vec(arrival(), 0..40)) {
        prop_assert_eq!(read(&entry_of(&arrivals)), Ok(arrivals));
    }

    #[test]
    fn pieces_of_several_callers_make_one_entry(callers in vec(vec(arrival(), 1..5), 1..5)) {
        let pieces = callers.iter().flat_map(|caller| pieces(caller)).collect();
        prop_assert_eq!(read(&entry_of_pieces(pieces)), Ok(callers.concat()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        for version in [FIRST, WITH_BEATS] {
            let entry = [&[version][..], &bytes[..]].concat();
            if let Ok(arrivals) = read(&entry) {
                // What garbage is taken for can itself be written.
                prop_assert_eq!(read(&entry_of(&arrivals)), Ok(arrivals));
            }
        }
    }

    #[test]
    fn an_entry_that_was_damaged_is_read_or_refused(
        arrivals in vec(arrival(), 1..10),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut entry = entry_of(&arrivals);
        for (at, byte) in damage {
            let at = at.index(entry.len());
            entry[at] = byte;
        }
        let _ = read(&entry);
    }

    #[test]
    fn an_entry_that_breaks_off_within_a_group_is_refused(arrivals in vec(arrival(), 1..10), at in any::<prop::sample::Index>()) {
        let entry = entry_of(&arrivals);
        let cut = &entry[..at.index(entry.len())];
        match read(cut) {
            // Only where a group ends.
            Ok(read) => prop_assert_eq!(entry_of(&read), cut),
            Err(Unreadable::Malformed { at }) => prop_assert!(at <= cut.len()),
            Err(error) => prop_assert!(cut.is_empty() && error == Unreadable::Empty),
        }
    }
}

#[test]
fn the_bytes_of_version_1_are_these() {
    let mut bytes = vec![1];
    bytes.extend(1_u128.to_be_bytes());
    bytes.extend(2_u128.to_be_bytes());
    bytes.push(1);
    bytes.push(0b1110);
    bytes.push(6);
    bytes.extend([0x80, 0xfa, 0x81, 0x8a, 0x95, 0x67]);
    bytes.extend([0x88, 0x27]);
    bytes.extend(b"\x07firefox\x0bexample.org");
    bytes.extend([0xac, 0x02]);
    assert_eq!(alone(&ping()), bytes);
    assert_eq!(read(&bytes), Ok(vec![ping()]));
}

#[test]
fn no_piece_is_more_than_an_entry_may_hold() {
    let arrivals = vec![ping(); 2 * ARRIVALS_MAX + 1];
    let sizes: Vec<usize> = pieces(&arrivals).iter().map(|piece| piece.arrivals).collect();
    assert_eq!(sizes, [ARRIVALS_MAX, ARRIVALS_MAX, 1]);
}

#[test]
fn a_ping_of_a_device_that_sends_many_takes_few_bytes() {
    let bytes = entry_of(&vec![ping(); 100]).len();
    assert!(bytes < 40 * 100, "{bytes}");
}

#[test]
fn each_way_of_being_unreadable_is_named() {
    assert_eq!(read(&[]), Err(Unreadable::Empty));
    assert_eq!(read(&[3, 0, 0]), Err(Unreadable::Version(3)));
    assert_eq!(read(&[2, 1]), Err(Unreadable::Malformed { at: 2 }));
    assert_eq!(read(b"{\"pings\":[]}"), Err(Unreadable::Version(b'{')));
    assert_eq!(read(&[1, 0]), Err(Unreadable::Malformed { at: 1 }));
}

fn heartbeat() -> Arrival {
    let text = |text: &str| Some(ContextText::trusted(text));
    let context = Context {
        category: text("coding"),
        editor: text("vim"),
        project: text("daybook").map(Mention::Named),
        branch: Some(Mention::Last),
        is_write: Some(true),
        ..Context::of_kind(Kind::Domain)
    };
    let beat = Beat {
        device: DeviceId(Uuid::from_u128(2)),
        at: UnixMs(1_772_355_600_000),
        attention: Attention::Active,
        precedence: 3,
        label: Label::trusted("firefox", Some("example.org")),
        patience: Patience::default(),
    };
    let heartbeat = Heartbeat {
        user: UserId(Uuid::from_u128(1)),
        beat,
        context: Arc::new(context),
    };
    Arrival::Heartbeat { heartbeat }
}

#[test]
fn the_bytes_of_version_2_are_these() {
    let mut bytes = vec![2, 1];
    bytes.extend(1_u128.to_be_bytes());
    bytes.extend(2_u128.to_be_bytes());
    bytes.push(1);
    bytes.push(0b1_0110);
    bytes.push(6);
    bytes.extend([0x80, 0xfa, 0x81, 0x8a, 0x95, 0x67]);
    bytes.extend([0xc0, 0xcf, 0x24]);
    bytes.extend(b"\x07firefox\x0bexample.org");
    bytes.push(2);
    bytes.extend([0x93, 0x19]);
    bytes.extend(b"\x06coding\x03vim\x07daybook");
    assert_eq!(alone(&heartbeat()), bytes);
    assert_eq!(read(&bytes), Ok(vec![heartbeat()]));
}

#[test]
fn who_cannot_read_heartbeats_counts_them_and_pings_are_written_as_before() {
    assert_eq!(pieces(&[ping(), ping()])[0].version, FIRST);
    let entry = entry_of(&[heartbeat(), ping(), heartbeat()]);
    assert_eq!(entry[..2], [WITH_BEATS, 3]);
    assert_eq!(unreadable_arrivals(&entry), 3);
    let mut miscounted = entry.clone();
    miscounted[1] = 2;
    assert!(matches!(read(&miscounted), Err(Unreadable::Malformed { .. })));
    let as_first = [&[FIRST][..], &entry[2..]].concat();
    assert!(
        matches!(read(&as_first), Err(Unreadable::Malformed { .. })),
        "the first knows none"
    );
}

#[test]
fn a_heartbeat_whose_values_cannot_be_is_refused() {
    const FLAGS: usize = 35;
    const PATIENCE: usize = FLAGS + 8;
    const KIND: usize = PATIENCE + 3 + 20;
    let spoiled = |at: usize, with: &[u8]| {
        let mut bytes = alone(&heartbeat());
        bytes.splice(at..at + with.len(), with.iter().copied());
        bytes
    };
    let is_refused = |bytes: &[u8]| matches!(read(bytes), Err(Unreadable::Malformed { .. }));
    assert!(!is_refused(&spoiled(FLAGS, &[0b1_0110])));
    assert!(is_refused(&spoiled(FLAGS, &[0b1_1110])), "a number");
    assert!(is_refused(&spoiled(FLAGS, &[0b11_0110])), "an unknown flag");
    assert!(is_refused(&spoiled(PATIENCE, &[0x81, 0x80, 0x00])), "no patience");
    assert!(is_refused(&spoiled(KIND, &[4])), "an unknown kind");
    assert!(is_refused(&spoiled(KIND + 1, &[0x93, 0x29])), "an unknown part");
    assert!(
        is_refused(&spoiled(KIND + 1, &[0x93, 0x11])),
        "written, which was not said"
    );
    assert!(
        is_refused(&spoiled(KIND + 1, &[0xb3, 0x19])),
        "a name and the last one at once"
    );
}

#[test]
fn pieces_share_an_entry_while_they_fit_and_are_of_one_version() {
    let mut entry = pieces(&vec![ping(); ARRIVALS_MAX - 1]).remove(0);
    assert!(entry.append(pieces(&[heartbeat()]).remove(0)).is_some());
    assert!(entry.append(pieces(&[ping()]).remove(0)).is_none());
    assert!(entry.append(pieces(&[ping()]).remove(0)).is_some());
    assert_eq!(read(&entry.entry()).map(|arrivals| arrivals.len()), Ok(ARRIVALS_MAX));
}

/// The bytes of `ping` with those from `at` on replaced.
fn spoiled(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = alone(&ping());
    bytes.splice(at..at + with.len(), with.iter().copied());
    bytes
}

#[test]
fn values_that_cannot_be_are_refused() {
    const FLAGS: usize = 34;
    const LENGTH: usize = FLAGS + 8;
    const APP_NAME: usize = LENGTH + 2;
    let is_refused = |bytes: &[u8]| matches!(read(bytes), Err(Unreadable::Malformed { .. }));
    assert!(!is_refused(&spoiled(FLAGS, &[0b1110])));
    assert!(is_refused(&spoiled(FLAGS, &[0b11_1110])), "an unknown flag");
    assert!(is_refused(&spoiled(FLAGS, &[0b1111])), "refused and a claim at once");
    assert!(is_refused(&spoiled(LENGTH, &[0x80, 0x00])), "a claim without length");
    assert!(is_refused(&spoiled(APP_NAME + 1, &[0xff])), "a name that is not UTF-8");
    let end = alone(&ping()).len();
    assert!(is_refused(&spoiled(end - 2, &[0x80, 0x00])), "number 0");
    let precedence = [&spoiled(0, &[])[..=FLAGS], &[0x80, 0x80, 0x80, 0x80, 0x20][..]].concat();
    assert!(is_refused(&precedence), "a precedence over 32 bits");
    let mut long = alone(&ping())[..APP_NAME].to_vec();
    write_text(&mut long, &"a".repeat(APP_NAME_BYTES_MAX + 1));
    write_text(&mut long, "example.org");
    write_varint(&mut long, 1);
    assert!(is_refused(&long), "a name over the limit");
}
