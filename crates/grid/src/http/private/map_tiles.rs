//! Whose ground a picture shows is not asked: simulators that start hand it in before they register the region.

use super::{Answer, PrivateState};
use robust::Form;
use robust::map_tiles::{Call, WORDING};

/// `POST /map`.
pub(super) async fn answer_put(state: PrivateState, form: Form) -> Answer {
    perform(&state, Call::parse(&form)?).await
}

/// `POST /removemap`.
pub(super) async fn answer_remove(state: PrivateState, form: Form) -> Answer {
    perform(&state, Call::parse_remove(&form)?).await
}

async fn perform(state: &PrivateState, call: Call) -> Answer {
    let tiles = &state.services.map_tiles;
    match call {
        Call::Put(cell, jpeg) => tiles.put(cell, jpeg).await?,
        // What is not there is as good as removed.
        Call::Remove(cell) => drop(tiles.remove(cell).await?),
    }
    Ok(WORDING.success())
}
