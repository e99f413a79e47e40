//! History from other trackers, through the built parts: what is foretold is what happens, in any month of ten years, and twice is once.

use std::collections::{BTreeMap, HashMap};

use domain::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};

use super::house::{House, Node, Session};
use crate::client::Answer;
use crate::ledger::{Random, now_ms};

const EMAIL: &str = "ada@example.org";
const SEED: u64 = 20_260_301;
const ROUNDS: usize = 12;
/// In which the random histories lie, so that most of what they hold overlaps.
const WINDOW_MS: i64 = 6 * 3_600_000;
const TOTALS: [&str; 3] = ["added_seconds", "replaced_seconds", "kept_seconds"];

/// A node, a worker, and somebody with rules who is signed in on two devices.
struct Scene {
    node: Node,
    worker: crate::program::Program,
    laptop: Session,
    phone: Session,
    house: House,
}

impl Scene {
    fn set() -> Self {
        let house = House::start();
        let (node, worker) = (house.node(), house.worker());
        node.client.register(EMAIL, "UTC");
        let (laptop, phone) = (node.sign_in(EMAIL, "laptop"), node.sign_in(EMAIL, "phone"));
        let rules = json!({"rules": [
            {"app": "Secret", "action": "exclude"},
            {"app": "Draft", "action": "rename", "to": "Editor"},
            {"site": "bank.example", "action": "hide"},
        ]});
        let changed = node
            .client
            .put("/api/v1/users/me/privacy-rules", &laptop.caller, &rules);
        assert_eq!(changed.status, 200, "{changed:?}");
        Self {
            node,
            worker,
            laptop,
            phone,
            house,
        }
    }

