//! The contract suites of the ports.

mod timelines {
    use adapters::postgres::Timelines;
    use testkit::servers::TestPostgres;

    async fn home() -> (TestPostgres, Timelines) {
        let (server, database) = crate::postgres::database().await;
        (server, Timelines::new(database))
    }

    testkit::timelines_contract!(home().await);
}

mod accounts {
    use adapters::postgres::Accounts;
    use testkit::servers::TestPostgres;

    async fn home() -> (TestPostgres, Accounts) {
        let (server, database) = crate::postgres::database().await;
        (server, Accounts::new(database))
    }

    testkit::accounts_contract!(home().await);
}
