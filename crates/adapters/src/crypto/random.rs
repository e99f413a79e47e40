//! The system's randomness.

use ports::PortError;

/// As many random bytes as asked for, to `attempted` something with.
pub(super) fn bytes<const N: usize>(attempted: impl Into<String>) -> Result<[u8; N], PortError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| PortError::unavailable(attempted, error))?;
    Ok(bytes)
}
