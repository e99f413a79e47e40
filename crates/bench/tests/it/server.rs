//! A server that takes requests without a body and answers as it is told.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Runs until the test ends. `answer` makes the whole answer of a request, given its first line.
pub async fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move { drop(converse(stream, &*answer).await) });
        }
    });
    address
}

async fn converse(mut stream: TcpStream, answer: &(impl Fn(&str) -> String + Sync)) -> std::io::Result<()> {
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await? > 0 {
        while let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") {
            let request: Vec<u8> = received.drain(..end + 4).collect();
            let request = String::from_utf8_lossy(&request);
            stream
                .write_all(answer(request.lines().next().unwrap_or_default()).as_bytes())
                .await?;
        }
    }
    Ok(())
}
