use domain::accounts::{DeviceId, UserId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::ledger::{Owner, Person, Ping, Wrong};
use crate::trackers::session::Session;

/// A device that numbers its pings, in front of this door.
fn tracker(door: &str) -> Tracker {
    let person = Person {
        id: UserId(Uuid::nil()),
        email: "a@example.org".to_owned(),
        password: String::new(),
        zone: chrono_tz::Tz::UTC,
    };
    let owner = Owner {
        name: "person-0/device-0".to_owned(),
        key: "device-0".to_owned(),
        person: 0,
        device: DeviceId(Uuid::nil()),
        precedence: 1,
        numbered: true,
    };
    let tokens = json!({"access_token": "access", "refresh_token": "refresh"});
    let device = SignedIn {
        owner,
        session: Session::begun(&tokens, person, "device-0".to_owned()).expect("tokens"),
        heavy: false,
    };
    let (_, stopped) = watch::channel(false);
    let life = Life {
        plan: Arc::new(FleetPlan {
            answer_max: Duration::from_millis(200),
            patience: Duration::from_secs(20),
            ..FleetPlan::default()
        }),
        stopped,
        accepted: Arc::default(),
        begun: now(),
    };
    let doors = Doors {
        api: vec![door.to_owned()],
    };
    Tracker::new(device, &doors, &life, &Random::new(1)).expect("a tracker")
}

/// Makes sound pings, or wrong ones, and notes that they are sent.
fn sent(tracker: &mut Tracker, count: u64, wrong: Option<Wrong>) -> Vec<u32> {
    let places = made(tracker, count, wrong);
    tracker.log.send(now(), 0, &places);
    places
}

fn made(tracker: &mut Tracker, count: u64, wrong: Option<Wrong>) -> Vec<u32> {
    let mut pings = Vec::new();
    while (pings.len() as u64) < count {
        let most = count - pings.len() as u64;
        pings.extend(tracker.maker.walk(most));
    }
    pings
        .into_iter()
        .map(|ping| tracker.log.make(Ping { wrong, ..ping }))
        .collect()
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: Some(Duration::from_mins(1)),
        body: body.into(),
    }
}

fn taken(accepted: usize, rejected: &str, merged_through: u64) -> Answer {
    let body = format!(r#"{{"accepted":{accepted},"rejected":[{rejected}],"merged_through":{merged_through}}}"#);
    answer(202, &body)
}

fn standings(tracker: &Tracker) -> Vec<Standing> {
    tracker.log.pings.iter().map(|ping| ping.standing).collect()
}

fn promises(tracker: &Tracker) -> Vec<&str> {
    tracker
        .violations
        .iter()
        .map(|violation| violation.promise.as_str())
        .collect()
}

#[test]
fn an_answer_is_believed_ping_by_ping() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let mut places = sent(&mut tracker, 2, None);
    places.extend(sent(&mut tracker, 1, Some(Wrong::Nameless)));
    tracker.answered(&places, &taken(2, r#"{"index":2}"#, 0));
    assert_eq!(
        standings(&tracker),
        [Standing::Acknowledged, Standing::Acknowledged, Standing::Refused]
    );
    assert_eq!((tracker.log.arrivals, promises(&tracker)), (3, vec![]));
    assert!(tracker.waiting.is_empty());
}

#[test]
fn what_nobody_knows_of_is_sent_again_as_it_was() {
    for status in [500, 502, 503, 429, 401, 408] {
        let mut tracker = tracker("http://127.0.0.1:1");
        let places = sent(&mut tracker, 3, None);
        tracker.answered(&places, &answer(status, "{}"));
        assert_eq!(standings(&tracker), [Standing::Unknown; 3], "{status}");
        assert_eq!(tracker.next(10), places, "{status}");
        assert_eq!(tracker.log.pings[2].seq, Some(3));
        assert!((AGAIN_AFTER..=tracker.life.plan.retry_after_max).contains(&tracker.rest));
    }
}

#[test]
fn a_500_and_a_wrong_judgement_of_a_ping_are_violations() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let sound = sent(&mut tracker, 1, None);
    let wrong = sent(&mut tracker, 1, Some(Wrong::Old));
    tracker.answered(&sound, &answer(500, "{}"));
    assert_eq!(promises(&tracker), ["no request is answered with a 500"]);
    tracker.answered(&sound, &answer(422, "{}"));
    tracker.answered(&wrong, &taken(1, "", 0));
    assert_eq!(
        promises(&tracker)[1..],
        ["a sound ping is accepted", "what is wrong is refused"]
    );
}

#[test]
fn of_many_violations_the_first_are_told_and_the_others_counted() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let places = sent(&mut tracker, 1, None);
    for _ in 0..VIOLATIONS_MAX + 3 {
        tracker.answered(&places, &answer(500, "{}"));
    }
    assert_eq!((tracker.violations.len(), tracker.untold), (VIOLATIONS_MAX, 3));
}

#[test]
fn what_was_accepted_once_stays_accepted() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let places = sent(&mut tracker, 1, None);
    tracker.answered(&places, &taken(1, "", 0));
    tracker.log.send(now(), 0, &places);
    tracker.answered(&places, &answer(503, "{}"));
    tracker.answered(&places, &answer(422, "{}"));
    assert_eq!(
        (standings(&tracker), tracker.log.resent),
        (vec![Standing::Acknowledged], 1)
    );
    assert!(tracker.waiting.is_empty());
}

