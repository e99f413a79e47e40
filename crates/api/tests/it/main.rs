//! The API over real HTTP, with everything behind it in memory.

mod accounts;
mod client;
mod edges;
mod garbage;
mod house;
mod isolation;
mod manner;
mod openapi;
mod operations;
mod reports;
mod serving;
mod timeline;
mod track;
mod watched;
