//! Devices of imported history: where what somebody brings from other trackers is counted. Nobody signs in on them.

use async_trait::async_trait;
use domain::accounts::{DeviceId, ImportDevice, ImportSource, SecurityEntry, UserId};
use domain::time::UnixMs;
use domain::usage::Patience;

use crate::PortError;

/// How many sources a person may import from, those they removed included: they still name what was imported from them.
pub const IMPORT_DEVICES_MAX: usize = 64;

/// Devices of imported history.
#[async_trait]
pub trait ImportDevices: Send + Sync {
    /// The device of a source, listed from now on. One that is new to the person gets a precedence below that of all others they have, and the patience that the
    /// person's heartbeats have now; it keeps both for ever.
    async fn keep(&self, import: &NewImport) -> Result<ImportPlace, PortError>;

    /// What [`Self::keep`] would answer. Nothing is kept.
    async fn foresee(&self, import: &NewImport) -> Result<ImportPlace, PortError>;

    /// The devices of a person that they did not remove, the greatest precedence first.
    async fn list(&self, user: UserId) -> Result<Vec<ImportDevice>, PortError>;

    /// Gives such a device a name, where there is one, and answers the device; `None` when the person has none of that id.
    async fn rename(
        &self,
        user: UserId,
        device: DeviceId,
        name: Option<&str>,
    ) -> Result<Option<ImportDevice>, PortError>;

    /// Lists such a device no longer, until something is imported from its source again, and keeps `entry`; `false`, and nothing kept, when the person has none of
    /// that id. What was imported stays.
    async fn remove(&self, user: UserId, device: DeviceId, entry: &SecurityEntry) -> Result<bool, PortError>;
}

/// Something to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    /// Whose it is.
    pub user: UserId,
    /// From where.
    pub source: ImportSource,
    /// The id that the device of the source gets if there is none yet.
    pub new_device: DeviceId,
    /// The present instant.
    pub now: UnixMs,
}

/// Where something that is imported goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportPlace {
    /// To this device.
    Device {
        /// Its id.
        id: DeviceId,
        /// Its precedence.
        precedence: i32,
        /// How long its heartbeats wait for a later one.
        patience: Patience,
    },
    /// The source is new, and the person has as many as they may: [`IMPORT_DEVICES_MAX`].
    TooMany,
    /// The person was erased meanwhile, or their account was closed.
    Gone,
}
