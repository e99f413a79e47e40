//! A Daybook server in miniature: real sockets, the real answers, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use domain::usage::{Progress, Seq};
use serde_json::{Value, json};

mod importing;

/// How long any named moment may take on a busy machine.
pub const BOUND: Duration = Duration::from_mins(1);
pub const EMAIL: &str = "ada@example.org";
pub const PASSWORD: &str = "correct horse battery";

/// What to do with a request to `usage/track` instead of answering it.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Reads the request, takes nothing and cuts the connection.
    Cut,
    /// Takes the pings and cuts the connection.
    Swallow,
    /// Takes the pings, and answers half of what it would.
    Half,
    /// 503 with `Retry-After`.
    Busy { retry_after_secs: u64 },
    /// Any other answer.
    Answer { status: u16, body: Value },
    /// 307 to another address.
    Redirect { to: String },
    /// Takes the pings and answers with something that no Daybook server says.
    Gibberish,
}

/// When what was taken is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merging {
    /// Before the answer.
    AtOnce,
    /// After the answer, so that the next one tells.
    Next,
    /// Only when the test says so.
    Never,
}

/// A ping that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub app: String,
    pub start: String,
    pub end: String,
}

/// All that the server knows.
pub struct Ledger {
    pub faults: VecDeque<Fault>,
    pub merging: Merging,
    pub progress: Progress,
    /// By number; more than one only where a number was used for different pings.
    pub taken: BTreeMap<u64, Vec<Taken>>,
    /// The numbers of each request that was taken or answered, in order.
    pub requests: Vec<Vec<u64>>,
    /// Every `X-Device-Id` of a login.
    pub devices: Vec<String>,
    pub logins: usize,
    pub refreshes: usize,
    /// Applications whose pings are rejected one by one.
    pub rejects: Vec<String>,
    /// Applications that make the whole request a 422 that names nothing.
    pub poison: Vec<String>,
    /// What a device that waits to be confirmed is told, one after the other; once there is none left, it is confirmed.
    pub words: VecDeque<&'static str>,
    /// The most pings in a request.
    pub batch_max: usize,
    /// Where the agent keeps its session: a token must be there before it is used.
    pub session_file: Option<PathBuf>,
    pub unsaved_tokens: Vec<String>,
    /// What is answered to whoever asks for the account's privacy rules; without, there is no such route.
    pub rules: Option<Value>,
    /// What was sent to be imported, and whether only to learn what it would change.
    pub imports: Vec<(bool, Value)>,
    /// Where dry runs were sent.
    pub dry_routes: Vec<String>,
    /// How many more dry runs hear that what was imported before still waits.
    pub unmerged_imports: usize,
    /// Everything that was sent, headers and bodies.
    pub bytes: Vec<u8>,
    access: Option<String>,
    refresh: Option<String>,
    unmerged: Vec<u64>,
    grants: usize,
    stopping: bool,
}

impl Ledger {
    /// How often the agent signed in, by password and by refresh token.
    pub fn sign_ins(&self) -> (usize, usize) {
        (self.logins, self.refreshes)
    }

    pub fn expire_access(&mut self) {
        self.access = None;
    }

    pub fn end_session(&mut self) {
        self.access = None;
        self.refresh = None;
    }

    pub fn merge_all(&mut self) {
        let seqs = std::mem::take(&mut self.unmerged);
        self.progress
            .settle(seqs.into_iter().map(|seq| Seq::new(seq).expect("in range")));
    }

