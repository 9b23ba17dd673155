//! Transfers as traces of OpenTelemetry, sent to a collector as OTLP in JSON over HTTP.
//!
//! One transfer is one trace, whichever processes take part: its id is made from what both ends know the transfer by, so
//! each sends its own part without asking the other. The source's part is the root span, the destination's a span below
//! it; what was asked and answered is a span below these, and everything else that was noted an event. A part is sent
//! once nothing has come of it for a while. Nothing waits for the collector: what it does not take in time is dropped.

use super::{Head, Key, Note, Numbered, Transfer, Transfers};
use crate::peering::web;
use model::RegionId;
use serde_json::{Value, json};
use services::hex;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Nothing has come of a transfer for so long: longer than the wait before its last step.
const QUIET: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Transfers whose end is waited for; more, and the oldest are sent as they are.
const WAITING: usize = 512;

/// A span's kind, as OTLP numbers them: within the process, and a call to another.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
/// A span's status: it failed.
const ERROR: u8 = 2;

/// The trace of a transfer: its id, and those of the two ends' spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TraceIds {
    trace: [u8; 16],
    source: [u8; 8],
    destination: [u8; 8],
}

impl TraceIds {
    fn of((numbered, number): Key) -> Self {
        let (kind, region) = match numbered {
            Numbered::BySource(region) => ("source", region),
            Numbered::ByDestination(region) => ("destination", region),
        };
        let hash = Sha256::new()
            .chain_update("sojourn transfer ")
            .chain_update(kind)
            .chain_update(region.0.as_bytes())
            .chain_update(number.to_be_bytes())
            .finalize();
        let part = |from: usize, bytes: &mut [u8]| bytes.copy_from_slice(&hash[from..from + bytes.len()]);
        let mut ids = Self { trace: [0; 16], source: [0; 8], destination: [0; 8] };
        part(0, &mut ids.trace);
        part(16, &mut ids.source);
        part(24, &mut ids.destination);
        ids
    }

    /// The header by which what stands between two processes joins its spans to the trace.
    pub(crate) fn parent(source: RegionId, number: u64) -> String {
        let ids = Self::of((Numbered::BySource(source), number));
        format!("00-{}-{}-01", hex(&ids.trace), hex(&ids.source))
    }
}

/// The task that sends traces.
pub(crate) struct Export {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Export {
    /// Sends what transfers noted to the collector at this base URL, until this is dropped or finished.
    pub(crate) fn start(transfers: Arc<Transfers>, endpoint: &str, instance: String) -> Self {
        let seen = transfers.history().last;
        let mut exporter = Exporter {
            client: web::client(),
            url: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            instance,
            seen,
            waiting: BTreeMap::new(),
            transfers,
        };
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    patience = &mut stopped => {
                        if let Ok(patience) = patience {
                            exporter.finish(patience).await;
                        }
                        return;
                    }
                    () = exporter.look() => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Sends what still waits, as it is, for which the collector has so long.
    pub(crate) async fn finish(self, patience: Duration) {
        if self.stop.send(patience).is_ok() {
            let _ = self.task.await;
        }
    }
}

struct Exporter {
    transfers: Arc<Transfers>,
    client: reqwest::Client,
    url: String,
    instance: String,
    /// The last note that was taken over.
    seen: u64,
    waiting: BTreeMap<Key, (Instant, Transfer)>,
}

impl Exporter {
    /// Waits a while and sends what is due then. Broken off, it sends the same later.
    async fn look(&mut self) {
        tokio::time::sleep(LOOK).await;
        let now = Instant::now();
        self.seen = gather(&self.transfers, self.seen, &mut self.waiting, now);
        let due = self.due(now);
        self.send(&due, PATIENCE).await;
        self.waiting.retain(|key, _| !due.contains(key));
    }

