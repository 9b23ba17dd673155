//! Whose a circuit is: who knows session and code, and where they are.

use super::*;

/// Where Ada's circuit is.
fn held(town: &Town) -> SocketAddr {
    town.regions[0].agents[&ADA].link.as_ref().unwrap().address
}

#[test]
fn knowing_the_ids_does_not_take_a_circuit_away() {
    let mut town = Town::with_bob_in(0);
    let thief = SocketAddr::from(([192, 0, 2, 66], 13_000));
    town.open_from(thief, ADA);
    assert_eq!(held(&town), address(ADA));
    assert_eq!(town.regions[0].stats().foreign_addresses, 2);
    town.message(ADA, BOB, 0, "still here");
    assert!(town.heard(BOB).iter().any(|heard| heard.ends_with("still here")));
}

#[test]
fn a_circuit_follows_a_viewer_to_another_port_or_to_where_it_uses_its_capabilities() {
    let mut town = Town::with_bob_in(0);
    let port = SocketAddr::new(address(ADA).ip(), 13_000);
    town.open_from(port, ADA);
    assert_eq!(held(&town), port);

    let caps = town.regions[0].agents[&ADA].caps;
    let moved = SocketAddr::from(([192, 0, 2, 7], 13_000));
    town.put(0, Input::Poll { caps, ack: None, done: false, waiter: Waiter(9), from: moved.ip() });
    assert_eq!(held(&town), port, "only the viewer itself moves it");
    town.open_from(moved, ADA);
    assert_eq!(held(&town), moved);
    assert_eq!(town.regions[0].stats().foreign_addresses, 0);
}

#[test]
fn a_circuit_that_was_closed_is_opened_again_from_where_it_was() {
    let mut town = Town::with_bob_in(0);
    town.regions[0].drop_link(ADA);
    let thief = SocketAddr::from(([192, 0, 2, 66], 13_000));
    town.open_from(thief, ADA);
    assert!(town.regions[0].agents[&ADA].link.is_none());
    town.open_from(address(ADA), ADA);
    assert_eq!(held(&town), address(ADA));
}

#[test]
fn nobody_drives_another_out_by_writing_their_address() {
    let mut town = Town::with_bob_in(0);
    town.regions[0].agents.get_mut(&BOB).unwrap().client.address = Some([192, 0, 2, 66].into());
    town.regions[0].drop_link(BOB);
    town.open_from(address(ADA), BOB);
    assert_eq!(held(&town), address(ADA));
    assert_eq!(town.regions[0].stats().foreign_addresses, 2);
}
