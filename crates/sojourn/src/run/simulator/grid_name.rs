//! What the grid is called: viewers are told by the simulator as well.

use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// How long the grid may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of what it says about itself.
const MAX_INFO: usize = 64 * 1024;
/// Characters of a name.
const MAX_NAME: usize = 100;

/// Asks the grid; one that does not say goes by its address.
pub(super) async fn ask(login: &str) -> String {
    let told = tokio::time::timeout(PATIENCE, fetch(login)).await;
    match told.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in time"))) {
        Ok(name) => name,
        Err(error) => {
            tracing::warn!(login, error = format!("{error:#}"), "the grid does not say what it is called");
            login.trim_start_matches("http://").trim_end_matches('/').to_owned()
        }
    }
}

async fn fetch(login: &str) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let mut response = client.get(format!("{login}get_grid_info")).send().await?.error_for_status()?;
    let mut info = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if info.len() + chunk.len() > MAX_INFO {
            bail!("it says too much");
        }
        info.extend_from_slice(&chunk);
    }
    read(&String::from_utf8_lossy(&info)).context("there is no name in it")
}

/// The name in a grid info document. Its elements have no attributes and nothing inside.
fn read(info: &str) -> Option<String> {
    let (_, rest) = info.split_once("<gridname>")?;
    let (name, _) = rest.split_once("</gridname>")?;
    let mut name = name.trim().to_owned();
    for (entity, char) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        name = name.replace(entity, char);
    }
    let name: String = name.chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_grids() {
        for (info, name) in [
            ("<gridinfo><login>http://a/</login><gridname>A Grid</gridname></gridinfo>", Some("A Grid")),
            ("<gridname>Me &amp; &lt;You&gt; &amp;lt;</gridname>", Some("Me & <You> &lt;")),
            ("<gridname> </gridname>", None),
            ("<gridname>", None),
            ("", None),
        ] {
            assert_eq!(read(info).as_deref(), name, "{info}");
        }
    }
}
