//! A bot: logs in, says hello, walks a bit, logs out.
//!
//! usage: bot LOGIN_URI FIRST LAST PASSWORD [START]

use std::time::Duration;

use viewer::net::Viewer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, first, last, password, start @ ..] = arguments.as_slice() else {
        return Err("usage: bot LOGIN_URI FIRST LAST PASSWORD [START]".into());
    };
    let start = start.first().map_or("last", String::as_str);

    let viewer = Viewer::login(uri, first, last, password, start).await?;
    let (name, position) = viewer
        .with(|core, _| {
            (core.region().map(|region| region.name.clone()).unwrap_or_default(), core.position())
        })
        .await?;
    println!("in {name:?} at {position}");

    viewer.say("Hello.").await?;

    let goal = position + viewer::model::Vec3::new(5.0, 0.0, 0.0);
    match tokio::time::timeout(Duration::from_secs(10), viewer.walk_to(goal)).await {
        Ok(reached) => println!("walked to {}", reached?),
        Err(_) => println!("something is in the way"),
    }

    let seen = viewer
        .with(|core, _| {
            let avatars = core.regions().flat_map(|region| region.world.avatars.values());
            avatars.map(|avatar| avatar.name.clone()).collect::<Vec<_>>()
        })
        .await?;
    println!("in sight: {}", seen.join(", "));

    let acknowledged = viewer.logout().await?;
    println!("logged out{}", if acknowledged { "" } else { ", without an answer" });
    Ok(())
}
