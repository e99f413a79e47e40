//! A proxy that passes requests on and swallows answers, as a bad connection does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long either side may need.
const WITHIN: Duration = Duration::from_secs(30);

/// Passes one request on for each connection; the first answers it drops, after the server has given them in full.
pub struct SwallowingProxy {
    pub address: String,
    at: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: String,
    to_swallow: AtomicU32,
    swallowed_good: AtomicU32,
    is_over: AtomicBool,
}

impl SwallowingProxy {
    /// Before the node at `upstream`, with so many answers to swallow.
    pub fn before(upstream: &str, to_swallow: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").to_owned(),
            to_swallow: AtomicU32::new(to_swallow),
            swallowed_good: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
        });
        let passing = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || {
            for client in listener.incoming() {
                if passing.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let client = client.expect("a connection");
                // A client that goes away is none of the proxy's business.
                let _ = passing.pass(client);
            }
        });
        Self {
            address: format!("http://{at}"),
            at,
            shared,
            accepting: Some(accepting),
        }
    }

    /// How many of the answers that it swallowed were good ones (200).
    pub fn swallowed_good(&self) -> u32 {
        self.shared.swallowed_good.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn pass(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_read_timeout(Some(WITHIN))?;
        let request = whole_request(&client)?;
        let mut server = TcpStream::connect(&self.upstream)?;
        server.set_read_timeout(Some(WITHIN))?;
        server.write_all(&request)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        let took = |left: u32| left.checked_sub(1);
        let swallow = self.to_swallow.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took);
        if swallow.is_err() {
            return client.write_all(&answer);
        }
        if answer.starts_with(b"HTTP/1.1 200 ") {
            self.swallowed_good.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Head and body of a request, with the wish that the connection closes after its answer.
fn whole_request(client: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            request.extend(line.as_bytes());
        }
    }
    request.extend(b"Connection: close\r\n\r\n");
    let head = request.len();
    request.resize(head + length, 0);
    reader.read_exact(&mut request[head..])?;
    Ok(request)
}

impl Drop for SwallowingProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let _ = TcpStream::connect(self.at);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}
