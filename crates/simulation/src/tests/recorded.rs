//! The recordings: each request read and written again, each answer understood and given again.

use super::differences::{Exceptions, differences};
use crate::body::{is_packed, unpack};
use crate::{Incoming, Request, Target, answer, read, reply, request};
use flate2::Compression;
use flate2::write::GzEncoder;
use llsd::{Value, json};
use model::{RegionHandle, RegionId};
use services::RegionInfo;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use transfer::{AgentCreated, Agreement, PeerCall, PeerError, PeerReply, Refusal, Version, Whereabouts};

/// A request and its answer, as the recordings have them.
pub(super) struct Exchange {
    /// Folder and file, without ending.
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    content_type: Option<String>,
    content_encoding: Option<String>,
    pub(super) body: String,
    status: u16,
    answer: String,
}

impl Exchange {
    fn parse(name: String, text: &str) -> Self {
        let (request, answer) = text.split_once("\n=> ").expect("an answer");
        let (head, body) = request.split_once("\n\n").expect("a body");
        let mut lines = head.lines();
        let (method, path) = lines.next().and_then(|line| line.split_once(' ')).expect("a request line");
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        let (status, answer) = answer.split_once('\n').expect("a status");
        Self {
            name,
            method: method.into(),
            path: path.into(),
            content_type: header("Content-Type:"),
            content_encoding: header("X-Content-Encoding:"),
            body: body.trim().into(),
            status: status.parse().unwrap(),
            answer: answer.trim().into(),
        }
    }

