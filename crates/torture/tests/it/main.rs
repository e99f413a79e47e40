//! What the proof stands on, on the real servers; then the proof itself.

mod checked;
mod ended;
mod notes;
mod power;
mod proof;
mod ways;
