//! The timeline as the API shows it, which must be the one that is stored: joined, sorted, nothing left out.

use domain::time::UnixMs;
use domain::usage::{Domain, Segment, Timeline};
use serde_json::Value;
use testkit::runs::Failure;

use super::api::Api;
use super::windows;
use crate::ledger::now;

/// The most days that one answer covers.
const DAYS: i64 = 31;

/// What differs from `timeline`.
pub(super) async fn check(api: &mut Api, token: &str, timeline: &Timeline) -> Result<Vec<String>, Failure> {
    let mut differs = Vec::new();
    for window in windows(now(), DAYS) {
        let path = format!("/api/v1/usage/timeline?from={}&to={}", window.start(), window.end());
        let answer = api.get(&path, token).await?;
        let shown = answer["segments"].as_array();
        let shown = shown.ok_or_else(|| Failure::new(format!("{path} has no segments")))?;
        let clipped = timeline.clip(window);
        differs.extend(difference(shown, clipped.segments()));
    }
    Ok(differs)
}

/// The first difference between what is shown and what should be.
fn difference(shown: &[Value], expected: &[Segment]) -> Option<String> {
    for place in 0..shown.len().max(expected.len()) {
        match (shown.get(place), expected.get(place)) {
            (Some(shown), Some(expected)) if is(shown, expected) => {}
            (shown, expected) => {
                let shown = shown.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                let expected = expected.map_or_else(|| "nothing".to_owned(), words);
                return Some(format!("segment {place} is shown as {shown}, and is {expected}"));
            }
        }
    }
    None
}

fn is(shown: &Value, segment: &Segment) -> bool {
    let instant = |field: &str| {
        let text = shown[field].as_str()?;
        Some(UnixMs::floor(text.parse().ok()?))
    };
    let (span, label) = (segment.span, &segment.holder.label);
    instant("start_time") == Some(span.start())
        && instant("end_time") == Some(span.end())
        && shown["app_name"].as_str() == Some(label.app_name.as_str())
        && shown["domain"].as_str() == label.domain.as_ref().map(Domain::as_str)
        && shown["device_id"].as_str() == Some(segment.holder.rank.device.to_string().as_str())
        && super::sums::ms_of(&shown["seconds"]) == Some(span.ms())
}

fn words(segment: &Segment) -> String {
    let (span, label) = (segment.span, &segment.holder.label);
    let site = label.domain.as_ref().map_or("-", Domain::as_str);
    let device = segment.holder.rank.device;
    format!(
        "{} to {}, {:?} {site}, of device {device}",
        span.start(),
        span.end(),
        label.app_name
    )
}

#[cfg(test)]
mod tests {
    use domain::accounts::DeviceId;
    use domain::time::Span;
    use domain::usage::{Attention, Holder, Label, Rank};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn segment(start: i64, end: i64, domain: Option<&str>) -> Segment {
        let rank = Rank {
            attention: Attention::Active,
            precedence: 1,
            device: DeviceId(Uuid::nil()),
            beat: None,
        };
        Segment {
            span: Span::new(UnixMs(start), UnixMs(end)).expect("not empty"),
            holder: Holder {
                rank,
                label: Label::trusted("a", domain),
            },
        }
    }

    fn shown(start: &str, end: &str, domain: &Value, seconds: f64) -> Value {
        json!({
            "start_time": start, "end_time": end, "app_name": "a", "domain": domain, "device_id": Uuid::nil(), "seconds": seconds,
        })
    }

    #[test]
    fn a_segment_is_shown_as_it_is_or_the_difference_is_told() {
        let (start, end) = ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500Z");
        let expected = [segment(0, 1_500, Some("x.org"))];
        let right = shown(start, end, &json!("x.org"), 1.5);
        assert_eq!(difference(std::slice::from_ref(&right), &expected), None);
        for wrong in [
            vec![],
            vec![right.clone(), right.clone()],
            vec![shown(start, end, &json!("x.org"), 1.501)],
            vec![shown(start, end, &Value::Null, 1.5)],
            vec![shown(start, start, &json!("x.org"), 1.5)],
            // Cut in two, though it is one.
            vec![
                shown(start, "1970-01-01T00:00:01Z", &json!("x.org"), 1.0),
                shown("1970-01-01T00:00:01Z", end, &json!("x.org"), 0.5),
            ],
        ] {
            let told = difference(&wrong, &expected).expect("a difference");
            assert!(told.starts_with("segment ") && told.contains("is shown as"), "{told}");
        }
    }
}
