use core::fmt;

/// Why bytes are not what they should be: to be dropped and counted, not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Malformed {
    /// What is wrong.
    pub kind: MalformedKind,
    /// The message, where it was already known.
    pub message: Option<&'static str>,
    /// Where, in bytes: from the start of the datagram before its message is known, and from the end of the
    /// message number (zerocoding expanded) afterwards.
    pub offset: usize,
}

/// The ways in which a datagram can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedKind {
    /// Shorter than a header and the message number.
    TooShort,
    /// Longer than [`MAX_LEN`](crate::header::MAX_LEN), as it came or expanded.
    TooLong,
    /// The trailer announces more acknowledgements than there are bytes.
    Acks,
    /// Zerocoding ends within a run.
    ZeroRun,
    /// No message of this number is known. A reliable one is acknowledged nevertheless, or its sender never ends
    /// to repeat it.
    UnknownMessage {
        /// The message number's bytes, as one big-endian number: `0xFFFF0003` for Low 3.
        id: u32,
    },
    /// Ends within a block, or before one that must be there.
    EndsEarly,
    /// A float that is infinite or no number.
    NonFinite {
        /// The field.
        field: &'static str,
    },
}

impl Malformed {
    pub(crate) fn datagram(kind: MalformedKind, offset: usize) -> Self {
        Self { kind, message: None, offset }
    }

    pub(crate) fn unknown_message(id: u32) -> Self {
        Self::datagram(MalformedKind::UnknownMessage { id }, 0)
    }

    /// Whether only the message is unknown, and the datagram around it sound.
    pub fn is_unknown_message(&self) -> bool {
        matches!(self.kind, MalformedKind::UnknownMessage { .. })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.message.unwrap_or("datagram"))?;
        match self.kind {
            MalformedKind::TooShort => write!(f, "shorter than a header"),
            MalformedKind::TooLong => write!(f, "longer than {} bytes", crate::header::MAX_LEN),
            MalformedKind::Acks => write!(f, "more acknowledgements announced than sent"),
            MalformedKind::ZeroRun => write!(f, "run of zeros without a count"),
            MalformedKind::UnknownMessage { id } => return write!(f, "unknown message {id:#x}"),
            MalformedKind::EndsEarly => write!(f, "ends early"),
            MalformedKind::NonFinite { field } => write!(f, "{field} is not finite"),
        }?;
        write!(f, " at byte {}", self.offset)
    }
}
