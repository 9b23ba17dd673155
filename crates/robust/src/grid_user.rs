//! `/griduser`: what the grid remembers of people between sessions (grid services fact sheet, section 4).

use crate::{Form, Malformed, Tree, Uui, Wording, date, text};
use model::{RegionId, Vec3};
use services::{GridUser, Place};

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::SMALL;

/// What the service is asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Call {
    /// A login succeeded.
    LoggedIn(Uui),
    /// A session ended.
    LoggedOut(Uui, Place),
    /// Home is there.
    SetHome(Uui, Place),
    /// Somebody was seen there.
    SetPosition(Uui, Place),
    /// What is remembered?
    Get(Uui),
    /// What is remembered of several?
    GetMany(Vec<Uui>),
}

impl Call {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let user = || form.get("UserID");
        Ok(match form.required("METHOD")? {
            "loggedin" => Self::LoggedIn(user()?),
            "loggedout" => Self::LoggedOut(user()?, place(form)?),
            "sethome" => Self::SetHome(user()?, place(form)?),
            "setposition" => Self::SetPosition(user()?, place(form)?),
            "getgriduserinfo" => Self::Get(user()?),
            "getgriduserinfos" => Self::GetMany(form.get_list("AgentIDs")?),
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        let about = |method: &str, user: &Uui| Form::versioned(method).with("UserID", user);
        match self {
            Self::LoggedIn(user) => about("loggedin", user),
            Self::LoggedOut(user, place) => with_place(about("loggedout", user), place),
            Self::SetHome(user, place) => with_place(about("sethome", user), place),
            Self::SetPosition(user, place) => with_place(about("setposition", user), place),
            Self::Get(user) => about("getgriduserinfo", user),
            Self::GetMany(users) => Form::versioned("getgriduserinfos").with_list("AgentIDs", users),
        }
    }
}

fn place(form: &Form) -> Result<Place, Malformed> {
    Ok(Place {
        region: form.get("RegionID")?,
        position: form.get_optional("Position")?.unwrap_or(Vec3::ZERO),
        look_at: form.get_optional("LookAt")?.unwrap_or(Vec3::ZERO),
    })
}

fn with_place(form: Form, place: &Place) -> Form {
    let form = form.with("RegionID", place.region);
    form.with("Position", text::vector(place.position)).with("LookAt", text::vector(place.look_at))
}

fn to_tree(user: &GridUser) -> Tree {
    let nowhere = Place { region: RegionId::NULL, position: Vec3::ZERO, look_at: Vec3::ZERO };
    let (home, last) = (user.home.unwrap_or(nowhere), user.last.unwrap_or(nowhere));
    Tree::new()
        .with("UserID", user.agent)
        .with("HomeRegionID", home.region)
        .with("HomePosition", text::vector(home.position))
        .with("HomeLookAt", text::vector(home.look_at))
        .with("LastRegionID", last.region)
        .with("LastPosition", text::vector(last.position))
        .with("LastLookAt", text::vector(last.look_at))
        .with("Online", text::boolean(user.online))
        .with("Login", date::written(user.login))
        .with("Logout", date::written(user.logout))
}

fn read(tree: &Tree) -> Result<GridUser, Malformed> {
    let place = |region, position, look_at| -> Result<Option<Place>, Malformed> {
        let place = Place {
            region: tree.get_optional(region)?.unwrap_or_default(),
            position: tree.get_optional(position)?.unwrap_or(Vec3::ZERO),
            look_at: tree.get_optional(look_at)?.unwrap_or(Vec3::ZERO),
        };
        Ok((!place.region.is_null()).then_some(place))
    };
    Ok(GridUser {
        agent: tree.get::<Uui>("UserID")?.id,
        home: place("HomeRegionID", "HomePosition", "HomeLookAt")?,
        last: place("LastRegionID", "LastPosition", "LastLookAt")?,
        online: tree.get_optional("Online")?.unwrap_or_default(),
        login: date::read(tree.text("Login").unwrap_or_default()),
        logout: date::read(tree.text("Logout").unwrap_or_default()),
    })
}

/// Answers [`Call::LoggedIn`] and [`Call::Get`]: nothing remembered is a failure here.
pub fn write_one(user: Option<&GridUser>) -> Tree {
    user.map_or_else(|| WORDING.failure(), |user| Tree::new().with_list("result", to_tree(user)))
}

/// Reads what [`write_one`] wrote.
pub fn read_one(answer: &Tree) -> Result<Option<GridUser>, Malformed> {
    match answer.found() {
        Err(Malformed::Failure(_)) => Ok(None),
        found => found?.map(read).transpose(),
    }
}

/// Answers [`Call::GetMany`].
pub fn write_many<'a>(users: impl IntoIterator<Item = &'a GridUser>) -> Tree {
    Tree::numbered("griduser", users.into_iter().map(to_tree))
}

/// Reads what [`write_many`] wrote.
pub fn read_many(answer: &Tree) -> Result<Vec<GridUser>, Malformed> {
    answer.found_many()?.into_iter().map(read).collect()
}
