//! What comes from another grid, with the ids that it had there. All of it may be brought again: what is there stays as it
//! is, so whoever has begun to live here loses nothing.

use super::inventory_rows::Change;
use super::text::plain;
use super::{SqlStore, accounts, broken};
use crate::engine::About;
use crate::{Taken, passwords};
use model::Uuid;
use services::{Account, GridUser, InventoryFolder, InventoryItem, Place, Result, ServiceError};

const PUT_GRID_USER: &str = "INSERT INTO grid_users (agent, home_region, home_x, home_y, home_z, home_look_x, \
     home_look_y, home_look_z, last_region, last_x, last_y, last_z, last_look_x, last_look_y, last_look_z, online, login, \
     logout) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, FALSE, $16, $17) \
     ON CONFLICT (agent) DO NOTHING";

impl SqlStore {
    pub(crate) async fn take_account(
        &self,
        account: &Account,
        password: Option<(&str, &str)>,
    ) -> Result<Taken> {
        accounts::check(account)?;
        if account.id.is_null() {
            return Err(ServiceError::Invalid("an account's id is not null".into()));
        }
        let odd = || ServiceError::Invalid("the password is not as OpenSimulator keeps them".into());
        let kept =
            password.map(|(hash, salt)| passwords::of_opensim(hash, salt).ok_or_else(odd)).transpose()?;
        let urls = serde_json::to_string(&account.service_urls).map_err(ServiceError::unavailable)?;
        let mut change = self.begin(About::Person(account.id)).await?;
        let done = sqlx::query(
            "INSERT INTO accounts (id, name_key, first_name, last_name, email, created, level, flags, title, country, \
             service_urls) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
        )
        .bind(account.id.0)
        .bind(accounts::name_key(&account.first, &account.last))
        .bind(&account.first)
        .bind(&account.last)
        .bind(&account.email)
        .bind(account.created.cast_signed())
        .bind(i64::from(account.level))
        .bind(i64::from(account.flags))
        .bind(&account.title)
        .bind(&account.country)
        .bind(urls)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        if done.rows_affected() == 0 {
            let same: Option<Uuid> = sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1")
                .bind(account.id.0)
                .fetch_optional(&mut *change)
                .await
                .map_err(broken)?;
            return Ok(if same.is_some() { Taken::There } else { Taken::Clash });
        }
        if let Some(kept) = kept {
            sqlx::query("INSERT INTO passwords (agent, form, hash) VALUES ($1, 0, $2)")
                .bind(account.id.0)
                .bind(kept)
                .execute(&mut *change)
                .await
                .map_err(broken)?;
        }
        change.commit().await.map_err(broken)?;
        Ok(Taken::New)
    }

    pub(crate) async fn take_grid_user(&self, user: &GridUser) -> Result<bool> {
        let mut query = sqlx::query(PUT_GRID_USER).bind(user.agent.0);
        for place in [user.home, user.last] {
            let Place { region, position, look_at } = place.unwrap_or_default();
            query = query.bind(region.0);
            for number in [position, look_at].into_iter().flat_map(|vector| vector.to_array()) {
                query = query.bind(number);
            }
        }
        let (login, logout) = (user.login.cast_signed(), user.logout.cast_signed());
        let done = query.bind(login).bind(logout).execute(self.write()).await.map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    pub(crate) async fn take_inventory(
        &self,
        owner: model::AgentId,
        folders: &[InventoryFolder],
        items: &[InventoryItem],
    ) -> Result<(u64, u64)> {
        let mut change: Change = self.change(owner).await?;
        let (mut new_folders, mut new_items) = (0, 0);
        for folder in folders {
            let folder = InventoryFolder { name: plain(&folder.name), ..folder.clone() };
            new_folders += u64::from(change.put_folder(&folder).await?);
        }
        for item in items {
            let (name, description) = (plain(&item.name), plain(&item.description));
            let creator_data = plain(&item.creator_data);
            let item = InventoryItem { name, description, creator_data, ..item.clone() };
            new_items += u64::from(change.put_item(&item).await?);
        }
        change.commit().await?;
        Ok((new_folders, new_items))
    }
}
