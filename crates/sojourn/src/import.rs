//! `sojourn import`: moving in from an OpenSimulator.
//!
//! People first, one after the other with all that is theirs, in the order of their ids; then assets. Everything is
//! brought only if it is not here, so whatever ended an import, the same command goes on where it stopped; it finds out by
//! looking, and keeps no book that could be wrong. The source is only read.

mod bring;
mod progress;
mod report;
#[cfg(test)]
mod tests;

use crate::data;
use crate::options::StoreOptions;
use anyhow::Result;
use clap::{Args, Subcommand};
use opensim::{FileStore, Source};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum ImportCommand {
    /// Brings accounts (passwords keep working), friends, places, looks, inventories and assets from the databases of an
    /// OpenSimulator; may be run again at any time, and goes on where it stopped
    OpensimDb(OpensimDb),
}

#[derive(Args, Debug)]
pub(crate) struct OpensimDb {
    /// mysql://USER:PASSWORD@HOST/DATABASE, or a folder of SQLite files, or one of them
    source: String,
    /// The folder with the contents of assets, if they are kept in files (BaseDirectory of the FSAssets service)
    #[arg(long, value_name = "DIR")]
    asset_files: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
}

pub(crate) async fn run(command: ImportCommand) -> Result<()> {
    let ImportCommand::OpensimDb(options) = command;
    let source = Source::open(&options.source).await?;
    let (folder, database) = options.store.decide()?;
    data::prepare(&folder)?;
    let store = data::open(&database).await?;
    let files = options.asset_files.map(|folder| FileStore::new(&folder));
    let brought = bring::all(&source, &store, files.as_ref()).await;
    source.close().await;
    store.close().await;
    // What was brought until then is said in any case.
    let (report, end) = brought;
    let mut out = std::io::stdout().lock();
    out.write_all(report.drawn().as_bytes())?;
    out.flush()?;
    end
}
