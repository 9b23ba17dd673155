//! `sojourn simulator-key`: who may use a grid's private side, on the database itself. It may be in use by a running grid.

use crate::data;
use crate::first_account::unix_now_s;
use crate::options::StoreOptions;
use anyhow::{Result, bail};
use clap::Subcommand;
use std::io::Write as _;

const DAY_S: u64 = 86_400;

#[derive(Subcommand, Debug)]
pub(crate) enum SimulatorKeyCommand {
    /// Makes a key for a simulator and prints it; it cannot be shown again
    Add {
        /// What the simulator is called here: letters, digits, -, _ and .
        name: String,
        #[command(flatten)]
        data: StoreOptions,
    },
    /// Lists whose keys there are, and how old they are
    List(StoreOptions),
    /// Takes a simulator's key from it; what it does at the moment it can do for another 20 seconds
    Remove {
        /// What the simulator is called here
        name: String,
        #[command(flatten)]
        data: StoreOptions,
    },
}

pub(crate) async fn run(command: SimulatorKeyCommand) -> Result<()> {
    match command {
        SimulatorKeyCommand::Add { name, data } => {
            let store = data::open_or_make(data).await?;
            let key = store.add_simulator_key(&name).await?;
            eprintln!("the key of {name}, for SOJOURN_SIMULATOR_KEY; nobody can be told it again:");
            println!("{key}");
            store.close().await;
        }
        SimulatorKeyCommand::List(data) => {
            let store = data::open_existing(data).await?;
            let mut out = std::io::stdout().lock();
            for key in store.simulator_keys().await? {
                let days = unix_now_s().saturating_sub(key.created) / DAY_S;
                writeln!(out, "{}  {days} days old", key.name)?;
            }
            store.close().await;
        }
        SimulatorKeyCommand::Remove { name, data } => {
            let store = data::open_existing(data).await?;
            let removed = store.remove_simulator_key(&name).await?;
            store.close().await;
            if !removed {
                bail!("there is no key for {name}");
            }
            println!("the key of {name} opens nothing any more");
        }
    }
    Ok(())
}
