//! Sessions that have ended: kept by the transaction that ends them, and read by whoever announces them.

use adapters::postgres::{Accounts, EndedSessions};
use async_trait::async_trait;
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{EndedSession, EndedSessions as EndedSessionsPort};
use testkit::contract::ended_sessions::EndedSessionsUnderTest;
use testkit::contract::noted_ends::NotesEnds;
use testkit::servers::TestPostgres;
use tokio_postgres::Client;

use super::{api_pool, client, database, owner_pool};

/// The adapter, and a connection past it.
struct Home {
    adapter: EndedSessions,
    client: Client,
}

async fn home() -> (TestPostgres, Home) {
    let (server, _) = database().await;
    let client = client(&server).await;
    let adapter = EndedSessions::new(api_pool(&server));
    (server, Home { adapter, client })
}

#[async_trait]
impl EndedSessionsPort for Home {
    async fn after(&self, place: EndedSession, limit: u16) -> Result<Vec<EndedSession>, PortError> {
        self.adapter.after(place, limit).await
    }

    async fn forget_before(&self, at: UnixMs) -> Result<(), PortError> {
        self.adapter.forget_before(at).await
    }
}

#[async_trait]
impl EndedSessionsUnderTest for Home {
    async fn keep(&self, ended: EndedSession) {
        let insert = format!(
            "INSERT INTO ended_sessions VALUES ('{}', '{}')",
            ended.session, ended.ended_at
        );
        self.client.batch_execute(&insert).await.expect("insert");
    }
}

testkit::ended_sessions_contract!(home().await);

/// Ended as whoever may end everything.
struct Ends {
    accounts: Accounts,
    ended: EndedSessions,
}

impl NotesEnds for Ends {
    type Accounts = Accounts;
    type Ended = EndedSessions;

    fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn ended(&self) -> &EndedSessions {
        &self.ended
    }
}

async fn ends() -> (TestPostgres, Ends) {
    let (server, _) = database().await;
    let owner = owner_pool(&server);
    let ends = Ends {
        accounts: Accounts::new(owner.clone()),
        ended: EndedSessions::new(owner),
    };
    (server, ends)
}

mod noted {
    testkit::noted_ends_contract!(super::ends().await);
}
