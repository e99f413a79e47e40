//! Forgets people: their dead letters, and how far their devices are merged. What waits in the queue is another's: entries carry pings of many people, and
//! the merge drops theirs.

use std::collections::HashSet;

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use ports::PortError;
use ports::usage::PingErasure;
use redis::{RedisResult, cmd};

use super::entry;
use super::keys;
use super::link::{Link, port_error};

/// See the script.
const FORGET: &str = include_str!("erasure/forget.lua");
/// How many letters are read at once.
const LETTERS_AT_ONCE: usize = 500;
/// How many letters or devices are named in one command.
const NAMED_AT_ONCE: usize = 1_000;

/// The forgetting part of Redis.
pub struct RedisPingErasure {
    link: Link,
}

/// An entry of the stream of dead letters: its id and its fields.
type Raw = (String, Vec<(String, Vec<u8>)>);

impl RedisPingErasure {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    /// Deletes the letters of `users`, from the oldest up to the one that is the newest now.
    async fn forget_letters(&self, users: &[UserId]) -> RedisResult<usize> {
        let users: HashSet<UserId> = users.iter().copied().collect();
        let mut newest = cmd("XREVRANGE");
        newest.arg(keys::DEAD).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<Raw> = self.link.query_again(&newest).await?;
        let Some((last, _)) = newest.first() else {
            return Ok(0);
        };
        let mut forgotten = 0;
        let mut from = "-".to_owned();
        loop {
            let mut range = cmd("XRANGE");
            range.arg(keys::DEAD).arg(&from).arg(last);
            range.arg("COUNT").arg(LETTERS_AT_ONCE);
            let page: Vec<Raw> = self.link.query_again(&range).await?;
            let Some((read_to, _)) = page.last() else {
                return Ok(forgotten);
            };
            // "(" leaves the id itself out.
            from = format!("({read_to}");
            let theirs = page.iter().filter(|(_, fields)| is_of(&users, fields));
            let theirs: Vec<&str> = theirs.map(|(id, _)| id.as_str()).collect();
            if !theirs.is_empty() {
                let mut forget = cmd("EVAL");
                forget.arg(FORGET).arg(2).arg(keys::DEAD).arg(keys::BOOKS).arg(&theirs);
                forgotten += self.link.query_again::<usize>(&forget).await?;
            }
        }
    }

    async fn forget_numbers(&self, devices: &[DeviceId]) -> RedisResult<()> {
        for some in devices.chunks(NAMED_AT_ONCE) {
            let mut delete = cmd("HDEL");
            delete.arg(keys::MERGED);
            for device in some {
                delete.arg(device.0.as_bytes());
            }
            self.link.query_again::<u64>(&delete).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl PingErasure for RedisPingErasure {
    async fn erase(&self, users: &[UserId], devices: &[DeviceId]) -> Result<(), PortError> {
        let attempt = || format!("forget what the queue knows of {} people", users.len());
        let letters = self.forget_letters(users).await;
        let letters = letters.map_err(|error| port_error(attempt(), error))?;
        if letters > 0 {
            tracing::info!(letters, "dead letters of people who were erased are forgotten");
        }
        let numbers = self.forget_numbers(devices).await;
        numbers.map_err(|error| port_error(attempt(), error))
    }
}

/// Whether a letter holds something of one of `users`. One that nobody can read does where one of their ids stands anywhere in it.
fn is_of(users: &HashSet<UserId>, fields: &[(String, Vec<u8>)]) -> bool {
    let mut letters = fields.iter().filter(|(name, _)| name == keys::LETTER);
    letters.any(|(_, bytes)| match entry::read(bytes) {
        Ok(arrivals) => arrivals.iter().any(|arrival| users.contains(&arrival.user())),
        Err(_) => bytes.windows(ID_BYTES).any(|window| {
            let id = window.try_into().map(uuid::Uuid::from_bytes);
            id.is_ok_and(|id| users.contains(&UserId(id)))
        }),
    })
}

/// How many bytes an id has.
const ID_BYTES: usize = 16;
