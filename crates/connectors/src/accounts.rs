use crate::client::{Client, not_from_here};
use async_trait::async_trait;
use model::AgentId;
use robust::accounts::{Call, read_many, read_one};
use services::{Account, AccountChanges, AccountService, NewAccount, Result, ServiceError, ViewerPassword};
use std::sync::Arc;

const PATH: &str = "/accounts";
/// Ids in one question.
const IDS: usize = 1024;

/// Who has an account, from `/accounts` of a grid. The grid may not let simulators change any.
#[derive(Clone, Debug)]
pub struct HttpAccounts {
    client: Arc<Client>,
}

impl HttpAccounts {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn one(&self, call: Call) -> Result<Option<Account>> {
        self.client.ask(PATH, call.to_form(), read_one).await
    }
}

#[async_trait]
impl AccountService for HttpAccounts {
    async fn by_id(&self, id: AgentId) -> Result<Option<Account>> {
        self.one(Call::ById(id)).await
    }

    async fn by_name(&self, first: &str, last: &str) -> Result<Option<Account>> {
        self.one(Call::ByName { first: first.to_owned(), last: last.to_owned() }).await
    }

    async fn by_email(&self, email: &str) -> Result<Option<Account>> {
        self.one(Call::ByEmail(email.to_owned())).await
    }

    /// Releases that cannot be asked for several are asked for one after the other.
    async fn by_ids(&self, ids: &[AgentId]) -> Result<Vec<Account>> {
        let mut found = Vec::new();
        for ids in ids.chunks(IDS) {
            match self.client.ask(PATH, Call::ByIds(ids.to_vec()).to_form(), read_many).await {
                Err(ServiceError::Refused(_)) => {
                    for id in ids {
                        found.extend(self.by_id(*id).await?);
                    }
                }
                several => found.extend(several?),
            }
        }
        found.sort_by_key(|account| account.id);
        found.dedup_by_key(|account| account.id);
        Ok(found)
    }

    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Account>> {
        let form = Call::Search(query.to_owned()).to_form();
        let mut found = self.client.ask(PATH, form, read_many).await?;
        found.truncate(limit);
        Ok(found)
    }

    async fn list(&self, _: Option<AgentId>, _: usize) -> Result<Vec<Account>> {
        not_from_here("accounts are listed")
    }

    async fn create(&self, _: NewAccount) -> Result<Account> {
        not_from_here("accounts are made")
    }

    async fn create_with_password(&self, _: NewAccount, _: &[ViewerPassword]) -> Result<Account> {
        not_from_here("accounts are made")
    }

    async fn change(&self, changes: &AccountChanges) -> Result<Option<Account>> {
        self.one(Call::Set(Box::new(changes.clone()))).await
    }

    async fn remove(&self, _: AgentId) -> Result<bool> {
        not_from_here("accounts are removed")
    }
}
