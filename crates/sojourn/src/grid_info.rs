//! What other processes of a grid say of themselves: whether they are well, what time it is, what the grid is called.

use anyhow::{Context as _, Result, bail};
use services::root_cause;
use std::time::{Duration, SystemTime};

/// Bytes of what one may say.
const MAX_ANSWER: usize = 64 * 1024;
/// Characters of a name.
const MAX_NAME: usize = 100;

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    text: String,
    /// Seconds between its clock and ours, if it tells the time.
    pub(crate) apart_s: Option<u64>,
}

/// A grid as it presents itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GridInfo {
    /// What it is called.
    pub(crate) name: Option<String>,
    /// What it runs on.
    pub(crate) server: Option<String>,
}

/// Fetches what stands at a URL: all of it within this time.
pub(crate) async fn fetch(url: &str, patience: Duration) -> Result<Answer> {
    let client = reqwest::Client::builder().no_proxy().timeout(patience).build()?;
    // Why, rather than that.
    let why = |error: reqwest::Error| anyhow::anyhow!("{}", root_cause(&error.without_url()));
    let mut response = client.get(url).send().await.map_err(why)?;
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let now = SystemTime::now();
    let apart = date.and_then(|date| date.duration_since(now).or_else(|_| now.duration_since(date)).ok());
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        if text.len() + chunk.len() > MAX_ANSWER {
            bail!("it says more than {MAX_ANSWER} bytes");
        }
        text.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status().as_u16(),
        text: String::from_utf8_lossy(&text).into_owned(),
        apart_s: apart.map(|apart| apart.as_secs()),
    })
}

/// What the public side of a grid says it is; if it does not, its HTTP status.
pub(crate) async fn ask(login: &str, patience: Duration) -> Result<Result<GridInfo, u16>> {
    let answer = fetch(&format!("{login}get_grid_info"), patience).await?;
    Ok(if answer.status == 200 { Ok(read(&answer.text)) } else { Err(answer.status) })
}

/// What it is called.
pub(crate) async fn name(login: &str, patience: Duration) -> Result<String> {
    match ask(login, patience).await? {
        Ok(info) => info.name.context("there is no name in it"),
        Err(status) => bail!("HTTP status {status}"),
    }
}

fn read(info: &str) -> GridInfo {
    GridInfo { name: element(info, "gridname"), server: element(info, "server") }
}

/// The text of an element of a grid info document. These have no attributes and nothing inside.
fn element(info: &str, name: &str) -> Option<String> {
    let (_, rest) = info.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut text = text.trim().to_owned();
    for (entity, char) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, char);
    }
    let text: String = text.chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn what_grids_say() {
        let info = |name: Option<&str>, server: Option<&str>| GridInfo {
            name: name.map(Into::into),
            server: server.map(Into::into),
        };
        for (text, expected) in [
            (
                "<gridinfo><gridname>A Grid</gridname><server>Sojourn 9</server></gridinfo>",
                info(Some("A Grid"), Some("Sojourn 9")),
            ),
            ("<gridname>Me &amp; &lt;You&gt; &amp;lt;</gridname>", info(Some("Me & <You> &lt;"), None)),
            ("<gridname> </gridname>", info(None, None)),
            ("<gridname>", info(None, None)),
            ("", info(None, None)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn who_says_too_much_in_pieces_is_not_listened_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login = format!("http://{}/", listener.local_addr().unwrap());
        let _endless = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut open = stream.write_all(head.as_bytes()).await.is_ok();
            let piece = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while open {
                open = stream.write_all(piece.as_bytes()).await.is_ok();
            }
        });
        let why = ask(&login, Duration::from_secs(60)).await.unwrap_err().to_string();
        assert!(why.contains("more than"), "{why}");
    }
}
