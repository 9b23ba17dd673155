use super::{LoginFailure, StartLocation};
use llsd::Value;
use services::ViewerPassword;

/// Characters kept of what a viewer says about itself.
const TEXT_CHARS: usize = 128;
/// Last name of people who registered with one name.
const ONE_NAME: &str = "Resident";

/// A login, in whichever encoding it came (login fact sheet, section 2). Unknown fields are ignored, and so are the
/// options: a response has all blocks, since viewers skip what they did not ask for.
#[derive(Clone, PartialEq, Debug)]
pub struct LoginRequest {
    /// First name, as typed.
    pub first: String,
    /// Last name, as typed.
    pub last: String,
    /// The password.
    pub password: ViewerPassword,
    /// Where to begin.
    pub start: StartLocation,
    /// The viewer's release channel.
    pub channel: String,
    /// The viewer's version.
    pub version: String,
    /// Its operating system: `win`, `mac`, `lnx`.
    pub platform: String,
    /// Hash of its network hardware address.
    pub mac: String,
    /// Hash of its disk serial number.
    pub id0: String,
    /// The user agrees to the terms.
    pub agrees: bool,
}

impl LoginRequest {
    /// Reads the one parameter of the XML-RPC call, or the LLSD document.
    ///
    /// # Errors
    /// Name or password are missing.
    pub fn read(value: &Value) -> Result<Self, LoginFailure> {
        let text = |key: &str| -> String { value[key].as_str().trim().chars().take(TEXT_CHARS).collect() };
        let (mut first, mut last) = (text("first"), text("last"));
        if first.is_empty() {
            // "First Last", "first.last" or one name.
            let name = text("username");
            let (given, family) = name.split_once([' ', '.']).unwrap_or((&name, ONE_NAME));
            (first, last) = (given.trim().to_owned(), family.trim().to_owned());
        }
        if last.is_empty() {
            last = ONE_NAME.to_owned();
        }
        let password = value["passwd"].as_str();
        if first.is_empty() || password.is_empty() {
            return Err(LoginFailure::wrong_name_or_password());
        }
        Ok(Self {
            first,
            last,
            password: ViewerPassword::parse(&password),
            start: StartLocation::parse(&value["start"].as_str()),
            channel: text("channel"),
            version: text("version"),
            platform: text("platform"),
            mac: text("mac"),
            id0: text("id0"),
            agrees: yes(&value["agree_to_tos"]),
        })
    }

    /// Name and version of the viewer, as regions are told.
    pub fn viewer(&self) -> String {
        format!("{} {}", self.channel, self.version).trim().to_owned()
    }
}

/// What clients say for yes: a boolean, a number, or a word.
fn yes(value: &Value) -> bool {
    match value {
        Value::String(word) => {
            word.eq_ignore_ascii_case("true") || word == "1" || word.eq_ignore_ascii_case("y")
        }
        value => value.as_bool(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llsd::{array, map};

    #[test]
    fn scalars_of_any_type_will_do() {
        let request = LoginRequest::read(&map! {
            "first" => "Ada", "last" => " Lovelace ", "passwd" => 1234, "start" => "home", "version" => 1.5,
            "channel" => "Viewer", "options" => array!["inventory-root"], "agree_to_tos" => true,
        })
        .unwrap();
        assert_eq!((request.first.as_str(), request.last.as_str()), ("Ada", "Lovelace"));
        assert_eq!(request.password, ViewerPassword::from_plain("1234"));
        assert_eq!(request.start, StartLocation::Home);
        assert_eq!(request.viewer(), "Viewer 1.5");
        assert!(request.agrees);
    }

    #[test]
    fn yes_has_many_forms() {
        for (value, agrees) in [
            (Value::from(true), true),
            (Value::from(1), true),
            (Value::from("true"), true),
            (Value::from("1"), true),
            (Value::from(0), false),
            (Value::from("false"), false),
            (Value::from("0"), false),
            (Value::Undefined, false),
        ] {
            assert_eq!(yes(&value), agrees, "{value:?}");
        }
    }

    #[test]
    fn one_name_is_a_residents() {
        let names = |value: Value| LoginRequest::read(&value).map(|request| (request.first, request.last));
        let pair = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        assert_eq!(names(map! { "first" => "Ada", "passwd" => "x" }), pair("Ada", "Resident"));
        assert_eq!(names(map! { "username" => "Ada", "passwd" => "x" }), pair("Ada", "Resident"));
        assert_eq!(names(map! { "username" => "ada.lovelace", "passwd" => "x" }), pair("ada", "lovelace"));
        assert_eq!(names(map! { "username" => "Ada Lovelace", "passwd" => "x" }), pair("Ada", "Lovelace"));
    }

    #[test]
    fn without_name_or_password_nobody_is_asked() {
        for value in
            [map! {}, map! { "first" => "Ada" }, map! { "passwd" => "x" }, array![1], Value::Undefined]
        {
            assert_eq!(LoginRequest::read(&value), Err(LoginFailure::wrong_name_or_password()));
        }
    }
}
