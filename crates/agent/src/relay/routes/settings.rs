//! Settings: what ActivityWatch's page and its clients keep under a name.

use hyper::StatusCode;
use serde_json::{Map, Value};

use super::Asked;
use crate::relay::answer::Answer;
use crate::relay::server::House;

/// The longest name of a setting, in bytes; as in ActivityWatch.
const SETTING_BYTES_MAX: usize = 127;
/// The most settings, and the most bytes of one.
pub const SETTINGS_MAX: usize = 256;
/// The most bytes of a setting.
pub const SETTING_VALUE_BYTES_MAX: usize = 256 * 1024;
pub(super) async fn all(house: &House) -> Result<Answer, Answer> {
    let settings = house.desk.ask(|store| store.settings()).await?;
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::Null);
    let all: Map<String, Value> = settings.into_iter().map(|(name, text)| (name, value(text))).collect();
    Ok(Answer::of(&all))
}

pub(super) async fn one(house: &House, asked: &Asked, name: &str) -> Result<Answer, Answer> {
    if name.len() > SETTING_BYTES_MAX {
        let message = format!("The name of a setting has at most {SETTING_BYTES_MAX} bytes");
        return Err(Answer::refusal(StatusCode::BAD_REQUEST, message));
    }
    let key = name.to_owned();
    match asked.method.as_str() {
        "GET" => {
            let found = house.desk.ask(move |store| store.setting(&key)).await?;
            let text = found.unwrap_or_else(|| "null".to_owned());
            Ok(Answer::of(&serde_json::from_str::<Value>(&text)?))
        }
        "POST" => {
            let text = asked.json::<Value>()?.to_string();
            let full = || {
                Answer::refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("There are at most {SETTINGS_MAX} settings of {SETTING_VALUE_BYTES_MAX} bytes each"),
                )
            };
            if text.len() > SETTING_VALUE_BYTES_MAX {
                return Err(full());
            }
            let kept = house
                .desk
                .ask(move |store| store.keep_setting(&key, Some(&text), SETTINGS_MAX));
            if !kept.await? {
                return Err(full());
            }
            Ok(Answer {
                status: StatusCode::CREATED,
                ..Answer::empty()
            })
        }
        "DELETE" => {
            house
                .desk
                .ask(move |store| store.keep_setting(&key, None, SETTINGS_MAX))
                .await?;
            Ok(Answer::empty())
        }
        _ => Err(super::not_allowed()),
    }
}
