//! `recvmmsg` and `sendmmsg`, through the safe interface of nix.

use super::{BATCH, MAX_DATAGRAM, Received};
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt::RcvBuf,
};
use std::array;
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use tokio::net::UdpSocket;

/// What a batch needs. One for each worker thread and not for each region: a batch begins and ends without waiting.
struct Scratch {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[u8]>,
}

thread_local! {
    static INBOUND: RefCell<Scratch> = RefCell::new(Scratch {
        headers: MultiHeaders::preallocate(BATCH, None),
        buffers: vec![0; BATCH * MAX_DATAGRAM].into_boxed_slice(),
    });
    static OUTBOUND: RefCell<MultiHeaders<SockaddrStorage>> =
        RefCell::new(MultiHeaders::preallocate(BATCH, None));
}

/// Asks for a larger receive buffer; whatever the system gives is good.
pub(super) fn enlarge_receive_buffer(socket: &UdpSocket, bytes: usize) {
    if let Err(error) = setsockopt(socket, RcvBuf, &bytes) {
        tracing::debug!(%error, "the receive buffer stays as it is");
    }
}

/// Reads one batch. True: it was full, there may be more.
pub(super) fn receive(
    socket: &UdpSocket,
    received: &mut Received,
    each: &mut impl FnMut(SocketAddr, &[u8]),
) -> io::Result<bool> {
    INBOUND.with_borrow_mut(|Scratch { headers, buffers }| {
        let mut origins = [(0, None); BATCH];
        let mut count = 0;
        {
            let mut chunks = buffers.chunks_exact_mut(MAX_DATAGRAM);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_DONTWAIT;
            for message in recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None)? {
                let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
                origins[count] =
                    (message.bytes, message.address.as_ref().and_then(address).filter(|_| whole));
                count += 1;
            }
        }
        for (bytes, (length, from)) in buffers.chunks_exact(MAX_DATAGRAM).zip(&origins[..count]) {
            match (from, bytes.get(..*length)) {
                (Some(from), Some(bytes)) => {
                    received.datagrams += 1;
                    each(*from, bytes);
                }
                _ => received.oversized += 1,
            }
        }
        Ok(count == BATCH)
    })
}

/// Sends up to one batch; how many the system took.
pub(super) fn send(socket: &UdpSocket, buffers: &[Vec<u8>], addresses: &[SocketAddr]) -> io::Result<usize> {
    OUTBOUND.with_borrow_mut(|headers| {
        let count = buffers.len().min(addresses.len()).min(BATCH);
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            array::from_fn(|i| [IoSlice::new(buffers.get(i).map_or(&[][..], |buffer| buffer))]);
        let to: [Option<SockaddrStorage>; BATCH] =
            array::from_fn(|i| addresses.get(i).map(|&address| address.into()));
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(socket.as_raw_fd(), headers, &slices[..count], &to[..count], [], flags)?;
        Ok(sent.count())
    })
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddrV4::from(*v4).into()),
        (_, Some(v6)) => Some(SocketAddrV6::from(*v6).into()),
        _ => None,
    }
}
