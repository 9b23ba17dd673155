use super::*;
use crate::control::{self, Command, Direction};
use crate::directory::Request;
use llsd::map;

fn poll(ack: Option<i32>) -> Value {
    map! { "ack" => ack, "done" => false }
}

#[tokio::test]
async fn it_is_healthy_while_it_runs_and_registers_what_it_has() {
    let running = Running::start(2).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/healthz").await.status, 200);
    let metrics = client.get("/metrics").await;
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.contains("sojourn_regions 2"), "{text}");
    assert!(text.contains("sojourn_root_agents{region=\"Region 1\"} 0"), "{text}");
    assert_eq!(client.get("/nothing/here").await.status, 404);
    let (grid, folder) = running.stop().await;
    let told = grid.told.lock().unwrap();
    // The region that an earlier process left behind, ours, and ours again at the end.
    assert_eq!(told.iter().filter(|told| told.starts_with("deregister")).count(), 3);
    assert_eq!(told.iter().filter(|told| told.starts_with("register")).count(), 2);
    assert!(!folder.path().join(control::SOCKET).exists());
}

#[tokio::test]
async fn a_newer_poll_replaces_the_older_and_the_end_of_the_session_ends_it() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["EventQueueGet"]).await;
    let (mut first, mut second) = (running.client().await, running.client().await);
    let body = llsd::xml::write(&poll(None));
    first.send("POST", &caps[0], "", body.as_bytes()).await;
    // Two polls on two connections overtake each other as they like; one of them is answered at once.
    second.send("POST", &caps[0], "", body.as_bytes()).await;
    let (answer, mut waiting) = tokio::select! {
        answer = first.answer() => (answer, second),
        answer = second.answer() => (answer, first),
    };
    assert!(answer.unwrap().llsd()["events"].as_array().is_empty());
    running.end_session(ADA).await;
    // What it has missed, if anything, and then no more.
    assert!(waiting.answer().await.unwrap().llsd()["events"].as_array().is_empty());
    assert_eq!(waiting.post(&caps[0], &poll(None)).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn a_poll_whose_client_has_gone_does_not_stand_in_the_way() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["EventQueueGet"]).await;
    let body = llsd::xml::write(&poll(None));
    for _ in 0..20 {
        let mut lost = running.client().await;
        lost.send("POST", &caps[0], "", body.as_bytes()).await;
    }
    let mut client = running.client().await;
    let done = client.post(&caps[0], &map! { "ack" => Value::Undefined, "done" => true }).await.llsd();
    assert!(done["events"].as_array().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn the_end_answers_waiting_polls_and_tells_the_grid() {
    let running = Running::start(2).await;
    let caps = running.granted(ADA, &["EventQueueGet"]).await;
    // Of two polls one is answered at once: the other one waits then.
    let (mut first, mut second) = (running.client().await, running.client().await);
    let body = llsd::xml::write(&poll(None));
    first.send("POST", &caps[0], "", body.as_bytes()).await;
    second.send("POST", &caps[0], "", body.as_bytes()).await;
    let mut waiting = tokio::select! {
        _ = first.answer() => second,
        _ = second.answer() => first,
    };
    let (answer, _) = tokio::join!(waiting.answer(), running.stop());
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.llsd()["events"].as_array().is_empty());
}

#[tokio::test]
async fn a_second_login_of_a_session_is_one_agent() {
    let running = Running::start(1).await;
    let first = running.login(ADA).await;
    assert_eq!(running.login(ADA).await, first);
    running.stop().await;
}

