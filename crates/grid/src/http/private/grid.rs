use super::{Answer, PrivateState, refused};
use robust::Form;
use robust::grid::{
    Call, ERROR_COMMUNICATING, Entry, WORDING, write_features, write_flags, write_many, write_one,
};
use services::{GridService, RegionInfo, Result};

/// Rows of the grid, in metres, up to which links to other grids stand.
const FOR_LINKS_M: u32 = 16 * model::CELL_M;

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let grid = &*state.services.grid;
    let call = match Call::parse(&form) {
        Err(_) if form.text("METHOD") == Some("register") => return refused(ERROR_COMMUNICATING),
        call => call?,
    };
    Ok(match call {
        Call::Register(entry) => return register(grid, &entry.region).await,
        Call::Deregister(id) => WORDING.done(grid.deregister(id).await?),
        Call::ById(id) => one(grid.by_id(id).await?),
        Call::ByPosition { x_m, y_m } => one(grid.by_position(x_m, y_m).await?),
        Call::ByName(name) => one(grid.by_name(&name).await?),
        Call::Flags(id) => write_flags(grid.flags(id).await?),
        Call::ExtraFeatures => write_features(&grid.extra_features().await?),
        several => {
            let entries: Vec<_> = regions(grid, several).await?.into_iter().map(Entry::public).collect();
            write_many(&entries)
        }
    })
}

fn one(region: Option<RegionInfo>) -> robust::Tree {
    write_one(region.map(Entry::public).as_ref())
}

/// What is asked for several regions.
async fn regions(grid: &dyn GridService, call: Call) -> Result<Vec<RegionInfo>> {
    match call {
        Call::Neighbours(id) => grid.neighbours(id).await,
        Call::Search { name, limit } => grid.search(&name, limit as usize).await,
        Call::Range { min_x_m, min_y_m, max_x_m, max_y_m } => {
            grid.range(min_x_m, min_y_m, max_x_m, max_y_m).await
        }
        Call::DefaultRegions => grid.default_regions().await,
        Call::DefaultHypergridRegions => grid.default_hypergrid_regions().await,
        Call::FallbackRegions { x_m, y_m } => grid.fallback_regions(x_m, y_m).await,
        Call::OnlineRegions { x_m, y_m, limit } => grid.online_regions(x_m, y_m, limit as usize).await,
        Call::Hyperlinks => grid.hyperlinks().await,
        Call::Register(_)
        | Call::Deregister(_)
        | Call::ById(_)
        | Call::ByPosition { .. }
        | Call::ByName(_)
        | Call::Flags(_)
        | Call::ExtraFeatures => Ok(Vec::new()),
    }
}

async fn register(grid: &dyn GridService, region: &RegionInfo) -> Answer {
    if region.id.is_null() {
        return refused("Invalid RegionID - cannot be zero UUID");
    }
    if region.handle.y_m() <= FOR_LINKS_M {
        return refused("Region location reserved for HG links coord Y must be higher than 16");
    }
    grid.register(region).await?;
    Ok(WORDING.success())
}
