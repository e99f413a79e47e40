//! The settings of what stands between the network and the routes.

use api::{Edge, Rates};

use super::reader::Reader;

const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];
const ORIGIN: &str = "an http or https URL of a host and perhaps a port, such as https://daybook.example.org";
const RATE: &str = "so many requests a second, minute or hour and a burst, such as 50/s burst 1000, 600/m burst 100 or 1/h burst 1; neither above a million";

/// `DAYBOOK_PUBLIC_URL`, `DAYBOOK_TRUSTED_PROXIES`, `DAYBOOK_CORS_ORIGINS`, `DAYBOOK_RATE_LIMITS` and `DAYBOOK_LIMIT_…`.
pub(super) fn read(reader: &mut Reader) -> Edge {
    let usual = Rates::default();
    let rates = Rates {
        pings: reader.parsed("DAYBOOK_LIMIT_PINGS", RATE).unwrap_or(usual.pings),
        account: reader.parsed("DAYBOOK_LIMIT_ACCOUNT", RATE).unwrap_or(usual.account),
        address: reader.parsed("DAYBOOK_LIMIT_ADDRESS", RATE).unwrap_or(usual.address),
    };
    let limited = reader.choice("DAYBOOK_RATE_LIMITS", &ON_OFF).unwrap_or(true);
    let proxies = "addresses and networks with commas between them, such as 127.0.0.1, 10.0.0.0/8";
    Edge {
        public_url: reader.parsed("DAYBOOK_PUBLIC_URL", ORIGIN),
        trusted_proxies: reader.parsed("DAYBOOK_TRUSTED_PROXIES", proxies).unwrap_or_default(),
        cors_origins: reader.list("DAYBOOK_CORS_ORIGINS", ORIGIN).unwrap_or_default(),
        rates: limited.then_some(rates),
    }
}
