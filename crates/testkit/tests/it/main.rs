//! What tests stand on, tested.

mod queue;
mod servers;
