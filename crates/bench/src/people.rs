//! People who are signed in, made in bulk, and what is theirs in the database.

use adapters::postgres::Timelines;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::{DAY_MS, UnixMs};
use domain::usage::Timeline;
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::accounts::AccessTokens;
use ports::reports::TimelineReader;
use ports::{Ids, PortError};
use testkit::runs::Failure;
use tokio_postgres::Client;

use crate::figures;
use crate::load::{Outcome, Script};
use crate::tracker::{Person, Trackers};

/// How many people one statement makes.
const PEOPLE_PER_STATEMENT: usize = 5_000;
/// How long ago their pings begin, in days: as if they had been away and now sent what they had kept. Long enough for all pings of a run, and less
/// than the oldest that a ping may be.
pub const BEGIN_DAYS_AGO: i64 = 30;
/// How many timelines are read at a time when they are compared.
const READERS: usize = 4;
/// Where people live, in turn.
const ZONES: [&str; 4] = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"];

/// Makes `count` people and signs each in on a device.
pub async fn sign_in(client: &Client, ids: &dyn Ids, count: u32) -> Result<Vec<Caller>, Failure> {
    let callers: Vec<Caller> = (0..count)
        .map(|_| Caller {
            user: UserId(ids.new_id()),
            device: DeviceId(ids.new_id()),
            session: SessionId(ids.new_id()),
            precedence: 1,
        })
        .collect();
    for some in callers.chunks(PEOPLE_PER_STATEMENT) {
        let users: Vec<_> = some.iter().map(|caller| caller.user.0).collect();
        let devices: Vec<_> = some.iter().map(|caller| caller.device.0).collect();
        let sessions: Vec<_> = some.iter().map(|caller| caller.session.0).collect();
        let zones: Vec<_> = ZONES.iter().cycle().take(some.len()).collect();
        client
            .execute(include_str!("sql/people.sql"), &[&users, &devices, &sessions, &zones])
            .await
            .map_err(Failure::because(format!("could not make {count} people")))?;
    }
    Ok(callers)
}

/// The callers as people with trackers that have sent nothing yet.
#[must_use]
pub fn with_trackers(callers: &[Caller]) -> Vec<Person> {
    let begin = figures::now().day_start().plus_ms(-BEGIN_DAYS_AGO * DAY_MS);
    (0..)
        .zip(callers)
        .map(|(place, caller)| Person::new(*caller, begin, place))
        .collect()
}

/// A new access token; they live for minutes, so each load gets its own.
pub fn token(tokens: &dyn AccessTokens, caller: &Caller) -> Result<String, Failure> {
    let issued = tokens.issue(caller, figures::now());
    issued
        .map(|(token, _)| token)
        .map_err(Failure::because("could not make an access token"))
}

/// The people dealt out to `connections`, each connection to make so many `requests` of so many pings.
pub fn deal(
    people: Vec<Person>,
    tokens: &dyn AccessTokens,
    connections: u16,
    sending: Sending,
) -> Result<Vec<Trackers>, Failure> {
    let mut hands: Vec<Vec<(Person, String)>> = (0..connections).map(|_| Vec::new()).collect();
    for (place, person) in people.into_iter().enumerate() {
        let token = token(tokens, &person.caller)?;
        hands[place % usize::from(connections)].push((person, token));
    }
    let trackers = |hand: Vec<(Person, String)>| {
        let requests = sending.rounds.map_or(u64::MAX, |rounds| rounds * hand.len() as u64);
        Trackers::new(hand, sending.pings_per_request, requests)
    };
    Ok(hands
        .into_iter()
        .filter(|hand| !hand.is_empty())
        .map(trackers)
        .collect())
}

/// How trackers send.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// Pings at once.
    pub pings_per_request: u64,
    /// How often each person sends; without end when not given.
    pub rounds: Option<u64>,
}

/// Collects the people from a load that has ended.
#[must_use]
pub fn gather<T>(outcome: Outcome<Trackers, T>) -> Vec<Person>
where
    Trackers: Script,
{
    outcome.scripts.into_iter().flat_map(Trackers::into_people).collect()
}

/// How many pings of them have been accepted.
#[must_use]
pub fn accepted(people: &[Person]) -> u64 {
    people.iter().map(Person::accepted).sum()
}

/// Compares what is stored of everybody with what must come of the pings that were accepted of them, to the last segment.
pub async fn verify(people: &[Person], timelines: &Timelines) -> Result<(), Failure> {
    let read = stream::iter(people.iter().filter_map(|person| Some((person, person.covered()?))))
        .map(async |(person, covered)| {
            // What lies outside must not be there at all.
            let window = covered.widen(DAY_MS);
            let pieces = timelines.pieces(person.caller.user, window).await?;
            Ok::<_, PortError>((person, Timeline::of(pieces)))
        })
        .buffer_unordered(READERS)
        .try_filter(|(person, stored)| std::future::ready(*stored != person.expected()))
        .try_collect::<Vec<_>>()
        .await
        .map_err(Failure::because("could not read the timelines to compare them"))?;
    match read.first() {
        None => Ok(()),
        Some((person, stored)) => Err(Failure::new(format!(
            "{} of {} timelines are not what was accepted; the first, of {}: {} segments instead of {}, until {} instead of {}",
            read.len(),
            people.len(),
            person.caller.user,
            stored.segments().len(),
            person.expected().segments().len(),
            end(stored),
            end(&person.expected()),
        ))),
    }
}

fn end(timeline: &Timeline) -> UnixMs {
    timeline
        .segments()
        .last()
        .map_or(UnixMs(0), |segment| segment.span.end())
}
