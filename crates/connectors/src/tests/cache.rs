//! How often a grid is asked.

use super::*;
use axum::extract::State;
use robust::Tree;
use robust::grid::{Entry, write_one};
use std::sync::Mutex;

/// Answers in turn, and the last for ever; counts.
#[derive(Default)]
struct Told {
    answers: Vec<String>,
    asked: usize,
}

async fn tell(State(told): State<Arc<Mutex<Told>>>) -> String {
    let mut told = told.lock().unwrap();
    told.asked += 1;
    told.answers[(told.asked - 1).min(told.answers.len() - 1)].clone()
}

async fn telling(answers: &[Tree]) -> (Arc<Mutex<Told>>, Services) {
    let answers = answers.iter().map(Tree::write).collect();
    let told = Arc::new(Mutex::new(Told { answers, asked: 0 }));
    let services = services_of(Router::new().fallback(tell).with_state(told.clone())).await;
    (told, services)
}

fn found(region: RegionInfo) -> Tree {
    write_one(Some(&Entry { region, secret: String::new() }))
}

#[tokio::test]
async fn a_region_is_asked_for_once() {
    let one = region(1, "One", 1000, 1000);
    let (told, services) = telling(&[found(one.clone())]).await;
    let grid = services.grid;
    for _ in 0..3 {
        assert_eq!(grid.by_id(one.id).await.unwrap().unwrap().name, "One");
        assert!(grid.by_position(256_255, 256_255).await.unwrap().is_some());
        assert!(grid.by_name("one").await.unwrap().is_some());
    }
    assert_eq!(told.lock().unwrap().asked, 1);
    grid.forget(one.id);
    assert!(grid.by_id(one.id).await.unwrap().is_some());
    assert_eq!(told.lock().unwrap().asked, 2);
}

#[tokio::test]
async fn absence_and_failure_are_asked_again() {
    let one = region(1, "One", 1000, 1000);
    let failure = robust::grid::WORDING.failure();
    let (told, services) = telling(&[Tree::null(), failure, found(one.clone())]).await;
    assert_eq!(services.grid.by_id(one.id).await, Ok(None));
    assert!(services.grid.by_id(one.id).await.is_err());
    assert!(services.grid.by_id(one.id).await.unwrap().is_some());
    assert_eq!(told.lock().unwrap().asked, 3);
}
