//! Names that were never seen anywhere before, so that whoever finds one knows where it came from.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use domain::time::UnixMs;
use serde_json::{Value, json};

use crate::ledger::now_ms;

/// What every canary begins with. It stands in no other word.
const SONG: &[u8] = b"qzv7";
/// How long one is, with that.
const LENGTH: usize = SONG.len() + 16;

/// Canaries by what must become of them.
#[derive(Default)]
pub struct Birds {
    /// Of what is kept.
    pub kept: BTreeSet<String>,
    /// Of what is kept and cannot be merged.
    pub doomed: BTreeSet<String>,
    /// Of what nobody may keep: excluded, hidden, renamed, or part of an address that is no site.
    pub silent: BTreeSet<String>,
    /// How many pings there were so far, each with a time of its own.
    pings: i64,
}

impl Birds {
    /// Pings of every sort, each with canaries of its own, in an order that says which is which: two are kept, one is doomed, one is hidden, one is renamed,
    /// and the last [`Self::EXCLUDED`] are excluded.
    pub fn flock(&mut self) -> Vec<Value> {
        let [app, site_app, site] = [(); 3].map(|()| fresh());
        let doomed = fresh();
        self.kept.extend([app.clone(), site_app.clone(), site.clone()]);
        self.doomed.insert(doomed.clone());
        let hidden_app = fresh();
        self.kept.insert(hidden_app.clone());
        let mut silent = || {
            let bird = fresh();
            self.silent.insert(bird.clone());
            bird
        };
        let hidden = format!("{}.hidden.example", silent());
        let (renamed, secret, secret_doomed) = (silent(), silent(), silent());
        let (secret_app, secret_site) = (silent(), format!("{}.secret.example", silent()));
        let mut address = |host: &str| {
            let [user, password, path, query, part] = [(); 5].map(|()| silent());
            format!("https://{user}:{password}@{host}:8443/{path}?q={query}#{part}")
        };
        let known = address(&format!("{site}.known.example"));
        let (hidden, excluded) = (address(&hidden), address(&secret_site));
        let also = address("www.example.org");
        vec![
            self.ping(&format!("Known {app}"), None),
            self.ping(&format!("Known {site_app}"), Some(&known)),
            self.ping(&format!("Known doomed {doomed}"), None),
            self.ping(&format!("Known {hidden_app}"), Some(&hidden)),
            self.ping(&format!("Private {renamed}"), None),
            self.ping(&format!("Secret {secret}"), None),
            self.ping(&format!("sEcReT doomed {secret_doomed}"), Some(&also)),
            self.ping(&format!("Browser {secret_app}"), Some(&excluded)),
        ]
    }

    /// How many of a flock are excluded.
    pub const EXCLUDED: usize = 3;

    /// Five seconds of `app`, which nothing else was in front of.
    pub fn ping(&mut self, app: &str, url: Option<&str>) -> Value {
        self.pings += 1;
        let start = UnixMs(now_ms()).plus_ms(-3_600_000 + 6_000 * self.pings);
        json!({"app_name": app, "url": url, "start_time": start.to_string(), "end_time": start.plus_ms(5_000).to_string()})
    }
}

/// A new one.
pub fn fresh() -> String {
    // Its keys are random for each.
    let random = RandomState::new().build_hasher().finish();
    format!("{}{random:016x}", String::from_utf8_lossy(SONG))
}

/// All that are in these bytes, in whichever case.
pub fn heard_in(bytes: &[u8]) -> BTreeSet<String> {
    let is_song = |at: &usize| {
        bytes[*at..]
            .get(..SONG.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(SONG))
    };
    // The first letter alone is looked for everywhere: there are many megabytes.
    let begins = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.eq_ignore_ascii_case(&SONG[0]));
    let songs = begins.map(|(at, _)| at).filter(is_song);
    // Postgres' log of its writes tears what lies across one of its pages; that is whole in its tables, and on the way there.
    let is_whole = |bird: &&[u8]| bird[SONG.len()..].iter().all(u8::is_ascii_hexdigit);
    let birds = songs.filter_map(|at| bytes.get(at..at + LENGTH)).filter(is_whole);
    birds
        .map(|bird| String::from_utf8_lossy(bird).to_ascii_lowercase())
        .collect()
}
