//! The contract suites of the ports, each as the role that the program has there.

mod timelines {
    use adapters::postgres::Timelines;
    use async_trait::async_trait;
    use domain::accounts::UserId;
    use domain::time::Span;
    use domain::usage::{Arrival, Segment};
    use ports::PortError;
    use ports::reports::TimelineReader;
    use ports::usage::{Merged, TimelineStore};
    use testkit::servers::TestPostgres;

    use crate::postgres::{api_pool, database};

    /// Written by the worker, read by the API.
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
