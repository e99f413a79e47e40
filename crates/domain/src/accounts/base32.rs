//! What the texts of secrets have in common: bytes as groups of five bits, and the tolerance for how people type them.

/// The bits of `bytes` in groups of five, from the first byte's greatest; each below 32. For numbers of bytes that divide by five.
pub(super) fn fives(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.chunks_exact(5).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |at| (bits >> (5 * at) & 31) as usize)
    })
}

/// The text without white space, when it has no more than a space, or another character that nobody sees, for each of its `chars` on either side.
pub(super) fn unspaced(text: &str, chars: usize) -> Option<String> {
    let is_bounded = text.chars().nth(3 * chars).is_none();
    is_bounded.then(|| text.chars().filter(|c| !c.is_whitespace()).collect())
}
