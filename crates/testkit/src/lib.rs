//! What tests stand on: in-memory adapters, one contract suite per port, a settable clock, a database per test.

pub mod arrivals;
pub mod clock;
pub mod contract;
pub mod desktop;
pub mod memory;
pub mod servers;
