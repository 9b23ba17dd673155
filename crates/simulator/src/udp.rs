//! A region's UDP socket, read and written in batches: one system call for up to [`BATCH`] datagrams where the
//! platform has such a call, one for each elsewhere. No task, lock or allocation per datagram.

#[cfg(target_os = "linux")]
#[path = "udp/linux.rs"]
mod platform;
#[cfg(not(target_os = "linux"))]
#[path = "udp/portable.rs"]
mod platform;

use std::io;
use std::net::SocketAddr;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams in one system call.
pub(crate) const BATCH: usize = 32;
/// Longest datagram that is taken; viewers send 1,200 bytes and less. What is longer is cut off by the system,
/// counted and thrown away.
pub(crate) const MAX_DATAGRAM: usize = 4096;
/// What the kernel is asked to hold for a region that is busy, in bytes. It may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What came of reading one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Received {
    /// Datagrams handed over.
    pub(crate) datagrams: usize,
    /// Datagrams longer than [`MAX_DATAGRAM`], thrown away.
    pub(crate) oversized: usize,
}

/// The socket of one region.
#[derive(Debug)]
pub(crate) struct RegionSocket {
    socket: UdpSocket,
}

impl RegionSocket {
    /// Binds a port.
    ///
    /// # Errors
    /// What the system says, for instance that the port is in use.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        platform::enlarge_receive_buffer(&socket, RECEIVE_BUFFER);
        Ok(Self { socket })
    }

    #[cfg(test)]
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits until there is something to receive.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Waits until there is room to send.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads at most one batch without waiting and shows each datagram to `each`.
    ///
    /// # Errors
    /// What the system says, save that nothing was there.
    pub(crate) fn receive(&self, mut each: impl FnMut(SocketAddr, &[u8])) -> io::Result<Received> {
        let mut received = Received::default();
        let read = self.socket.try_io(Interest::READABLE, || {
            let full = platform::receive(&self.socket, &mut received, &mut each)?;
            // Less than a batch means that the queue is empty. Saying so saves the call that would only find that
            // out; a datagram that comes in between sets the readiness anew.
            if full { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        match read {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(received),
        }
    }

    /// The same, also if the runtime does not know that something is there: after a pause of the whole process its
    /// timers may ring before it has looked.
    ///
    /// # Errors
    /// As `receive`.
    pub(crate) fn receive_unasked(&self, mut each: impl FnMut(SocketAddr, &[u8])) -> io::Result<Received> {
        let mut received = Received::default();
        match platform::receive(&self.socket, &mut received, &mut each) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(received),
        }
    }
}

/// Datagrams on their way out: filled, then flushed. Its buffers are used again and again.
#[derive(Debug, Default)]
pub(crate) struct SendBatch {
    buffers: Vec<Vec<u8>>,
    addresses: Vec<SocketAddr>,
    /// Those before are sent.
    sent: usize,
}

/// What came of a flush.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flushed {
    /// Datagrams that the system took.
    pub(crate) sent: usize,
    /// Datagrams that it refused (no route, for instance): gone, as if lost on the way.
    pub(crate) failed: usize,
    /// The socket's buffer is full; the rest waits.
    pub(crate) blocked: bool,
}

impl SendBatch {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Whether a batch has come together.
    pub(crate) fn is_full(&self) -> bool {
        self.addresses.len() >= BATCH
    }

    /// Adds what `fill` writes into the buffer, if it names an address.
    pub(crate) fn push(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> Option<SocketAddr>) -> bool {
        let at = self.addresses.len();
        if self.buffers.len() == at {
            self.buffers.push(Vec::new());
        }
        let buffer = &mut self.buffers[at];
        buffer.clear();
        let Some(to) = fill(buffer) else { return false };
        self.addresses.push(to);
        true
    }

