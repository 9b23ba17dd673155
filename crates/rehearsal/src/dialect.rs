//! What the regions of a rehearsal speak: versions of the simulation protocol, and whether they know tickets.

use crate::layout::Layout;
use transfer::{Version, VersionRange};

/// What one region speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Speech {
    /// Which versions.
    pub versions: VersionRange,
    /// It knows no tickets.
    pub plain: bool,
}

/// What all regions of a layout speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// Its name.
    pub name: &'static str,
    /// The first region of the layout, where most scenarios begin.
    first: Option<Speech>,
    /// Those after it.
    others: Option<Speech>,
}

const fn ours(low: u8, high: u8) -> Option<Speech> {
    let versions = VersionRange { low: Version::new(low), high: Version::new(high) };
    Some(Speech { versions, plain: false })
}

const fn plain(low: u8, high: u8) -> Option<Speech> {
    let versions = VersionRange { low: Version::new(low), high: Version::new(high) };
    Some(Speech { versions, plain: true })
}

const fn all(name: &'static str, speech: Option<Speech>) -> Dialect {
    Dialect { name, first: speech, others: speech }
}

const fn from(name: &'static str, first: Option<Speech>) -> Dialect {
    Dialect { name, first, others: ours(1, 8) }
}

const fn to(name: &'static str, others: Option<Speech>) -> Dialect {
    Dialect { name, first: ours(1, 8), others }
}

/// The matrix that scenarios run over.
pub const EVERY: &[Dialect] = &[
    all("ours", ours(1, 8)),
    all("ours-0.1", ours(1, 1)),
    all("ours-0.2", ours(2, 2)),
    all("ours-0.7", ours(3, 7)),
    from("old-source", ours(1, 1)),
    to("old-destination", ours(1, 1)),
    from("older-source", ours(1, 2)),
    all("plain-0.1", plain(1, 1)),
    all("plain-0.2", plain(1, 2)),
    all("plain-0.6", plain(3, 6)),
    all("plain-0.7", plain(3, 7)),
    all("plain-0.8", plain(3, 8)),
    from("plain-source-0.1", plain(1, 1)),
    from("plain-source-0.2", plain(1, 2)),
    from("plain-source-0.6", plain(3, 6)),
    from("plain-source-0.8", plain(3, 8)),
    to("plain-destination-0.1", plain(1, 1)),
    to("plain-destination-0.2", plain(1, 2)),
    to("plain-destination-0.6", plain(3, 6)),
    to("plain-destination-0.8", plain(3, 8)),
];

/// Those in which everybody knows tickets.
pub const OURS: &[Dialect] = EVERY.split_at(7).0;

/// For scenarios whose layout says who speaks what, or in which no agent goes anywhere.
pub const AS_LAID_OUT: &[Dialect] = &[Dialect { name: "as-laid-out", first: None, others: None }];

impl Dialect {
    /// A layout whose regions speak so.
    pub fn spoken_in(&self, mut layout: Layout) -> Layout {
        for (index, plot) in layout.plots.iter_mut().enumerate() {
            let speech = if index == 0 { self.first } else { self.others };
            if let Some(Speech { versions, plain }) = speech {
                (plot.versions, plot.plain) = (versions, plain);
            }
        }
        layout
    }

    /// Whether some region knows no tickets.
    pub fn has_plain(&self) -> bool {
        [self.first, self.others].into_iter().flatten().any(|speech| speech.plain)
    }
}
