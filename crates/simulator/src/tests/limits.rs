use super::*;

async fn figure(running: &Running, name: &str) -> u64 {
    let text = running.client().await.get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn heads_that_are_none_are_refused_and_counted() {
    let running = Running::start(1).await;
    let header = [&b"GET / HTTP/1.1\r\nX: "[..], &b"a".repeat(200_000), b"\r\n\r\n"].concat();
    let headers = [&b"GET / HTTP/1.1\r\n"[..], &b"X: y\r\n".repeat(1000), b"\r\n"].concat();
    let rubbish: [&[u8]; 4] =
        [&[0; 100], &header, &headers, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"];
    for bytes in rubbish {
        let mut client = running.client().await;
        client.raw(bytes).await;
        // A connection that is cut with unread bytes in it may lose the answer.
        if let Some(answer) = client.answer().await {
            assert!((400..500).contains(&answer.status), "{}", answer.head);
        }
        assert!(client.answer().await.is_none(), "the connection is closed");
    }
    assert_eq!(figure(&running, "sojourn_http_malformed_total").await, 4);
    running.stop().await;
}

#[tokio::test]
async fn bodies_that_are_too_large_are_not_taken_in() {
    let running = Running::start(1).await;
    for head in ["Content-Length: 99999999999", "Transfer-Encoding: chunked"] {
        let mut client = running.client().await;
        client.raw(format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n").as_bytes()).await;
        if head.starts_with("Transfer") {
            for _ in 0..20 {
                client.raw(b"20000\r\n").await;
                client.raw(&[b'x'; 0x20000]).await;
                client.raw(b"\r\n").await;
            }
        }
        if let Some(answer) = client.answer().await {
            assert_eq!(answer.status, 413);
        }
    }
    assert_eq!(figure(&running, "sojourn_http_bodies_refused_total").await, 2);
    running.stop().await;
}

#[tokio::test]
async fn oversized_and_foreign_datagrams_are_counted() {
    let running = Running::start(1).await;
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = running.here.udp_port;
    stranger.send_to(&[0; 20], ("127.0.0.1", port)).unwrap();
    stranger.send_to(&[0; 5000], ("127.0.0.1", port)).unwrap();
    while figure(&running, "sojourn_datagrams_oversized_dropped_total{region=\"Region 1\"}").await < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(figure(&running, "sojourn_datagrams_received_total{region=\"Region 1\"}").await, 1);
    running.stop().await;
}

#[tokio::test]
async fn large_bodies_that_are_slow_keep_nobody_else_out() {
    let running = Running::start(1).await;
    let granted = running.granted(ADA, &["GetDisplayNames", "FetchInventory2"]).await;
    let [mut one, mut other] = [running.client().await, running.client().await];
    for client in [&mut one, &mut other] {
        let head = format!("POST /agent/{ADA}/ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 16 << 20);
        client.raw(head.as_bytes()).await;
    }
    let much = vec![b'x'; 15 << 20];
    // Neither is ever whole; both together are more than one address may hold.
    tokio::join!(one.raw(&much), other.raw(&much));
    let refused = tokio::select! {
        answer = one.answer() => answer,
        answer = other.answer() => answer,
    };
    // A connection that is cut with unread bytes in it may lose the answer.
    if let Some(refused) = refused {
        assert_eq!(refused.status, 503);
    }
    let mut viewer = running.client().await;
    let poll = format!("/CAPS/{}/EventQueueGet", Uuid::from_u128(7));
    assert_eq!(viewer.request("POST", &poll, "", b"<llsd/>").await.status, 404);
    let padded = [&b"<llsd><map/></llsd>"[..], &[b' '; 100 << 10]].concat();
    assert_eq!(viewer.request("POST", &granted[1], "", &padded).await.status, 200);
    let small = viewer.request("POST", &format!("/agent/{ADA}/"), "", b"{").await;
    assert_eq!(small.status, 400);
    running.stop().await;
}
