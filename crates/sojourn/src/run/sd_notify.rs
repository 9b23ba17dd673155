//! What a service manager is told: systemd, of a unit with `Type=notify`, and whatever else reads `NOTIFY_SOCKET`.
//! Where nobody listens, nothing is said.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Where it listens: a path, or a name that starts with `@`.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Logins are possible.
pub(super) fn ready() {
    tell("READY=1\n");
}

/// The process is about to end, which takes so long at most.
pub(super) fn stopping(within: Duration) {
    tell(&stopping_words(within));
}

fn stopping_words(within: Duration) -> String {
    format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\n", within.as_micros())
}

fn tell(words: &str) {
    let Some(socket) = env::var_os(SOCKET) else { return };
    if let Err(error) = send(&socket, words) {
        tracing::warn!("{SOCKET} {}: {error}", socket.display());
    }
}

fn send(socket: &OsStr, words: &str) -> io::Result<()> {
    let to = match socket.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(words.as_bytes(), &to).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut words = [0; 256];
        let length = listener.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_with_a_path_hears_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1\n").unwrap();
        assert_eq!(heard(&listener), "READY=1\n");
        assert!(send(folder.path().join("nobody").as_os_str(), "READY=1\n").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_without_a_path_hears_it() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("sojourn-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), &stopping_words(Duration::from_secs(75))).unwrap();
        assert_eq!(heard(&listener), "STOPPING=1\nEXTEND_TIMEOUT_USEC=75000000\n");
    }
}
