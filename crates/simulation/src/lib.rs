//! The simulation service's wire form: what regions say to each other, as JSON over HTTP, in every published version.
