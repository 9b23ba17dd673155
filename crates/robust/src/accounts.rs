//! `/accounts`: who has an account (grid services fact sheet, section 6).

use crate::{Form, Malformed, Tree, Wording};
use core::fmt;
use model::{AgentId, Uuid};
use services::{Account, AccountChanges, NewAccount};
use std::collections::BTreeMap;

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::SMALL;

/// What the service is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Who has this id?
    ById(AgentId),
    /// Who has this e-mail address?
    ByEmail(String),
    /// Who has this name?
    ByName {
        /// First name.
        first: String,
        /// Last name.
        last: String,
    },
    /// Whose name has these parts?
    Search(String),
    /// Who has these ids?
    ByIds(Vec<AgentId>),
    /// Changes an account.
    Set(Box<AccountChanges>),
    /// Makes an account.
    Create(Box<NewAccount>, Secret),
}

/// A password as it was typed, kept out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Call {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        Ok(match form.required("METHOD")? {
            "getaccount" => Self::parse_get(form)?,
            "getaccounts" => Self::Search(form.get("query")?),
            "getmultiaccounts" => Self::ByIds(form.get_list("IDS")?),
            "setaccount" => Self::Set(Box::new(read_changes(form)?)),
            "createuser" => {
                let account = NewAccount {
                    id: form.get_optional::<AgentId>("PrincipalID")?.filter(|id| !id.is_null()),
                    first: form.get("FirstName")?,
                    last: form.get("LastName")?,
                    email: form.get_optional("Email")?.unwrap_or_default(),
                };
                Self::Create(Box::new(account), Secret(form.get("Password")?))
            }
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// The first of these that is there counts.
    fn parse_get(form: &Form) -> Result<Self, Malformed> {
        if form.text("UserID").is_some() {
            return Ok(Self::ById(form.get("UserID")?));
        }
        if form.text("PrincipalID").is_some() {
            return Ok(Self::ById(form.get("PrincipalID")?));
        }
        if let Some(email) = form.text("Email") {
            return Ok(Self::ByEmail(email.to_owned()));
        }
        Ok(Self::ByName { first: form.get("FirstName")?, last: form.get("LastName")? })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        let all_scopes = |method: &str| Form::versioned(method).with("ScopeID", Uuid::nil());
        match self {
            Self::ById(id) => all_scopes("getaccount").with("UserID", id),
            Self::ByEmail(email) => all_scopes("getaccount").with("Email", email),
            Self::ByName { first, last } => {
                all_scopes("getaccount").with("FirstName", first).with("LastName", last)
            }
            Self::Search(query) => all_scopes("getaccounts").with("query", query),
            Self::ByIds(ids) => all_scopes("getmultiaccounts").with_list("IDS", ids),
            Self::Set(changes) => write_changes(changes),
            Self::Create(account, password) => {
                let form = all_scopes("createuser")
                    .with("FirstName", &account.first)
                    .with("LastName", &account.last)
                    .with("Email", &account.email)
                    .with("Password", &password.0);
                match account.id {
                    Some(id) => form.with("PrincipalID", id),
                    None => form,
                }
            }
        }
    }
}

fn read_changes(form: &Form) -> Result<AccountChanges, Malformed> {
    let text = |name| form.text(name).map(str::to_owned);
    Ok(AccountChanges {
        id: form.get("PrincipalID")?,
        first: text("FirstName"),
        last: text("LastName"),
        email: text("Email"),
        level: form.get_optional("UserLevel")?,
        flags: form.get_optional("UserFlags")?.map(i32::cast_unsigned),
        title: text("UserTitle"),
        country: text("UserCountry"),
        service_urls: form.text("ServiceURLs").map(read_urls),
    })
}

fn write_changes(changes: &AccountChanges) -> Form {
    let number = |number: Option<i32>| number.map(|number| number.to_string());
    let fields = [
        ("FirstName", changes.first.clone()),
        ("LastName", changes.last.clone()),
        ("Email", changes.email.clone()),
        ("UserLevel", number(changes.level)),
        ("UserFlags", number(changes.flags.map(u32::cast_signed))),
        ("UserTitle", changes.title.clone()),
        ("UserCountry", changes.country.clone()),
        ("ServiceURLs", changes.service_urls.as_ref().map(written_urls)),
    ];
    let form = Form::versioned("setaccount").with("ScopeID", Uuid::nil()).with("PrincipalID", changes.id);
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    fields.fold(form, |form, (name, value)| form.with(name, value))
}

fn to_tree(account: &Account) -> Tree {
    Tree::new()
        .with("FirstName", &account.first)
        .with("LastName", &account.last)
        .with("Email", &account.email)
        .with("PrincipalID", account.id)
        .with("ScopeID", Uuid::nil())
        .with("Created", account.created)
        .with("UserLevel", account.level)
        // Theirs is signed, and numbers beyond are an error to their readers.
        .with("UserFlags", account.flags.cast_signed())
        .with("UserTitle", &account.title)
        .with("UserCountry", &account.country)
        .with("LocalToGrid", "True")
        .with("ServiceURLs", written_urls(&account.service_urls))
}

fn read(tree: &Tree) -> Result<Account, Malformed> {
    let text = |name| tree.text(name).unwrap_or_default().to_owned();
    Ok(Account {
        id: tree.get("PrincipalID")?,
        first: tree.get("FirstName")?,
        last: tree.get("LastName")?,
        email: text("Email"),
        created: tree.get_optional("Created")?.unwrap_or_default(),
        level: tree.get_optional("UserLevel")?.unwrap_or_default(),
        flags: tree.get_optional("UserFlags")?.map(i32::cast_unsigned).unwrap_or_default(),
        title: text("UserTitle"),
        country: text("UserCountry"),
        service_urls: read_urls(&text("ServiceURLs")),
    })
}

/// `name*address;name*address;`.
fn written_urls(urls: &BTreeMap<String, String>) -> String {
    urls.iter().map(|(name, url)| format!("{name}*{url};")).collect()
}

fn read_urls(text: &str) -> BTreeMap<String, String> {
    let entries = text.split(';').filter_map(|entry| entry.split_once('*'));
    entries.map(|(name, url)| (name.to_owned(), url.to_owned())).collect()
}

/// Answers everything that asks for one account, and [`Call::Set`] and [`Call::Create`] with what it is now.
pub fn write_one(account: Option<&Account>) -> Tree {
    account.map_or_else(Tree::null, |account| Tree::new().with_list("result", to_tree(account)))
}

/// Reads what [`write_one`] wrote.
pub fn read_one(answer: &Tree) -> Result<Option<Account>, Malformed> {
    answer.found()?.map(read).transpose()
}

/// Answers [`Call::Search`] and [`Call::ByIds`].
pub fn write_many<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Tree {
    Tree::numbered("account", accounts.into_iter().map(to_tree))
}

/// Reads what [`write_many`] wrote.
pub fn read_many(answer: &Tree) -> Result<Vec<Account>, Malformed> {
    answer.found_many()?.into_iter().map(read).collect()
}
