//! Points on their way into the timeline: which are there already, what the others claim, and how they are kept.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Beat, ContextText, Domain, Heartbeat, Mention, Patience, Timeline, beats_near, claims_of};
use sha2::{Digest, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::statements::HEARTBEATS_NEAR;
use crate::postgres::values::{Labels, attention, attention_code, column, time, unix_ms};

use super::share::Share;

/// How many bytes of a digest are kept: no two of a device's points of one instant will ever have the same.
const DIGEST_BYTES: usize = 16;

/// A heartbeat and its digest, which together with person, device and instant names it.
pub(super) struct Point {
    heartbeat: Heartbeat,
    digest: [u8; DIGEST_BYTES],
}

/// What names a point of one person.
type Key = (DeviceId, UnixMs, [u8; DIGEST_BYTES]);

impl Point {
    /// The point of a heartbeat.
    pub(super) fn of(heartbeat: &Heartbeat) -> Self {
        Self {
            heartbeat: heartbeat.clone(),
            digest: digest(heartbeat),
        }
    }

    /// What names it among those of its person.
    pub(super) fn key(&self) -> Key {
        (self.heartbeat.beat.device, self.heartbeat.beat.at, self.digest)
    }
}

/// Of everything but person, device and instant. Each part says whether it is there and how long it is, so no two contexts read alike. Digests are stored:
/// this is for ever, and a part that is added later must add nothing where it is missing.
fn digest(heartbeat: &Heartbeat) -> [u8; DIGEST_BYTES] {
    let (beat, context) = (&heartbeat.beat, &heartbeat.context);
    let mut digest = Sha256::new();
    digest.update(attention_code(beat.attention).to_be_bytes());
    digest.update(beat.precedence.to_be_bytes());
    digest.update(beat.patience.ms().to_be_bytes());
    let text = |text: &Option<ContextText>| text.as_ref().map(|text| text.as_str().to_owned());
    let mut part = |part: Option<&str>| match part {
        None => digest.update([0]),
        Some(text) => {
            digest.update([1]);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
    };
    part(Some(beat.label.app_name.as_str()));
    part(beat.label.domain.as_ref().map(Domain::as_str));
    part(Some(context.kind.word()));
    for said in [
        &context.category,
        &context.editor,
        &context.machine,
        &context.operating_system,
    ] {
        part(text(said).as_deref());
    }
    for mention in [&context.project, &context.branch, &context.language] {
        part(named(mention.as_ref()));
        part(is_last(mention.as_ref()).then_some("last"));
    }
    part(
        context
            .is_write
            .map(|is_write| if is_write { "written" } else { "read" }),
    );
    let whole: [u8; 32] = digest.finalize().into();
    std::array::from_fn(|byte| whole[byte])
}

fn named(mention: Option<&Mention>) -> Option<&str> {
    match mention {
        Some(Mention::Named(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn is_last(mention: Option<&Mention>) -> bool {
    mention == Some(&Mention::Last)
}

/// Where the points must be read that new ones can touch, as columns.
#[derive(Default)]
pub(super) struct Stretches {
    users: Vec<Uuid>,
    devices: Vec<Uuid>,
    starts: Vec<SystemTime>,
    befores: Vec<SystemTime>,
}

impl Stretches {
    /// Around the points of `shares`.
    pub(super) fn of(shares: &[Share]) -> Self {
        let mut stretches = Self::default();
        for share in shares {
            stretches.extend(share.user, &beats_near(&beats(&share.points)));
        }
        stretches
    }

    /// Adds stretches of the devices of `user`.
    pub(super) fn extend(&mut self, user: UserId, near: &[(DeviceId, Span)]) {
        for (device, span) in near {
            self.users.push(user.0);
            self.devices.push(device.0);
            self.starts.push(time(span.start()));
            self.befores.push(time(span.end()));
        }
    }

    /// In the order of the statement.
    pub(super) fn columns(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.users, &self.devices, &self.starts, &self.befores]
    }

    /// What they are read by, where there are any: a merge without heartbeats asks nothing.
    pub(super) async fn prepare(&self, transaction: &Transaction<'_>) -> Result<Option<Statement>, Failure> {
        if self.users.is_empty() {
            return Ok(None);
        }
        Ok(Some(transaction.prepare_cached(HEARTBEATS_NEAR).await?))
    }

    /// The points there.
    pub(super) async fn read(
        &self,
        transaction: &Transaction<'_>,
        statement: Option<&Statement>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let Some(statement) = statement else {
            return Ok(Vec::new());
        };
        transaction.query(statement, &self.columns()).await
    }
}

/// Leaves in `shares` only the points that are not among those `near`, and joins what they claim, and let the others claim, to the claims.
pub(super) fn claim(shares: &mut [Share], near: &[Row]) -> Result<(), Failure> {
    let mut labels = Labels::default();
    let mut known: HashMap<UserId, (HashSet<Key>, Vec<Beat>)> = HashMap::new();
    for row in near {
        let beat = beat(row, &mut labels)?;
        let digest: &[u8] = column(row, 3)?;
        let digest = digest.try_into();
        let digest = digest.map_err(|_| Failure::Broken("a digest of another length is stored".to_owned()))?;
        let (keys, beats) = known.entry(UserId(column(row, 0)?)).or_default();
        keys.insert((beat.device, beat.at, digest));
        beats.push(beat);
    }
    for share in shares.iter_mut().filter(|share| !share.points.is_empty()) {
        let (keys, known) = known.remove(&share.user).unwrap_or_default();
        share.points.retain(|point| !keys.contains(&point.key()));
        let derived = claims_of(&known, &beats(&share.points));
        share.claims = std::mem::take(&mut share.claims).join(Timeline::of(derived));
    }
    Ok(())
}

fn beats(points: &[Point]) -> Vec<Beat> {
    points.iter().map(|point| point.heartbeat.beat.clone()).collect()
}

/// A row of `user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, domain`.
pub(super) fn beat<'r>(row: &'r Row, labels: &mut Labels<'r>) -> Result<Beat, Failure> {
    Ok(Beat {
        device: DeviceId(column(row, 1)?),
        at: unix_ms(column(row, 2)?),
        attention: attention(column(row, 4)?)?,
        precedence: column(row, 5)?,
        label: labels.get(column(row, 7)?, column(row, 8)?),
        patience: patience(column(row, 6)?)?,
    })
}

/// The patience that is stored as so many milliseconds.
pub(super) fn patience(ms: i32) -> Result<Patience, Failure> {
    Patience::from_ms(i64::from(ms)).map_err(|_| Failure::Broken(format!("a patience of {ms} ms is stored")))
}

/// How many columns a point has.
const POINT_COLUMNS: usize = 21;

/// Points as columns.
#[derive(Default)]
pub(super) struct Points<'a> {
    users: Vec<Uuid>,
    devices: Vec<Uuid>,
    ats: Vec<SystemTime>,
    digests: Vec<&'a [u8]>,
    attentions: Vec<i16>,
    precedences: Vec<i32>,
    patiences: Vec<i32>,
    app_names: Vec<&'a str>,
    domains: Vec<Option<&'a str>>,
    kinds: Vec<&'a str>,
    categories: Vec<Option<&'a str>>,
    /// Project, branch and language: what is named, and whether it is the last one.
    mentions: [(Vec<Option<&'a str>>, Vec<bool>); 3],
    editors: Vec<Option<&'a str>>,
    machines: Vec<Option<&'a str>>,
    operating_systems: Vec<Option<&'a str>>,
    writes: Vec<Option<bool>>,
}

impl<'a> Points<'a> {
    /// The columns of `points`.
    pub(super) fn of(points: &'a [Point]) -> Self {
        let mut columns = Self::default();
        for Point { heartbeat, digest } in points {
            let (beat, context) = (&heartbeat.beat, &*heartbeat.context);
            columns.users.push(heartbeat.user.0);
            columns.devices.push(beat.device.0);
            columns.ats.push(time(beat.at));
            columns.digests.push(digest);
            columns.attentions.push(attention_code(beat.attention));
            columns.precedences.push(beat.precedence);
            let patience = i32::try_from(beat.patience.ms());
            columns.patiences.push(patience.expect("an hour has few milliseconds"));
            columns.app_names.push(beat.label.app_name.as_str());
            columns.domains.push(beat.label.domain.as_ref().map(Domain::as_str));
            columns.kinds.push(context.kind.word());
            let mentions = [&context.project, &context.branch, &context.language];
            for ((names, lasts), mention) in columns.mentions.iter_mut().zip(mentions) {
                names.push(named(mention.as_ref()));
                lasts.push(is_last(mention.as_ref()));
            }
            columns.categories.push(text(context.category.as_ref()));
            columns.editors.push(text(context.editor.as_ref()));
            columns.machines.push(text(context.machine.as_ref()));
            columns.operating_systems.push(text(context.operating_system.as_ref()));
            columns.writes.push(context.is_write);
        }
        columns
    }

    /// In the order of the statement.
    pub(super) fn columns(&self) -> [&(dyn ToSql + Sync); POINT_COLUMNS] {
        let [
            (projects, last_projects),
            (branches, last_branches),
            (languages, last_languages),
        ] = &self.mentions;
        [
            &self.users,
            &self.devices,
            &self.ats,
            &self.digests,
            &self.attentions,
            &self.precedences,
            &self.patiences,
            &self.app_names,
            &self.domains,
            &self.kinds,
            &self.categories,
            projects,
            branches,
            languages,
            last_projects,
            last_branches,
            last_languages,
            &self.editors,
            &self.machines,
            &self.operating_systems,
            &self.writes,
        ]
    }
}

fn text(text: Option<&ContextText>) -> Option<&str> {
    text.map(ContextText::as_str)
}
