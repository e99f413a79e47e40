//! What a maker of the codes of devices must do.

#![cfg_attr(
    not(test),
    expect(
        clippy::unused_async,
        reason = "every fact of a contract is awaited, though this port answers at once"
    )
)]

use domain::accounts::UserCode;
use ports::accounts::DeviceCodeMaker;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! device_code_maker_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            device_codes,
            $home,
            [
                both_codes_are_known_again_by_their_hashes,
                no_two_devices_have_the_same_codes,
                what_has_not_the_shape_of_a_code_is_none,
            ]
        );
    };
}

/// That of the person however it is typed.
pub async fn both_codes_are_known_again_by_their_hashes<M: DeviceCodeMaker>(maker: &M) {
    let made = maker.make().expect("codes");
    assert_eq!(maker.read(&made.device_code), Some(made.device_hash));
    let typed = UserCode::parse(&made.user_code.text().to_lowercase().replace('-', " ")).expect("a code");
    assert_eq!(maker.hash(&typed), made.user_hash);
}

/// They are drawn.
pub async fn no_two_devices_have_the_same_codes<M: DeviceCodeMaker>(maker: &M) {
    let (one, other) = (maker.make().expect("codes"), maker.make().expect("codes"));
    assert_ne!(one.device_code, other.device_code);
    assert_ne!(one.device_hash, other.device_hash);
    assert_ne!(one.user_hash, other.user_hash);
}

/// Nor is the code of the person one of the device.
pub async fn what_has_not_the_shape_of_a_code_is_none<M: DeviceCodeMaker>(maker: &M) {
    let made = maker.make().expect("codes");
    let code = &made.device_code;
    for bad in [
        String::new(),
        "device.".to_owned(),
        made.user_code.text(),
        format!("{code}A"),
        format!(" {code}"),
        code[1..].to_owned(),
        "A".repeat(1_000_000),
    ] {
        assert_eq!(maker.read(&bad), None, "{bad:.50}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_lists_every_fact() {
        let suite = include_str!("device_codes.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