#[tokio::test]
async fn a_device_makes_what_is_due_and_no_more_while_too_much_waits() {
    let backlog_max = usize::try_from(BACKLOG_MAX).expect("few");
    let mut tracker = tracker("http://127.0.0.1:1");
    tracker.make_what_is_due(0).await;
    assert!(tracker.log.pings.is_empty());
    tracker.make_what_is_due(300).await;
    let made = tracker.log.pings.len();
    assert!((300..300 + backlog_max).contains(&made), "{made}");
    tracker.make_what_is_due(300).await;
    assert_eq!(tracker.log.pings.len(), made);

    tracker.make_what_is_due(u64::MAX).await;
    let waiting = tracker.waiting.len();
    assert!((WAITING_MAX..WAITING_MAX + backlog_max).contains(&waiting), "{waiting}");
    tracker.make_what_is_due(u64::MAX).await;
    assert_eq!(tracker.waiting.len(), waiting);
}

#[test]
fn a_device_sends_one_of_its_pings_in_so_many_again_and_no_more() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let pings = 10 * AGAIN_EVERY;
    let places = sent(&mut tracker, pings, None);
    tracker.answered(&places, &taken(places.len(), "", 0));
    while tracker.log.resent < pings / AGAIN_EVERY {
        let batch = tracker.take();
        assert!((1..=AGAIN_MAX).contains(&(batch.len() as u64)), "{batch:?}");
        tracker.log.send(now(), 0, &batch);
    }
    assert_eq!(tracker.log.resent, pings / AGAIN_EVERY);
    assert!((0..100).all(|_| tracker.take().is_empty()));
}

#[test]
fn pings_are_forgotten_by_the_number_that_is_told() {
    let mut tracker = tracker("http://127.0.0.1:1");
    let mut places = sent(&mut tracker, 2, None);
    places.extend(sent(&mut tracker, 1, Some(Wrong::Turned)));
    places.extend(sent(&mut tracker, 1, None));
    tracker.answered(&places, &answer(502, "{}"));
    tracker.told(3);
    let settled = [
        Standing::Acknowledged,
        Standing::Acknowledged,
        Standing::Refused,
        Standing::Unknown,
    ];
    assert_eq!(
        (standings(&tracker).as_slice(), promises(&tracker)),
        (&settled[..], vec![])
    );
    assert_eq!(tracker.next(10), [3]);
}

#[test]
fn a_number_that_goes_down_or_was_never_sent_is_a_violation() {
    let mut tracker = tracker("http://127.0.0.1:1");
    sent(&mut tracker, 3, None);
    made(&mut tracker, 1, None);
    tracker.told(3);
    tracker.told(2);
    assert_eq!(promises(&tracker), ["merged_through never goes down"]);
    tracker.told(4);
    sent(&mut tracker, 1, None);
    tracker.told(6);
    assert_eq!(
        promises(&tracker)[1..],
        ["merged_through tells only of what was sent"; 2]
    );
    assert_eq!(tracker.log.told, 3);
}

/// A door that takes connections and answers the first of them never, then each with what is given.
async fn door(answers: Vec<Option<&'static str>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 64 * 1024];
            assert!(stream.read(&mut request).await.expect("a request") > 0);
            if let Some(answer) = answer {
                stream.write_all(answer.as_bytes()).await.expect("written");
            }
            held.push(stream);
        }
        // Nothing is closed before the test is over.
        std::future::pending::<()>().await;
    });
    url
}

const NOT_NOW: &str =
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TAKEN: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 48\r\nconnection: close\r\n\r\n{\"accepted\":2,\"rejected\":[],\"merged_through\":0 }";

#[tokio::test]
async fn a_device_retires_once_it_knows_of_everything_through_black_holes_and_refusals() {
    let mut tracker = tracker(&door(vec![None, Some(NOT_NOW), Some(TAKEN)]).await);
    let places = made(&mut tracker, 2, None);
    tracker.waiting.extend(places);
    let retired = tracker.retire().await;
    assert_eq!(retired.log.count(Standing::Acknowledged), 2);
    assert_eq!((retired.violations.len(), retired.notes.len()), (0, 0));
    let told: Vec<String> = retired
        .log
        .requests
        .iter()
        .filter_map(|request| Some(request.answered.as_ref()?.what.clone()))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "unknown: no answer within 200 ms");
    assert!(told[1].starts_with("503") && told[2].starts_with("202"), "{told:?}");
}

#[tokio::test]
async fn a_device_that_never_learns_says_so() {
    let mut tracker = tracker(&door(vec![None]).await);
    let mut plan = (*tracker.life.plan).clone();
    plan.patience = Duration::from_millis(150);
    tracker.life.plan = Arc::new(plan);
    let places = made(&mut tracker, 2, None);
    tracker.waiting.extend(places);
    let retired = tracker.retire().await;
    assert_eq!(retired.log.count(Standing::Unknown), 2);
    assert_eq!(retired.violations.len(), 1);
    assert_eq!(
        retired.violations[0].found,
        "person-0/device-0 never learnt what became of 2"
    );
    assert!(
        retired.violations[0].history[0].ends_with("unknown: no answer within 200 ms"),
        "{:?}",
        retired.violations
    );
}