    /// Sends as much as the socket takes.
    pub(crate) fn flush(&mut self, socket: &RegionSocket) -> Flushed {
        let mut flushed = Flushed::default();
        while self.sent < self.addresses.len() {
            let (buffers, addresses) =
                (&self.buffers[self.sent..self.addresses.len()], &self.addresses[self.sent..]);
            let done = socket
                .socket
                .try_io(Interest::WRITABLE, || platform::send(&socket.socket, buffers, addresses));
            match done {
                Ok(sent) => {
                    self.sent += sent;
                    flushed.sent += sent;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    flushed.blocked = true;
                    return flushed;
                }
                // An address that cannot be reached must not hold up the others.
                Err(error) => {
                    tracing::debug!(to = %self.addresses[self.sent], %error, "a datagram was not sent");
                    self.sent += 1;
                    flushed.failed += 1;
                }
            }
        }
        self.addresses.clear();
        self.sent = 0;
        flushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (RegionSocket, std::net::UdpSocket, SocketAddr) {
        let region = RegionSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = region.local_addr().unwrap();
        (region, std::net::UdpSocket::bind("127.0.0.1:0").unwrap(), address)
    }

    #[tokio::test]
    async fn every_datagram_of_several_batches_arrives_once_and_in_order() {
        let (region, viewer, address) = pair();
        let count = u16::try_from(BATCH * 2 + 5).unwrap();
        for n in 0..count {
            viewer.send_to(&n.to_be_bytes(), address).unwrap();
        }
        let mut got = Vec::new();
        while got.len() < usize::from(count) {
            region.readable().await.unwrap();
            region
                .receive(|from, bytes| {
                    assert_eq!(from, viewer.local_addr().unwrap());
                    got.push(u16::from_be_bytes(bytes.try_into().unwrap()));
                })
                .unwrap();
        }
        assert_eq!(got, (0..count).collect::<Vec<_>>());
        assert_eq!(region.receive(|_, _| panic!("nothing was sent")).unwrap(), Received::default());
        assert_eq!(region.receive_unasked(|_, _| panic!("nothing was sent")).unwrap(), Received::default());
        // The readiness that was given up comes back with the next datagram.
        viewer.send_to(b"more", address).unwrap();
        region.readable().await.unwrap();
        assert_eq!(region.receive(|_, bytes| assert_eq!(bytes, b"more")).unwrap().datagrams, 1);
    }

    #[tokio::test]
    async fn an_oversized_datagram_is_counted_and_thrown_away() {
        let (region, viewer, address) = pair();
        viewer.send_to(&[1; MAX_DATAGRAM + 1], address).unwrap();
        viewer.send_to(&[2; MAX_DATAGRAM], address).unwrap();
        let mut total = Received::default();
        while total.datagrams + total.oversized < 2 {
            region.readable().await.unwrap();
            let received = region.receive(|_, bytes| assert_eq!(bytes, [2; MAX_DATAGRAM])).unwrap();
            total.datagrams += received.datagrams;
            total.oversized += received.oversized;
        }
        assert_eq!(total, Received { datagrams: 1, oversized: 1 });
    }

    #[tokio::test]
    async fn a_batch_goes_out_and_its_buffers_are_used_again() {
        let (region, viewer, _) = pair();
        let to = viewer.local_addr().unwrap();
        // The first readiness has to come round by the reactor.
        region.writable().await.unwrap();
        let mut batch = SendBatch::default();
        for round in 0..2u8 {
            while !batch.is_full() {
                assert!(batch.push(|out| {
                    out.push(round);
                    Some(to)
                }));
            }
            assert!(!batch.push(|_| None));
            let flushed = batch.flush(&region);
            assert_eq!(flushed, Flushed { sent: BATCH, ..Flushed::default() });
            assert!(batch.is_empty());
            let mut buffer = [0; 16];
            for _ in 0..BATCH {
                assert_eq!(viewer.recv(&mut buffer).unwrap(), 1);
                assert_eq!(buffer[0], round);
            }
        }
        assert_eq!(batch.buffers.len(), BATCH + 1);
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_reached_holds_nobody_up() {
        let (region, viewer, _) = pair();
        region.writable().await.unwrap();
        let mut batch = SendBatch::default();
        let to = viewer.local_addr().unwrap();
        // A loopback socket cannot send to the world: the system refuses.
        for address in ["203.0.113.1:9".parse().unwrap(), to] {
            batch.push(|out| {
                out.push(7);
                Some(address)
            });
        }
        let flushed = batch.flush(&region);
        assert_eq!(flushed.sent + flushed.failed, 2);
        assert_eq!(viewer.recv(&mut [0; 4]).unwrap(), 1);
    }
}
