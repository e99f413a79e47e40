//! Where it stands through which number a device is settled: beside its person's open piece while the device holds that and no number is missing, else in a row
//! of its own.

use std::collections::{BTreeMap, BTreeSet};

use domain::accounts::DeviceId;
use domain::usage::{Progress, Seq};

use super::share::Share;

/// What stands beside an open piece: all numbers of this device are settled up to this one, and none above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    /// The device.
    pub(super) device: DeviceId,
    /// At least 1.
    pub(super) through: u64,
}

/// The rows of `usage_progress` of one person that were read.
pub(super) type Rows = BTreeMap<DeviceId, Progress>;

/// How a person's numbers stand after a merge. A function of what is settled and of who holds the open piece, whatever the order in which that came about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// What stands beside the open piece.
    pub(super) note: Option<Note>,
    /// Rows to write.
    pub(super) kept: Vec<(DeviceId, Progress)>,
    /// Devices whose rows are to go.
    pub(super) gone: Vec<DeviceId>,
    /// Through which number each device of the share is settled.
    pub(super) through: Vec<(DeviceId, u64)>,
}

/// The devices whose rows must be read before `share` can be settled: none where it is of the device that holds the open piece alone, whose numbers go on from
/// the note. That is nearly always so.
pub(super) fn devices_to_read(share: &Share, holder: Option<DeviceId>, note: Option<Note>) -> BTreeSet<DeviceId> {
    let segments = share.claims.segments();
    let is_holders = segments.iter().all(|claim| Some(claim.holder.rank.device) == holder);
    let goes_on = |numbers: &[(DeviceId, Seq)]| {
        note.is_some_and(|note| note.device == numbers[0].0 && settled_from(note, numbers).is_gapless())
    };
    if is_holders && by_device(&share.numbers).all(goes_on) {
        return BTreeSet::new();
    }
    let numbering = share.numbers.iter().map(|(device, _)| *device);
    let claiming = segments.iter().map(|claim| claim.holder.rank.device);
    let noted = note.map(|note| note.device);
    numbering.chain(claiming).chain(noted).collect()
}

/// Settles the `numbers` of a share, of which `note` and `rows` were stored; `read` names the devices whose rows were looked for. `holder` holds the open piece
/// from now on.
pub(super) fn settle(
    numbers: &[(DeviceId, Seq)],
    note: Option<Note>,
    (read, rows): (&BTreeSet<DeviceId>, &Rows),
    holder: Option<DeviceId>,
) -> Settled {
    let mut settled = Settled::default();
    if read.is_empty() {
        settled.note = note.map(|note| Note {
            through: settled_from(note, numbers).through(),
            ..note
        });
        let told = settled.note.filter(|_| !numbers.is_empty());
        settled.through.extend(told.map(|note| (note.device, note.through)));
        return settled;
    }
    for device in read {
        let before = rows.get(device);
        let mut progress = before.cloned().unwrap_or_default();
        if let Some(note) = note.filter(|note| note.device == *device) {
            progress.settle_through(note.through);
        }
        if let Some(theirs) = by_device(numbers).find(|theirs| theirs[0].0 == *device) {
            progress.settle(theirs.iter().map(|(_, seq)| *seq));
            settled.through.push((*device, progress.through()));
        }
        let through = progress.through();
        if holder == Some(*device) && progress.is_gapless() && through > 0 {
            settled.note = Some(Note {
                device: *device,
                through,
            });
            settled.gone.extend(before.map(|_| *device));
        } else if before.map_or(progress != Progress::default(), |before| *before != progress) {
            settled.kept.push((*device, progress));
        }
    }
    settled
}

/// The numbers of each device in turn, none of them empty.
fn by_device(numbers: &[(DeviceId, Seq)]) -> impl Iterator<Item = &[(DeviceId, Seq)]> {
    numbers.chunk_by(|(device, _), (next, _)| device == next)
}

fn settled_from(note: Note, numbers: &[(DeviceId, Seq)]) -> Progress {
    let mut progress = Progress::trusted(note.through, &[]);
    progress.settle(numbers.iter().map(|(_, seq)| *seq));
    progress
}

#[cfg(test)]
mod tests {
    use domain::accounts::UserId;
    use domain::time::{Span, UnixMs};
    use domain::usage::{Arrival, Attention, Claim, Holder, Label, Rank, Segment};
    use uuid::Uuid;

    use super::*;

    fn device(id: u128) -> DeviceId {
        DeviceId(Uuid::from_u128(id))
    }

