//! Making people: an account with everything that a first login needs.

use model::{AgentId, AssetId, FolderId, ItemId, Uuid, Vec3};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use services::{
    Account, InventoryItem, NewAccount, Permissions, Place, RegionInfo, Result, SaleInfo, ServiceError,
    Services, ViewerPassword, asset_type, folder_type, inventory_type, library, starter,
};

/// Somebody who is to have an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewPerson {
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// E-mail address; may be empty.
    pub email: String,
    /// What they will type at a login.
    pub password: String,
}

/// The account that a fresh grid starts with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstAccount {
    /// The account.
    pub account: Account,
    /// Its password, which is nowhere else.
    pub password: String,
}

/// Makes an account with inventory, outfit, home (if the grid has a region for it) and password. The account itself comes
/// last, with its password: whatever breaks off before, the name is still free. It goes on even if nobody waits for it any
/// more. `seed` is what ids are made from, `now_s` the time in seconds since 1970.
///
/// # Errors
/// `Refused` if the name is taken or the password empty, `Invalid` if the name cannot be one. Nothing is left behind.
pub async fn provision_account(
    services: &Services,
    seed: [u8; 32],
    now_s: u64,
    person: NewPerson,
) -> Result<Account> {
    if person.password.is_empty() {
        return Err(ServiceError::Refused("a password has at least one character".into()));
    }
    let services = services.clone();
    let made = tokio::spawn(async move { provision(&services, seed, now_s, person).await });
    made.await.map_err(ServiceError::unavailable)?
}

async fn provision(services: &Services, seed: [u8; 32], now_s: u64, person: NewPerson) -> Result<Account> {
    let NewPerson { first, last, email, password } = person;
    if services.accounts.by_name(&first, &last).await?.is_some() {
        return Err(ServiceError::Refused(format!("there is an account {first} {last} already")));
    }
    let mut random = StdRng::from_seed(seed);
    let id = AgentId(uuid::Builder::from_random_bytes(random.random()).into_uuid());
    // Whatever is had by this id is taken away again if this fails.
    if services.accounts.by_id(id).await?.is_some() {
        return Err(ServiceError::Refused("there is an account with that id already".into()));
    }
    let made = async {
        equip(services, random, now_s, id).await?;
        let new = NewAccount { first, last, email, id: Some(id) };
        services.accounts.create_with_password(new, &ViewerPassword::forms_of(&password)).await
    };
    match made.await {
        Ok(account) => Ok(account),
        Err(error) => {
            services.accounts.remove(id).await?;
            Err(error)
        }
    }
}

