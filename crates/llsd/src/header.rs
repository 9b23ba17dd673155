//! The line `<? llsd/binary ?>` or `<? llsd/notation ?>` before a document.

/// Where the document begins behind its header line; at 0 if it has none of that name. Spaces and case do not count.
pub(crate) fn without_header(document: &[u8], name: &str) -> usize {
    const LONGEST: usize = 40;
    let start = &document[..document.len().min(LONGEST)];
    let Some(rest) = start.strip_prefix(b"<?") else { return 0 };
    let Some(end) = rest.windows(2).position(|mark| mark == b"?>") else { return 0 };
    if !rest[..end].trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
        return 0;
    }
    let behind = &document[end + 4..];
    let line_end = if behind.starts_with(b"\r\n") { 2 } else { usize::from(behind.starts_with(b"\n")) };
    end + 4 + line_end
}
