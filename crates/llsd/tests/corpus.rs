//! The fuzz targets' corpora, `fuzz/corpus/<target>/`, replayed, and each input with random damage: what the fuzzer
//! does at length, here for a moment and on every change.

use arbtest::arbitrary::{Result, Unstructured};
use std::path::Path;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the target has a corpus") {
        let path = entry.expect("the folder can be listed").path();
        let input = std::fs::read(&path).expect("a corpus holds files");
        inputs.push((path.display().to_string(), input));
    }
    inputs.sort();
    assert!(!inputs.is_empty(), "no corpus in {}", folder.display());
    inputs
}

fn damaged(input: &[u8], u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = input.to_vec();
    for _ in 0..u.int_in_range(1..=4)? {
        let at = u.int_in_range(0..=bytes.len())?;
        let to = u.int_in_range(at..=bytes.len().min(at + 32))?;
        match u.int_in_range(0..=4)? {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => bytes.insert(at, u.arbitrary()?),
            3 if at < bytes.len() => bytes[at] = u.arbitrary()?,
            _ => {
                let copied = bytes[at..to].to_vec();
                let into = u.int_in_range(0..=bytes.len())?;
                bytes.splice(into..into, copied);
            }
        }
    }
    Ok(bytes)
}

fn check(target: &str, run: fn(&[u8])) {
    let corpus = corpus(target);
    for (name, input) in &corpus {
        println!("{name}");
        run(input);
    }
    arbtest::arbtest(|u| {
        let (_, input) = u.choose(&corpus)?;
        run(&damaged(input, u)?);
        Ok(())
    });
}

#[test]
fn llsd_xml() {
    check("llsd_xml", llsd::fuzzing::xml);
}

#[test]
fn llsd_binary() {
    check("llsd_binary", llsd::fuzzing::binary);
}

#[test]
fn llsd_notation() {
    check("llsd_notation", llsd::fuzzing::notation);
}

#[test]
fn llsd_json() {
    check("llsd_json", llsd::fuzzing::json);
}

#[test]
fn xmlrpc() {
    check("xmlrpc", llsd::fuzzing::xmlrpc);
}
