//! Accounts, devices and sessions on two API nodes over one Postgres and one Redis, as people and operators meet them.

mod device;
mod erasure;
mod export;
mod factor;
mod house;
mod import;
mod keys;
mod log;
mod meanwhile;
mod nodes;
mod operator;
mod outage;
mod precedence;
mod proxy;
mod refresh;
mod sessions;
mod throttle;
