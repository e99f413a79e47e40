//! The contract suites of the ports, each as the role that the program has there.

mod timelines {
    use adapters::postgres::Timelines;
    use async_trait::async_trait;
    use domain::accounts::UserId;
    use domain::reports::{Held, Stint};
    use domain::time::{Span, UnixMs};
    use domain::usage::{Arrival, Heartbeat, Segment};
    use ports::PortError;
    use ports::reports::{ContextReader, TimelineReader};
    use ports::usage::{Erased, Erasures, Merged, TimelineErasure, TimelineStore};
    use testkit::servers::TestPostgres;

    use crate::postgres::{api_pool, database};

    /// Written by the worker, read and erased by the API.
    struct AsInstalled {
        worker: Timelines,
        api: Timelines,
    }

    #[async_trait]
    impl TimelineStore for AsInstalled {
        async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
            self.worker.merge(arrivals).await
        }

        async fn prepare(&self, span: Span) -> Result<(), PortError> {
            self.worker.prepare(span).await
        }
    }

    #[async_trait]
    impl TimelineReader for AsInstalled {
        async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
            self.api.pieces(user, window).await
        }

        async fn stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, PortError> {
            self.api.stints(user, window).await
        }
    }

    #[async_trait]
    impl ContextReader for AsInstalled {
        async fn held(&self, user: UserId, window: Span) -> Result<Vec<Held>, PortError> {
            self.api.held(user, window).await
        }

        async fn heartbeats(&self, user: UserId, window: Span) -> Result<Vec<Heartbeat>, PortError> {
            self.api.heartbeats(user, window).await
        }

        async fn first_heartbeat(&self, user: UserId) -> Result<Option<UnixMs>, PortError> {
            self.api.first_heartbeat(user).await
        }
    }

    #[async_trait]
    impl TimelineErasure for AsInstalled {
        async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), PortError> {
            self.api.erase(user, now).await
        }
    }

    #[async_trait]
    impl Erasures for AsInstalled {
        async fn before(&self, instant: UnixMs, limit: usize) -> Result<Vec<Erased>, PortError> {
            self.worker.before(instant, limit).await
        }

        async fn forget(&self, erased: &[Erased]) -> Result<(), PortError> {
            self.worker.forget(erased).await
        }
    }

    async fn home() -> (TestPostgres, AsInstalled) {
        let (server, database) = database().await;
        let timelines = AsInstalled {
            worker: Timelines::new(database),
            api: Timelines::new(api_pool(&server)),
        };
        (server, timelines)
    }

    testkit::timelines_contract!(home().await);
}

mod accounts {
    use adapters::postgres::Accounts;
    use testkit::servers::TestPostgres;

    use crate::postgres::{api_pool, database};

    async fn home() -> (TestPostgres, Accounts) {
        let (server, _) = database().await;
        let accounts = Accounts::new(api_pool(&server));
        (server, accounts)
    }

    testkit::accounts_contract!(home().await);
}

mod operation {
    use adapters::postgres::Accounts;
    use testkit::servers::TestPostgres;

    use crate::postgres::{database, owner_pool};

    /// The operator's role is the owner's.
    async fn home() -> (TestPostgres, Accounts) {
        let (server, _) = database().await;
        let accounts = Accounts::new(owner_pool(&server));
        (server, accounts)
    }

    testkit::operation_contract!(home().await);
}
