//! Routes of people and their sign-ins.

pub(crate) mod profile;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod sign_in;

use serde::Serialize;
use services::accounts::SignedIn;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a device that signed in may use from now on.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInBody<'a> {
    /// For the `Authorization` header.
    access_token: &'a str,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How many seconds the access token lives.
    #[schema(example = 900)]
    expires_in: u32,
    /// For the next pair of tokens; it can be used once.
    refresh_token: &'a str,
    device: DeviceBody<'a>,
}

/// A device of the person.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceBody<'a> {
    id: Uuid,
    /// What the person calls it; its key, until somebody names it.
    name: &'a str,
    /// What the client sent as `X-Device-Id`.
    key: &'a str,
    /// What it runs on, as it says itself.
    #[schema(required)]
    platform: Option<&'a str>,
    /// Which of a person's devices wins an instant that several claim: the greater one.
    precedence: i32,
}

impl<'a> From<&'a SignedIn> for SignedInBody<'a> {
    fn from(signed_in: &'a SignedIn) -> Self {
        let device = &signed_in.device;
        Self {
            access_token: &signed_in.access_token,
            token_type: "Bearer",
            expires_in: signed_in.expires_in_secs,
            refresh_token: &signed_in.refresh_token,
            device: DeviceBody {
                id: device.id.0,
                name: &device.name,
                key: device.key.as_str(),
                platform: device.platform.as_deref(),
                precedence: device.precedence,
            },
        }
    }
}
