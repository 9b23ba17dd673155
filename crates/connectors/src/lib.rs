//! The grid services over HTTP: the traits of [`services`] implemented by asking a grid, ours or a ROBUST.
