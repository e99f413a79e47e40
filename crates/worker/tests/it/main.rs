//! The worker at work: on a queue in memory, and on a real one.

mod accounts;
mod ending;
mod erasing;
mod faults;
mod measures;
mod redis;
mod scenes;
mod working;
