//! A grid for tests: a few accounts, folders and assets in memory, and a record of what it was told.

use async_trait::async_trait;
use model::{AgentId, AssetId, FolderId, GridCell, ItemId, RegionId, SecureSessionId, SessionId, Uuid};
use services::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the grid holds and was told.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) accounts: Vec<Account>,
    pub(crate) folders: Mutex<Vec<InventoryFolder>>,
    pub(crate) assets: Mutex<BTreeMap<AssetId, Asset>>,
    pub(crate) regions: Mutex<Vec<RegionInfo>>,
    pub(crate) presences: Mutex<Vec<Presence>>,
    /// The grid user service does not answer.
    pub(crate) users_silent: AtomicBool,
    /// Sessions that renewals do not find.
    pub(crate) unknown: Mutex<Vec<SessionId>>,
    /// Sessions that renewals find in another region.
    pub(crate) elsewhere: Mutex<Vec<SessionId>>,
    /// Everybody's.
    pub(crate) friends: Mutex<Vec<Friend>>,
    /// Who gives whom which rights; somebody who has any of these has no other friends.
    pub(crate) bonds: Mutex<BTreeMap<(AgentId, AgentId), FriendRights>>,
    /// What everybody has muted.
    pub(crate) muted: Mutex<Vec<Mute>>,
    /// What waits for whom.
    pub(crate) mail: Mutex<Vec<(AgentId, OfflineMessage)>>,
    /// Calls that change something, in their order.
    pub(crate) told: Mutex<Vec<String>>,
    /// A region of whose end nobody wants to hear: there is no answer.
    pub(crate) keeps: Mutex<Option<RegionId>>,
    /// So many calls fail before one succeeds.
    pub(crate) failures: Mutex<usize>,
    /// Every call that changes something is refused; how many were.
    pub(crate) refusals: Option<Mutex<usize>>,
    /// The grid's map does not answer questions.
    pub(crate) map_away: AtomicBool,
    /// Everybody's items.
    pub(crate) items: Mutex<Vec<InventoryItem>>,
    /// How often items were asked for.
    pub(crate) item_questions: AtomicUsize,
}

impl Fake {
    pub(crate) fn services(self: &Arc<Self>) -> Services {
        Services {
            accounts: self.clone(),
            auth: self.clone(),
            grid: self.clone(),
            presence: self.clone(),
            grid_users: self.clone(),
            friends: self.clone(),
            avatars: self.clone(),
            inventory: self.clone(),
            assets: self.clone(),
            agent_prefs: self.clone(),
            mutes: self.clone(),
            offline_messages: self.clone(),
            map_tiles: self.clone(),
        }
    }

    fn tell(&self, what: String) -> Result<()> {
        if let Some(refusals) = &self.refusals {
            *refusals.lock().unwrap() += 1;
            return Err(ServiceError::Refused("as the test wishes".into()));
        }
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(ServiceError::Unavailable("as the test wishes".into()));
        }
        self.told.lock().unwrap().push(what);
        Ok(())
    }
}

fn no<T>() -> Result<T> {
    Err(ServiceError::Unavailable("not in this test".into()))
}

#[async_trait]
impl AccountService for Fake {
    async fn by_id(&self, id: AgentId) -> Result<Option<Account>> {
        Ok(self.accounts.iter().find(|account| account.id == id).cloned())
    }
    async fn by_name(&self, first: &str, last: &str) -> Result<Option<Account>> {
        Ok(self.accounts.iter().find(|account| account.first == first && account.last == last).cloned())
    }
    async fn by_email(&self, _: &str) -> Result<Option<Account>> {
        no()
    }
    async fn by_ids(&self, ids: &[AgentId]) -> Result<Vec<Account>> {
        Ok(self.accounts.iter().filter(|account| ids.contains(&account.id)).cloned().collect())
    }
    async fn search(&self, query: &str, _: usize) -> Result<Vec<Account>> {
        Ok(self.accounts.iter().filter(|account| account.first.starts_with(query)).cloned().collect())
    }
    async fn list(&self, _: Option<AgentId>, _: usize) -> Result<Vec<Account>> {
        no()
    }
    async fn create(&self, _: NewAccount) -> Result<Account> {
        no()
    }
    async fn create_with_password(&self, _: NewAccount, _: &[ViewerPassword]) -> Result<Account> {
        no()
    }
    async fn change(&self, _: &AccountChanges) -> Result<Option<Account>> {
        no()
    }
    async fn remove(&self, _: AgentId) -> Result<bool> {
        no()
    }
}

