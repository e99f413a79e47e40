//! What every adapter of a port must do: one suite of facts per port, passed by the adapter in memory and by the real ones alike.

#![expect(
    clippy::missing_panics_doc,
    reason = "a fact that does not hold panics; they do nothing else"
)]

pub mod accounts;
pub mod announcements;
pub mod api_keys;
pub mod device_codes;
pub mod ended_sessions;
pub mod noted_ends;
pub mod operation;
pub mod queue;
pub mod reset_tokens;
pub mod second_factors;
pub mod throttle;
pub mod timelines;
pub mod watching;

/// Declares a test for each fact of a suite. `$home` is evaluated in each, in an async function: a fresh adapter, after what must outlive it.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($suite:ident, $home:expr, [$($fact:ident),* $(,)?]) => {$(
        #[tokio::test]
        async fn $fact() {
            let (_kept, adapter) = $home;
            $crate::contract::$suite::$fact(&adapter).await;
        }
    )*};
}

/// Every fact that the parts of a suite hold is in the list of its macro, and none twice.
#[cfg(test)]
fn assert_listed(suite: &str, parts: &[&str]) {
    let facts = parts.iter().flat_map(|part| part.lines());
    let facts = facts.filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next());
    let mut held: Vec<_> = facts.collect();
    let list = suite
        .split_once("contract_tests!(")
        .and_then(|(_, rest)| rest.split_once('[')?.1.split_once(']'));
    let (list, _) = list.expect("the macro has a list");
    let mut listed: Vec<_> = list.split(',').map(str::trim).filter(|fact| !fact.is_empty()).collect();
    held.sort_unstable();
    listed.sort_unstable();
    assert_eq!(held, listed);
}
