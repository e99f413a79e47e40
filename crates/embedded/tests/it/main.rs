//! The private servers as a program has them: found, set up, kept, stopped, and started again after every kind of end.

mod account;
mod binaries;
mod crash;
mod start;
mod supervision;
mod support;
