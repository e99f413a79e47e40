//! The display's clock, how long ago the last input was, and an alarm at the next: counters of the SYNC extension, so that nobody has to look.

use std::time::Duration;

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::sync::{
    self, ChangeAlarmAux, ConnectionExt as _, Counter, CreateAlarmAux, Int64, TESTTYPE, VALUETYPE,
};
use x11rb::rust_connection::RustConnection;

/// The version that has alarms.
const VERSION: (u8, u8) = (3, 0);

/// The counters of one display.
#[derive(Debug)]
pub(super) struct Counters {
    time: Counter,
    idle: Counter,
    alarm: sync::Alarm,
}

/// What the counters say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// The display's clock, in milliseconds.
    pub tick: u32,
    /// How long ago the last input was.
    pub idle: Duration,
}

impl Counters {
    /// The counters; `None` where the display has none.
    pub(super) fn of(connection: &RustConnection) -> Result<Option<Self>, ReplyOrIdError> {
        if connection.extension_information(sync::X11_EXTENSION_NAME)?.is_none() {
            return Ok(None);
        }
        connection.sync_initialize(VERSION.0, VERSION.1)?.reply()?;
        let all = connection.sync_list_system_counters()?.reply()?.counters;
        let named = |name: &[u8]| {
            all.iter()
                .find(|counter| counter.name == name)
                .map(|found| found.counter)
        };
        let (Some(time), Some(idle)) = (named(b"SERVERTIME"), named(b"IDLETIME")) else {
            return Ok(None);
        };
        let alarm = connection.generate_id()?;
        connection.sync_create_alarm(alarm, &CreateAlarmAux::new())?.check()?;
        Ok(Some(Self { time, idle, alarm }))
    }

    /// Asks for both in one round trip.
    pub(super) fn count(&self, connection: &RustConnection) -> Result<Counted, ReplyError> {
        let time = connection.sync_query_counter(self.time)?;
        let idle = connection.sync_query_counter(self.idle)?;
        let time = time.reply()?.counter_value;
        let idle = idle.reply()?.counter_value;
        let idle = (i64::from(idle.hi) << 32) + i64::from(idle.lo);
        Ok(Counted {
            tick: time.lo,
            idle: Duration::from_millis(u64::try_from(idle).unwrap_or(0)),
        })
    }

    /// Asks to be told of the next input after one so long ago, once. It is told too if that has come meanwhile.
    pub(super) fn tell_of_input(&self, connection: &RustConnection, idle: Duration) -> Result<(), ConnectionError> {
        let below = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX).saturating_sub(1);
        if below < 0 {
            return Ok(());
        }
        let [hi, lo] = [below >> 32, below & i64::from(u32::MAX)];
        let alarm = ChangeAlarmAux::new()
            .counter(self.idle)
            .value_type(VALUETYPE::ABSOLUTE)
            .value(Int64 {
                hi: i32::try_from(hi).unwrap_or(i32::MAX),
                lo: u32::try_from(lo).unwrap_or(u32::MAX),
            })
            .test_type(TESTTYPE::NEGATIVE_COMPARISON)
            // Without a step the alarm is over once it rang.
            .delta(Int64 { hi: 0, lo: 0 })
            .events(1);
        connection.sync_change_alarm(self.alarm, &alarm)?;
        connection.flush()
    }
}
