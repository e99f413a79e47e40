//! People, their sign-ins and what is theirs: each use case over stores in memory.

mod api_keys;
mod devices;
mod email;
mod erase;
mod export;
mod key_ring;
mod password;
mod people;
mod privacy;
mod profile;
mod recognition;
mod refresh;
mod register;
mod reset;
mod second_factor;
mod security_log;
mod sign_in;
mod sign_out;
mod watched;
