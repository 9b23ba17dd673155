//! Which regions a rehearsal has.

use model::{GridCell, RegionSize};
use region::AccessPolicy;
use transfer::VersionRange;

/// One region.
#[derive(Clone, PartialEq, Debug)]
pub struct Plot {
    /// Its name.
    pub name: &'static str,
    /// Where on the grid.
    pub cell: GridCell,
    /// Extent.
    pub size: RegionSize,
    /// Root agents at most.
    pub max_agents: usize,
    /// Who may come in.
    pub access: AccessPolicy,
    /// What it speaks.
    pub versions: VersionRange,
    /// The name that it gives as its host, instead of an address.
    pub host: Option<&'static str>,
    /// It knows no tickets: a model of an OpenSimulator peer.
    pub plain: bool,
}

/// All regions of a rehearsal, in the order in which [`crate::Where`] counts them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// The regions.
    pub plots: Vec<Plot>,
}

impl Plot {
    /// An open region of the usual size for a hundred agents.
    pub fn at(name: &'static str, x: u32, y: u32) -> Self {
        Self {
            name,
            cell: GridCell { x, y },
            size: RegionSize::STANDARD,
            max_agents: 100,
            access: AccessPolicy::Open,
            versions: VersionRange::ALL,
            host: None,
            plain: false,
        }
    }
}

impl Layout {
    /// No region yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one region more.
    #[must_use]
    pub fn with(mut self, plot: Plot) -> Self {
        self.plots.push(plot);
        self
    }

    /// Alpha and Beta touch; Delta and Epsilon are far from everybody.
    pub fn standard() -> Self {
        Self::new()
            .with(Plot::at("Alpha", 1000, 1000))
            .with(Plot::at("Beta", 1001, 1000))
            .with(Plot::at("Delta", 1040, 1000))
            .with(Plot::at("Epsilon", 1080, 1000))
    }

    /// Alpha, Beta and Gamma touch each other.
    pub fn triangle() -> Self {
        Self::new()
            .with(Plot::at("Alpha", 1000, 1000))
            .with(Plot::at("Beta", 1001, 1000))
            .with(Plot::at("Gamma", 1000, 1001))
    }

    /// Five regions, some in sight of each other and some not.
    pub fn archipelago() -> Self {
        Self::new()
            .with(Plot::at("Alpha", 1000, 1000))
            .with(Plot::at("Beta", 1001, 1000))
            .with(Plot::at("Gamma", 1000, 1001))
            .with(Plot::at("Delta", 1040, 1000))
            .with(Plot::at("Epsilon", 1041, 1000))
    }
}
