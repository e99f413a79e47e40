use proptest::prelude::*;

use crate::import::found::Found;
use crate::import::report::FileReport;
use crate::import::tests::anybody;

use super::*;

type Told = (Vec<String>, Vec<String>);

/// The claims of a table, and why others were skipped.
fn read_table(text: &[u8]) -> Result<Told, TableError> {
    let (_dir, privacy) = anybody();
    let mut found = Found::under(&privacy, 1_000);
    let mut report = FileReport::of("x");
    let mut reading = Reading {
        found: &mut found,
        report: &mut report,
    };
    read(&mut io::Cursor::new(text), "Europe/Berlin".parse().ok(), &mut reading)?;
    let claims = found.claims.iter().map(|claim| {
        let Label { app_name, domain } = &claim.seen.label;
        let (app, site) = (app_name.as_str(), domain.as_ref().map_or("", |site| site.as_str()));
        format!(
            "{} {} {app:?} {site} {}",
            claim.start,
            claim.end.0 - claim.start.0,
            claim.seen.passive
        )
    });
    let skipped = report.skipped.by_count();
    let skipped = skipped
        .iter()
        .map(|(reason, counted)| format!("{reason} at {}", counted.first.join(", ")));
    Ok((claims.collect(), skipped.collect()))
}

fn claims(text: &str) -> Vec<String> {
    let (claims, skipped) = read_table(text.as_bytes()).expect(text);
    assert!(skipped.is_empty(), "{text}: {skipped:?}");
    claims
}

#[test]
fn columns_are_known_by_their_names_and_their_separator() {
    let an_hour = ["2024-03-01T09:00:00Z 3600000 \"Editor\" example.org false"];
    for text in [
        "start_time,end_time,app_name,url\n2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,Editor,https://www.example.org/a\n",
        "App;Site;From;To\r\nEditor;example.org;2024-03-01 10:00;2024-03-01 11:00\r\n",
        "timestamp\tduration\tapplication\tdomain\n2024-03-01T09:00:00+00:00\t3600.0\tEditor\texample.org",
        "Activity,Host,Start Time,Duration Seconds\nEditor,example.org,1709283600,3600\n",
        "x,app,start,duration,end,url\n,Editor,2024-03-01 10:00,,2024-03-01 11:00,example.org\n",
        "x,app,start,duration,end,url\n,Editor,2024-03-01 10:00,1:00:00,,example.org\n\n",
    ] {
        assert_eq!(claims(text), an_hour, "{text}");
    }
}

#[test]
fn quoted_texts_hold_separators_marks_and_lines() {
    let text =
        "app,start,duration,passive\n\"A, \"\"B\"\"\",2024-03-01T09:00:00Z,\"1\",YES\n\"C\",2024-03-01T09:00:00Z,1,0\n";
    let at = "2024-03-01T09:00:00Z 1000";
    assert_eq!(
        claims(text),
        [format!("{at} \"A, \\\"B\\\"\"  true"), format!("{at} \"C\"  false")]
    );
    let (read, skipped) =
        read_table(b"app,start,duration\n\"a\nb\",2024-03-01T09:00:00Z,1\n\r\n \n\nC,x,1").expect("a table");
    assert!(read.is_empty());
    assert!(
        skipped
            .iter()
            .any(|told| told.starts_with("app_name: ") && told.ends_with("at line 2")),
        "{skipped:?}"
    );
    assert!(
        skipped
            .iter()
            .any(|told| told.starts_with("start_time: ") && told.ends_with("at line 7")),
        "{skipped:?}"
    );
}

#[test]
fn a_row_that_is_none_stops_no_other() {
    let rows = [
        "A,2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,,",
        "A",
        ",2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,,",
        "A,2024-03-01T09:00:00Z,2024-03-01T09:00:00Z,,",
        "A,2024-03-01T09:00:00Z,2024-03-02T09:00:00Z,,",
        "A,2024-03-01T09:00:00Z,2024-03-02T09:00:00.001Z,,",
        "A,2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,https://exa mple/,",
        "A,2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,,perhaps",
        "A,2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,,,more,and more",
    ];
    let text = format!("app,start,end,url,passive\n{}\n", rows.join("\n"));
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"\xff,2024-03-01T09:00:00Z,2024-03-01T10:00:00Z,,\n");
    let (read, skipped) = read_table(&bytes).expect("a table");
    assert_eq!(read.len(), 3);
    for (reason, line) in [
        ("start_time: must be given", 3),
        ("app_name: must be given", 4),
        ("end_time: must be later", 5),
        ("end_time: must be at most 24 hours", 7),
        ("url: must be a host", 8),
        ("passive: must be true or false", 9),
        ("app_name: is not UTF-8: save the table as UTF-8", 11),
    ] {
        let place = format!("at line {line}");
        assert!(
            skipped
                .iter()
                .any(|told| told.starts_with(reason) && told.ends_with(&place)),
            "{reason} {place}: {skipped:?}"
        );
    }
}

#[test]
fn what_is_missing_of_the_names_is_said() {
    for (names, wanted) in [
        ("end,app", "start_time"),
        ("start,app", "end_time or duration"),
        ("start,end", "app_name"),
        ("", "end_time or duration"),
    ] {
        let error = read_table(format!("{names}\n").as_bytes())
            .expect_err(names)
            .to_string();
        assert!(
            error.starts_with(&format!("line 1 names no column {wanted}")),
            "{error}"
        );
    }
}

#[test]
fn a_row_has_a_bound_and_a_mark_that_is_never_closed_meets_it() {
    let table = |length: usize| {
        format!(
            "start,duration,app,note\n1709283600,1,A,\"{}\n1709283601,1,B,\n",
            "x".repeat(length)
        )
    };
    let error = read_table(table(2 * ROW_BYTES_MAX).as_bytes()).expect_err("endless");
    assert!(matches!(error, TableError::Endless { line: 2 }), "{error}");
    // As long as the bound is, with its mark closed.
    let row = format!("1709283600,1,A,\"{}\"\n", "x".repeat(ROW_BYTES_MAX - 18));
    assert_eq!(row.len(), ROW_BYTES_MAX);
    let whole = format!("start,duration,app,note\n{row}1709283601,1,B,\n");
    assert_eq!(claims(&whole).len(), 2);
}

proptest! {
    #[test]
    fn any_bytes_are_a_table_or_none(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), any::<u8>()], 0..200)) {
        let mut table = b"start,duration,app\n".to_vec();
        table.extend(bytes);
        prop_assert!(read_table(&table).is_ok());
    }
}
