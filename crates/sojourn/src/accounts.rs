//! `sojourn user`: accounts, on the database itself. It may be in use by a running world.

use crate::data::{self, full_name};
use crate::first_account::unix_now_s;
use crate::options::StoreOptions;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use grid::{NewPerson, OperatorRecords as _, provision_account};
use model::AgentId;
use services::{Account, AccountChanges, Services, ViewerPassword};
use std::io::{BufRead as _, Read as _, Write as _};

/// Bytes of a password.
const MAX_PASSWORD: u64 = 1024;
/// Accounts that are read at a time.
const PAGE: usize = 500;

#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Creates an account, with an inventory and something to wear
    Add(Named),
    /// Lists all accounts
    List(StoreOptions),
    /// Changes somebody's password
    Password(Named),
    /// Sets what somebody may do: 0 is usual, from 200 on they are a god
    Level {
        /// First and last name
        name: String,
        /// How much
        #[arg(value_parser = clap::value_parser!(i32).range(0..=250))]
        level: i32,
        #[command(flatten)]
        data: StoreOptions,
    },
    /// Keeps somebody from logging in
    Suspend {
        /// First and last name
        name: String,
        #[command(flatten)]
        data: StoreOptions,
    },
    /// Lets somebody log in again who was suspended
    Restore {
        /// First and last name
        name: String,
        #[command(flatten)]
        data: StoreOptions,
    },
    /// Removes an account and everything that belongs to it
    Remove {
        /// First and last name
        name: String,
        #[command(flatten)]
        data: StoreOptions,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Named {
    /// First and last name
    name: String,
    /// Take the password from standard input, rather than ask for it
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data: StoreOptions,
}

#[derive(Subcommand, Debug)]
pub(crate) enum OperatorCommand {
    /// Sets another password for the operator's pages; whoever is logged in there is logged out
    Password {
        /// Take the password from standard input, rather than ask for it
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        data: StoreOptions,
    },
}

pub(crate) async fn operator(command: OperatorCommand) -> Result<()> {
    let OperatorCommand::Password { password_stdin, data } = command;
    let password = read_password("the operator's pages", password_stdin)?;
    let store = data::open_existing(data).await?;
    store.set_operator_password(&password).await?;
    println!("the operator's password is changed");
    store.close().await;
    Ok(())
}

pub(crate) async fn run(command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Add(named) => add(named).await,
        UserCommand::List(data) => list(data).await,
        UserCommand::Password(named) => password(named).await,
        UserCommand::Level { name, level, data } => set_level(&name, level, data).await,
        UserCommand::Suspend { name, data } => suspend(&name, data, true).await,
        UserCommand::Restore { name, data } => suspend(&name, data, false).await,
        UserCommand::Remove { name, data } => remove(&name, data).await,
    }
}

async fn add(named: Named) -> Result<()> {
    let (first, last) = full_name(&named.name)?;
    let password = read_password(&named.name, named.password_stdin)?;
    let store = data::open_or_make(named.data).await?;
    let person = NewPerson { first: first.to_owned(), last: last.to_owned(), email: String::new(), password };
    let account = provision_account(&store.services(), rand::random(), unix_now_s(), person).await?;
    println!("{}  {} {}", account.id, account.first, account.last);
    store.close().await;
    Ok(())
}

async fn list(data: StoreOptions) -> Result<()> {
    let store = data::open_existing(data).await?;
    let accounts = store.services().accounts;
    let mut after = None;
    let mut out = std::io::stdout().lock();
    loop {
        let page = accounts.list(after, PAGE).await?;
        let Some(end) = page.last() else { break };
        after = Some(end.id);
        for account in &page {
            writeln!(out, "{}  {} {}", account.id, account.first, account.last)?;
        }
    }
    store.close().await;
    Ok(())
}

async fn password(named: Named) -> Result<()> {
    let (first, last) = full_name(&named.name)?;
    let password = read_password(&named.name, named.password_stdin)?;
    let store = data::open_existing(named.data).await?;
    let services = store.services();
    let account = find(&services, first, last).await?;
    services.auth.set_password(account.id, &ViewerPassword::forms_of(&password)).await?;
    println!("the password of {} {} is changed", account.first, account.last);
    store.close().await;
    Ok(())
}

/// Whoever is suspended stays so, and has the level once they are restored.
async fn set_level(name: &str, level: i32, data: StoreOptions) -> Result<()> {
    let (first, last) = full_name(name)?;
    let store = data::open_existing(data).await?;
    let services = store.services();
    let account = find(&services, first, last).await?;
    let stored = if account.level < 0 { mirrored(level) } else { level };
    set_only_level(&services, account.id, stored).await?;
    println!("{} {} has level {level}", account.first, account.last);
    store.close().await;
    Ok(())
}

/// Suspended is who has a level below 0: what it was before is mirrored, so that it comes back.
async fn suspend(name: &str, data: StoreOptions, suspended: bool) -> Result<()> {
    let (first, last) = full_name(name)?;
    let store = data::open_existing(data).await?;
    let services = store.services();
    let account = find(&services, first, last).await?;
    let words = if suspended { "is suspended" } else { "may log in" };
    if (account.level < 0) != suspended {
        set_only_level(&services, account.id, mirrored(account.level)).await?;
    }
    println!("{} {} {words}", account.first, account.last);
    store.close().await;
    Ok(())
}

/// Whatever else is being changed of an account stays so.
async fn set_only_level(services: &Services, id: AgentId, level: i32) -> Result<()> {
    let level = AccountChanges { id, level: Some(level), ..AccountChanges::default() };
    services.accounts.change(&level).await?.context("the account has just been removed")?;
    Ok(())
}

fn mirrored(level: i32) -> i32 {
    !level
}

async fn remove(name: &str, data: StoreOptions) -> Result<()> {
    let (first, last) = full_name(name)?;
    let store = data::open_existing(data).await?;
    let services = store.services();
    let account = find(&services, first, last).await?;
    services.accounts.remove(account.id).await?;
    println!("{} {} is removed", account.first, account.last);
    store.close().await;
    Ok(())
}

async fn find(services: &Services, first: &str, last: &str) -> Result<Account> {
    let account = services.accounts.by_name(first, last).await?;
    account.with_context(|| format!("there is no account of the name {first} {last}"))
}

/// The password, without the end of its line.
fn read_password(whose: &str, from_stdin: bool) -> Result<String> {
    let mut password = String::new();
    if from_stdin {
        std::io::stdin().lock().take(MAX_PASSWORD).read_to_string(&mut password)?;
    } else {
        eprint!("password for {whose} (it will be seen): ");
        std::io::stdin().lock().take(MAX_PASSWORD).read_line(&mut password)?;
    }
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        bail!("a password has at least one character");
    }
    Ok(password.to_owned())
}
