/// How loud something is said; numbers as in ChatFromViewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChatType {
    /// 0.
    Whisper,
    /// 1.
    Say,
    /// 2.
    Shout,
}

impl ChatType {
    /// From the wire; other numbers (typing start and stop, ...) are no speech.
    pub fn from_wire(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Whisper),
            1 => Some(Self::Say),
            2 => Some(Self::Shout),
            _ => None,
        }
    }

    /// To the wire.
    pub fn to_wire(self) -> u8 {
        match self {
            Self::Whisper => 0,
            Self::Say => 1,
            Self::Shout => 2,
        }
    }
}

/// How far speech carries, metres.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChatRanges {
    /// Whisper.
    pub whisper_m: f32,
    /// Say.
    pub say_m: f32,
    /// Shout.
    pub shout_m: f32,
}

impl Default for ChatRanges {
    fn default() -> Self {
        Self { whisper_m: 10.0, say_m: 20.0, shout_m: 100.0 }
    }
}

impl ChatRanges {
    /// The range of one kind of speech, metres.
    pub fn of(self, kind: ChatType) -> f32 {
        match kind {
            ChatType::Whisper => self.whisper_m,
            ChatType::Say => self.say_m,
            ChatType::Shout => self.shout_m,
        }
    }
}