/// If there is no account at all, makes one and thinks up its password.
///
/// # Errors
/// The services do not answer.
pub async fn create_first_account(
    services: &Services,
    seed: [u8; 32],
    now_s: u64,
    first: &str,
    last: &str,
) -> Result<Option<FirstAccount>> {
    if !services.accounts.list(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let mut random = StdRng::from_seed(seed);
    let password = readable_password(&mut random);
    let person = NewPerson {
        first: first.into(),
        last: last.into(),
        email: String::new(),
        password: password.clone(),
    };
    match provision_account(services, random.random(), now_s, person).await {
        Ok(account) => Ok(Some(FirstAccount { account, password })),
        // Another process of the grid starts at the same moment, and was first.
        Err(ServiceError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A password that people can type, made from `seed`.
pub fn new_password(seed: [u8; 32]) -> String {
    readable_password(&mut StdRng::from_seed(seed))
}

/// 14 letters and digits without look-alikes, some 69 bits; within the 16 characters that all viewers keep.
fn readable_password(random: &mut StdRng) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut draw = || char::from(LETTERS[random.random_range(0..LETTERS.len())]);
    (0..14).map(|_| draw()).collect()
}

async fn equip(services: &Services, mut random: StdRng, now_s: u64, owner: AgentId) -> Result<()> {
    let inventory = &services.inventory;
    inventory.create_user_inventory(owner).await?;
    let folder = async |kind| -> Result<FolderId> {
        let folder = inventory.folder_for_type(owner, kind).await?;
        let missing = || ServiceError::Unavailable("the inventory that was just made is not there".into());
        folder.map(|folder| folder.id).ok_or_else(missing)
    };
    let outfit = folder(folder_type::CURRENT_OUTFIT).await?;
    let mut new_item = || ItemId(uuid::Builder::from_random_bytes(random.random()).into_uuid());
    let mut items = [ItemId::NULL; starter::OUTFIT.len()];
    for (wearable, item) in starter::OUTFIT.iter().zip(&mut items) {
        *item = new_item();
        let worn = InventoryItem {
            id: *item,
            owner,
            folder: folder(wearable.folder_type()).await?,
            asset: wearable.asset,
            asset_type: wearable.asset_type(),
            inventory_type: inventory_type::WEARABLE,
            name: wearable.name.to_owned(),
            description: String::new(),
            creator: library::OWNER,
            creator_data: String::new(),
            created: now_s,
            flags: wearable.kind.into(),
            permissions: Permissions::FULL,
            sale: SaleInfo::default(),
            group: Uuid::nil(),
            group_owned: false,
        };
        inventory.create_item(&worn).await?;
        inventory.create_item(&link_to(&worn, new_item(), outfit)).await?;
    }
    services.avatars.set(owner, &starter::avatar(items)).await?;
    match first_home(services).await? {
        Some(home) => services.grid_users.set_home(owner, home).await,
        None => Ok(()),
    }
}

/// What the current outfit holds of something worn.
fn link_to(worn: &InventoryItem, id: ItemId, outfit: FolderId) -> InventoryItem {
    let layer = match worn.asset_type {
        // Viewers keep the order of clothes here: type and layer.
        asset_type::CLOTHING => format!("@{}", worn.flags * 100),
        _ => String::new(),
    };
    InventoryItem {
        id,
        folder: outfit,
        asset: AssetId(worn.id.0),
        asset_type: asset_type::LINK,
        description: layer,
        ..worn.clone()
    }
}

/// The middle of the first default region, or of any.
async fn first_home(services: &Services) -> Result<Option<Place>> {
    let region = match services.grid.default_regions().await?.into_iter().next() {
        Some(region) => Some(region),
        None => services.grid.online_regions(0, 0, 1).await?.into_iter().next(),
    };
    Ok(region.map(|region| middle_of(&region)))
}

/// The middle of a region, on the ground.
pub(crate) fn middle_of(region: &RegionInfo) -> Place {
    let position = Vec3::new(region.size.x as f32 / 2.0, region.size.y as f32 / 2.0, 0.0);
    Place { region: region.id, position, look_at: Vec3::X }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, HashCost, SqlStore, SystemClock};
    use model::{GridCell, RegionId};
    use services::{AvatarData, AvatarService, LoginAppearance};
    use std::sync::Arc;

    async fn services() -> Services {
        let cheap = HashCost { memory_kib: 32, passes: 1 };
        SqlStore::open(&Database::Memory, Arc::new(SystemClock), [1; 32], cheap).await.unwrap().services()
    }

    fn ada() -> NewPerson {
        NewPerson { first: "Ada".into(), last: "One".into(), email: String::new(), password: "secret".into() }
    }

    #[tokio::test]
    async fn somebody_new_is_dressed_and_at_home() {
        let services = services().await;
        let region = RegionInfo {
            id: RegionId(Uuid::from_u128(7)),
            name: "Plaza".into(),
            handle: GridCell { x: 1000, y: 1000 }.handle(),
            ..RegionInfo::default()
        };
        services.grid.register(&region).await.unwrap();
        let account = provision_account(&services, [2; 32], 99, ada()).await.unwrap();
        let id = account.id;
        assert_eq!(services.accounts.by_name("ada", "one").await.unwrap(), Some(account));
        assert!(services.auth.verify(id, &ViewerPassword::parse("secret")).await.unwrap());
        let home = services.grid_users.get(id).await.unwrap().unwrap().home.unwrap();
        assert_eq!((home.region, home.position), (region.id, Vec3::new(128.0, 128.0, 0.0)));

        let held = async |kind| {
            let folder = services.inventory.folder_for_type(id, kind).await.unwrap().unwrap();
            assert_eq!(folder.kind, kind);
            services.inventory.content(id, folder.id).await.unwrap().unwrap().items
        };
        let mut worn = held(folder_type::BODY_PARTS).await;
        assert_eq!(worn.len(), 4);
        worn.extend(held(folder_type::CLOTHING).await);
        let avatar = services.avatars.get(id).await.unwrap().unwrap();
        let looks = LoginAppearance::from_avatar(&avatar);
        for (kind, layers) in looks.wearables.iter().enumerate() {
            let item = worn.iter().find(|item| item.id == layers[0].0).unwrap();
            assert_eq!((item.flags as usize, item.asset, item.created), (kind, layers[0].1, 99));
            assert!(services.assets.get(item.asset).await.unwrap().is_some());
        }
        let links = held(folder_type::CURRENT_OUTFIT).await;
        let mut targets: Vec<_> = links.iter().map(|link| ItemId(link.asset.0)).collect();
        let mut ids: Vec<_> = worn.iter().map(|item| item.id).collect();
        targets.sort();
        ids.sort();
        assert_eq!(targets, ids);
        assert!(links.iter().all(|link| link.asset_type == asset_type::LINK));
    }

    #[tokio::test]
    async fn who_cannot_be_made_leaves_nothing() {
        let services = services().await;
        let no_password = NewPerson { password: String::new(), ..ada() };
        for odd in [no_password, NewPerson { last: "T wo".into(), ..ada() }] {
            assert!(provision_account(&services, [2; 32], 99, odd).await.is_err());
        }
        assert!(services.accounts.list(None, 9).await.unwrap().is_empty());
        provision_account(&services, [2; 32], 99, ada()).await.unwrap();
        let again = provision_account(&services, [3; 32], 99, ada()).await;
        assert!(matches!(again, Err(ServiceError::Refused(_))));
        assert_eq!(services.accounts.list(None, 9).await.unwrap().len(), 1);
        // An id that is taken is not taken from anybody.
        let bob = NewPerson { first: "Bob".into(), ..ada() };
        assert!(matches!(provision_account(&services, [2; 32], 9, bob).await, Err(ServiceError::Refused(_))));
        assert_eq!(services.accounts.list(None, 9).await.unwrap().len(), 1);
    }

    /// An outfit's service at which everybody waits.
    struct Gate {
        inner: Arc<dyn AvatarService>,
        reached: tokio::sync::Semaphore,
        open: tokio::sync::Semaphore,
    }

    #[async_trait::async_trait]
    impl AvatarService for Gate {
        async fn get(&self, agent: AgentId) -> Result<Option<AvatarData>> {
            self.inner.get(agent).await
        }
        async fn set(&self, agent: AgentId, data: &AvatarData) -> Result<()> {
            self.reached.add_permits(1);
            self.open.acquire().await.map_err(ServiceError::unavailable)?.forget();
            self.inner.set(agent, data).await
        }
        async fn set_entries(&self, agent: AgentId, entries: &AvatarData) -> Result<()> {
            self.inner.set_entries(agent, entries).await
        }
        async fn remove_entries(&self, agent: AgentId, names: &[&str]) -> Result<()> {
            self.inner.remove_entries(agent, names).await
        }
        async fn reset(&self, agent: AgentId) -> Result<()> {
            self.inner.reset(agent).await
        }
    }

    #[tokio::test]
    async fn whoever_does_not_wait_is_made_all_the_same_and_has_no_name_before() {
        let mut services = services().await;
        let [reached, open] = [(); 2].map(|()| tokio::sync::Semaphore::new(0));
        let gate = Arc::new(Gate { inner: services.avatars.clone(), reached, open });
        services.avatars = gate.clone();
        tokio::select! {
            _ = provision_account(&services, [2; 32], 99, ada()) => unreachable!("it waits"),
            reached = gate.reached.acquire() => reached.unwrap().forget(),
        }
        // Should the process end now, the name is free.
        assert_eq!(services.accounts.by_name("Ada", "One").await.unwrap(), None);
        gate.open.add_permits(1);
        let account = loop {
            match services.accounts.by_name("Ada", "One").await.unwrap() {
                Some(account) => break account,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(services.auth.verify(account.id, &ViewerPassword::from_plain("secret")).await.unwrap());
    }

    #[tokio::test]
    async fn a_fresh_grid_gets_one_account() {
        let services = services().await;
        let first = create_first_account(&services, [4; 32], 99, "First", "Resident").await.unwrap().unwrap();
        let password = ViewerPassword::from_plain(&first.password);
        assert!(services.auth.verify(first.account.id, &password).await.unwrap());
        assert_eq!(first.password.len(), 14);
        assert_eq!(create_first_account(&services, [5; 32], 99, "First", "Resident").await.unwrap(), None);
    }
}
