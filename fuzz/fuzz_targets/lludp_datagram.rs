//! Any bytes, taken for a datagram.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lludp::fuzz::datagram(bytes));