    fn noted(id: u128, through: u64) -> Note {
        Note {
            device: device(id),
            through,
        }
    }

    /// One person's share, each ping with its device and number.
    fn share(pings: &[(u128, u64)]) -> Share {
        let ping = |(place, (id, number)): (usize, &(u128, u64))| {
            let start = i64::try_from(place).expect("few");
            let rank = Rank {
                attention: Attention::Active,
                precedence: 1,
                device: device(*id),
                beat: None,
            };
            let segment = Segment {
                span: Span::new(UnixMs(start), UnixMs(start + 1)).expect("not empty"),
                holder: Holder {
                    rank,
                    label: Label::trusted("a", None),
                },
            };
            Arrival::Claim {
                claim: Claim {
                    user: UserId(Uuid::from_u128(1)),
                    segment,
                },
                seq: Seq::new(*number).ok(),
            }
        };
        let arrivals: Vec<_> = pings.iter().enumerate().map(ping).collect();
        Share::of_all(&arrivals).remove(0)
    }

    /// What becomes of `share` where `rows` are stored and `holder` has the open piece before and after.
    fn outcome(share: &Share, holder: u128, note: Option<Note>, rows: &[(u128, Progress)]) -> Settled {
        let read = devices_to_read(share, Some(device(holder)), note);
        let rows = rows.iter().map(|(id, progress)| (device(*id), progress.clone()));
        let rows: Rows = rows.filter(|(id, _)| read.contains(id)).collect();
        settle(&share.numbers, note, (&read, &rows), Some(device(holder)))
    }

    #[test]
    fn numbers_that_go_on_need_nothing_but_the_note() {
        let share = share(&[(1, 4), (1, 6), (1, 5)]);
        assert!(devices_to_read(&share, Some(device(1)), Some(noted(1, 3))).is_empty());
        let settled = outcome(&share, 1, Some(noted(1, 3)), &[]);
        assert_eq!(settled.note, Some(noted(1, 6)));
        assert_eq!(
            (settled.kept, settled.gone, settled.through),
            (vec![], vec![], vec![(device(1), 6)])
        );
    }

    #[test]
    fn over_a_gap_the_number_goes_into_a_row_and_comes_back_when_it_is_filled() {
        let ahead = Progress::trusted(3, &[5, 5]);
        let settled = outcome(&share(&[(1, 5)]), 1, Some(noted(1, 3)), &[]);
        assert_eq!((settled.note, settled.kept), (None, vec![(device(1), ahead.clone())]));
        let settled = outcome(&share(&[(1, 4)]), 1, None, &[(1, ahead)]);
        assert_eq!((settled.note, settled.gone), (Some(noted(1, 5)), vec![device(1)]));
        assert_eq!(settled.through, [(device(1), 5)]);
    }

    #[test]
    fn whoever_takes_the_open_piece_over_takes_the_note_and_the_other_gets_a_row() {
        let share = share(&[(2, 8)]);
        let read = devices_to_read(&share, Some(device(1)), Some(noted(1, 3)));
        assert_eq!(read, BTreeSet::from([device(1), device(2)]));
        let rows = Rows::from([(device(2), Progress::trusted(7, &[]))]);
        let settled = settle(&share.numbers, Some(noted(1, 3)), (&read, &rows), Some(device(2)));
        assert_eq!((settled.note, settled.gone), (Some(noted(2, 8)), vec![device(2)]));
        assert_eq!(settled.kept, [(device(1), Progress::trusted(3, &[]))]);
        assert_eq!(settled.through, [(device(2), 8)]);
    }

    #[test]
    fn what_a_program_that_knows_no_notes_has_kept_is_found_at_the_first_gap() {
        // It settled 4 to 9 in the row, and the note stayed behind.
        let settled = outcome(
            &share(&[(1, 10)]),
            1,
            Some(noted(1, 3)),
            &[(1, Progress::trusted(0, &[4, 9]))],
        );
        assert_eq!((settled.note, settled.gone), (Some(noted(1, 10)), vec![device(1)]));
    }

    #[test]
    fn claims_without_numbers_need_nothing_while_nobody_else_takes_over() {
        let unnumbered = share(&[(1, 0)]);
        assert_eq!(outcome(&unnumbered, 1, None, &[]), Settled::default());
        let kept = outcome(&unnumbered, 1, Some(noted(1, 3)), &[]);
        assert_eq!((kept.note, kept.through), (Some(noted(1, 3)), vec![]));
        assert!(!devices_to_read(&unnumbered, Some(device(2)), None).is_empty());
    }
}
