//! ActivityWatch's REST interface, version 0, as its own servers answer it. Each path is good with and without a slash at its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use activitywatch::multipart;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

mod settings;

pub use settings::{SETTING_VALUE_BYTES_MAX, SETTINGS_MAX};

use super::answer::Answer;
use super::discretion::Discretion;
use super::event::{Bucket, Data, Event, Filled, parse_time, whole_micros};
use super::rules;
use super::server::House;
use super::store::{Catalogue, Events, Window};

/// The longest pulsetime: a day.
const PULSETIME_SECS_MAX: f64 = 86_400.0;

/// A request that passed the door.
#[derive(Debug)]
pub struct Asked {
    method: Method,
    path: Vec<String>,
    query: BTreeMap<String, String>,
    content_type: String,
    body: Bytes,
}

impl Asked {
    /// Takes the request apart.
    #[must_use]
    pub fn new(method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = uri.path().trim_end_matches('/').split('/').skip(1);
        let pairs = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        Self {
            method,
            path: path.map(decoded).collect(),
            query: pairs
                .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
                .collect(),
            content_type: headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            body,
        }
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Answer> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    fn window(&self) -> Result<Window, Answer> {
        let time = |name: &str, default: i64| match self.query.get(name).filter(|text| !text.is_empty()) {
            Some(text) => parse_time(text),
            None => Ok(default),
        };
        let limit = match self.query.get("limit").map(|text| text.parse::<i64>()) {
            None => usize::MAX,
            Some(Ok(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
            Some(Err(_)) => return Err(Answer::refusal(StatusCode::BAD_REQUEST, "limit must be a whole number")),
        };
        Ok(Window {
            from_us: time("start", i64::MIN)?,
            to_us: time("end", i64::MAX)?,
            limit,
        })
    }
}

/// Answers.
pub async fn answer(house: &House, asked: Asked) -> Answer {
    route(house, asked).await.unwrap_or_else(|refusal| refusal)
}

async fn route(house: &House, asked: Asked) -> Result<Answer, Answer> {
    let path: Vec<String> = asked.path.clone();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some(rest) = path.strip_prefix(&["api", "0"]) else {
        let message = "This is the daybook-agent, in ActivityWatch's place: its interface is at /api/0";
        return Ok(Answer::refusal(StatusCode::NOT_FOUND, message));
    };
    match (asked.method.as_str(), rest) {
        ("GET", ["info"]) => info(house).await,
        ("GET", ["buckets"]) => all_buckets(house).await,
        (_, ["buckets", id]) => bucket(house, &asked, id).await,
        (_, ["buckets", id, "events"]) => events(house, &asked, id).await,
        ("GET", ["buckets", id, "events", "count"]) => count(house, &asked, id).await,
        (_, ["buckets", id, "events", number]) => event(house, &asked, id, number).await,
        ("POST", ["buckets", id, "heartbeat"]) => heartbeat(house, &asked, id).await,
        ("GET", ["buckets", id, "export"]) => export(house, Some((*id).to_owned())).await,
        ("GET", ["export"]) => export(house, None).await,
        ("POST", ["import"]) => import(house, &asked).await,
        ("GET", ["settings"]) => settings::all(house).await,
        (_, ["settings", name]) => settings::one(house, &asked, name).await,
        (_, ["query"]) => Err(Answer::refusal(
            StatusCode::NOT_IMPLEMENTED,
            "The daybook-agent keeps and joins what watchers send, and knows no query language: ask Daybook's reports",
        )),
        _ => Err(Answer::refusal(StatusCode::NOT_FOUND, "There is nothing here")),
    }
}

fn not_allowed() -> Answer {
    Answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "This cannot be done here")
}

async fn info(house: &House) -> Result<Answer, Answer> {
    let device = house.desk.ask(|store| store.device()).await?;
    let version = concat!("v", env!("CARGO_PKG_VERSION"), " (daybook-agent)");
    Ok(Answer::of(
        &json!({"hostname": house.hostname, "version": version, "testing": false, "device_id": device}),
    ))
}

async fn all_buckets(house: &House) -> Result<Answer, Answer> {
    let buckets = house.desk.ask(|store| store.buckets()).await?;
    let by_name: BTreeMap<String, _> = buckets
        .into_iter()
        .map(|extent| (extent.bucket.id.clone(), extent))
        .collect();
    Ok(Answer::of(&by_name))
}

async fn bucket(house: &House, asked: &Asked, id: &str) -> Result<Answer, Answer> {
    let name = id.to_owned();
    match asked.method.as_str() {
        "GET" => match house.desk.ask(move |store| store.bucket(&name)).await? {
            Some(extent) => Ok(Answer::of(&extent)),
            None => Err(Answer::no_bucket(id)),
        },
        "POST" => create(house, asked.json()?, name).await,
        "PUT" => change(house, asked.json()?, id).await,
        "DELETE" => {
            if house.desk.ask(move |store| store.delete_bucket(&name)).await? {
                return Ok(Answer::empty());
            }
            Err(Answer::no_bucket(id))
        }
        _ => Err(not_allowed()),
    }
}

async fn create(house: &House, mut bucket: Bucket, id: String) -> Result<Answer, Answer> {
    bucket.id = id;
    bucket.created_us = bucket.created_us.or(Some((house.now)().0.saturating_mul(1_000)));
    bucket.check()?;
    let hostname = house.hostname.clone();
    let created = house.desk.ask(move |store| {
        let mut bucket = bucket.clone();
        // A watcher that runs in a browser does not know where it is.
        if bucket.hostname == "!local" {
            bucket.hostname.clone_from(&hostname);
            let mut object = bucket.data.object();
            object.insert("device_id".to_owned(), store.device()?.into());
            bucket.data = Data::of(object).unwrap_or_default();
        }
        rules::create(store, &bucket)
    });
    if created.await? {
        return Ok(Answer::empty());
    }
    Ok(Answer {
        status: StatusCode::NOT_MODIFIED,
        body: Vec::new(),
        file_name: None,
    })
}

/// What a bucket may be changed to; what is not named stays.
#[derive(Clone, Deserialize)]
struct Changed {
    #[serde(rename = "type")]
    kind: Option<String>,
    client: Option<String>,
    hostname: Option<String>,
    data: Option<Data>,
}

async fn change(house: &House, changed: Changed, id: &str) -> Result<Answer, Answer> {
    let name = id.to_owned();
    let done = house.desk.ask(move |store| {
        let Some(mut bucket) = store.bucket(&name)?.map(|extent| extent.bucket) else {
            return Ok(None);
        };
        let changed = changed.clone();
        bucket.kind = changed.kind.unwrap_or(bucket.kind);
        bucket.client = changed.client.unwrap_or(bucket.client);
        bucket.hostname = changed.hostname.unwrap_or(bucket.hostname);
        bucket.data = changed.data.unwrap_or(bucket.data);
        if let Err(unfit) = bucket.check() {
            return Ok(Some(Err(unfit)));
        }
        store.keep_bucket(&bucket).map(|()| Some(Ok(())))
    });
    done.await?.ok_or_else(|| Answer::no_bucket(id))??;
    Ok(Answer::empty())
}

/// One event, or many.
#[derive(Deserialize)]
#[serde(untagged)]
enum Posted {
    Many(Vec<Event>),
    One(Box<Event>),
}

async fn events(house: &House, asked: &Asked, id: &str) -> Result<Answer, Answer> {
    let name = id.to_owned();
    match asked.method.as_str() {
        "GET" => {
            let window = asked.window()?;
            let found = house
                .desk
                .ask(move |store| rules::events(store, &name, &window))
                .await?;
            found
                .map(|events| Answer::of(&events))
                .ok_or_else(|| Answer::no_bucket(id))
        }
        "POST" => {
            let (events, alone) = match asked.json()? {
                Posted::Many(events) => (events, false),
                Posted::One(event) => (vec![*event], true),
            };
            let discretion = Arc::clone(&house.discretion);
            let kept = house.desk.ask(move |store| {
                let Some(kind) = store.bucket(&name)?.map(|extent| extent.bucket.kind) else {
                    return Ok(None);
                };
                let silenced: Vec<Event> = events
                    .iter()
                    .map(|event| silenced(&*discretion, &kind, event))
                    .collect();
                let kept = rules::insert(store, &name, &silenced)?;
                Ok(kept.map(|kept| {
                    kept.iter()
                        .zip(&events)
                        .map(|(kept, sent)| spoken(kept, sent))
                        .collect()
                }))
            });
            let kept: Vec<Event> = kept.await?.ok_or_else(|| Answer::no_bucket(id))?;
            Ok(match kept.first().filter(|_| alone) {
                Some(event) => Answer::of(event),
                None => Answer::of(&kept),
            })
        }
        _ => Err(not_allowed()),
    }
}

async fn count(house: &House, asked: &Asked, id: &str) -> Result<Answer, Answer> {
    let (name, window) = (id.to_owned(), asked.window()?);
    let counted = house.desk.ask(move |store| match store.bucket(&name)? {
        Some(_) => store.count(&name, &window).map(Some),
        None => Ok(None),
    });
    counted
        .await?
        .map(|count| Answer::of(&count))
        .ok_or_else(|| Answer::no_bucket(id))
}

async fn event(house: &House, asked: &Asked, id: &str, number: &str) -> Result<Answer, Answer> {
    let missing = || Answer::refusal(StatusCode::NOT_FOUND, format!("There is no event {number} in {id}"));
    let name = id.to_owned();
    let event: i64 = number.parse().map_err(|_| missing())?;
    match asked.method.as_str() {
        "GET" => {
            let found = house.desk.ask(move |store| store.event(&name, event)).await?;
            found.map(|event| Answer::of(&event)).ok_or_else(missing)
        }
        "DELETE" => {
            let deleted = house.desk.ask(move |store| store.delete_event(&name, event)).await?;
            if deleted { Ok(Answer::empty()) } else { Err(missing()) }
        }
        _ => Err(not_allowed()),
    }
}

async fn heartbeat(house: &House, asked: &Asked, id: &str) -> Result<Answer, Answer> {
    let pulsetime = asked.query.get("pulsetime").and_then(|text| text.parse::<f64>().ok());
    let Some(pulsetime) = pulsetime.filter(|seconds| (0.0..=PULSETIME_SECS_MAX).contains(seconds)) else {
        let message = format!("pulsetime must be a number of seconds, from 0 to {PULSETIME_SECS_MAX}");
        return Err(Answer::refusal(StatusCode::BAD_REQUEST, message));
    };
    let (beat, name): (Event, String) = (asked.json()?, id.to_owned());
    let pulsetime_us = whole_micros(pulsetime);
    let discretion = Arc::clone(&house.discretion);
    let merged = house.desk.ask(move |store| {
        let Some(kind) = store.bucket(&name)?.map(|extent| extent.bucket.kind) else {
            return Ok(None);
        };
        let merged = rules::heartbeat(store, &name, &silenced(&*discretion, &kind, &beat), pulsetime_us)?;
        Ok(merged.map(|merged| spoken(&merged, &beat)))
    });
    merged
        .await?
        .map(|event| Answer::of(&event))
        .ok_or_else(|| Answer::no_bucket(id))
}

/// The event as it may be kept.
fn silenced(discretion: &dyn Discretion, kind: &str, event: &Event) -> Event {
    Event {
        data: discretion.of(kind, event),
        ..event.clone()
    }
}

/// What was kept, as its sender expects to hear of it.
fn spoken(kept: &Event, sent: &Event) -> Event {
    Event {
        id: kept.id,
        stretch: kept.stretch,
        data: sent.data.clone(),
    }
}

async fn export(house: &House, id: Option<String>) -> Result<Answer, Answer> {
    let name = id.clone();
    let exported = house
        .desk
        .ask(move |store| rules::export(store, name.as_deref()))
        .await?;
    let buckets = exported.ok_or_else(|| Answer::no_bucket(id.as_deref().unwrap_or_default()))?;
    Ok(Answer {
        file_name: Some(if id.is_some() {
            "aw-bucket-export.json"
        } else {
            "aw-buckets-export.json"
        }),
        ..Answer::of(&json!({ "buckets": buckets }))
    })
}

#[derive(Deserialize)]
struct Imported {
    buckets: BTreeMap<String, Filled>,
}

async fn import(house: &House, asked: &Asked) -> Result<Answer, Answer> {
    let json = if asked.content_type.starts_with("multipart/") {
        let file = multipart::file(&asked.content_type, &asked.body);
        file.ok_or_else(|| Answer::refusal(StatusCode::BAD_REQUEST, "The form has no field buckets.json"))?
    } else {
        &asked.body
    };
    let Imported { buckets } = serde_json::from_slice(json)?;
    let mut filled = Vec::with_capacity(buckets.len());
    for (id, mut of) in buckets {
        of.bucket.id = id;
        of.bucket.check()?;
        let kind = of.bucket.kind.clone();
        for event in &mut of.events {
            event.data = house.discretion.of(&kind, event);
        }
        filled.push(of);
    }
    house.desk.ask(move |store| rules::import(store, &filled)).await?;
    Ok(Answer::empty())
}
