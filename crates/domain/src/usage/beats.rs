//! What heartbeats claim: a pure function of a set of points, which only ever grows with the set.

use std::collections::BTreeMap;

use crate::accounts::DeviceId;
use crate::time::{Span, UnixMs};

use super::{Beat, Patience, Segment};

/// What `fresh` points of one person add to the timeline that the `known` ones have made: claims of their own, and what they let known ones claim more.
///
/// A point claims the time up to the farthest later point of its device that comes within its patience. That is not the next one, so that nothing which comes
/// in between takes away what was claimed: where several points claim an instant, their ranks decide, and of points alike the latest. So what a set of points
/// claims holds what each part of the set claims, and points may come in any order, in any batches and as often as they like.
///
/// `known` must hold every known point that lies where [`beats_near`] says; more do no harm. `O(n log n)` in the number of points.
#[must_use]
pub fn claims_of(known: &[Beat], fresh: &[Beat]) -> Vec<Segment> {
    let mut instants: BTreeMap<DeviceId, Instants> = BTreeMap::new();
    for beat in fresh {
        instants.entry(beat.device).or_default().fresh.push(beat.at);
    }
    for beat in known {
        if let Some(of_device) = instants.get_mut(&beat.device) {
            of_device.known.push(beat.at);
        }
    }
    for of_device in instants.values_mut() {
        of_device.known.sort_unstable();
        of_device.fresh.sort_unstable();
    }
    let of_fresh = fresh.iter().filter_map(|beat| {
        let of_device = instants.get(&beat.device)?;
        let reached = of_device.known_reached(beat).max(of_device.fresh_reached(beat));
        claim(beat, beat.at, reached?)
    });
    let of_known = known.iter().filter_map(|beat| {
        let of_device = instants.get(&beat.device)?;
        // What it claimed before is in the timeline.
        let from = of_device.known_reached(beat).unwrap_or(beat.at);
        claim(beat, from, of_device.fresh_reached(beat)?)
    });
    of_fresh.chain(of_known).collect()
}

/// Where the points of a device must be known before [`claims_of`] can tell what `fresh` ones of one person add: stretches that do not overlap, earliest first.
#[must_use]
pub fn beats_near(fresh: &[Beat]) -> Vec<(DeviceId, Span)> {
    let mut points: Vec<(DeviceId, UnixMs)> = fresh.iter().map(|beat| (beat.device, beat.at)).collect();
    points.sort_unstable();
    let mut near: Vec<(DeviceId, Span)> = Vec::new();
    for (device, at) in points {
        // A point as far away as the longest patience reaches just so far; the stretch is half open.
        let (start, end) = (at.plus_ms(-Patience::MS_MAX), at.plus_ms(Patience::MS_MAX + 1));
        match near.last_mut() {
            Some((of, last)) if *of == device && start <= last.end() => {
                *last = Span::new(last.start(), end).unwrap_or(*last);
            }
            _ => near.extend(Span::new(start, end).map(|span| (device, span))),
        }
    }
    near
}

/// The instants of a device's points, in order.
#[derive(Default)]
struct Instants {
    known: Vec<UnixMs>,
    fresh: Vec<UnixMs>,
}

impl Instants {
    fn known_reached(&self, beat: &Beat) -> Option<UnixMs> {
        farthest(&self.known, beat)
    }

    fn fresh_reached(&self, beat: &Beat) -> Option<UnixMs> {
        farthest(&self.fresh, beat)
    }
}

/// The last of `instants` that is later than `beat` and within its patience.
fn farthest(instants: &[UnixMs], beat: &Beat) -> Option<UnixMs> {
    let within = instants.partition_point(|at| *at <= beat.waits_until());
    let last = instants[..within].last().copied();
    last.filter(|at| *at > beat.at)
}

fn claim(beat: &Beat, from: UnixMs, until: UnixMs) -> Option<Segment> {
    let span = Span::new(from, until)?;
    let holder = beat.holder();
    Some(Segment { span, holder })
}
