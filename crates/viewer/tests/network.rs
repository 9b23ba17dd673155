//! The shell on real sockets: a toy region behind a UDP port, and just enough of an HTTP server.

#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, reason = "the toy grid is test code too")]

mod fake;

use std::net::SocketAddr;
use std::time::Duration;

use fake::{Fake, HOME, agent, handle, session};
use llsd::{array, map, xmlrpc};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use viewer::model::Vec3;
use viewer::net::{Clock, Failed, Gone, Options, Viewer};
use viewer::{Config, Credentials, LoginError, Misbehaviour, Phase, ViewerEvent};

/// Everything here happens within this time, or the test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn run_region(socket: UdpSocket) {
    let clock = Clock::start();
    let mut region = Fake::new(HOME);
    let (mut viewer, mut buffer, mut out) = (None, vec![0; 8192], Vec::new());
    loop {
        let wakeup = region.circuit.as_ref().and_then(|circuit| circuit.next_wakeup());
        let wait = wakeup.map_or(Duration::from_secs(1), |at| at - clock.now());
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let (length, from) = received.unwrap();
                viewer = Some(from);
                region.handle(clock.now(), &buffer[..length]);
            }
            () = tokio::time::sleep(wait) => {}
        }
        if let (Some(circuit), Some(viewer)) = (&mut region.circuit, viewer) {
            while circuit.poll_datagram(clock.now(), &mut out) {
                socket.send_to(&out, viewer).await.unwrap();
            }
        }
    }
}

async fn serve(stream: TcpStream, http: SocketAddr, udp: SocketAddr, login: &'static str) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let before = head.len();
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
            let line = head[before..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let answer = match head.split(' ').nth(1).unwrap() {
            "/" => xmlrpc::write_response(&map! {
                "login" => login,
                "reason" => "key",
                "message" => "No.",
                "agent_id" => agent().to_string(),
                "session_id" => session().to_string(),
                "secure_session_id" => session().to_string(),
                "circuit_code" => 4711,
                "first_name" => "\"Ann\"",
                "last_name" => "Own",
                "sim_ip" => udp.ip().to_string(),
                "sim_port" => i32::from(udp.port()),
                "region_x" => 256_000,
                "region_y" => 256_000,
                "seed_capability" => format!("http://{http}/seed"),
                "inventory-root" => array![map! { "folder_id" => agent().to_string() }],
            }),
            "/seed" => llsd::xml::write(&map! { "EventQueueGet" => format!("http://{http}/queue") }),
            // A long poll with nothing to say, until the viewer goes.
            _ => return std::future::pending().await,
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// Starts the toy grid; its login URI.
async fn grid(login: &'static str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (udp, http) = (socket.local_addr().unwrap(), listener.local_addr().unwrap());
    tokio::spawn(run_region(socket));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, http, udp, login));
        }
    });
    format!("http://{http}/")
}

#[tokio::test]
async fn lives_a_short_life() {
    let uri = grid("true").await;
    let life = async {
        let mut viewer = Viewer::login(&uri, "Ann", "Own", "secret", "last").await.unwrap();
        assert_eq!(viewer.identity().region, handle(HOME));
        viewer.say("Hello.").await.unwrap();
        let heard = viewer.wait_for(|event| matches!(event, ViewerEvent::Chat { .. })).await.unwrap();
        assert!(matches!(heard, ViewerEvent::Chat { text, .. } if text == "Hello."));
        let found = viewer.find_region("Welcome").await.unwrap();
        assert_eq!(found.handle, handle(HOME));
        let reached = viewer.walk_to(Vec3::new(130.0, 128.0, 25.0)).await.unwrap();
        assert!(reached.distance(Vec3::new(130.0, 128.0, 25.0)) < 1.5);
        let (phase, name) = viewer
            .with(|core, _| (core.phase(), core.region().map(|region| region.name.clone())))
            .await
            .unwrap();
        assert_eq!((phase, name.as_deref()), (Phase::InWorld, Some("Region 1000 1000")));
        assert_eq!(viewer.logout().await, Ok(true));
    };
    tokio::time::timeout(PATIENCE, life).await.unwrap();
}

#[tokio::test]
async fn a_refused_login_says_why() {
    let uri = grid("false").await;
    let refused = Viewer::login(&uri, "Ann", "Own", "wrong", "last").await.err();
    assert_eq!(refused, Some(LoginError::Refused { reason: "key".to_string(), message: "No.".to_string() }));
    let nobody = Viewer::login("http://127.0.0.1:9/", "Ann", "Own", "wrong", "last").await.err();
    assert!(matches!(nobody, Some(LoginError::Unreachable(_))), "{nobody:?}");
}

#[tokio::test]
async fn one_wish_after_the_other_and_none_after_the_end() {
    let uri = grid("true").await;
    let life = async {
        let config = Config { logout_patience: Duration::from_millis(200), ..Config::default() };
        let options = Options { config, ..Options::default() };
        let [first, last, password, start] = ["Ann", "Own", "secret", "last"].map(str::to_string);
        let credentials = Credentials { first, last, password, start };
        let mut viewer = Viewer::login_with(&uri, &credentials, options).await.unwrap();
        // The toy region does not answer teleports: the second is refused while the first waits.
        let wish =
            viewer.with(|core, now| core.teleport(now, handle(HOME), Vec3::ONE, Vec3::X)).await.unwrap();
        assert_eq!(wish, Ok(()));
        let second = viewer.teleport(handle(HOME), Vec3::ONE).await;
        assert_eq!(second.err(), Some(Failed::Unable(viewer::Unable::Teleporting)));
        // Its end is noticed by all who wait.
        viewer.with(|core, now| core.misbehave(now, Misbehaviour::vanished())).await.unwrap();
        viewer.with(|core, now| core.logout(now)).await.unwrap();
        let end = viewer.wait_for(|event| matches!(event, ViewerEvent::LoggedOut { .. })).await;
        assert_eq!(end, Ok(ViewerEvent::LoggedOut { acknowledged: false }));
        assert_eq!(viewer.next_event().await, Err(Gone));
        assert_eq!(viewer.say("?").await, Err(Failed::Gone));
    };
    tokio::time::timeout(PATIENCE, life).await.unwrap();
}