    async fn finish(&mut self, patience: Duration) {
        self.seen = gather(&self.transfers, self.seen, &mut self.waiting, Instant::now());
        let all: BTreeSet<Key> = self.waiting.keys().copied().collect();
        if !self.send(&all, patience).await {
            tracing::warn!(transfers = all.len(), "their traces are lost with the end of this process");
        }
    }

    /// Those of which nothing has come for a while, and the oldest of too many.
    fn due(&self, now: Instant) -> BTreeSet<Key> {
        let quiet = self.waiting.iter().filter(|(_, (at, _))| *at + QUIET <= now).map(|(key, _)| *key);
        let mut due: BTreeSet<Key> = quiet.collect();
        let mut by_age: Vec<_> = self.waiting.iter().map(|(key, (at, _))| (*at, *key)).collect();
        by_age.sort_unstable();
        due.extend(by_age.iter().take(by_age.len().saturating_sub(WAITING)).map(|(_, key)| *key));
        due
    }

    /// Whether the collector has taken them.
    async fn send(&self, due: &BTreeSet<Key>, patience: Duration) -> bool {
        let of = |key: &Key| self.waiting.get(key).map(|(_, transfer)| spans(*key, transfer));
        let spans: Vec<_> = due.iter().filter_map(of).flatten().collect();
        if spans.is_empty() {
            return true;
        }
        let sent = self.client.post(&self.url).header("content-type", "application/json").timeout(patience);
        match sent.body(document(&self.instance, spans).to_string()).send().await {
            Ok(answer) if answer.status().is_success() => return true,
            Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "the collector takes no traces"),
            Err(error) => {
                tracing::warn!(error = %web::failure(&error), "the collector cannot be reached");
            }
        }
        false
    }
}

/// Takes over what was noted after this note; the number of the last.
fn gather(
    transfers: &Transfers,
    after: u64,
    waiting: &mut BTreeMap<Key, (Instant, Transfer)>,
    now: Instant,
) -> u64 {
    let history = transfers.history();
    for (key, transfer) in &history.transfers {
        if transfer.notes.back().is_none_or(|note| note.n <= after) {
            continue;
        }
        let new = transfer.notes.iter().filter(|note| note.n > after).cloned();
        let fresh = || (now, Transfer { head: transfer.head.clone(), notes: Default::default() });
        let (touched, kept) = waiting.entry(*key).or_insert_with(fresh);
        *touched = now;
        kept.head.clone_from(&transfer.head);
        kept.notes.extend(new);
    }
    history.last
}

/// The spans of what one process noted of a transfer.
fn spans(key: Key, transfer: &Transfer) -> Vec<Value> {
    let ids = TraceIds::of(key);
    let by_destination = matches!(key.0, Numbered::ByDestination(_));
    let notes = transfer.notes.iter().map(|note| &**note);
    let (source, destination): (Vec<&Note>, Vec<&Note>) =
        notes.partition(|note| (note.region_id == transfer.head.region) != by_destination);
    let mut spans = Vec::new();
    spans.extend(end(&ids, &transfer.head, &source, true));
    spans.extend(end(&ids, &transfer.head, &destination, false));
    spans
}

/// One end's span, and those of its calls.
fn end(ids: &TraceIds, transfer: &Head, notes: &[&Note], is_source: bool) -> Vec<Value> {
    let (Some(first), Some(last)) = (notes.first(), notes.last()) else { return Vec::new() };
    let own = if is_source { ids.source } else { ids.destination };
    let mut calls = Vec::new();
    let mut events = Vec::new();
    for (index, note) in notes.iter().enumerate() {
        let answer = notes[index + 1..].iter().find(|later| {
            later.message == "answer"
                && note.message != "answer"
                && (later.step, &later.from, &later.to) == (note.step, &note.to, &note.from)
        });
        match answer {
            Some(answer) => {
                let mut span =
                    span(ids, &call_id(ids, note), Some(&own), note.message, note.at_us, answer.at_us);
                span["kind"] = CLIENT.into();
                span["attributes"] = attributes(&[
                    ("sojourn.step", note.step),
                    ("sojourn.to", &note.to),
                    ("sojourn.answer", &answer.detail),
                ]);
                if !answer.detail.starts_with("yes") && note.step != "ask" {
                    span["status"] = json!({ "code": ERROR, "message": answer.detail });
                }
                calls.push(span);
            }
            // It is told with what it answers.
            None if note.message == "answer" => {}
            None => events.push(json!({
                "timeUnixNano": nanos(note.at_us),
                "name": note.message,
                "attributes": attributes(&[
                    ("sojourn.step", note.step),
                    ("sojourn.from", &note.from),
                    ("sojourn.to", &note.to),
                    ("sojourn.detail", &note.detail),
                ]),
            })),
        }
    }
    let name = if is_source { transfer.kind } else { "arrival" };
    let parent = (!is_source).then_some(ids.source);
    let mut whole = span(ids, &own, parent.as_ref(), name, first.at_us, last.at_us);
    whole["events"] = events.into();
    let agent = transfer.agent.to_string();
    let mut known = vec![
        ("sojourn.agent", agent.as_str()),
        ("sojourn.agent.name", &transfer.name),
        ("sojourn.region", &first.region),
        ("sojourn.version", &transfer.version),
    ];
    if let (true, Some(outcome)) = (is_source, transfer.outcome) {
        known.push(("sojourn.outcome", outcome));
        if !matches!(outcome, "departed" | "cancelled" | "viewer_gone" | "dropped") {
            whole["status"] = json!({ "code": ERROR, "message": outcome });
        }
    }
    whole["attributes"] = attributes(&known);
    calls.push(whole);
    calls
}

fn call_id(ids: &TraceIds, note: &Note) -> [u8; 8] {
    let hash = Sha256::new()
        .chain_update(ids.trace)
        .chain_update(note.region_id.0.as_bytes())
        .chain_update(note.n.to_be_bytes())
        .finalize();
    let (id, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
    *id
}

fn span(
    ids: &TraceIds,
    id: &[u8; 8],
    parent: Option<&[u8; 8]>,
    name: &str,
    begun_us: u64,
    ended_us: u64,
) -> Value {
    json!({
        "traceId": hex(&ids.trace),
        "spanId": hex(id),
        "parentSpanId": parent.map(|parent| hex(parent)).unwrap_or_default(),
        "name": name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(begun_us),
        "endTimeUnixNano": nanos(ended_us.max(begun_us)),
    })
}

/// OTLP's JSON has large numbers as text.
fn nanos(us: u64) -> String {
    us.saturating_mul(1000).to_string()
}

fn attributes(known: &[(&str, &str)]) -> Value {
    let attribute = |(key, value): &(&str, &str)| json!({ "key": key, "value": { "stringValue": value } });
    known.iter().filter(|(_, value)| !value.is_empty()).map(attribute).collect()
}

fn document(instance: &str, spans: Vec<Value>) -> Value {
    let resource = attributes(&[
        ("service.name", "sojourn"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
    ]);
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "sojourn.transfer" }, "spans": spans }],
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use model::{AgentId, Moment, Uuid};
    use region::{Party, TransferNote};
    use transfer::{TransferId, Version};