    /// What was taken of each application, as `(start, end)` in Unix milliseconds, sorted, each once.
    pub fn spans_of(&self, app: &str) -> Vec<(i64, i64)> {
        let all = self.taken.values().flatten().filter(|taken| taken.app == app);
        let mut spans: Vec<(i64, i64)> = all.map(|taken| (unix_ms(&taken.start), unix_ms(&taken.end))).collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    pub fn ms_of(&self, app: &str) -> i64 {
        self.spans_of(app).iter().map(|(start, end)| end - start).sum()
    }

    fn in_short(&self) -> String {
        let sizes: Vec<_> = self.requests.iter().map(|seqs| (seqs.first(), seqs.len())).collect();
        let Self {
            progress,
            logins,
            refreshes,
            faults,
            ..
        } = self;
        let taken = self.taken.len();
        format!("{taken} taken in {sizes:?}, {progress:?}, {logins} logins, {refreshes} refreshes, to come {faults:?}")
    }

    fn grant(&mut self) -> Value {
        self.grants += 1;
        let (access, refresh) = (format!("access-{}", self.grants), format!("refresh-{}", self.grants));
        self.access = Some(access.clone());
        self.refresh = Some(refresh.clone());
        json!({"access_token": access, "token_type": "Bearer", "expires_in": 900, "refresh_token": refresh, "device": {"id": "x", "name": "y"}})
    }

    fn merged_through(&self) -> Value {
        match self.progress.through() {
            0 => Value::Null,
            through => json!(through),
        }
    }
}

/// The server. It ends with the value.
pub struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Mutex<Ledger>,
    changed: Condvar,
}

impl Stub {
    pub fn start() -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    pub fn serve(listener: TcpListener) -> Self {
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger {
                faults: VecDeque::new(),
                merging: Merging::Next,
                progress: Progress::default(),
                taken: BTreeMap::new(),
                requests: Vec::new(),
                devices: Vec::new(),
                logins: 0,
                refreshes: 0,
                rejects: Vec::new(),
                poison: Vec::new(),
                words: VecDeque::new(),
                batch_max: 1_000,
                session_file: None,
                unsaved_tokens: Vec::new(),
                rules: None,
                imports: Vec::new(),
                dry_routes: Vec::new(),
                unmerged_imports: 0,
                bytes: Vec::new(),
                access: None,
                refresh: None,
                unmerged: Vec::new(),
                grants: 0,
                stopping: false,
            }),
            changed: Condvar::new(),
        });
        let address = listener.local_addr().expect("bound");
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if accepting.lock().stopping {
                    return;
                }
                let shared = Arc::clone(&accepting);
                let connection = connection.expect("a connection");
                // The client may go at any time; that ends its thread and harms nobody.
                thread::spawn(move || drop(shared.converse(connection)));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The ledger, for as long as the guard is held.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.lock()
    }

    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.ledger().faults.extend(faults);
    }

    /// Waits for a named moment.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Ledger) -> bool) {
        let deadline = Instant::now() + BOUND;
        let mut ledger = self.ledger();
        while !is_so(&ledger) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {BOUND:?} in vain for: {what}; {}",
                ledger.in_short()
            );
            ledger = self
                .shared
                .changed
                .wait_timeout(ledger, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
    }
}

struct Answer {
    status: u16,
    headers: String,
    body: Value,
    /// Whether all of it is sent, or half.
    whole: bool,
}

impl Answer {
    fn plain(status: u16, body: Value) -> Self {
        let headers = String::new();
        Self {
            status,
            headers,
            body,
            whole: true,
        }
    }
}