#[async_trait]
impl AuthService for Fake {
    async fn set_password(&self, _: AgentId, _: &[ViewerPassword]) -> Result<()> {
        no()
    }
    async fn verify(&self, _: AgentId, _: &ViewerPassword) -> Result<bool> {
        no()
    }
    async fn authenticate(&self, _: AgentId, _: &ViewerPassword, _: u32) -> Result<Option<Uuid>> {
        no()
    }
    async fn verify_token(&self, _: AgentId, _: Uuid, _: u32) -> Result<bool> {
        no()
    }
    async fn release_token(&self, _: AgentId, _: Uuid) -> Result<bool> {
        no()
    }
}

#[async_trait]
impl GridService for Fake {
    async fn register(&self, region: &RegionInfo) -> Result<()> {
        self.tell(format!("register {}", region.name))?;
        let mut regions = self.regions.lock().unwrap();
        regions.retain(|known| known.id != region.id);
        regions.push(region.clone());
        Ok(())
    }
    async fn deregister(&self, id: RegionId) -> Result<bool> {
        if *self.keeps.lock().unwrap() == Some(id) {
            std::future::pending::<()>().await;
        }
        self.tell(format!("deregister {id}")).map(|()| true)
    }
    async fn by_id(&self, id: RegionId) -> Result<Option<RegionInfo>> {
        if self.map_away.load(Ordering::Relaxed) {
            return no();
        }
        Ok(self.regions.lock().unwrap().iter().find(|region| region.id == id).cloned())
    }
    async fn by_position(&self, x_m: u32, y_m: u32) -> Result<Option<RegionInfo>> {
        let handle = model::RegionHandle::from_metres(x_m, y_m);
        Ok(self.regions.lock().unwrap().iter().find(|region| region.handle == handle).cloned())
    }
    async fn by_name(&self, _: &str) -> Result<Option<RegionInfo>> {
        Ok(None)
    }
    async fn search(&self, _: &str, _: usize) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn range(&self, x_min: u32, y_min: u32, x_max: u32, y_max: u32) -> Result<Vec<RegionInfo>> {
        let inside = |region: &&RegionInfo| {
            let (x, y) = (region.handle.x_m(), region.handle.y_m());
            (x_min..=x_max).contains(&x) && (y_min..=y_max).contains(&y)
        };
        Ok(self.regions.lock().unwrap().iter().filter(inside).cloned().collect())
    }
    async fn neighbours(&self, _: RegionId) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn default_regions(&self) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn default_hypergrid_regions(&self) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn hyperlinks(&self) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn extra_features(&self) -> Result<BTreeMap<String, String>> {
        Ok(BTreeMap::new())
    }
    async fn fallback_regions(&self, _: u32, _: u32) -> Result<Vec<RegionInfo>> {
        Ok(Vec::new())
    }
    async fn online_regions(&self, _: u32, _: u32, _: usize) -> Result<Vec<RegionInfo>> {
        Ok(vec![RegionInfo { name: "Stale".into(), ..RegionInfo::default() }])
    }
    async fn flags(&self, _: RegionId) -> Result<Option<RegionFlags>> {
        no()
    }
    async fn set_flags(&self, _: RegionId, _: RegionFlags, _: RegionFlags) -> Result<bool> {
        no()
    }
}

#[async_trait]
impl PresenceService for Fake {
    async fn login(&self, _: AgentId, _: SessionId, _: SecureSessionId) -> Result<()> {
        no()
    }
    async fn logout(&self, session: SessionId) -> Result<bool> {
        self.tell(format!("logout {session}")).map(|()| true)
    }
    async fn logout_region(&self, _: RegionId) -> Result<u64> {
        Ok(0)
    }
    async fn report(&self, session: SessionId, _: RegionId) -> Result<bool> {
        self.tell(format!("report {session}")).map(|()| true)
    }
    async fn hold(&self, session: SessionId, region: RegionId) -> Result<bool> {
        self.report(session, region).await
    }
    async fn renew(&self, held: &[(SessionId, RegionId)]) -> Result<Renewed> {
        for (session, region) in held {
            self.tell(format!("renew {session} in {region}"))?;
        }
        let (unknown, elsewhere) = (self.unknown.lock().unwrap(), self.elsewhere.lock().unwrap());
        Ok(Renewed { unknown: unknown.clone(), elsewhere: elsewhere.clone() })
    }
    async fn expect(&self, _: SessionId, _: RegionId) -> Result<()> {
        no()
    }
    async fn by_session(&self, session: SessionId) -> Result<Option<Presence>> {
        Ok(self.presences.lock().unwrap().iter().find(|presence| presence.session == session).copied())
    }
    async fn by_agents(&self, agents: &[AgentId]) -> Result<Vec<Presence>> {
        let presences = self.presences.lock().unwrap();
        Ok(presences.iter().filter(|presence| agents.contains(&presence.agent)).copied().collect())
    }
}

