//! Finding the programs: the order of places, and what does not do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use embedded::{Binaries, EmbeddedError, PostgresBinaries, RedisBinary, Search, Version};
use tempfile::TempDir;

const NEW_POSTGRES: &str = "postgres (PostgreSQL) 16.4";
const NEW_REDIS: &str = "Redis server v=7.2.5 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0";

fn program(path: &Path, says: &str) {
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("our own directory");
    fs::write(path, format!("#!/bin/sh\necho '{says}'\n")).expect("our own file");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("our own file");
}

/// An installation below `root` that has everything.
fn postgres(root: &Path, says: &str) -> PathBuf {
    let bin = root.join("bin");
    program(&bin.join("postgres"), says);
    program(&bin.join("initdb"), says);
    let extensions = root.join("share/extension");
    fs::create_dir_all(&extensions).expect("our own directory");
    fs::write(extensions.join("btree_gist.control"), "").expect("our own file");
    bin
}

/// A search that finds nothing but what a test lays out in `dir`.
fn search(dir: &TempDir) -> Search {
    Search {
        path: Some(
            std::env::join_paths([dir.path().join("path"), dir.path().join("linked")]).expect("no colon in a path"),
        ),
        versions: dir.path().join("versions"),
        bundle: Some(dir.path().join("bundle")),
        cluster: Some(dir.path().join("cluster")),
        ..Search::default()
    }
}

fn found(search: &Search) -> PathBuf {
    PostgresBinaries::find(search).expect("a Postgres").bin().to_owned()
}

#[test]
fn this_machine_has_both() {
    let found = Binaries::find(&Search::of_system()).unwrap();
    assert!(found.postgres.version() >= Version { major: 15, minor: 0 });
    assert!(found.redis.version() >= Version { major: 7, minor: 0 });
}

#[test]
fn the_places_are_tried_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let search = search(&dir);
    let bundle = postgres(&dir.path().join("bundle/postgres"), NEW_POSTGRES);
    assert_eq!(found(&search), bundle);
    let old = postgres(&dir.path().join("versions/15"), "postgres (PostgreSQL) 15.1");
    assert_eq!(found(&search), old);
    let new = postgres(&dir.path().join("versions/16"), NEW_POSTGRES);
    assert_eq!(found(&search), new);
    let elsewhere = postgres(&dir.path().join("elsewhere"), NEW_POSTGRES);
    fs::create_dir(dir.path().join("linked")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("postgres"), dir.path().join("linked/postgres")).unwrap();
    assert_eq!(found(&search), elsewhere);
    let configured = postgres(&dir.path().join("configured"), NEW_POSTGRES);
    assert_eq!(
        found(&Search {
            postgres_bin: Some(configured.clone()),
            ..search
        }),
        configured
    );
}

#[test]
fn a_postgres_that_does_not_do_is_passed_over_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let search = search(&dir);
    postgres(&dir.path().join("versions/14"), "postgres (PostgreSQL) 14.9");
    program(
        &dir.path().join("versions/17/bin/postgres"),
        "postgres (PostgreSQL) 17.1",
    );
    let bare = dir.path().join("versions/18/bin");
    program(&bare.join("postgres"), "postgres (PostgreSQL) 18.6");
    program(&bare.join("initdb"), "");
    let error = PostgresBinaries::find(&search).unwrap_err();
    assert!(
        matches!(&error, EmbeddedError::PostgresMissing { rejected, .. } if rejected.len() == 3),
        "{error}"
    );
    for reason in [
        "14.9 is too old",
        "initdb is missing",
        "contrib extensions are missing",
        "install the package `postgresql`",
    ] {
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
    let good = postgres(&dir.path().join("bundle/postgres"), NEW_POSTGRES);
    assert_eq!(found(&search), good);
}

#[test]
fn a_configured_place_is_the_only_one() {
    let dir = tempfile::tempdir().unwrap();
    postgres(&dir.path().join("versions/16"), NEW_POSTGRES);
    program(&dir.path().join("path/redis-server"), NEW_REDIS);
    let configured = Search {
        postgres_bin: Some(dir.path().join("wrong")),
        redis_bin: Some(dir.path().join("wrong")),
        ..search(&dir)
    };
    assert!(matches!(
        PostgresBinaries::find(&configured),
        Err(EmbeddedError::PostgresMissing { .. })
    ));
    assert!(matches!(
        RedisBinary::find(&configured),
        Err(EmbeddedError::RedisMissing { .. })
    ));
}

#[test]
fn the_data_decides_the_major_version() {
    let dir = tempfile::tempdir().unwrap();
    let search = search(&dir);
    postgres(&dir.path().join("versions/16"), NEW_POSTGRES);
    fs::create_dir(dir.path().join("cluster")).unwrap();
    fs::write(dir.path().join("cluster/PG_VERSION"), "15\n").unwrap();
    let error = PostgresBinaries::find(&search).unwrap_err();
    assert!(
        matches!(error, EmbeddedError::PostgresMajor { major: 15, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("install the package `postgresql-15`"),
        "{error}"
    );
    let fitting = postgres(&dir.path().join("versions/15"), "postgres (PostgreSQL) 15.1");
    assert_eq!(found(&search), fitting);
}

#[test]
fn redis_comes_from_the_path_or_the_bundle_and_is_new_enough() {
    let dir = tempfile::tempdir().unwrap();
    let search = search(&dir);
    let error = RedisBinary::find(&search).unwrap_err();
    assert!(
        error.to_string().contains("install the package `redis-server`"),
        "{error}"
    );
    program(
        &dir.path().join("path/redis-server"),
        "Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=0",
    );
    let error = RedisBinary::find(&search).unwrap_err();
    assert!(error.to_string().contains("6.2 is too old"), "{error}");
    let bundled = dir.path().join("bundle/redis/bin/redis-server");
    program(&bundled, NEW_REDIS);
    assert_eq!(RedisBinary::find(&search).unwrap().path(), bundled);
    let on_path = dir.path().join("linked/redis-server");
    program(&on_path, NEW_REDIS);
    assert_eq!(RedisBinary::find(&search).unwrap().path(), on_path);
    let configured = dir.path().join("configured");
    program(&configured.join("redis-server"), NEW_REDIS);
    let search = Search {
        redis_bin: Some(configured.clone()),
        ..search
    };
    assert_eq!(
        RedisBinary::find(&search).unwrap().path(),
        configured.join("redis-server")
    );
}
