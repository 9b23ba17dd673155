//! Regions of other processes: reached over HTTP ([`remote`]), and heard ([`service`]) as far as they may ask what they
//! ask ([`gate`]).
//!
//! The messages are the simulation service's; their wire form is the crate `simulation`. Between processes of ours
//! each request carries a [`proof`] of the region that sends it. Bounds: calls under way in [`remote`], bodies in
//! [`crate::http`], remembered answers in [`registry`], [`keys`] and [`addresses`], used proofs in [`seen`],
//! threads for names in [`look_ups`].

pub(crate) mod addresses;
pub(crate) mod cache;
pub(crate) mod gate;
pub(crate) mod keys;
pub(crate) mod look_ups;
pub(crate) mod proof;
pub(crate) mod reader;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod seen;
pub(crate) mod service;
pub(crate) mod web;
