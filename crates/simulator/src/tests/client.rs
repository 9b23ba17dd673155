//! An HTTP client of few words: one connection, one request at a time.

use llsd::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(super) struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn llsd(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.head);
        assert!(self.head.contains("application/llsd+xml"), "{}", self.head);
        llsd::xml::parse(&self.body).unwrap()
    }
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "", b"").await
    }

    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, "", llsd::xml::write(body).as_bytes()).await
    }

    pub(super) async fn request(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(method, path, headers, body).await;
        self.answer().await.expect("an answer")
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.raw(head.as_bytes()).await;
        self.raw(body).await;
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        // The server may have heard enough and closed already.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next answer; `None` if the connection closes instead.
    pub(super) async fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return None,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(|n| n.parse().unwrap()))
            .unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        Some(Answer { status, head, body })
    }
}
