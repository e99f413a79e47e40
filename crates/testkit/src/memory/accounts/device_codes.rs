//! Devices that wait for a person to confirm them.

use std::net::{IpAddr, Ipv6Addr};

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, UserId};
use domain::time::{SECOND_MS, UnixMs};
use ports::PortError;
use ports::accounts::{
    Claimed, DeviceAnswer, DeviceClaim, DeviceCodes, NewWaitingDevice, SignIn, SignInOutcome, UserCodeHash,
    WAITING_DEVICES_MAX, WAITING_DEVICES_OF_ADDRESS_MAX, WaitingDevice,
};

use super::{Kept, MemoryAccounts};

/// A device with what somebody answered it.
#[derive(Debug)]
pub(super) struct Waiting {
    device: NewWaitingDevice,
    interval_secs: i64,
    polled_at: Option<UnixMs>,
    answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    user: UserId,
    /// Of which version the password was, where it is a yes.
    approved: Option<i32>,
}

#[async_trait]
impl DeviceCodes for MemoryAccounts {
    async fn keep(&self, device: &NewWaitingDevice) -> Result<bool, PortError> {
        let mut kept = self.kept("keep a device that waits to be confirmed")?;
        kept.forget_expired_devices(device.device.asked_at);
        let from = network(device.device.address);
        let of_address = |waiting: &&Waiting| network(waiting.device.device.address) == from;
        let has_code = |waiting: &Waiting| {
            waiting.device.device_hash == device.device_hash || waiting.device.user_hash == device.user_hash
        };
        if kept.waiting.len() >= WAITING_DEVICES_MAX
            || kept.waiting.iter().filter(of_address).count() >= WAITING_DEVICES_OF_ADDRESS_MAX
            || kept.waiting.iter().any(has_code)
        {
            return Ok(false);
        }
        kept.waiting.push(Waiting {
            device: device.clone(),
            interval_secs: DeviceClaim::INTERVAL_SECS,
            polled_at: None,
            answer: None,
        });
        Ok(true)
    }

    async fn look(&self, code: UserCodeHash, now: UnixMs) -> Result<Option<WaitingDevice>, PortError> {
        let mut kept = self.kept("look for the device that shows a code")?;
        Ok(kept.unanswered(code, now).map(|waiting| waiting.device.device.clone()))
    }

    async fn answer(&self, answer: &DeviceAnswer) -> Result<bool, PortError> {
        let mut kept = self.kept("keep what somebody answers a device")?;
        let Some(version) = kept.people.get(&answer.user).map(|person| person.password_version) else {
            return Ok(false);
        };
        let Some(waiting) = kept.unanswered(answer.code, answer.now) else {
            return Ok(false);
        };
        waiting.answer = Some(Answer {
            user: answer.user,
            approved: answer.approve.then_some(version),
        });
        kept.write(&answer.entry);
        Ok(true)
    }

    async fn claim(&self, claim: &DeviceClaim) -> Result<Claimed, PortError> {
        let mut kept = self.kept("sign in a device by its code")?;
        let kept = &mut *kept;
        let is_good = |waiting: &Waiting| {
            waiting.device.device_hash == claim.code && claim.now < waiting.device.device.expires_at
        };
        let Some(at) = kept.waiting.iter().position(is_good) else {
            return Ok(Claimed::Expired);
        };
        let waiting = &mut kept.waiting[at];
        let Some(answer) = waiting.answer else {
            return Ok(waiting.poll(claim.now));
        };
        let Some(password_version) = answer.approved else {
            return Ok(Claimed::Denied);
        };
        let sign_in = waiting.sign_in(claim, answer.user, password_version);
        Ok(match kept.sign_in(&sign_in) {
            SignInOutcome::SignedIn { device, replaced } => {
                kept.waiting.swap_remove(at);
                let user = answer.user;
                Claimed::SignedIn { user, device, replaced }
            }
            SignInOutcome::TooManyDevices => Claimed::TooManyDevices,
            SignInOutcome::Outdated => Claimed::Expired,
        })
    }

    async fn forget_expired(&self, now: UnixMs) -> Result<(), PortError> {
        self.kept("forget devices that waited in vain")?
            .forget_expired_devices(now);
        Ok(())
    }
}

impl Waiting {
    /// Notes that the device asked.
    fn poll(&mut self, now: UnixMs) -> Claimed {
        let due = self.polled_at.map(|at| at.plus_ms(self.interval_secs * SECOND_MS));
        self.polled_at = Some(now);
        if due.is_none_or(|due| due <= now) {
            return Claimed::Pending;
        }
        self.interval_secs = (self.interval_secs + DeviceClaim::SLOWER_SECS).min(DeviceClaim::INTERVAL_SECS_MAX);
        Claimed::TooFast
    }

    fn sign_in(&self, claim: &DeviceClaim, user: UserId, password_version: i32) -> SignIn {
        let device = &self.device.device;
        SignIn {
            user,
            key: device.key.clone(),
            new_device: claim.new_device,
            name: device.name.clone(),
            platform: device.platform.clone(),
            session: claim.session,
            refresh: claim.refresh,
            now: claim.now,
            expires_at: claim.expires_at,
            address: claim.address,
            password_version,
            entry: SecurityEntry {
                user: Some(user),
                ..claim.entry.clone()
            },
        }
    }
}

impl Kept {
    fn unanswered(&mut self, code: UserCodeHash, now: UnixMs) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| {
            waiting.device.user_hash == code && waiting.answer.is_none() && now < waiting.device.device.expires_at
        })
    }

    fn forget_expired_devices(&mut self, now: UnixMs) {
        self.waiting.retain(|waiting| now < waiting.device.device.expires_at);
    }

    /// Forgets what a person answered.
    pub(super) fn forget_answers(&mut self, user: UserId) {
        let theirs = |waiting: &Waiting| waiting.answer.is_some_and(|answer| answer.user == user);
        self.waiting.retain(|waiting| !theirs(waiting));
    }
}

/// What an address counts for: one of IPv6 for its first 64 bits.
fn network(address: Option<IpAddr>) -> Option<IpAddr> {
    const FIRST_64_BITS: u128 = !0 << 64;
    address.map(|address| match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & FIRST_64_BITS).into(),
    })
}