#[async_trait]
impl GridUserService for Fake {
    async fn logged_in(&self, _: AgentId) -> Result<GridUser> {
        no()
    }
    async fn logged_out(&self, _: AgentId, last: Place) -> Result<()> {
        if self.users_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.tell(format!("last {}", last.position.x))
    }
    async fn set_home(&self, _: AgentId, home: Place) -> Result<()> {
        self.tell(format!("home {}", home.position.x))
    }
    async fn set_last_position(&self, _: AgentId, last: Place) -> Result<()> {
        self.tell(format!("at {}", last.position.x))
    }
    async fn get(&self, _: AgentId) -> Result<Option<GridUser>> {
        Ok(None)
    }
    async fn get_many(&self, _: &[AgentId]) -> Result<Vec<GridUser>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl FriendsService for Fake {
    async fn list(&self, agent: AgentId) -> Result<Vec<Friend>> {
        let bonds = self.bonds.lock().unwrap();
        let has = |friend| bonds.get(&(friend, agent)).copied();
        let given = bonds.iter().filter(|((giver, _), _)| *giver == agent);
        let own: Vec<_> =
            given.map(|(&(_, friend), &given)| Friend { friend, given, has: has(friend) }).collect();
        Ok(if own.is_empty() { self.friends.lock().unwrap().clone() } else { own })
    }
    async fn store(&self, agent: AgentId, friend: AgentId, given: FriendRights) -> Result<()> {
        self.bonds.lock().unwrap().insert((agent, friend), given);
        Ok(())
    }
    async fn delete(&self, agent: AgentId, friend: AgentId) -> Result<bool> {
        Ok(self.bonds.lock().unwrap().remove(&(agent, friend)).is_some())
    }
}

#[async_trait]
impl AvatarService for Fake {
    async fn get(&self, _: AgentId) -> Result<Option<AvatarData>> {
        Ok(None)
    }
    async fn set(&self, _: AgentId, _: &AvatarData) -> Result<()> {
        self.tell("avatar".into())
    }
    async fn set_entries(&self, _: AgentId, _: &AvatarData) -> Result<()> {
        no()
    }
    async fn remove_entries(&self, _: AgentId, _: &[&str]) -> Result<()> {
        no()
    }
    async fn reset(&self, _: AgentId) -> Result<()> {
        no()
    }
}

#[async_trait]
impl InventoryService for Fake {
    async fn create_user_inventory(&self, _: AgentId) -> Result<bool> {
        no()
    }
    async fn skeleton(&self, _: AgentId) -> Result<Vec<InventoryFolder>> {
        no()
    }
    async fn root(&self, _: AgentId) -> Result<Option<InventoryFolder>> {
        no()
    }
    async fn folder_for_type(&self, owner: AgentId, _: i32) -> Result<Option<InventoryFolder>> {
        Ok(self.folders.lock().unwrap().iter().find(|folder| folder.owner == owner).cloned())
    }
    async fn folder(&self, owner: AgentId, id: FolderId) -> Result<Option<InventoryFolder>> {
        let folders = self.folders.lock().unwrap();
        Ok(folders.iter().find(|folder| folder.owner == owner && folder.id == id).cloned())
    }
    async fn content(&self, owner: AgentId, id: FolderId) -> Result<Option<FolderContent>> {
        Ok(self.contents(owner, &[id]).await?.pop())
    }
    async fn contents(&self, owner: AgentId, ids: &[FolderId]) -> Result<Vec<FolderContent>> {
        let (all, items) = (self.folders.lock().unwrap(), self.items.lock().unwrap());
        let wanted = all.iter().filter(|folder| folder.owner == owner && ids.contains(&folder.id));
        let content = |folder: &InventoryFolder| FolderContent {
            folder: folder.clone(),
            folders: all.iter().filter(|child| child.parent == folder.id).cloned().collect(),
            items: items.iter().filter(|item| item.folder == folder.id).cloned().collect(),
        };
        Ok(wanted.map(content).collect())
    }
    async fn create_folder(&self, folder: &InventoryFolder) -> Result<()> {
        self.folders.lock().unwrap().push(folder.clone());
        Ok(())
    }
    async fn update_folder(&self, _: &InventoryFolder) -> Result<bool> {
        no()
    }
    async fn move_folder(&self, _: AgentId, _: FolderId, _: FolderId) -> Result<bool> {
        no()
    }
    async fn delete_folders(&self, _: AgentId, _: &[FolderId]) -> Result<u64> {
        no()
    }
    async fn purge_folder(&self, _: AgentId, _: FolderId) -> Result<bool> {
        no()
    }
    async fn item(&self, owner: AgentId, id: ItemId) -> Result<Option<InventoryItem>> {
        Ok(self.items(owner, &[id]).await?.pop())
    }
    async fn items(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>> {
        self.item_questions.fetch_add(1, Ordering::Relaxed);
        let items = self.items.lock().unwrap();
        let wanted = items.iter().filter(|item| item.owner == owner && ids.contains(&item.id));
        Ok(wanted.cloned().collect())
    }
    async fn create_item(&self, item: &InventoryItem) -> Result<()> {
        self.tell(format!(
            "item {} of {} bytes",
            item.name,
            self.assets.lock().unwrap()[&item.asset].data.len()
        ))
    }
    async fn update_item(&self, item: &InventoryItem) -> Result<bool> {
        let mut items = self.items.lock().unwrap();
        let known = items.iter_mut().find(|known| known.id == item.id && known.owner == item.owner);
        Ok(known.map(|known| *known = item.clone()).is_some())
    }
    async fn move_items(&self, _: AgentId, _: &[(ItemId, FolderId)]) -> Result<u64> {
        no()
    }
    async fn delete_items(&self, _: AgentId, _: &[ItemId]) -> Result<u64> {
        no()
    }
    async fn active_gestures(&self, _: AgentId) -> Result<Vec<InventoryItem>> {
        no()
    }
    async fn item_owner(&self, _: ItemId) -> Result<Option<AgentId>> {
        no()
    }
    async fn folder_owner(&self, _: FolderId) -> Result<Option<AgentId>> {
        no()
    }
    async fn asset_permissions(&self, _: AgentId, _: AssetId) -> Result<u32> {
        no()
    }
}

#[async_trait]
impl AssetService for Fake {
    async fn get(&self, id: AssetId) -> Result<Option<Asset>> {
        Ok(self.assets.lock().unwrap().get(&id).cloned())
    }
    async fn metadata(&self, _: AssetId) -> Result<Option<AssetMetadata>> {
        no()
    }
    async fn data(&self, id: AssetId) -> Result<Option<Arc<[u8]>>> {
        Ok(self.assets.lock().unwrap().get(&id).map(|asset| asset.data.clone()))
    }
    async fn store(&self, asset: &Asset) -> Result<AssetId> {
        self.assets.lock().unwrap().insert(asset.metadata.id, asset.clone());
        Ok(asset.metadata.id)
    }
    async fn update(&self, _: AssetId, _: Arc<[u8]>) -> Result<bool> {
        no()
    }
    async fn exists(&self, _: &[AssetId]) -> Result<Vec<bool>> {
        no()
    }
    async fn delete(&self, _: AssetId) -> Result<bool> {
        no()
    }
}

#[async_trait]
impl AgentPrefsService for Fake {
    async fn get(&self, _: AgentId) -> Result<Option<AgentPrefs>> {
        Ok(None)
    }
    async fn set(&self, _: &AgentPrefs) -> Result<()> {
        no()
    }
    async fn language(&self, _: AgentId) -> Result<String> {
        no()
    }
}

#[async_trait]
impl MuteListService for Fake {
    async fn list(&self, _: AgentId) -> Result<Vec<Mute>> {
        Ok(self.muted.lock().unwrap().clone())
    }
    async fn update(&self, _: AgentId, _: &Mute) -> Result<()> {
        no()
    }
    async fn delete(&self, _: AgentId, _: Uuid, _: &str) -> Result<bool> {
        no()
    }
}

#[async_trait]
impl OfflineMessageService for Fake {
    async fn keep(&self, to: AgentId, message: &OfflineMessage) -> Result<()> {
        self.tell(format!("keep {} for {to}", message.text))?;
        self.mail.lock().unwrap().push((to, message.clone()));
        Ok(())
    }
    async fn waiting(&self, agent: AgentId) -> Result<Mailbox> {
        let mail = self.mail.lock().unwrap();
        let messages: Vec<_> =
            mail.iter().filter(|(to, _)| *to == agent).map(|(_, message)| message.clone()).collect();
        Ok(Mailbox { mark: messages.len() as u64, messages })
    }
    async fn heard(&self, agent: AgentId, mark: u64) -> Result<()> {
        self.tell(format!("heard {agent} {mark}"))
    }
}

#[async_trait]
impl MapTileService for Fake {
    async fn put(&self, _: GridCell, _: Arc<[u8]>) -> Result<()> {
        no()
    }
    async fn remove(&self, _: GridCell) -> Result<bool> {
        no()
    }
    async fn get(&self, _: GridCell) -> Result<Option<Arc<[u8]>>> {
        Ok(None)
    }
}
