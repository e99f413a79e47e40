//! What tests stand on: in-memory adapters, one contract suite per port, a settable clock, a database per test, and what runs of the real program stand on.

pub mod arrivals;
pub mod clock;
pub mod contract;
pub mod desktop;
pub mod memory;
pub mod runs;
pub mod servers;
