//! The worker at work: on a queue in memory, and on a real one.

mod ending;
mod faults;
mod measures;
mod redis;
mod scenes;
mod working;
