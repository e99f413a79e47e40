//! People are made in bulk, and what is stored of them is compared with what was accepted.

use adapters::ambient::SystemIds;
use adapters::postgres::{Settings, Timelines, connect, migrate};
use bench::load::Script;
use bench::people::{accepted, sign_in, verify, with_trackers};
use bench::tracker::{Person, Trackers};
use domain::accounts::{Caller, DeviceId, UserId};
use domain::time::Span;
use domain::usage::{Arrival, Claim, Segment};
use ports::accounts::Users;
use ports::usage::TimelineStore;
use testkit::servers::TestPostgres;
use tokio_postgres::{Client, NoTls};

/// A migrated database, and ways to it.
pub struct Stored {
    pub client: Client,
    /// Where it is, for the owner.
    pub url: String,
    /// As the worker writes them.
    pub timelines: Timelines,
    /// As the API reads them.
    pub reader: Timelines,
    pub users: adapters::postgres::Accounts,
    _server: TestPostgres,
}

impl Stored {
    pub async fn start() -> Self {
        let server = TestPostgres::start();
        let url = server.database_url();
        migrate(&url).await.expect("migrations");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        let api = connect(&Settings::new(server.api_database_url())).expect("a URL");
        let worker = connect(&Settings::new(server.worker_database_url())).expect("a URL");
        Self {
            client,
            url,
            timelines: Timelines::new(worker),
            reader: Timelines::new(api.clone()),
            users: adapters::postgres::Accounts::new(api),
            _server: server,
        }
    }

    pub async fn people(&self, count: u32) -> Vec<Caller> {
        sign_in(&self.client, &SystemIds, count).await.expect("people")
    }
}

/// So many of somebody's pings, accepted.
fn sent(person: Person, pings: u64) -> Person {
    let mut trackers = Trackers::new(vec![(person, String::new())], 1, pings);
    while trackers.next(&mut Vec::new()) {
        assert!(trackers.answered(202, b"{\"accepted\":1}"));
    }
    trackers.into_people().remove(0)
}

fn arrivals(person: &Person) -> Vec<Arrival> {
    let user = person.caller.user;
    let arrival = |segment: &Segment| Arrival::Claim {
        claim: Claim {
            user,
            segment: segment.clone(),
        },
        seq: None,
    };
    person.expected().segments().iter().map(arrival).collect()
}

#[tokio::test]
async fn people_are_users_with_a_device_each() {
    let stored = Stored::start().await;
    let callers = stored.people(6).await;
    for caller in &callers {
        let user = stored
            .users
            .by_id(caller.user)
            .await
            .expect("an answer")
            .expect("somebody");
        assert_eq!(user.id, caller.user);
    }
    let row = stored.client.query_one(
        "SELECT count(*) FROM sessions JOIN devices ON devices.id = device_id",
        &[],
    );
    assert_eq!(row.await.expect("a count").get::<_, i64>(0), 6);
}

#[tokio::test]
async fn what_was_accepted_and_is_stored_is_found_equal_and_anything_else_is_not() {
    let stored = Stored::start().await;
    let callers = stored.people(3).await;
    let people: Vec<Person> = with_trackers(&callers)
        .into_iter()
        .map(|person| sent(person, 30))
        .collect();
    assert_eq!(accepted(&people), 90);
    for person in &people {
        stored.timelines.merge(&arrivals(person)).await.expect("merged");
    }
    verify(&people, &stored.reader).await.expect("equal");

    let one_more: Vec<Person> = people.iter().cloned().map(|person| sent(person, 1)).collect();
    let missing = verify(&one_more, &stored.reader)
        .await
        .expect_err("a ping is missing")
        .to_string();
    assert!(missing.starts_with("3 of 3 timelines"), "{missing}");

    let mut too_much = arrivals(&people[0]);
    if let Some(Arrival::Claim { claim, .. }) = too_much.last_mut() {
        let end = claim.segment.span.end();
        claim.segment.span = Span::new(end.plus_ms(1_000), end.plus_ms(2_000)).expect("a second");
    }
    stored.timelines.merge(&too_much).await.expect("merged");
    let invented = verify(&people, &stored.reader)
        .await
        .expect_err("more than was accepted")
        .to_string();
    assert!(invented.starts_with("1 of 3 timelines"), "{invented}");
}

#[tokio::test]
async fn somebody_who_sent_nothing_is_not_looked_at() {
    let stored = Stored::start().await;
    let nobody = Caller {
        user: UserId(uuid::Uuid::nil()),
        device: DeviceId(uuid::Uuid::nil()),
        session: domain::accounts::SessionId(uuid::Uuid::nil()),
        precedence: 1,
    };
    verify(&with_trackers(&[nobody]), &stored.reader)
        .await
        .expect("nothing to compare");
}
