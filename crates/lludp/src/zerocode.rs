//! Zerocoding: each run of 1 to 255 zero bytes is `00 count`, all other bytes stand for themselves (lludp fact
//! sheet, section 3).
//!
//! `00 00` is never written, because receivers disagree about it. Read it means a run of no zeros, which is what
//! all but the Linden viewer make of it.

use crate::header::MAX_LEN;
use crate::malformed::{Malformed, MalformedKind};

/// Appends what `coded` stands for. `out` is never grown beyond [`MAX_LEN`] more than it had.
///
/// # Errors
/// [`MalformedKind::ZeroRun`] when `coded` ends with a zero, [`MalformedKind::TooLong`] when it stands for more than
/// [`MAX_LEN`] bytes. The offset is the one in `coded`; `out` then holds what came before.
pub fn expand(coded: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let mut at = 0;
    while let Some(rest) = coded.get(at..).filter(|rest| !rest.is_empty()) {
        let literals = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        let (zeros, used) = match rest.get(literals..) {
            None | Some([]) => (0, literals),
            Some([_, count, ..]) => (usize::from(*count), literals + 2),
            Some([_]) => return Err(Malformed::datagram(MalformedKind::ZeroRun, coded.len())),
        };
        if out.len() - start + literals + zeros > MAX_LEN {
            return Err(Malformed::datagram(MalformedKind::TooLong, at));
        }
        out.extend_from_slice(&rest[..literals]);
        out.resize(out.len() + zeros, 0);
        at += used;
    }
    Ok(())
}

/// Appends the coded form of `plain`, at most twice as long.
pub fn code(plain: &[u8], out: &mut Vec<u8>) {
    let mut rest = plain;
    while !rest.is_empty() {
        let literals = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..literals]);
        rest = &rest[literals..];
        let zeros = rest.iter().take(255).position(|&byte| byte != 0).unwrap_or(rest.len().min(255));
        if zeros > 0 {
            out.extend_from_slice(&[0, zeros as u8]);
            rest = &rest[zeros..];
        }
    }
}

/// How long the coded form of `plain` is.
pub fn coded_len(plain: &[u8]) -> usize {
    let (mut len, mut run) = (0, 0);
    for &byte in plain {
        if byte != 0 {
            len += 1;
            run = 0;
        } else {
            len += if run % 255 == 0 { 2 } else { 0 };
            run += 1;
        }
    }
    len
}

/// Appends the coded form of `plain` if that is shorter, else `plain`. Whether it was coded.
pub fn code_if_shorter(plain: &[u8], out: &mut Vec<u8>) -> bool {
    let is_shorter = coded_len(plain) < plain.len();
    if is_shorter {
        code(plain, out);
    } else {
        out.extend_from_slice(plain);
    }
    is_shorter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(plain: &[u8], coded: &[u8]) {
        let mut out = Vec::new();
        code(plain, &mut out);
        assert_eq!(out, coded);
        assert_eq!(coded_len(plain), coded.len());
        out.clear();
        expand(coded, &mut out).unwrap();
        assert_eq!(out, plain);
    }

    #[test]
    fn runs_are_counted() {
        check(&[], &[]);
        check(&[1, 2, 3], &[1, 2, 3]);
        check(&[0], &[0, 1]);
        check(&[0xFF, 0xFF, 0, 3], &[0xFF, 0xFF, 0, 1, 3]);
        check(&[0; 255], &[0, 255]);
        check(&[0; 256], &[0, 255, 0, 1]);
        check(&[0; 510], &[0, 255, 0, 255]);
    }

    #[test]
    fn a_run_without_a_count_is_refused() {
        let refused = expand(&[1, 0], &mut Vec::new()).unwrap_err();
        assert_eq!(refused, Malformed::datagram(MalformedKind::ZeroRun, 2));
    }

    #[test]
    fn expansion_is_capped() {
        let bomb: Vec<u8> = [0, 255].repeat(4000);
        let mut out = vec![7; 5];
        assert_eq!(expand(&bomb, &mut out).unwrap_err().kind, MalformedKind::TooLong);
        assert!(out.len() <= 5 + MAX_LEN);
        let exact: Vec<u8> = [0, 128].repeat(MAX_LEN / 128);
        out.clear();
        expand(&exact, &mut out).unwrap();
        assert_eq!(out, [0; MAX_LEN]);
    }

    #[test]
    fn coding_is_undone_by_expanding() {
        arbtest::arbtest(|u| {
            // Zeros must be frequent to be worth the test.
            let plain: Vec<u8> =
                u.arbitrary_iter::<u8>()?.map(|b| b.map(|b| b & (b >> 4))).collect::<Result<_, _>>()?;
            let (mut coded, mut back) = (Vec::new(), Vec::new());
            code(&plain, &mut coded);
            assert_eq!(coded.len(), coded_len(&plain));
            assert!(!has_empty_run(&coded));
            expand(&coded, &mut back).unwrap();
            assert_eq!(back, plain);
            Ok(())
        });
    }

    fn has_empty_run(mut coded: &[u8]) -> bool {
        loop {
            coded = match coded {
                [] => return false,
                [0, 0, ..] => return true,
                [0, _, rest @ ..] | [_, rest @ ..] => rest,
            };
        }
    }
}
