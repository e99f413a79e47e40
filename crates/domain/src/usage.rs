//! The timeline: what a ping means and how pings merge into one exact, never overlapping record of a person's time.

mod arrival;
mod beats;
mod change;
mod claim;
mod forecast;
mod heartbeat;
mod label;
mod lane;
mod ping;
mod progress;
mod rules;
mod timeline;

pub use arrival::{Arrival, Seq};
pub use beats::{beats_near, claims_of};
pub use change::{Change, OpenChange, Stored, reach};
pub use claim::{Attention, Claim, Holder, Rank, Segment};
pub use forecast::{Forecast, ForecastItem};
pub use heartbeat::{Beat, Context, ContextText, Heartbeat, HeartbeatPing, Kind, Mention, Patience};
pub use label::{AppName, Domain, Label};
pub use lane::Lane;
pub use ping::Ping;
pub use progress::Progress;
pub use rules::Rules;
pub use timeline::Timeline;

pub(crate) use label::visible_text;
