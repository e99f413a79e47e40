//! Answers are read the same however the network cuts them.

use bench::http::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const ANSWERS: &[u8] = b"HTTP/1.1 202 Accepted\r\nx: content-length: 9\r\nContent-LENGTH:  5 \r\n\r\nhello\
    HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";

/// What a client reads that asks as often as there are `parts`, when the server writes one of them after each request.
async fn read(parts: Vec<Vec<&'static [u8]>>) -> Vec<Result<(u16, Vec<u8>), std::io::ErrorKind>> {
    let (client, mut server) = duplex(64 * 1024);
    let asked = parts.len();
    let serve = async move {
        for pieces in parts {
            server.read_exact(&mut [0; REQUEST.len()]).await.expect("a request");
            for piece in pieces {
                server.write_all(piece).await.expect("the client reads");
                // The client reads this piece before the next is there.
                tokio::task::yield_now().await;
            }
        }
    };
    let ask = async move {
        let mut connection = Connection::over(client);
        let mut answers = Vec::new();
        for _ in 0..asked {
            let answer = connection.exchange(REQUEST).await;
            answers.push(
                answer
                    .map(|answer| (answer.status, answer.body.to_vec()))
                    .map_err(|error| error.kind()),
            );
        }
        answers
    };
    tokio::join!(serve, ask).1
}

fn both() -> Vec<Result<(u16, Vec<u8>), std::io::ErrorKind>> {
    vec![Ok((202, b"hello".to_vec())), Ok((503, Vec::new()))]
}

#[tokio::test]
async fn an_answer_may_come_in_two_pieces_cut_anywhere() {
    let first =
        ANSWERS.len() - b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n".len();
    for cut in 0..=first {
        let (one, two) = ANSWERS[..first].split_at(cut);
        let answers = read(vec![vec![one, two], vec![&ANSWERS[first..]]]).await;
        assert_eq!(answers, both(), "cut at {cut}");
    }
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte_and_with_the_next_one() {
    assert_eq!(read(vec![ANSWERS.chunks(1).collect(), vec![]]).await, both());
    assert_eq!(read(vec![vec![ANSWERS], vec![]]).await, both());
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for broken in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
    ] {
        let answers = read(vec![vec![broken]]).await;
        assert_eq!(
            answers,
            [Err(std::io::ErrorKind::InvalidData)],
            "{}",
            String::from_utf8_lossy(broken)
        );
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_an_error_at_its_bound() {
    let endless: &'static [u8] = Box::leak(vec![b'x'; 20 * 1024].into_boxed_slice());
    assert_eq!(read(vec![vec![endless]]).await, [Err(std::io::ErrorKind::InvalidData)]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let answers = read(vec![vec![b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"]]).await;
    assert_eq!(answers, [Err(std::io::ErrorKind::UnexpectedEof)]);
}