#[tokio::test]
async fn a_region_that_is_not_here_cannot_be_logged_in_to() {
    let running = Running::start(1).await;
    let elsewhere = RegionInfo { id: RegionId(Uuid::from_u128(5)), ..running.here.clone() };
    let refused = running.destination.create_agent(&elsewhere, agent_of(ADA)).await.unwrap_err();
    assert!(!refused.reason.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn the_control_socket_obeys_and_says_what_it_did_not() {
    let running = Running::start(2).await;
    let data = running.folder.path();
    let ask = async |command| control::ask(data, &command).await.unwrap();
    let done = ask(Command::DebugPacket { level: 1, agent: Some("Ada Lovelace".into()) }).await;
    assert!(done.ok && done.text.contains("2 regions"), "{done:?}");
    let done = ask(Command::DebugPacket { level: 1, agent: Some("No Body".into()) }).await;
    assert!(!done.ok && done.text.contains("No Body"), "{done:?}");
    for command in [
        Command::DebugEventQueue { level: 1 },
        Command::DebugHttp { direction: Direction::All, level: 6 },
        Command::Notice { text: "hear, hear".into() },
    ] {
        assert!(ask(command.clone()).await.ok, "{command:?}");
    }
    let absent = ask(Command::Kick { agent: "Alan".into(), reason: "test".into() }).await;
    assert!(!absent.ok && absent.text.contains("in no region"), "{absent:?}");
    // With bodies in the log, answers are what they were.
    assert_eq!(running.client().await.get("/healthz").await.body, b"ok\n");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(data.join(control::SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.stop().await;
}

#[tokio::test]
async fn two_processes_do_not_share_data() {
    let running = Running::start(1).await;
    let config = config_of(&running.folder, vec![region(5)], SIDE);
    let refused = Simulator::start(config, running.grid.services()).await.err().unwrap();
    assert!(refused.to_string().contains("another process"), "{refused}");
    running.stop().await;
}

#[tokio::test]
async fn without_a_process_the_control_socket_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    for data in [folder.path(), &deep] {
        let error = control::ask(data, &Command::DebugEventQueue { level: 1 }).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_region_restarts_as_planned_while_others_go_on() {
    let running = Running::start(2).await;
    let caps = running.granted(ADA, &["EventQueueGet"]).await;
    let mut client = running.client().await;
    client.send("POST", &caps[0], "", llsd::xml::write(&poll(None)).as_bytes()).await;
    let ask = async |command| control::ask(running.folder.path(), &command).await.unwrap();
    let restart = |region: &str, after_s| {
        let (region, message) = (region.to_owned(), "Maintenance.".to_owned());
        Command::RestartRegion { region, after_s, message }
    };
    assert!(!ask(restart("Region 7", 0)).await.ok);
    let done = ask(restart("region 1", 3600)).await;
    assert!(done.ok && done.text == "Region 1 restarts in 3600 s", "{done:?}");
    assert!(ask(Command::KeepRegion { region: "Region 1".into() }).await.ok);
    assert!(ask(restart("Region 1", 0)).await.ok);
    // Her agent has not come yet, and is not waited for.
    client.answer().await.unwrap();
    assert_eq!(client.post(&caps[0], &poll(None)).await.status, 404);
    while running.destination.create_agent(&running.here, agent_of(ALAN)).await.is_err() {}
    let text = String::from_utf8(running.client().await.get("/metrics").await.body).unwrap();
    assert!(text.contains("sojourn_region_restarts_total{region=\"Region 1\"} 0"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn a_region_that_breaks_down_ends_alone_and_starts_anew() {
    let running = Running::start(2).await;
    let caps = running.granted(ADA, &["EventQueueGet"]).await;
    let mut client = running.client().await;
    client.send("POST", &caps[0], "", llsd::xml::write(&poll(None)).as_bytes()).await;
    running.directory.send(running.here.id, Request::BreakDown).unwrap();
    // Its capabilities are gone, and their polls end.
    assert_eq!(client.answer().await.unwrap().status, 404);
    let restarts = |n, count| format!("sojourn_region_restarts_total{{region=\"Region {n}\"}} {count}\n");
    let metrics = async || String::from_utf8(running.client().await.get("/metrics").await.body).unwrap();
    // It pauses for a moment, since it had run for a moment only; who asks has to wait that long.
    let text = metrics().await;
    assert!(text.contains(&restarts(2, 0)), "{text}");
    while running.destination.create_agent(&running.here, agent_of(ALAN)).await.is_err() {}
    let text = metrics().await;
    assert!(text.contains(&restarts(1, 1)) && text.contains(&restarts(2, 0)), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn an_http_side_that_ends_is_an_error_and_is_not_waited_for_twice() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_of(&folder, vec![region(1)], SIDE);
    let grid = grid();
    let simulator = Simulator::start(config, grid.services()).await.unwrap().open(axum::Router::new());
    simulator.register().await.unwrap();
    simulator.break_http();
    let (_stop, stopped) = mpsc::channel(1);
    let error = simulator.run(|| {}, stopped).await.unwrap_err();
    assert!(error.to_string().contains("HTTP"), "{error}");
    let told = grid.told.lock().unwrap();
    assert!(told.iter().any(|told| told.starts_with("deregister")), "it leaves as ever: {told:?}");
}

/// Ill, until it is told otherwise.
#[derive(Default)]
pub(super) struct Ill(std::sync::atomic::AtomicBool);

#[async_trait::async_trait]
impl crate::Pulse for Ill {
    async fn is_well(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_process_without_regions_is_ready_when_it_is_well_and_alive_in_any_case() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pulse = Arc::new(Ill::default());
    let side = crate::PlainSide {
        router: axum::Router::new(),
        metrics: Arc::default(),
        trace: Arc::default(),
        proxies: Proxies::default(),
        private: None,
        pulse: pulse.clone(),
    };
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(side.serve(listener, stopped));
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/healthz").await.status, 503);
    assert_eq!(client.get("/livez").await.status, 200);
    pulse.0.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(client.get("/healthz").await.status, 200);
}
