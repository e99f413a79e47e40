//! What `deploy/` says of metrics: alerts and dashboard ask for nothing that nodes do not tell.

use std::collections::BTreeSet;

use serde_json::Value;

const RULES: &str = include_str!("../../../../deploy/prometheus/daybook.rules.yml");
const RULES_TEST: &str = include_str!("../../../../deploy/prometheus/daybook.rules.test.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/daybook.json");

/// The names of our metrics that stand in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words
        .filter(|word| word.starts_with("daybook_"))
        .map(str::to_owned)
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).expect("it is JSON")
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("panels")
}

/// Everything that the dashboard asks Prometheus.
fn expressions(dashboard: &Value) -> Vec<&str> {
    let targets = panels(dashboard)
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets
        .map(|target| target["expr"].as_str().expect("an expression"))
        .collect()
}

/// Every name that alerts and dashboard ask for.
pub fn asked() -> BTreeSet<String> {
    let dashboard = dashboard();
    let asked: BTreeSet<String> = names(RULES)
        .into_iter()
        .chain(names(&expressions(&dashboard).join("\n")))
        .collect();
    assert!(asked.len() > 30, "they are read: {asked:?}");
    asked
}

#[test]
fn the_dashboard_has_the_shape_that_grafana_loads() {
    let dashboard = dashboard();
    for name in ["uid", "title"] {
        assert!(dashboard[name].is_string(), "{name}");
    }
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 36));
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let place = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a place"));
        let [x, y, width, height] = place;
        assert!(x + width <= 24, "{panel}");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} lies on another panel", panel["title"]);
        }
        let kind = panel["type"].as_str().expect("a type");
        if kind == "row" {
            continue;
        }
        assert!(["stat", "timeseries"].contains(&kind), "{kind}");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty());
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{target}");
        }
    }
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
}

#[test]
fn every_alert_is_tested() {
    let alerts = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let untested: Vec<&str> = alerts.filter(|alert| !RULES_TEST.contains(alert)).collect();
    assert_eq!(untested, [""; 0]);
}
