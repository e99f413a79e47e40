//! Sign-ins: kept, rotated and ended.

use async_trait::async_trait;
use domain::accounts::{Caller, SecurityEntry, SessionId, UserId};
use futures_util::future::{try_join, try_join3};
use ports::PortError;
use ports::accounts::{DEVICES_MAX, End, Rotate, Rotation, Sessions, SignIn, SignInOutcome, Which};
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{
    DEVICE_KEEP, DEVICE_LOCK, DEVICE_SEEN, SESSION_END, SESSION_KEEP, SESSION_LOCK, SESSION_REPLACE, SESSION_ROTATE,
    SESSION_USER, SESSIONS_END_ALL, SESSIONS_END_OF_DEVICE, USER_LOCK,
};
use super::super::values::{column, time, unix_ms};
use super::security_log::{address_text, note};
use super::{Accounts, device};

#[async_trait]
impl Sessions for Accounts {
    async fn sign_in(&self, sign_in: &SignIn) -> Result<SignInOutcome, PortError> {
        let work = async {
            let transaction = self.database.as_user(sign_in.user).begin().await?;
            let outcome = keep_sign_in(&transaction, sign_in).await?;
            if matches!(outcome, SignInOutcome::SignedIn { .. }) {
                transaction.commit().await?;
            }
            Ok(outcome)
        };
        self.database
            .call_promptly(|| format!("sign in a device of {}", sign_in.user), work)
            .await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError> {
        let work = async {
            let session = rotate.session.0;
            let shown = self.database.looking_up(session.to_string());
            let (transaction, found) = shown.begin_with(SESSION_USER, &[&session]).await?;
            let Some(found) = found else {
                return Ok(Rotation::Unknown);
            };
            let rotation = settle_rotation(&transaction, UserId(column(&found, 0)?), rotate).await?;
            transaction.commit().await?;
            Ok(rotation)
        };
        self.database
            .call_promptly(
                || format!("rotate the refresh token of session {}", rotate.session),
                work,
            )
            .await
    }

    async fn end(&self, end: &End) -> Result<Vec<SessionId>, PortError> {
        let work = async {
            let user = &end.user.0;
            let (sql, which) = match &end.which {
                Which::One(session) => (SESSION_END, Some(session.0)),
                Which::OfDevice(device) => (SESSIONS_END_OF_DEVICE, Some(device.0)),
                Which::All => (SESSIONS_END_ALL, None),
            };
            let transaction = self.database.as_user(end.user).begin().await?;
            let ended = transaction.end_sessions(sql, &[user, &which], end.now).await?;
            if !ended.is_empty() {
                note(&transaction, &end.entry).await?;
                transaction.commit().await?;
            }
            Ok(ended)
        };
        self.database
            .call(|| format!("end sessions of {}", end.user), work)
            .await
    }
}

/// Keeps a sign-in, in a transaction of its person.
pub(super) async fn keep_sign_in(transaction: &Transaction, sign_in: &SignIn) -> Result<SignInOutcome, Failure> {
    let (user, key, now) = (sign_in.user.0, sign_in.key.as_str(), time(sign_in.now));
    let Some(person) = transaction.row(USER_LOCK, &[&user]).await? else {
        return Ok(SignInOutcome::Outdated);
    };
    let (ordered, version, disabled): (bool, i32, bool) =
        (column(&person, 0)?, column(&person, 1)?, column(&person, 2)?);
    if disabled || version != sign_in.password_version {
        return Ok(SignInOutcome::Outdated);
    }
    let address = address_text(sign_in.address);
    let devices_max = i64::try_from(DEVICES_MAX).unwrap_or(i64::MAX);
    let kept: [&(dyn ToSql + Sync); 9] = [
        &sign_in.new_device.0,
        &user,
        &key,
        &sign_in.name,
        &sign_in.platform,
        &now,
        &ordered,
        &address,
        &devices_max,
    ];
    let Some(row) = transaction.row(DEVICE_KEEP, &kept).await? else {
        return Ok(SignInOutcome::TooManyDevices);
    };
    let device = device(&row)?;
    let before: [&(dyn ToSql + Sync); 2] = [&user, &device.id.0];
    let replaced = transaction
        .end_sessions(SESSION_REPLACE, &before, sign_in.now)
        .await?
        .pop();
    let (refresh, expires_at) = (sign_in.refresh.0.as_slice(), time(sign_in.expires_at));
    let kept: [&(dyn ToSql + Sync); 6] = [&sign_in.session.0, &user, &device.id.0, &refresh, &now, &expires_at];
    transaction.change(SESSION_KEEP, &kept).await?;
    let entry = SecurityEntry {
        device: Some(device.id),
        ..sign_in.entry.clone()
    };
    note(transaction, &entry).await?;
    Ok(SignInOutcome::SignedIn { device, replaced })
}

async fn settle_rotation(transaction: &Transaction, user: UserId, rotate: &Rotate) -> Result<Rotation, Failure> {
    let lock_device = transaction.prepare_cached(DEVICE_LOCK).await?;
    let lock_session = transaction.prepare_cached(SESSION_LOCK).await?;
    let session = &rotate.session.0;
    // The device is locked before the session, and the session is read as it stood after the wait.
    let ((), device_row, session_row) = try_join3(
        transaction.go_on_as(user),
        transaction.query_opt(&lock_device, &[session]),
        transaction.query_opt(&lock_session, &[session]),
    )
    .await?;
    let (Some(device_row), Some(session_row)) = (device_row, session_row) else {
        return Ok(Rotation::Unknown);
    };
    if unix_ms(column(&session_row, 2)?) <= rotate.now {
        return Ok(Rotation::Unknown);
    }
    let device = device(&device_row)?;
    let shown_last: Option<&[u8]> = column(&session_row, 0)?;
    let next: Vec<&[u8]> = column(&session_row, 1)?;
    let Some(next) = successors(shown_last, next, rotate) else {
        let whose = [&user.0 as &(dyn ToSql + Sync), session];
        transaction.end_sessions(SESSION_END, &whose, rotate.now).await?;
        let entry = SecurityEntry {
            user: Some(user),
            device: Some(device.id),
            session: Some(rotate.session),
            ..rotate.entry.clone()
        };
        note(transaction, &entry).await?;
        return Ok(Rotation::Replayed);
    };
    let mark_seen = transaction.prepare_cached(DEVICE_SEEN).await?;
    let rotate_to = transaction.prepare_cached(SESSION_ROTATE).await?;
    let (shown, now, expires_at) = (rotate.shown.0.as_slice(), time(rotate.now), time(rotate.expires_at));
    let address = address_text(rotate.address);
    try_join(
        transaction.execute(&mark_seen, &[&device.id.0, &now, &address]),
        transaction.execute(&rotate_to, &[session, &shown, &next, &now, &expires_at]),
    )
    .await?;
    let caller = Caller {
        user,
        device: device.id,
        session: rotate.session,
        precedence: device.precedence,
    };
    Ok(Rotation::Rotated { caller, device })
}

/// The successors that are out once the token that was shown is the one used last; `None` when it is neither that nor one of the successors: see [`Rotation`].
fn successors<'a>(used: Option<&[u8]>, next: Vec<&'a [u8]>, rotate: &'a Rotate) -> Option<Vec<&'a [u8]>> {
    let (shown, successor) = (rotate.shown.0.as_slice(), rotate.successor.0.as_slice());
    if next.contains(&shown) {
        return Some(vec![successor]);
    }
    if used != Some(shown) {
        return None;
    }
    let void = (next.len() + 1).saturating_sub(Rotate::SUCCESSORS_MAX);
    Some(next.into_iter().skip(void).chain([successor]).collect())
}
