use super::{Answer, PrivateState, refused};
use robust::Form;
use robust::accounts::{Call, write_many, write_one};
use services::AccountChanges;

/// Accounts in one answer to a search.
const MANY: usize = 500;

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let accounts = &state.services.accounts;
    let account = match Call::parse(&form)? {
        Call::ById(id) => accounts.by_id(id).await?,
        Call::ByEmail(email) => accounts.by_email(&email).await?,
        Call::ByName { first, last } => accounts.by_name(&first, &last).await?,
        Call::Search(query) => return Ok(write_many(&accounts.search(&query, MANY).await?)),
        Call::ByIds(ids) => return Ok(write_many(&accounts.by_ids(&ids).await?)),
        Call::Set(changes) => return set(&state, *changes).await,
        Call::Create(..) => return refused("accounts are made by the grid's operator"),
    };
    Ok(write_one(account.as_ref()))
}

async fn set(state: &PrivateState, changes: AccountChanges) -> Answer {
    if !state.config.allow_set_account {
        return refused("accounts are changed by the grid's operator");
    }
    match state.services.accounts.change(&changes).await? {
        Some(account) => Ok(write_one(Some(&account))),
        None => refused("there is no such account"),
    }
}
