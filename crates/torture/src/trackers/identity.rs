//! Who the trackers are: people who register, and devices whose order is fixed before anything is sent.

use serde_json::{Value, json};
use std::time::Duration;

use domain::accounts::{DeviceId, UserId};
use testkit::runs::Failure;

use super::moments::ZONES;
use super::plan::FleetPlan;
use super::session::Session;
use crate::http::{Answer, Ask, Node};
use crate::ledger::{Owner, Person};
use crate::random::Random;
use crate::reach::Reach;

/// Signing in is slow on purpose, and many do it here.
const SIGN_IN_MAX: Duration = Duration::from_secs(30);
/// Every other device, and all of those of the first person, number their pings.
const NUMBERED_EVERY: usize = 2;

/// A device that is signed in and has sent nothing.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) owner: Owner,
    pub(super) session: Session,
    /// Whether it makes many times as many pings as others, and sends long lists.
    pub(super) heavy: bool,
}

/// Registers everybody.
pub(super) async fn register(reach: &Reach, plan: &FleetPlan, random: &Random) -> Result<Vec<Person>, Failure> {
    let mut node = first_node(reach)?;
    let mut people = Vec::new();
    for number in 0..plan.people {
        let mut random = random.fork(&format!("person-{number}"));
        let zone = *random.pick(&ZONES).unwrap_or(&ZONES[0]);
        let email = format!("person-{number}-{:016x}@example.org", random.next_u64());
        let password = format!("a password of {:016x}", random.next_u64());
        let body = json!({"email": email, "password": password, "full_name": "A person", "timezone": zone.name()});
        let answer = ask(&mut node, &Ask::post("/api/v1/users/register", &body.to_string()), 201).await?;
        people.push(Person {
            id: UserId(id(&answer, "/id")?),
            email,
            password,
            zone,
        });
    }
    Ok(people)
}

/// Signs in all devices of somebody. Their order is set by hand, in any way: after that, no later sign-in moves a device, so its rank is known for the whole run.
pub(super) async fn sign_in(
    reach: &Reach,
    plan: &FleetPlan,
    (place, person): (usize, &Person),
    random: &Random,
) -> Result<Vec<SignedIn>, Failure> {
    let mut node = first_node(reach)?;
    let mut precedences: Vec<usize> = (1..=plan.devices).collect();
    random.fork(&format!("order-{place}")).shuffle(&mut precedences);
    let mut devices = Vec::new();
    for (number, precedence) in precedences.into_iter().enumerate() {
        let key = format!("device-{number}");
        let answer = login(&mut node, person, &key).await?;
        let path = format!("/api/v1/devices/{}", id(&answer, "/device/id")?);
        let token = text(&answer, "/access_token")?;
        let body = json!({"precedence": precedence}).to_string();
        let order = Ask {
            method: "PATCH",
            ..Ask::post(&path, &body).by(&token)
        };
        ask(&mut node, &order, 200).await?;

        // Tokens that know of it.
        let body = json!({"refresh_token": text(&answer, "/refresh_token")?}).to_string();
        let answer = ask(&mut node, &Ask::post("/api/v1/auth/refresh", &body), 200).await?;
        let precedence = answer.pointer("/device/precedence").and_then(Value::as_i64);
        let precedence = precedence.and_then(|number| i32::try_from(number).ok());
        let owner = Owner {
            name: format!("person-{place}/device-{number}"),
            key: key.clone(),
            person: place,
            device: DeviceId(id(&answer, "/device/id")?),
            precedence: precedence.ok_or_else(|| Failure::new("a sign-in names no precedence"))?,
            numbered: (place + number).is_multiple_of(NUMBERED_EVERY),
        };
        let session = Session::begun(&answer, person.clone(), key)?;
        devices.push(SignedIn {
            heavy: (place, number) == (0, 0),
            owner,
            session,
        });
    }
    Ok(devices)
}

/// The request with which a device signs in; its header comes apart.
pub(super) fn login_body(person: &Person) -> String {
    json!({"email": person.email, "password": person.password}).to_string()
}

/// The header that names the device.
pub(super) fn login_header(key: &str) -> String {
    format!("X-Device-Id: {key}")
}

/// Signs a device in.
pub(crate) async fn login(node: &mut Node, person: &Person, key: &str) -> Result<Value, Failure> {
    let (body, header) = (login_body(person), login_header(key));
    let login = Ask {
        header: Some(&header),
        ..Ask::post("/api/v1/auth/login", &body)
    };
    ask(node, &login, 200).await
}

async fn ask(node: &mut Node, ask: &Ask<'_>, expected: u16) -> Result<Value, Failure> {
    let answer = node.ask(ask, SIGN_IN_MAX).await;
    match answer {
        Ok(answer) if answer.status == expected => answer.json(),
        Ok(Answer { status, body, .. }) => Err(Failure::new(format!(
            "{} {} was answered {status}: {}",
            ask.method,
            ask.path,
            String::from_utf8_lossy(&body)
        ))),
        Err(cut) => Err(Failure::new(format!(
            "{} {} was not answered: {cut}",
            ask.method, ask.path
        ))),
    }
}

fn first_node(reach: &Reach) -> Result<Node, Failure> {
    let url = reach
        .api
        .first()
        .ok_or_else(|| Failure::new("there is no API node to sign in at"))?;
    Node::at(url)
}

/// Text in an answer, by its JSON pointer.
pub(crate) fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("an answer has no {pointer}")))
}

fn id(answer: &Value, pointer: &str) -> Result<uuid::Uuid, Failure> {
    let id = text(answer, pointer)?;
    id.parse().map_err(Failure::because(format!("read {id:?} as an id")))
}
