//! From there to here.

use super::progress::Progress;
use super::report::{Kind, Report};
use anyhow::{Context as _, Result};
use grid::{SqlStore, Taken};
use model::{AgentId, FolderId};
use opensim::{AssetTable, FileStore, OldAsset, Source, mended};
use services::{Account, Asset, InventoryFolder, ServiceError, Services, folder_type};
use std::collections::BTreeSet;

/// Why something is left behind that nobody has who is here.
const OF_NOBODY: &str = "of nobody who has an account there: foreign visitors, or people who are gone";

/// Brings everything. What was done until then is reported also when it ends early.
pub(super) async fn all(
    source: &Source,
    store: &SqlStore,
    files: Option<&FileStore>,
) -> (Report, Result<()>) {
    let mut moving = Moving { source, store, services: store.services(), files, report: Report::default() };
    let end = moving.all().await.context("it can be run again, and goes on where it stopped");
    (moving.report, end)
}

struct Moving<'a> {
    source: &'a Source,
    store: &'a SqlStore,
    services: Services,
    files: Option<&'a FileStore>,
    report: Report,
}

/// Rows of people, as far as they were seen.
#[derive(Default)]
struct Seen {
    friends: u64,
    folders: u64,
    items: u64,
}

impl Moving<'_> {
    async fn all(&mut self) -> Result<()> {
        let counts = self.source.counts().await?;
        let mut seen = Seen::default();
        let mut people = Progress::new("people", counts.accounts);
        let mut after = String::new();
        loop {
            let (accounts, last) = self.source.accounts(&after).await?;
            for account in accounts {
                self.person(&account, &mut seen).await.with_context(|| name(&account))?;
                people.add(1);
            }
            let Some(last) = last else { break };
            after = last;
        }
        drop(people);
        for (what, there, seen) in [
            ("friendships", counts.friends, seen.friends),
            ("folders", counts.folders, seen.folders),
            ("items", counts.items, seen.items),
        ] {
            if there > seen {
                self.report.leave(OF_NOBODY, format!("{} {what}", there - seen));
            }
        }
        self.assets(counts.assets).await?;
        for (table, rows) in self.source.others().await? {
            self.report.leave("tables that have no counterpart here yet", format!("{table}: {rows} rows"));
        }
        Ok(())
    }

    /// One person, with all that is theirs.
    async fn person(&mut self, account: &Account, seen: &mut Seen) -> Result<()> {
        let agent = account.id;
        let password = self.source.password(agent).await?;
        let pair = password.as_ref().map(|old| (old.hash.as_str(), old.salt.as_str()));
        let taken = match self.store.take_account(account, pair).await {
            // Without a password that can be one; the operator gives another.
            Err(ServiceError::Invalid(_)) if pair.is_some() => {
                match self.store.take_account(account, None).await {
                    Ok(Taken::New) => {
                        self.report.leave(
                            "passwords that cannot be: `sojourn user password` sets others",
                            name(account),
                        );
                        Ok(Taken::New)
                    }
                    other => other,
                }
            }
            other => other,
        };
        let taken = match taken {
            Ok(taken) => taken,
            Err(ServiceError::Invalid(why)) => {
                self.report.leave(why, format!("{} ({agent})", name(account)));
                return self.pass_over(agent, seen).await;
            }
            Err(error) => return Err(error.into()),
        };
        match taken {
            Taken::New | Taken::There => {
                let new = u64::from(taken == Taken::New);
                self.report.count(Kind::Accounts, 1, new);
                if pair.is_some() {
                    self.report.count(Kind::Passwords, 1, new);
                } else if taken == Taken::New {
                    self.report.leave(
                        "accounts without a password: `sojourn user password` sets one",
                        name(account),
                    );
                }
            }
            Taken::Clash => {
                self.report.leave("somebody else has the name here", format!("{} ({agent})", name(account)));
                return self.pass_over(agent, seen).await;
            }
        }
        self.belongings(agent).await?;
        self.friends(agent, seen).await?;
        self.inventory(agent, seen).await
    }

    /// Counts what somebody has who is not brought.
    async fn pass_over(&mut self, agent: AgentId, seen: &mut Seen) -> Result<()> {
        let (friends, foreign) = self.source.friends(agent).await?;
        seen.friends += friends.len() as u64 + foreign;
        seen.folders += self.source.folders(agent).await?.len() as u64;
        let mut after = String::new();
        while let (items, Some(last)) = self.source.items(agent, &after).await? {
            seen.items += items.len() as u64;
            after = last;
        }
        Ok(())
    }

    async fn belongings(&mut self, agent: AgentId) -> Result<()> {
        let old = self.source.belongings(agent).await?;
        if let Some(user) = old.grid_user {
            let new = self.store.take_grid_user(&user).await?;
            self.report.count(Kind::Places, 1, u64::from(new));
        }
        if !old.avatar.is_empty() {
            let missing = self.services.avatars.get(agent).await?.is_none();
            if missing && let Err(error) = self.services.avatars.set(agent, &old.avatar).await {
                self.leave(error, format!("the looks of {agent}"))?;
            } else {
                self.report.count(Kind::Looks, 1, u64::from(missing));
            }
        }
        if let Some(prefs) = old.prefs {
            let missing = self.services.agent_prefs.get(agent).await?.is_none();
            if missing && let Err(error) = self.services.agent_prefs.set(&prefs).await {
                self.leave(error, format!("the preferences of {agent}"))?;
            } else {
                self.report.count(Kind::Preferences, 1, u64::from(missing));
            }
        }
        let known = self.services.mutes.list(agent).await?;
        for mute in old.mutes {
            let missing = !known.iter().any(|there| (there.id, &there.name) == (mute.id, &mute.name));
            if missing && let Err(error) = self.services.mutes.update(agent, &mute).await {
                self.leave(error, format!("{agent} mutes {}", mute.name))?;
            } else {
                self.report.count(Kind::Mutes, 1, u64::from(missing));
            }
        }
        Ok(())
    }

    async fn friends(&mut self, agent: AgentId, seen: &mut Seen) -> Result<()> {
        let (friends, foreign) = self.source.friends(agent).await?;
        seen.friends += friends.len() as u64 + foreign;
        if foreign > 0 {
            let what = format!("{foreign} of {agent}");
            self.report.leave("friendships with people of other grids", what);
        }
        let known = self.services.friends.list(agent).await?;
        for old in friends {
            // What only the other has entered is listed, too, with nothing given.
            let there = known.iter().any(|there| there.friend == old.friend && there.given == old.given);
            if !there {
                self.services.friends.store(agent, old.friend, old.given).await?;
            }
            self.report.count(Kind::Friendships, 1, u64::from(!there));
        }
        Ok(())
    }

    async fn inventory(&mut self, owner: AgentId, seen: &mut Seen) -> Result<()> {
        let old = self.source.folders(owner).await?;
        seen.folders += old.len() as u64;
        let (folders, changed) = mended(old);
        let (new, _) = self.store.take_inventory(owner, &folders, &[]).await?;
        self.report.count(Kind::Folders, folders.len() as u64, new);
        self.report.mend(if new > 0 { changed } else { 0 });
        // Those that OpenSimulator does not know, and viewers miss.
        self.services.inventory.create_user_inventory(owner).await?;
        let places: BTreeSet<FolderId> = folders.iter().map(|folder| folder.id).collect();
        let lost_and_found = self.lost_and_found(owner, &folders).await?;
        let mut after = String::new();
        while let (mut items, Some(last)) = self.source.items(owner, &after).await? {
            after = last;
            seen.items += items.len() as u64;
            let mut lost = 0;
            for item in items.iter_mut().filter(|item| !places.contains(&item.folder)) {
                item.folder = lost_and_found;
                lost += 1;
            }
            items.retain(|item| !item.id.is_null());
            let (_, new) = self.store.take_inventory(owner, &[], &items).await?;
            self.report.count(Kind::Items, items.len() as u64, new);
            self.report.mend(if new > 0 { lost } else { 0 });
        }
        Ok(())
    }

    /// Where things go of which nobody knows the folder.
    async fn lost_and_found(&self, owner: AgentId, folders: &[InventoryFolder]) -> Result<FolderId> {
        let kind = folder_type::LOST_AND_FOUND;
        if let Some(folder) = folders.iter().find(|folder| folder.kind == kind) {
            return Ok(folder.id);
        }
        let folder = self.services.inventory.folder_for_type(owner, kind).await?;
        folder.map(|folder| folder.id).context("the inventory that was just made is not there")
    }

    async fn assets(&mut self, all: u64) -> Result<()> {
        let mut progress = Progress::new("assets", all);
        for table in self.source.asset_tables() {
            if table.is_of_files() && self.files.is_none() {
                self.report.leave("assets in files: --asset-files says where they are", "table fsassets");
                continue;
            }
            let mut after = String::new();
            while let (assets, Some(last)) = table.assets(&after).await? {
                after = last;
                let ids: Vec<_> = assets.iter().map(|asset| asset.metadata.id).collect();
                let there = self.services.assets.exists(&ids).await?;
                for (asset, there) in assets.iter().zip(there) {
                    match there {
                        true => self.report.count(Kind::Assets, 1, 0),
                        false => self.asset(&table, asset).await?,
                    }
                    progress.add(1);
                }
            }
        }
        Ok(())
    }

    async fn asset(&mut self, table: &AssetTable, old: &OldAsset) -> Result<()> {
        let metadata = old.metadata.clone();
        let what = format!("{} {:?}", metadata.id, metadata.name);
        if metadata.id.is_null() {
            self.report.leave("assets without an id", what);
            return Ok(());
        }
        let Some(data) = table.data(old, self.files).await? else {
            self.report.leave("assets without content: it was lost there", what);
            return Ok(());
        };
        match self.services.assets.store(&Asset { metadata, data }).await {
            Ok(_) => self.report.count(Kind::Assets, 1, 1),
            Err(error) => self.leave(error, what)?,
        }
        Ok(())
    }

    /// What cannot be is left; what is broken ends it all.
    fn leave(&mut self, error: ServiceError, what: String) -> Result<()> {
        match error {
            ServiceError::Unavailable(_) => Err(error.into()),
            ServiceError::Refused(why) | ServiceError::Invalid(why) => {
                self.report.leave(why, what);
                Ok(())
            }
        }
    }
}

fn name(account: &Account) -> String {
    format!("{} {}", account.first, account.last)
}