    /// The body as it was on the wire.
    pub(super) fn wire_body(&self) -> Vec<u8> {
        if !is_packed(self.content_type.as_deref(), self.content_encoding.as_deref()) {
            return self.body.clone().into_bytes();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(self.body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    pub(super) fn read(&self) -> Incoming {
        let (kind, encoding) = (self.content_type.as_deref(), self.content_encoding.as_deref());
        read(&self.method, &self.path, kind, encoding, &self.wire_body())
            .unwrap_or_else(|why| panic!("{}: {why}", self.name))
    }
}

/// All recordings, in the order of their names.
pub(super) fn exchanges() -> Vec<Exchange> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut exchanges = Vec::new();
    for folder in ["0.7.5.1", "0.7.6.1", "0.9.2.2"] {
        for entry in std::fs::read_dir(golden.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap());
            exchanges.push(Exchange::parse(name, &std::fs::read_to_string(path).unwrap()));
        }
    }
    exchanges.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(exchanges.len() > 50);
    exchanges
}

/// The recording of that name.
pub(super) fn exchange(name: &str) -> Exchange {
    let mut found = exchanges().into_iter().filter(|exchange| exchange.name.starts_with(name));
    found.next().unwrap_or_else(|| panic!("no recording {name}"))
}

/// The called region, as the caller knew it.
fn called(exchange: &Exchange, incoming: &Incoming) -> RegionInfo {
    let body = json::parse(&exchange.body).unwrap_or_default();
    let metres = |key: &str| body[key].as_u32();
    let mut to = RegionInfo {
        id: RegionId(body["destination_uuid"].as_uuid()),
        name: body["destination_name"].as_str().into(),
        handle: RegionHandle::from_metres(metres("destination_x"), metres("destination_y")),
        ..RegionInfo::default()
    };
    match incoming.to {
        Target::Region(region) => to.id = region,
        Target::RegionAt(handle) => to.handle = handle,
        Target::AllRegions | Target::Agent(_) => {}
    }
    to
}

fn plain(request: &Request) -> String {
    let body = unpack(&request.body, is_packed(request.content_type, None), crate::BODY_MAX).unwrap();
    String::from_utf8(body.into_owned()).unwrap()
}

/// Compares two bodies that are JSON, or otherwise the same text.
fn compare(recorded: &str, ours: &str) -> BTreeSet<String> {
    match (json::parse(recorded), json::parse(ours)) {
        (Ok(recorded @ Value::Map(_)), Ok(ours)) => differences(&recorded, &ours),
        _ if recorded == ours => BTreeSet::new(),
        _ => BTreeSet::from([format!("~ {ours:?} for {recorded:?}")]),
    }
}

/// Runs `differ` over all recordings and holds what it finds against the exceptions.
fn check(exceptions: &str, differ: impl Fn(&Exchange, &Incoming) -> BTreeSet<String>) {
    let mut exceptions = Exceptions::parse(exceptions);
    let mut unmeant = Vec::new();
    for exchange in exchanges() {
        let found = differ(&exchange, &exchange.read());
        let wrong = found.into_iter().filter(|difference| !exceptions.allow(&exchange.name, difference));
        unmeant.extend(wrong.map(|difference| format!("{} {difference}", exchange.name)));
    }
    assert!(unmeant.is_empty(), "not as recorded:\n{}", unmeant.join("\n"));
    assert!(exceptions.idle().is_empty(), "needless exceptions:\n{}", exceptions.idle().join("\n"));
}

#[test]
fn each_recorded_request_is_written_as_it_came() {
    let exceptions = include_str!("../../golden/requests-exceptions.txt");
    check(exceptions, |exchange, incoming| {
        let request = request(&incoming.call, &called(exchange, incoming), false);
        assert_eq!(request.method, exchange.method, "{}", exchange.name);
        assert_eq!(request.path, exchange.path, "{}", exchange.name);
        compare(&exchange.body, &plain(&request))
    });
}

#[test]
fn each_recorded_answer_is_given_as_it_was() {
    let exceptions = include_str!("../../golden/answers-exceptions.txt");
    check(exceptions, |exchange, incoming| {
        let result = reply(&incoming.call, exchange.status, exchange.answer.as_bytes());
        assert_eq!(result, meaning(exchange, &incoming.call), "{}", exchange.name);
        let result = match result {
            Ok(reply) => Ok(reply),
            Err(PeerError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{}: {other}", exchange.name),
        };
        let answer = answer(&incoming.form(), &result, "127.0.0.1".parse().unwrap());
        assert_eq!(answer.status, exchange.status, "{}", exchange.name);
        compare(&exchange.answer, &String::from_utf8(answer.body).unwrap())
    });
}

/// What a recorded answer means, by the name of the recording.
fn meaning(exchange: &Exchange, call: &PeerCall) -> Result<PeerReply, PeerError> {
    let (version, name) = exchange.name.split_once('/').unwrap();
    let kind = name.split('.').next().unwrap();
    let access = |minor| {
        let version = Version::new(minor);
        Ok(PeerReply::Access(Agreement { outbound: version, inbound: version, tickets: false }))
    };
    let refused = |words: &str| Err(PeerError::Refused(Refusal::new(words)));
    match (kind, call) {
        (kind, _) if kind.contains("refused") => {
            let body = json::parse(&exchange.answer).unwrap();
            let words = body["reason"].as_str();
            assert!(words.len() > 10, "{words}");
            refused(&words)
        }
        ("query-of-0", _) => access(1),
        (_, PeerCall::QueryAccess(_)) if version == "0.7.5.1" => access(1),
        (_, PeerCall::QueryAccess(_)) if version == "0.7.6.1" => access(2),
        (_, PeerCall::QueryAccess(_)) => access(8),
        (_, PeerCall::CreateAgent(create)) => {
            let caps = create.caps.unwrap();
            Ok(PeerReply::Created(AgentCreated { caps, existed: false, tickets: false }))
        }
        ("update-failed", _) if version == "0.7.5.1" => refused("The region did not take the agent."),
        ("update-failed", _) => Ok(PeerReply::Whereabouts(Whereabouts::Withdrawn)),
        ("update", _) if version == "0.7.5.1" => Ok(PeerReply::Done),
        ("update-crossing" | "update-to-0", _) => Ok(PeerReply::Done),
        (_, PeerCall::UpdateAgent(_)) => Ok(PeerReply::Whereabouts(Whereabouts::Arrived)),
        _ => Ok(PeerReply::Done),
    }
}