    fn import(&self, body: &Value) -> Answer {
        let answer = self.node.post("/api/v1/usage/import", &self.laptop.caller, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer
    }

    fn foretell(&self, body: &Value) -> Value {
        let answer = self
            .node
            .post("/api/v1/usage/import?dry_run=true", &self.laptop.caller, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Labels by stretches in milliseconds, as the timeline shows them.
    fn shown(&self, from: UnixMs, days: i64) -> Vec<Shown> {
        let (from, to) = (
            from.plus_ms(-DAY_MS).to_string(),
            from.plus_ms(days * DAY_MS).to_string(),
        );
        let timeline = self.node.client.timeline(&self.laptop.caller, &from, &to);
        let timeline: Value = serde_json::from_str(&timeline).expect("JSON");
        let segments = timeline["segments"].as_array().expect("segments").iter();
        segments.map(Shown::of).collect()
    }

    /// The whole of what reports count in these days, without bridging.
    fn reported(&self, from: UnixMs, days: i64) -> f64 {
        let day = |at: UnixMs| at.to_string()[..10].to_owned();
        let (first, last) = (day(from.plus_ms(-DAY_MS)), day(from.plus_ms(days * DAY_MS)));
        let path = format!("/api/v1/report/apps?from={first}&to={last}&bridge=0");
        let report = self.node.client.get(&path, Some(&self.laptop.caller));
        assert_eq!(report.status, 200, "{report:?}");
        report.json()["total_seconds"].as_f64().expect("a number")
    }

    /// Everything that is stored of time and points, row by row.
    fn rows(&self) -> Vec<String> {
        self.house.sql(
            "SELECT app_usage::text FROM app_usage UNION ALL SELECT usage_open::text FROM usage_open \
             UNION ALL SELECT heartbeats::text FROM heartbeats ORDER BY 1",
        )
    }

    /// The books of the queue, which balance, and hold nothing that waits or died.
    fn assert_balanced(&self) {
        let mut redis = self.house.redis();
        let books: HashMap<String, u64> = redis::cmd("HGETALL")
            .arg("daybook:pings:books")
            .query(&mut redis)
            .expect("books");
        let number = |name: &str| books.get(name).copied().unwrap_or(0);
        assert_eq!((number("in_flight"), number("dead")), (0, 0), "{books:?}");
        let fates = ["merged", "refused", "dropped"].map(number);
        assert_eq!(number("received"), fates.iter().sum::<u64>(), "{books:?}");
    }

    fn end(self) {
        self.assert_balanced();
        assert!(self.worker.terminate().success());
        assert!(self.node.program.terminate().success());
    }
}

/// A stretch of the timeline.
struct Shown {
    start: i64,
    end: i64,
    label: (String, Option<String>),
}

impl Shown {
    fn of(segment: &Value) -> Self {
        let text = |name: &str| segment[name].as_str().map(str::to_owned);
        let at = |name: &str| {
            let at = text(name).expect("an instant").parse();
            UnixMs::floor(at.expect("RFC 3339")).0
        };
        Self {
            start: at("start_time"),
            end: at("end_time"),
            label: (text("app_name").expect("a name"), text("domain")),
        }
    }
}

/// What became otherwise, by application: milliseconds that were nobody's, and milliseconds of another label.
fn changed(before: &[Shown], after: &[Shown]) -> BTreeMap<String, (i64, i64)> {
    let all = || before.iter().chain(after);
    let mut ends: Vec<i64> = all().flat_map(|shown| [shown.start, shown.end]).collect();
    ends.sort_unstable();
    ends.dedup();
    let holding = |shown: &[Shown], at: i64| {
        let one = shown.iter().find(|one| one.start <= at && at < one.end);
        one.map(|one| one.label.clone())
    };
    let mut changed: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for pair in ends.windows(2) {
        let Some(label) = holding(after, pair[0]) else { continue };
        match holding(before, pair[0]) {
            None => changed.entry(label.0).or_default().0 += pair[1] - pair[0],
            Some(old) if old != label => changed.entry(label.0).or_default().1 += pair[1] - pair[0],
            Some(_) => {}
        }
    }
    changed
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "three decimals of a few hours, made whole"
)]
fn ms(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("a number") * 1_000.0).round() as i64
}

fn foretold(change: &Value) -> BTreeMap<String, (i64, i64)> {
    let items = change["items"].as_array().expect("a list").iter();
    let item = |item: &Value| {
        let name = item["app_name"].as_str().expect("a name").to_owned();
        (name, (ms(&item["added_seconds"]), ms(&item["replaced_seconds"])))
    };
    items.map(item).collect()
}

fn name(random: &mut Random) -> (&'static str, Option<&'static str>) {
    match random.below(6) {
        0 => ("Secret", None),
        1 => ("Draft", None),
        2 => ("Browser", Some("https://bank.example/account?number=1")),
        3 => ("Browser", Some("https://www.example.org/page")),
        4 => ("Mail", None),
        _ => ("Editor", None),
    }
}

fn within(random: &mut Random, start: UnixMs) -> UnixMs {
    start.plus_ms(i64::try_from(random.below(WINDOW_MS.unsigned_abs())).expect("small"))
}

fn ping(random: &mut Random, start: UnixMs) -> Value {
    let (app, url) = name(random);
    let start = within(random, start);
    let end = start.plus_ms(1 + i64::try_from(random.below(1_200_000)).expect("small"));
    json!({
        "app_name": app,
        "url": url,
        "start_time": start.to_string(),
        "end_time": end.to_string(),
        "passive": random.below(3) == 0,
    })
}

fn pings(random: &mut Random, start: UnixMs, most: u64) -> Vec<Value> {
    (0..=random.below(most)).map(|_| ping(random, start)).collect()
}

fn history(random: &mut Random, start: UnixMs, source: &str) -> Value {
    let points = (0..random.below(40)).map(|_| {
        let (app, url) = name(random);
        let project = ["daybook", "garden"][usize::from(random.below(2) == 0)];
        json!({"time": within(random, start).to_string(), "app_name": app, "url": url, "kind": "file", "project": project})
    });
    let points: Vec<Value> = points.collect();
    json!({"source": source, "pings": pings(random, start, 20), "heartbeats": points})
}

/// Noon of a day, so many days ago.
fn noon(days_ago: i64) -> UnixMs {
    UnixMs(now_ms()).day_start().plus_ms(DAY_MS / 2 - days_ago * DAY_MS)
}

#[test]
fn what_is_foretold_of_random_histories_is_what_they_then_do_and_nothing_the_second_time() {
    let scene = Scene::set();
    let mut random = Random::new(SEED);
    let start = noon(40);
    let (mut added, mut replaced, mut kept) = (0, 0, 0);
    for round in 0..ROUNDS {
        for session in [&scene.laptop, &scene.phone] {
            let live = json!({"pings": pings(&mut random, start, 4)});
            assert_eq!(scene.node.client.track(&session.caller, &live).status, 202);
        }
        let source = ["One tracker", "Another tracker"][round % 2];
        let sent = history(&mut random, start, source);
        scene.house.drained();
        let (before, reported) = (scene.shown(start, 2), scene.reported(start, 2));
        let told = scene.foretell(&sent);
        let change = &told["change"];
        let imported = scene.import(&sent).json();
        for name in ["accepted", "excluded", "rejected"] {
            assert_eq!(told[name], imported[name], "round {round}");
        }
        scene.house.drained();
        let after = scene.shown(start, 2);
        assert_eq!(foretold(change), changed(&before, &after), "round {round}");
        let [was_added, was_replaced, was_kept] = TOTALS.map(|name| ms(&change[name]));
        let more = json!(scene.reported(start, 2) - reported);
        assert_eq!(ms(&more), was_added, "round {round}");

        let again = scene.foretell(&sent);
        let covered = was_added + was_replaced + was_kept;
        assert_eq!(
            TOTALS.map(|name| ms(&again["change"][name])),
            [0, 0, covered],
            "round {round}"
        );
        assert_eq!(again["change"]["items"], json!([]), "round {round}");
        added += was_added;
        replaced += was_replaced;
        kept += was_kept;
    }
    assert!(added > 0 && replaced > 0 && kept > 0, "{added} {replaced} {kept}");
    let excluded = "SELECT app_name FROM app_usage WHERE app_name IN ('Secret', 'Draft') OR domain = 'bank.example' \
        UNION ALL SELECT app_name FROM heartbeats WHERE app_name IN ('Secret', 'Draft') OR domain = 'bank.example'";
    assert_eq!(scene.house.sql(excluded), [""; 0]);
    scene.end();
}

#[test]
fn a_month_of_each_of_ten_years_is_imported_twice_and_there_once_and_what_was_recorded_stays() {
    let scene = Scene::set();
    let live = json!({
        "app_name": "Live",
        "start_time": noon(60).to_string(),
        "end_time": noon(60).plus_ms(600_000).to_string(),
    });
    assert_eq!(scene.node.client.track(&scene.laptop.caller, &live).status, 202);
    // Nearly ten years, in steps of less than a month: the clock goes on meanwhile.
    let days: Vec<i64> = (2..=3_650).step_by(29).collect();
    let ping = |days_ago: &i64| {
        let at = noon(*days_ago);
        json!({"app_name": "Past", "start_time": at.to_string(), "end_time": at.plus_ms(1_800_000).to_string()})
    };
    let point = |days_ago: &i64| {
        let at = noon(*days_ago).plus_ms(3_600_000);
        [at, at.plus_ms(300_000)].map(|at| json!({"time": at.to_string(), "app_name": "vim", "language": "Rust"}))
    };
    let sent = json!({
        "source": "Ten years",
        "pings": days.iter().map(ping).collect::<Vec<_>>(),
        "heartbeats": days.iter().flat_map(point).collect::<Vec<_>>(),
    });
    assert_eq!(scene.import(&sent).json()["accepted"], 3 * days.len());
    scene.house.drained();
    let months = "SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'app_usage'::regclass";
    let months: usize = scene.house.sql(months)[0].parse().expect("a number");
    assert!(months >= 120, "{months}");
    let rows = scene.rows();
    scene.import(&sent);
    scene.house.drained();
    assert_eq!(scene.rows(), rows);

    for days_ago in [2, 31, 3_540] {
        let shown = scene.shown(noon(days_ago), 1);
        let minutes: Vec<_> = shown
            .iter()
            .map(|one| (one.label.0.as_str(), (one.end - one.start) / 60_000))
            .collect();
        assert_eq!(minutes, [("Past", 30), ("vim", 5)], "{days_ago} days ago");
    }
    let recorded: Vec<_> = scene.shown(noon(60), 1).iter().map(|one| one.label.0.clone()).collect();
    assert_eq!(recorded, ["Live", "Past", "vim"]);
    // What is recorded from now on goes on as before.
    assert_eq!(scene.node.track(&scene.phone.caller), 202);
    scene.house.drained();
    scene.end();
}