struct Request {
    route: String,
    headers: BTreeMap<String, String>,
    body: Value,
    bytes: Vec<u8>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // A test that failed with the ledger in its hand has said what is wrong.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(connection.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            let answer = self.answer(&request);
            self.changed.notify_all();
            let Some(answer) = answer else {
                return Ok(());
            };
            let body = match answer.status {
                304 => String::new(),
                _ => answer.body.to_string(),
            };
            let head = format!(
                "HTTP/1.1 {} X\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n",
                answer.status,
                answer.headers,
                body.len()
            );
            let bytes = [head.as_bytes(), body.as_bytes()].concat();
            if !answer.whole {
                return connection.write_all(&bytes[..bytes.len() / 2]);
            }
            connection.write_all(&bytes)?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let mut ledger = self.lock();
        ledger.bytes.extend_from_slice(&request.bytes);
        let plain = |status, body| Some(Answer::plain(status, body));
        match request.route.as_str() {
            "/api/v1/auth/login" => {
                ledger.logins += 1;
                ledger.devices.push(request.headers["x-device-id"].clone());
                assert!(request.body["device_name"].is_string() && request.body["platform"] == "linux");
                if request.body["email"] == EMAIL && request.body["password"] == PASSWORD {
                    let grant = ledger.grant();
                    return plain(200, grant);
                }
                plain(401, json!({"title": "Unauthorized"}))
            }
            "/api/v1/auth/refresh" => {
                ledger.refreshes += 1;
                if ledger.refresh.is_some() && request.body["refresh_token"].as_str() == ledger.refresh.as_deref() {
                    let grant = ledger.grant();
                    return plain(200, grant);
                }
                // Used twice: the session is over.
                ledger.end_session();
                plain(401, json!({"title": "Unauthorized"}))
            }
            "/api/v1/auth/device-token" => match ledger.words.pop_front() {
                Some("busy") => plain(503, json!({"title": "Busy"})),
                Some("gibberish") => plain(200, json!([])),
                Some(word) => plain(400, json!({"title": "Not yet", "code": word})),
                None => {
                    let grant = ledger.grant();
                    plain(200, grant)
                }
            },
            "/api/v1/usage/track" => track(&mut ledger, request),
            "/api/v1/usage/import" => importing::import(&mut ledger, request, false),
            route if route.starts_with("/api/v1/usage/import?dry_run=true") => {
                ledger.dry_routes.push(route.to_owned());
                importing::import(&mut ledger, request, true)
            }
            "/api/v1/users/me/privacy-rules" if ledger.rules.is_some() => {
                let headers = "ETag: \"1\"\r\n".to_owned();
                let known = request.headers.get("if-none-match").is_some_and(|etag| etag == "\"1\"");
                let (status, body) = match &ledger.rules {
                    Some(rules) if !known => (200, rules.clone()),
                    _ => (304, Value::Null),
                };
                Some(Answer {
                    status,
                    headers,
                    body,
                    whole: true,
                })
            }
            _ => plain(404, json!({"title": "Not Found"})),
        }
    }
}

/// `None` cuts the connection.
fn track(ledger: &mut Ledger, request: &Request) -> Option<Answer> {
    if !is_signed_in(ledger, request) {
        return Some(Answer::plain(401, json!({"title": "Unauthorized"})));
    }
    assert_eq!(request.headers["content-type"], "application/json");
    let fault = ledger.faults.pop_front();
    let answer = |status, headers, body| {
        Some(Answer {
            status,
            headers,
            body,
            whole: true,
        })
    };
    match &fault {
        Some(Fault::Cut) => return None,
        Some(Fault::Busy { retry_after_secs }) => {
            return answer(
                503,
                format!("Retry-After: {retry_after_secs}\r\n"),
                json!({"title": "Busy"}),
            );
        }
        Some(Fault::Answer { status, body }) => return answer(*status, String::new(), body.clone()),
        Some(Fault::Redirect { to }) => return answer(307, format!("Location: {to}\r\n"), json!({})),
        _ => {}
    }
    let pings = request.body["pings"].as_array().expect("a list");
    let receipt = match take(ledger, pings) {
        Ok(receipt) => receipt,
        Err(refusal) => return Some(refusal),
    };
    match fault {
        Some(Fault::Swallow) => None,
        Some(Fault::Half) => Some(Answer {
            whole: false,
            ..Answer::plain(202, receipt)
        }),
        Some(Fault::Gibberish) => Some(Answer::plain(202, json!("<html>"))),
        _ => Some(Answer::plain(202, receipt)),
    }
}

fn is_signed_in(ledger: &mut Ledger, request: &Request) -> bool {
    let header = request.headers.get("authorization");
    let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).expect("a token");
    if let Some(path) = &ledger.session_file {
        let saved = std::fs::read_to_string(path).unwrap_or_default();
        if !saved.contains(bearer) {
            ledger.unsaved_tokens.push(bearer.to_owned());
        }
    }
    ledger.access.as_deref() == Some(bearer)
}

