//! What a tracker sends, once it has passed the door.

use crate::accounts::Caller;
use crate::time::Span;

use super::{Arrival, Attention, Claim, Holder, Label, Rank, Segment, Seq};

/// "On this device, this application (and site) had the user's attention for this stretch." The device and the person come from the caller's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// When.
    pub span: Span,
    /// What for.
    pub label: Label,
    /// How much attention.
    pub attention: Attention,
    /// Its number, where the device numbers its pings.
    pub seq: Option<Seq>,
}

impl Ping {
    /// The claim that the ping makes when `caller` sends it: from here on its rank is fixed.
    #[must_use]
    pub fn sent_by(self, caller: &Caller) -> Arrival {
        let rank = Rank {
            attention: self.attention,
            precedence: caller.precedence,
            device: caller.device,
            beat: None,
        };
        let segment = Segment {
            span: self.span,
            holder: Holder {
                rank,
                label: self.label,
            },
        };
        Arrival::Claim {
            claim: Claim {
                user: caller.user,
                segment,
            },
            seq: self.seq,
        }
    }
}
