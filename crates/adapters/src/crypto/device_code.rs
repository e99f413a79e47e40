//! The codes of a device that is to be signed in: 256 random bits for the device, 34 for the person who types them; only hashes are kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::accounts::UserCode;
use ports::PortError;
use ports::accounts::{DeviceCodeHash, DeviceCodeMaker, NewDeviceCodes, UserCodeHash};
use sha2::{Digest, Sha256};

use super::random;

/// How many random bytes the device's code has. With so many, a plain hash is as good as a slow one.
const RANDOM_BYTES: usize = 32;

/// Codes from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomDeviceCodes;

impl DeviceCodeMaker for RandomDeviceCodes {
    fn make(&self) -> Result<NewDeviceCodes, PortError> {
        let random: [u8; RANDOM_BYTES] = random::bytes("make the code of a device")?;
        let user_code = UserCode::from_random(u64::from_ne_bytes(random::bytes("make the code of a person")?));
        Ok(NewDeviceCodes {
            device_code: BASE64_URL_SAFE_NO_PAD.encode(random),
            device_hash: DeviceCodeHash(Sha256::digest(random).into()),
            user_hash: self.hash(&user_code),
            user_code,
        })
    }

    fn read(&self, device_code: &str) -> Option<DeviceCodeHash> {
        let mut random = [0; RANDOM_BYTES];
        // The buffer bounds the text, and without padding there is one text for the same bytes.
        let read = BASE64_URL_SAFE_NO_PAD.decode_slice(device_code, &mut random).ok()?;
        (read == RANDOM_BYTES).then(|| DeviceCodeHash(Sha256::digest(random).into()))
    }

    fn hash(&self, user_code: &UserCode) -> UserCodeHash {
        // It can be found by trying all, by whoever has the rows: within the ten minutes that it is good.
        UserCodeHash(Sha256::digest(user_code.expose()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    testkit::device_code_maker_contract!(((), RandomDeviceCodes));

    #[test]
    fn the_hashes_are_sha_256_of_the_bytes_and_of_the_letters() {
        let hash = RandomDeviceCodes.read(&"A".repeat(43)).expect("a code");
        // head -c 32 /dev/zero | sha256sum
        assert_eq!(hash.0[..4], [0x66, 0x68, 0x7a, 0xad]);
        let code = UserCode::parse("WDJB-MJHT").expect("a code");
        // printf WDJBMJHT | sha256sum
        assert_eq!(RandomDeviceCodes.hash(&code).0[..4], [0x5c, 0x12, 0x3f, 0x07]);
    }
}
