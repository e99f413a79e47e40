//! Requests that wait for the turn of their device: so many of a node, and fewer of one device, so that none takes the place of all others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many requests of a node wait at most. Each holds a connection, and little else.
pub(super) const WAITING_MAX: usize = 1_024;
/// How many of one device. A watcher sends one after the other.
pub(super) const WAITING_OF_DEVICE_MAX: usize = 32;

/// Those that wait.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Places>);

#[derive(Default)]
struct Places {
    taken: usize,
    of_devices: HashMap<u128, usize>,
}

/// Why a request may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowd {
    /// As many of its device wait as may.
    Device,
    /// As many of the node do.
    Node,
}

/// The place of a request that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    waiting: &'a Waiting,
    device: u128,
}

impl Waiting {
    /// A place for a request of this device.
    pub(super) fn enter(&self, device: u128) -> Result<Place<'_>, Crowd> {
        let mut places = self.places();
        let of_device = places.of_devices.get(&device).copied().unwrap_or_default();
        if of_device >= WAITING_OF_DEVICE_MAX {
            return Err(Crowd::Device);
        }
        if places.taken >= WAITING_MAX {
            return Err(Crowd::Node);
        }
        places.taken += 1;
        places.of_devices.insert(device, of_device + 1);
        Ok(Place { waiting: self, device })
    }

    /// Nothing is left half done where something panicked.
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("taken", &self.places().taken).finish()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.waiting.places();
        places.taken -= 1;
        if let Some(of_device) = places.of_devices.get_mut(&self.device) {
            *of_device -= 1;
            if *of_device == 0 {
                places.of_devices.remove(&self.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_device_wait_and_so_many_of_all_and_each_leaves_its_place() {
        let waiting = Waiting::default();
        let mut places = Vec::new();
        for _ in 0..WAITING_OF_DEVICE_MAX {
            places.push(waiting.enter(1).expect("there is room"));
        }
        assert_eq!(waiting.enter(1).err(), Some(Crowd::Device));
        let others = u128::try_from(WAITING_MAX - WAITING_OF_DEVICE_MAX).expect("few");
        places.extend((2..2 + others).map(|device| waiting.enter(device).expect("there is room")));
        assert_eq!(places.len(), WAITING_MAX);
        assert_eq!(waiting.enter(0).err(), Some(Crowd::Node));
        assert_eq!(waiting.enter(2).err(), Some(Crowd::Node));
        assert_eq!(waiting.enter(1).err(), Some(Crowd::Device));
        drop(places.pop());
        drop(waiting.enter(0).expect("one left"));
        drop(places);
        let places = waiting.places();
        assert_eq!((places.taken, places.of_devices.len()), (0, 0));
    }
}
