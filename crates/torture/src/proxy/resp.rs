//! As much of Redis' protocol as it takes to lie in it: commands as clients send them, and where an answer ends.

/// The longest argument or answer that is believed.
const LENGTH_MAX: usize = 512 * 1024 * 1024;

/// A command: its name and arguments.
pub type Command = Vec<Vec<u8>>;

/// Commands out of a stream of bytes.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
}

impl Commands {
    /// Takes what has arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next command that has arrived whole.
    pub fn next_whole(&mut self) -> Option<Command> {
        let (count, mut at) = number(&self.bytes, 0, b'*')?;
        let mut command = Vec::new();
        for _ in 0..count {
            let (length, start) = number(&self.bytes, at, b'$')?;
            command.push(self.bytes.get(start..start + length)?.to_vec());
            at = start + length + 2;
        }
        if at > self.bytes.len() {
            return None;
        }
        self.bytes.drain(..at);
        Some(command)
    }
}

/// The bytes of a command.
#[must_use]
pub fn written(command: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for argument in command {
        bytes.extend_from_slice(&bulk(argument));
    }
    bytes
}

/// The bytes of a text of any length.
#[must_use]
pub fn bulk(text: &[u8]) -> Vec<u8> {
    let mut bytes = format!("${}\r\n", text.len()).into_bytes();
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Whether the command is called `name`, in whatever letters.
#[must_use]
pub fn is(command: &[Vec<u8>], name: &str) -> bool {
    command
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case(name.as_bytes()))
}

/// Where the answer that begins at `at` ends; none while it has not arrived whole.
#[must_use]
pub fn answer_end(bytes: &[u8], at: usize) -> Option<usize> {
    let kind = *bytes.get(at)?;
    let line_end = at + bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")? + 2;
    let length = || {
        std::str::from_utf8(&bytes[at + 1..line_end - 2])
            .ok()?
            .parse::<i64>()
            .ok()
    };
    match kind {
        b'$' => match usize::try_from(length()?) {
            Ok(length) => Some(line_end + length + 2).filter(|&end| end <= bytes.len()),
            // There is nothing.
            Err(_) => Some(line_end),
        },
        b'*' => (0..length()?.max(0)).try_fold(line_end, |at, _| answer_end(bytes, at)),
        _ => Some(line_end),
    }
}

/// The number behind `mark` at `at`, and where its line ends.
fn number(bytes: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let digits = rest[..end].strip_prefix(&[mark])?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= LENGTH_MAX).then_some((number, at + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Command {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn commands_are_read_however_they_are_cut_up() {
        let sent = [command(&["XADD", "s", "*", "n", "\r\n$1"]), command(&["PING"])];
        let bytes: Vec<u8> = sent.iter().flat_map(|command| written(command)).collect();
        for size in 1..bytes.len() {
            let (mut commands, mut read) = (Commands::default(), Vec::new());
            for part in bytes.chunks(size) {
                commands.feed(part);
                read.extend(std::iter::from_fn(|| commands.next_whole()));
            }
            assert_eq!(read, sent);
        }
    }

    #[test]
    fn an_answer_ends_where_its_last_part_does() {
        for answer in [
            "+OK\r\n",
            "-ERR no\r\n",
            ":1\r\n",
            "$-1\r\n",
            "$4\r\n\r\n\r\n\r\n",
            "*-1\r\n",
            "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
        ] {
            let bytes = format!("{answer}+next\r\n");
            assert_eq!(answer_end(bytes.as_bytes(), 0), Some(answer.len()), "{answer:?}");
            for cut in 0..answer.len() {
                assert_eq!(answer_end(&bytes.as_bytes()[..cut], 0), None, "{answer:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn names_are_compared_without_their_case() {
        assert!(is(&command(&["xAdd"]), "XADD") && !is(&[], "XADD"));
    }
}
