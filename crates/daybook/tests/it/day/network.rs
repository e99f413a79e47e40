//! A network that can be cut, between a tracker and a server that may come back somewhere else.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The near end. What connects there reaches the far end, while there is one.
pub struct Network {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    far: Option<SocketAddr>,
    open: Vec<TcpStream>,
    ended: bool,
}

impl Network {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let mut state = lock(&shared);
                if state.ended {
                    return;
                }
                // Without a far end the connection is dropped, which closes it.
                if let Some(far) = state.far.and_then(|far| TcpStream::connect(far).ok()) {
                    join(&mut state, near, far);
                }
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it leads there.
    pub fn lead_to(&self, url: &str) {
        let far = url.trim_start_matches("http://").parse().expect("an address");
        lock(&self.state).far = Some(far);
    }

    /// Cuts every connection, and takes no more.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.far = None;
        for stream in state.open.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.cut();
        lock(&self.state).ended = true;
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn join(state: &mut State, near: TcpStream, far: TcpStream) {
    let again = |stream: &TcpStream| stream.try_clone().expect("another handle");
    state.open.extend([again(&near), again(&far)]);
    for (from, to) in [(again(&near), again(&far)), (far, near)] {
        thread::spawn(move || {
            // One side that ends ends both.
            let _ = copy(&mut &from, &mut &to);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
}