fn take(ledger: &mut Ledger, pings: &[Value]) -> Result<Value, Answer> {
    let text = |ping: &Value, field: &str| ping[field].as_str().expect("text").to_owned();
    let is_in = |ping: &Value, apps: &[String]| apps.contains(&text(ping, "app_name"));
    if pings.len() > ledger.batch_max {
        return Err(Answer::plain(413, json!({"title": "Too large"})));
    }
    if pings.iter().any(|ping| is_in(ping, &ledger.poison)) {
        return Err(Answer::plain(422, json!({"title": "Unprocessable"})));
    }
    let rejection = |index: usize| json!({"index": index, "pointer": format!("/pings/{index}/app_name"), "code": "empty", "detail": "no"});
    let rejected: Vec<Value> = (0..pings.len())
        .filter(|index| is_in(&pings[*index], &ledger.rejects))
        .map(rejection)
        .collect();
    if rejected.len() == pings.len() {
        return Err(Answer::plain(
            422,
            json!({"title": "Unprocessable", "errors": rejected}),
        ));
    }
    let merged_before = ledger.merged_through();
    let seqs: Vec<u64> = pings
        .iter()
        .map(|ping| ping["seq"].as_u64().expect("a number"))
        .collect();
    for (seq, ping) in seqs.iter().zip(pings) {
        let new = Taken {
            app: text(ping, "app_name"),
            start: text(ping, "start_time"),
            end: text(ping, "end_time"),
        };
        let known = ledger.taken.entry(*seq).or_default();
        if !known.contains(&new) {
            known.push(new);
        }
    }
    ledger.unmerged.extend(&seqs);
    ledger.requests.push(seqs);
    if ledger.merging != Merging::Never {
        ledger.merge_all();
    }
    let merged = match ledger.merging {
        Merging::AtOnce => ledger.merged_through(),
        Merging::Next | Merging::Never => merged_before,
    };
    let accepted = pings.len() - rejected.len();
    Ok(json!({"status": "queued", "accepted": accepted, "rejected": rejected, "merged_through": merged}))
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let route = line.split(' ').nth(1).expect("a request line").to_owned();
    let mut headers = BTreeMap::new();
    let mut bytes = line.into_bytes();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        bytes.extend_from_slice(line.as_bytes());
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    bytes.extend_from_slice(&body);
    let body = match length {
        0 => Value::Null,
        _ => serde_json::from_slice(&body).expect("JSON"),
    };
    Ok(Some(Request {
        route,
        headers,
        body,
        bytes,
    }))
}

/// `2026-03-01T09:00:00.250Z` in Unix milliseconds.
pub fn unix_ms(text: &str) -> i64 {
    let (date, time) = text
        .strip_suffix('Z')
        .and_then(|text| text.split_once('T'))
        .expect("RFC 3339, UTC");
    let numbers =
        |text: &str, by: char| -> Vec<i64> { text.split(by).map(|part| part.parse().expect("a number")).collect() };
    let (time, ms) = time.split_once('.').map_or((time, 0), |(time, ms)| {
        assert_eq!(ms.len(), 3, "milliseconds");
        (time, ms.parse().expect("a number"))
    });
    let (date, time) = (numbers(date, '-'), numbers(time, ':'));
    // Days since 1970-01-01 (Howard Hinnant, days_from_civil), with the year starting in March.
    let (year, month) = if date[1] > 2 {
        (date[0], date[1] - 3)
    } else {
        (date[0] - 1, date[1] + 9)
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + date[2] - 1;
    let day = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    ((day * 24 + time[0]) * 60 + time[1]) * 60_000 + time[2] * 1_000 + ms
}

#[test]
fn times_are_read_as_the_agent_writes_them() {
    for ms in [
        0,
        1_772_355_600_250,
        951_782_400_000,
        1_709_164_800_001,
        4_102_444_799_999,
    ] {
        assert_eq!(unix_ms(&domain::time::UnixMs(ms).to_string()), ms);
    }
}
