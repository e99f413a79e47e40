//! The contract suites of the ports, each as the role that the program has there.

mod timelines {
    use adapters::postgres::Timelines;
    use async_trait::async_trait;
    use domain::accounts::{DeviceId, UserId};
    use domain::reports::{Held, Stint};
    use domain::time::{Span, UnixMs};
    use domain::usage::{Arrival, Beat, Heartbeat, Segment};
    use ports::PortError;
    use ports::reports::{ContextReader, TimelineReader};
    use ports::usage::{Erased, Erasures, Merged, OwnTimeline, TimelineErasure, TimelineStore};
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
    impl OwnTimeline for AsInstalled {
        async fn stored(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
            self.api.stored(user, window).await
        }

        async fn beats(&self, user: UserId, near: &[(DeviceId, Span)]) -> Result<Vec<Beat>, PortError> {
            self.api.beats(user, near).await
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

mod watching {
    use adapters::postgres::Watching;
    use async_trait::async_trait;
    use domain::accounts::UserId;
    use domain::time::{Span, UnixMs};
    use ports::PortError;
    use ports::trackers::{
        BucketOutcome, Edit, EditOutcome, EventWindow, Look, Mark, Seen, WatchBucket, WatchBuckets, WatchEvent,
        WatchEvents, WatchMarks, WatchReader, WatchUpkeep, WatchedEvent, WatchedRows, Watcher,
    };
    use testkit::contract::watching::USERS;
    use testkit::servers::TestPostgres;
    use uuid::Uuid;

    use crate::postgres::{api_pool, client, database};

    /// Written and joined by the API, looked after by the worker.
    struct AsInstalled {
        worker: Watching,
        api: Watching,
    }

    #[async_trait]
    impl WatchBuckets for AsInstalled {
        async fn buckets(&self, of: Watcher, id: Option<&str>) -> Result<Vec<WatchBucket>, PortError> {
            self.api.buckets(of, id).await
        }

        async fn create(
            &self,
            of: Watcher,
            bucket: &WatchBucket,
            when: (UnixMs, UnixMs),
        ) -> Result<BucketOutcome, PortError> {
            self.api.create(of, bucket, when).await
        }

        async fn change(&self, of: Watcher, bucket: &WatchBucket) -> Result<bool, PortError> {
            self.api.change(of, bucket).await
        }

        async fn delete(&self, of: Watcher, id: &str) -> Result<bool, PortError> {
            self.api.delete(of, id).await
        }
    }

    #[async_trait]
    impl WatchEvents for AsInstalled {
        async fn events(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<Vec<WatchEvent>, PortError> {
            self.api.events(of, bucket, window).await
        }

        async fn count(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<u64, PortError> {
            self.api.count(of, bucket, window).await
        }

        async fn look(&self, of: Watcher, bucket: &str, look: &Look) -> Result<Option<Seen>, PortError> {
            self.api.look(of, bucket, look).await
        }

        async fn keep(&self, of: Watcher, bucket: &str, edit: &Edit) -> Result<EditOutcome, PortError> {
            self.api.keep(of, bucket, edit).await
        }
    }

    /// Either role may; what an API left behind, the worker reads and settles.
    #[async_trait]
    impl WatchMarks for AsInstalled {
        async fn marks(&self, of: Watcher, before: UnixMs, limit: usize) -> Result<Vec<Mark>, PortError> {
            let marks = self.api.marks(of, before, limit).await?;
            assert_eq!(self.worker.marks(of, before, limit).await?, marks);
            Ok(marks)
        }

        async fn watched(&self, of: Watcher, reach: Span, limit: usize) -> Result<WatchedRows, PortError> {
            self.api.watched(of, reach, limit).await?;
            self.worker.watched(of, reach, limit).await
        }

        async fn settle(&self, of: Watcher, marks: &[i64], until: UnixMs) -> Result<(), PortError> {
            self.worker.settle(of, marks, until).await?;
            self.api.settle(of, marks, until).await
        }
    }

    #[async_trait]
    impl WatchUpkeep for AsInstalled {
        async fn left_behind(&self, marked: UnixMs, now: UnixMs, limit: usize) -> Result<Vec<Watcher>, PortError> {
            self.worker.left_behind(marked, now, limit).await
        }

        async fn forget_events(&self, before: UnixMs, limit: usize) -> Result<u64, PortError> {
            self.worker.forget_events(before, limit).await
        }
    }

    #[async_trait]
    impl WatchReader for AsInstalled {
        async fn watched_events(&self, user: UserId, window: Span) -> Result<Vec<WatchedEvent>, PortError> {
            self.api.watched_events(user, window).await
        }
    }

    async fn home() -> (TestPostgres, AsInstalled) {
        let (server, database) = database().await;
        let owner = client(&server).await;
        for user in USERS {
            let sql = "INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at)
                VALUES ($1, $2, 'Person', 'UTC', 0, 'h', now())";
            let email = format!("person{user}@example.org");
            let person: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&Uuid::from_u128(user), &email];
            owner.execute(sql, &person).await.expect("a person");
        }
        let watching = AsInstalled {
            worker: Watching::new(database),
            api: Watching::new(api_pool(&server)),
        };
        (server, watching)
    }

    testkit::watching_contract!(home().await);
}
