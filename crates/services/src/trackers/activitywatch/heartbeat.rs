//! Heartbeats: each becomes part of the event that it continues, or an event of its own.

use domain::accounts::Caller;
use domain::time::Span;
use domain::trackers::activitywatch::{GAP_MAX_MS, Kind, Placed, Stretch, Told, place};
use ports::trackers::{Edit, Look, Seen, WatchEvent};

use super::super::claim_watched::around;
use super::change::{ATTEMPTS_MAX, contended};
use super::room::Full;
use super::{ActivityWatch, SentEvent, WatchError, admitted};

/// How many events after it a heartbeat may be one with.
const TAKEN_MAX: usize = 256;

impl ActivityWatch {
    /// Takes in a heartbeat, whose state lasts so many microseconds without another one, and gives the number and the stretch of the event that it is part of;
    /// no number where nothing of the bucket counts. However many events the bucket holds: a watcher that never stops is never refused for that.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], a heartbeat that cannot be, or something outside: then it is not kept.
    pub async fn heartbeat(
        &self,
        caller: &Caller,
        bucket: &str,
        (beat, pulsetime_us): (SentEvent, i64),
    ) -> Result<(Option<i64>, Stretch), WatchError> {
        let stretch = self.taken(beat.stretch)?;
        let in_force = self.privacy.of(caller.user).await?;
        let look = Look {
            at_us: stretch.start_us,
            until_us: stretch.end_us.saturating_add(pulsetime_us),
            limit: TAKEN_MAX,
            ids: Vec::new(),
            starts_us: Vec::new(),
        };
        for _ in 0..ATTEMPTS_MAX {
            let seen = self.seen(caller, bucket, &look).await?;
            let kind = Kind::of_type(&seen.kind);
            if kind == Kind::Other {
                return Ok((None, stretch));
            }
            let told = admitted(beat.tells.clone().of(kind), &in_force);
            let (event, edit) = self.merged(caller, &seen, (stretch, told, pulsetime_us));
            let edit = self.fitted(caller, bucket, (&seen, edit), Full::OldestGo).await?;
            if self.is_kept(caller, bucket, &edit).await? {
                self.claim(caller, &in_force).await;
                return Ok((Some(event.id), event.stretch));
            }
        }
        Err(contended())
    }

    /// What the heartbeat makes of what was seen.
    fn merged(
        &self,
        caller: &Caller,
        seen: &Seen,
        (stretch, told, pulsetime_us): (Stretch, Told, i64),
    ) -> (WatchEvent, Edit) {
        let before = seen.before.as_ref().filter(|event| event.told == told);
        let after = seen.after.iter().take_while(|event| event.told == told);
        let Placed { event, grows, takes } = place(
            stretch,
            pulsetime_us,
            before.map(|event| (event.id, event.stretch)),
            after.map(|event| (event.id, event.stretch)),
        );
        let grown = before.filter(|before| grows == Some(before.id));
        let kept = WatchEvent {
            id: grown.map_or(seen.last_id + 1, |before| before.id),
            stretch: event,
            told,
        };
        let touched = match grown {
            // Of what it said before nothing new is known.
            Some(before) => Span::new(before.stretch.ms().1, event.ms().1.plus_ms(GAP_MAX_MS)),
            None => around(event.ms().0, event.ms().1),
        };
        let is_new = grown.is_none_or(|before| before.stretch != event);
        let edit = Edit {
            last_id: seen.last_id.max(kept.id),
            removed: takes,
            put: is_new.then(|| kept.clone()).into_iter().collect(),
            touched: touched.into_iter().collect(),
            ..self.nothing(caller, seen)
        };
        (kept, edit)
    }
}