    const SOURCE: RegionId = RegionId(Uuid::from_u128(1));
    const DESTINATION: RegionId = RegionId(Uuid::from_u128(2));

    /// After how many milliseconds, and "step from to message detail".
    fn note(ms: u64, text: &'static str) -> TransferNote {
        let mut words = text.splitn(5, ' ');
        let mut word = || words.next().unwrap_or_default();
        let party = |name| match name {
            "viewer" => Party::Viewer,
            "source" => Party::Source,
            _ => Party::Destination,
        };
        let (step, from, to, message, detail) = (word(), party(word()), party(word()), word(), word());
        TransferNote {
            transfer: (SOURCE, TransferId(1)),
            agent: AgentId(Uuid::from_u128(7)),
            name: "Ada Lovelace".into(),
            kind: "teleport",
            version: Version::V0_2,
            at: Moment::from_millis(ms),
            region: "Harbour".into(),
            step,
            from,
            to,
            message,
            detail: detail.to_owned(),
            outcome: (step == "end").then_some("timed_out"),
        }
    }

    /// What a process with one end noted, as it would send it.
    fn sent(by: RegionId, notes: &[(u64, &'static str)]) -> Vec<Value> {
        let transfers = Transfers::new(Clock::start(), Arc::default());
        for &(ms, text) in notes {
            transfers.note(by, note(ms, text));
        }
        let last = notes.len() as u64;
        let mut waiting = BTreeMap::new();
        assert_eq!(gather(&transfers, 0, &mut waiting, Instant::now()), last);
        let mut nothing = BTreeMap::new();
        assert_eq!(gather(&transfers, last, &mut nothing, Instant::now()), last);
        assert!(nothing.is_empty());
        waiting.iter().flat_map(|(key, (_, transfer))| spans(*key, transfer)).collect()
    }

    fn both() -> [Vec<Value>; 2] {
        let source = [
            (0, "P1 viewer source TeleportLocationRequest"),
            (1, "P5 source destination QueryAccess"),
            (3, "P5 destination source answer yes"),
            (4, "P8 source destination CreateAgent"),
            (9, "P8 destination source answer TimedOut"),
            (10, "end source source verdict 10 ms, at P8"),
        ];
        [sent(SOURCE, &source), sent(DESTINATION, &[(5, "P8 source destination CreateAgent")])]
    }

    #[test]
    fn both_ends_are_one_trace() {
        let [source, destination] = both();
        let names: Vec<_> = source.iter().map(|span| span["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["QueryAccess", "CreateAgent", "teleport"]);
        let [query, create, root] = &source[..] else { panic!("{source:?}") };
        let [arrival] = &destination[..] else { panic!("{destination:?}") };
        for span in [query, create, root, arrival] {
            assert_eq!(span["traceId"], root["traceId"]);
        }
        assert_eq!(root["parentSpanId"], "");
        for below in [query, create, arrival] {
            assert_eq!(below["parentSpanId"], root["spanId"]);
            assert_ne!(below["spanId"], root["spanId"]);
        }
        assert_eq!((query.get("status"), create["status"]["code"].as_u64()), (None, Some(2)));
        assert_eq!(root["status"]["message"], "timed_out");
        assert_eq!(root["events"].as_array().unwrap().len(), 2, "{root}");
        let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(nanos(root, "endTimeUnixNano") - nanos(root, "startTimeUnixNano"), 10_000_000);
        let header = TraceIds::parent(SOURCE, 1);
        let expected =
            format!("00-{}-{}-01", root["traceId"].as_str().unwrap(), root["spanId"].as_str().unwrap());
        assert_eq!(header, expected);
    }

    #[tokio::test]
    async fn the_collector_is_sent_what_there_is_at_the_end() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let collected = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"]}]}]}") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let transfers = Arc::new(Transfers::new(Clock::start(), Arc::default()));
        let export = Export::start(transfers.clone(), &endpoint, "here".to_owned());
        transfers.note(SOURCE, note(0, "P1 viewer source TeleportLocationRequest"));
        export.finish(PATIENCE).await;
        let request = collected.await.unwrap();
        assert!(request.starts_with("POST /v1/traces "), "{request}");
        let (_, document) = request.split_once("\r\n\r\n").unwrap();
        let parsed: Value = serde_json::from_str(document).unwrap();
        assert!(document.contains("TeleportLocationRequest"), "it was not over yet: {document}");
        assert_eq!(
            parsed["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"],
            "sojourn"
        );
    }
}
