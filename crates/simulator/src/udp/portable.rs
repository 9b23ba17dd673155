//! One system call for each datagram, where there is none for many.

use super::{BATCH, MAX_DATAGRAM, Received};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

thread_local! {
    // One byte more than is taken, to tell what was cut off.
    static INBOUND: RefCell<Box<[u8]>> = RefCell::new(vec![0; MAX_DATAGRAM + 1].into_boxed_slice());
}

/// Not offered here.
pub(super) fn enlarge_receive_buffer(_socket: &UdpSocket, _bytes: usize) {}

/// Reads one batch. True: it was full, there may be more.
pub(super) fn receive(
    socket: &UdpSocket,
    received: &mut Received,
    each: &mut impl FnMut(SocketAddr, &[u8]),
) -> io::Result<bool> {
    INBOUND.with_borrow_mut(|buffer| {
        for _ in 0..BATCH {
            match socket.try_recv_from(buffer) {
                Ok((length, from)) if length <= MAX_DATAGRAM => {
                    received.datagrams += 1;
                    each(from, &buffer[..length]);
                }
                Ok(_) => received.oversized += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    })
}

/// Sends the first; how many the system took.
pub(super) fn send(socket: &UdpSocket, buffers: &[Vec<u8>], addresses: &[SocketAddr]) -> io::Result<usize> {
    let (Some(buffer), Some(to)) = (buffers.first(), addresses.first()) else { return Ok(0) };
    socket.try_send_to(buffer, *to).map(|_| 1)
}
