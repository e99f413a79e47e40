//! How the roles come to be, and what the server says of whoever connects.

use adapters::postgres::{Health, Settings, connect, migrate};
use domain::time::UnixMs;
use ports::{Clock, Probe};
use testkit::servers::TestPostgres;

use crate::postgres::{api_pool, client, client_at, database, pool};

#[tokio::test]
async fn an_owner_who_may_not_make_roles_is_told_what_an_administrator_must_run() {
    let server = TestPostgres::start();
    let admin = client_at(&server.admin_url()).await;
    let drop = "DROP ROLE daybook_api, daybook_worker";
    admin.batch_execute(drop).await.expect("nothing is theirs");
    let refused = migrate(&server.database_url()).await.expect_err("no roles").chain();
    let statements = "CREATE ROLE daybook_api LOGIN; CREATE ROLE daybook_worker LOGIN;";
    assert!(refused.contains(statements) && !refused.contains('\n'), "{refused}");

    // A month that was made before tables were shut, and a role that is there before it may look.
    let owner = client(&server).await;
    let month = owner.batch_execute("SELECT usage_ensure_month('2026-03-01')").await;
    month.expect("the migrations before have been applied");
    admin.batch_execute(statements).await.expect("roles");
    let unready = Health::new(api_pool(&server))
        .check()
        .await
        .expect_err("not yet")
        .chain();
    assert!(unready.contains("V3__isolation"), "{unready}");
    assert!(
        migrate(&server.database_url())
            .await
            .expect("migrate")
            .contains(&"V3__isolation".to_owned())
    );
    for database in [api_pool(&server), pool(&server)] {
        Health::new(database).check().await.expect("healthy");
    }
    let shut = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'app_usage_2026_03'";
    assert!(owner.query_one(shut, &[]).await.expect("a partition").get::<_, bool>(0));
}

#[tokio::test]
async fn an_owner_who_may_make_roles_makes_them() {
    let server = TestPostgres::start();
    let admin = client_at(&server.admin_url()).await;
    let allow = "DROP ROLE daybook_api, daybook_worker; ALTER ROLE daybook CREATEROLE";
    admin.batch_execute(allow).await.expect("nothing is theirs");
    migrate(&server.database_url()).await.expect("migrate");
    for database in [api_pool(&server), pool(&server)] {
        Health::new(database).check().await.expect("healthy");
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixMs {
        UnixMs(0)
    }
}

/// The name of the role at `url`, and the powers that the report finds: `b`ypasses policies, `o`wner, `a`pi, `w`orker.
async fn powers(url: String) -> (String, String) {
    let database = connect(&Settings::new(url)).expect("a pool");
    let role = database.report(&Stopped).await.expect("report").role;
    let powers = [
        (role.bypasses_policies, 'b'),
        (role.owns_tables, 'o'),
        (role.is_api, 'a'),
        (role.is_worker, 'w'),
    ];
    (
        role.name,
        powers
            .into_iter()
            .filter_map(|(has, letter)| has.then_some(letter))
            .collect(),
    )
}

#[tokio::test]
async fn the_report_says_what_a_role_could_do_also_by_becoming_another() {
    let (server, _) = database().await;
    let admin = client_at(&server.admin_url()).await;
    let of = |name: &str, powers: &str| (name.to_owned(), powers.to_owned());
    assert_eq!(powers(server.database_url()).await, of("daybook", "o"));
    assert_eq!(powers(server.api_database_url()).await, of("daybook_api", "a"));
    assert_eq!(powers(server.worker_database_url()).await, of("daybook_worker", "w"));
    assert_eq!(powers(server.admin_url()).await, of("postgres", "boaw"));
    for (change, undo, has) in [
        ("GRANT daybook TO daybook_api", "REVOKE daybook FROM daybook_api", "oa"),
        (
            "GRANT daybook_worker TO daybook_api",
            "REVOKE daybook_worker FROM daybook_api",
            "aw",
        ),
        (
            "ALTER ROLE daybook_api BYPASSRLS",
            "ALTER ROLE daybook_api NOBYPASSRLS",
            "ba",
        ),
        (
            "CREATE ROLE dumper BYPASSRLS; GRANT dumper TO daybook_api",
            "DROP ROLE dumper",
            "ba",
        ),
        (
            "CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO daybook_api",
            "DROP TABLE theirs",
            "oa",
        ),
    ] {
        admin.batch_execute(change).await.expect(change);
        assert_eq!(
            powers(server.api_database_url()).await,
            of("daybook_api", has),
            "{change}"
        );
        admin.batch_execute(undo).await.expect(undo);
    }
    // Who takes on a role can lay it down again.
    let as_api = "ALTER ROLE postgres SET role = daybook_api";
    admin.batch_execute(as_api).await.expect(as_api);
    assert_eq!(powers(server.admin_url()).await, of("daybook_api", "boaw"));
}
