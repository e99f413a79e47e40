//! The Debian packages name files that are there, and their units start what they install. Building them needs a release build: scripts/package.

use std::fs;
use std::path::{Path, PathBuf};

fn krate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name)
}

/// What a crate says of its package.
fn metadata(name: &str) -> String {
    let manifest = fs::read_to_string(krate(name).join("Cargo.toml")).expect("a manifest");
    let (_, metadata) = manifest.split_once("[package.metadata.deb]").expect("a package");
    metadata.to_owned()
}

/// Source and destination of every file of a package.
fn assets(metadata: &str) -> Vec<(String, String)> {
    let lines = metadata.lines().filter_map(|line| line.trim().strip_prefix("[\""));
    let assets = lines.filter_map(|line| {
        let mut texts = line.split('"').step_by(2);
        Some((texts.next()?.to_owned(), texts.next()?.to_owned()))
    });
    assets.collect()
}

#[test]
fn every_file_of_a_package_is_there_or_is_its_program() {
    for (name, program) in [("daybook", "daybook"), ("agent", "daybook-agent")] {
        let assets = assets(&metadata(name));
        assert!(assets.len() >= 4, "{assets:?}");
        for (source, _) in &assets {
            let is_program = *source == format!("target/release/{program}");
            assert!(
                is_program || krate(name).join(source).is_file(),
                "{name} packs {source}"
            );
        }
        let to = assets.iter().find(|(source, _)| source.starts_with("target/release/"));
        assert_eq!(to.map(|(_, to)| to.as_str()), Some("usr/bin/"));
    }
}

#[test]
fn the_change_log_begins_with_the_version_that_is_packed() {
    for name in ["daybook", "agent"] {
        assert!(
            metadata(name).contains("changelog = \"../../packaging/changelog\""),
            "{name}"
        );
    }
    let log = fs::read_to_string(krate("daybook").join("../../packaging/changelog")).expect("a change log");
    let version = concat!("daybook (", env!("CARGO_PKG_VERSION"), "-1) ");
    assert!(log.starts_with(version), "{log}");
}

#[test]
fn what_starts_a_program_starts_the_one_that_is_installed() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    for (file, key, program) in [
        ("server/daybook.service", "ExecStart=", "/usr/bin/daybook up"),
        (
            "agent/daybook-agent.service",
            "ExecStart=",
            "/usr/bin/daybook-agent run",
        ),
        ("agent/daybook-agent.desktop", "Exec=", "/usr/bin/daybook-agent run"),
    ] {
        let text = fs::read_to_string(packaging.join(file)).expect(file);
        let command = text.lines().find_map(|line| line.strip_prefix(key)).expect(key);
        assert!(command.starts_with(program), "{file}: {command}");
    }
    let units = metadata("daybook");
    for named in [
        "maintainer-scripts = \"../../packaging/server\"",
        "unit-name = \"daybook\"",
    ] {
        assert!(units.contains(named), "{named}");
    }
    for script in ["postinst", "postrm"] {
        let text = fs::read_to_string(packaging.join("server").join(script)).expect(script);
        assert!(
            text.contains("#DEBHELPER#"),
            "{script} would not enable and stop the service"
        );
    }
}
