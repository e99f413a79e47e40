//! Health, and the pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ports::{PortError, Probe};
use serde_json::json;
use tokio::sync::Barrier;

use crate::house::House;

struct Part {
    name: &'static str,
    up: Arc<AtomicBool>,
    /// Lets a probe through only together with the other.
    together: Arc<Barrier>,
}

#[async_trait]
impl Probe for Part {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn check(&self) -> Result<(), PortError> {
        self.together.wait().await;
        if self.up.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(PortError::unavailable("ask for a sign of life", "password of somebody"))
    }
}

#[test]
fn a_node_is_ready_when_all_that_it_stands_on_is_there_and_otherwise_says_what_is_not() {
    let up = [Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true))];
    let together = Arc::new(Barrier::new(2));
    let house = House::with(|services, _| {
        let part = |name, up: &Arc<AtomicBool>| -> Arc<dyn Probe> {
            Arc::new(Part {
                name,
                up: Arc::clone(up),
                together: Arc::clone(&together),
            })
        };
        services.probes = vec![part("postgres", &up[0]), part("redis", &up[1])];
    });
    let ready = || house.call("GET", "/health/ready").send();
    assert_eq!(
        ready().expect(200).json(),
        json!({"status": "ready", "up": ["postgres", "redis"]})
    );
    up[1].store(false, Ordering::SeqCst);
    let answer = ready().expect(503);
    assert_eq!(
        (&answer.json()["down"], &answer.json()["detail"]),
        (&json!(["redis"]), &json!("away: redis"))
    );
    assert!(
        !String::from_utf8_lossy(&answer.body).contains("password"),
        "the cause is for the log"
    );
    up[0].store(false, Ordering::SeqCst);
    assert_eq!(ready().expect(503).json()["down"], json!(["postgres", "redis"]));
    assert_eq!(
        house.call("GET", "/health/live").send().expect(200).json(),
        json!({"status": "live"})
    );
}

#[test]
fn the_page_and_all_that_it_needs_come_from_here() {
    let house = House::new();
    for path in ["/", "/api/docs"] {
        let answer = house.call("GET", path).send().expect(307);
        assert_eq!(answer.header("location"), Some("/api/docs/"));
    }
    let page = house.call("GET", "/api/docs/").send().expect(200);
    let html = String::from_utf8(page.body.clone()).expect("UTF-8");
    let is_asset = |part: &&str| [".js", ".css"].iter().any(|end| part.strip_suffix(end).is_some());
    let assets: Vec<_> = html.split(['"', '\'']).filter(is_asset).collect();
    assert!(assets.len() >= 3, "{html}");
    for asset in assets {
        let asset = asset.trim_start_matches("./");
        let answer = house.call("GET", &format!("/api/docs/{asset}")).send().expect(200);
        assert!(!answer.body.is_empty());
    }
    let setup = house.call("GET", "/api/docs/swagger-initializer.js").send().expect(200);
    assert!(String::from_utf8_lossy(&setup.body).contains("/api/openapi.json"));
    for (name, value) in [
        ("content-type", "text/html"),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self';"),
        "{policy}"
    );
}

#[test]
fn a_head_is_a_get_whose_body_is_left_out() {
    let house = House::new();
    for path in ["/health/live", "/api/openapi.json", "/api/docs/"] {
        let get = house.call("GET", path).send().expect(200);
        let head = house.call("HEAD", path).send().expect(200);
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    house.call("HEAD", "/api/v1/usage/track").send().expect(405);
}
