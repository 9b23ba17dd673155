//! The mute list, as viewers fetch and change it.

use super::*;
use services::Mute;

/// What Ada's viewer gets when it asks for the list: names of messages, and the file.
fn fetch(town: &mut Town) -> (Vec<&'static str>, Vec<u8>) {
    let agent_data = m::mute_list_request::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
    let mute_data = m::mute_list_request::MuteData { mute_crc: 5 };
    town.got.clear();
    town.say(ADA, &m::MuteListRequest { agent_data, mute_data });
    let (mut names, mut file) = (Vec::new(), Vec::new());
    while let Some(got) = town.got.remove(&ADA) {
        for body in got {
            match Message::decode(&body).unwrap() {
                Message::MuteListUpdate(update) => {
                    let xfer_id = m::request_xfer::XferID {
                        id: 99,
                        filename: update.mute_data.filename,
                        file_path: 4,
                        delete_on_completion: true,
                        use_big_packets: false,
                        v_file_id: Uuid::nil(),
                        v_file_type: -1,
                    };
                    names.push("MuteListUpdate");
                    town.say(ADA, &m::RequestXfer { xfer_id });
                }
                Message::SendXferPacket(packet) => {
                    names.push("SendXferPacket");
                    file.extend_from_slice(packet.data_packet.data);
                    let (id, packet) = (packet.xfer_id.id, packet.xfer_id.packet);
                    let xfer_id = m::confirm_xfer_packet::XferID { id, packet };
                    town.say(ADA, &m::ConfirmXferPacket { xfer_id });
                }
                Message::UseCachedMuteList(_) => names.push("UseCachedMuteList"),
                Message::GenericMessage(generic) => {
                    assert_eq!(generic.method_data.method, b"emptymutelist\0");
                    names.push("emptymutelist");
                }
                Message::AbortXfer(_) => names.push("AbortXfer"),
                _ => {}
            }
        }
    }
    (names, file)
}

#[test]
fn a_viewer_fetches_the_list_that_it_does_not_have() {
    let mut town = Town::with_bob_in(1);
    let file: Vec<u8> = (0..2500).map(|n| n as u8).collect();
    town.answers.push(Ok(SocialReply::Mutes(Some(file.clone().into()))));
    let (names, got) = fetch(&mut town);
    assert_eq!(town.asked, [SocialCall::Mutes { agent: ADA, crc: 5 }]);
    assert_eq!(names, ["MuteListUpdate", "SendXferPacket", "SendXferPacket", "SendXferPacket"]);
    assert_eq!((&got[..4], &got[4..]), (&2500_u32.to_le_bytes()[..], &file[..]));
}

#[test]
fn who_has_the_list_or_can_get_none_uses_it() {
    let mut town = Town::with_bob_in(1);
    for (answer, expected) in [
        (Ok(SocialReply::Mutes(None)), "UseCachedMuteList"),
        (Err(PeerError::TimedOut), "UseCachedMuteList"),
        (Ok(SocialReply::Mutes(Some(Arc::default()))), "emptymutelist"),
    ] {
        town.answers.push(answer);
        assert_eq!(fetch(&mut town), (vec![expected], vec![]));
    }
}

#[test]
fn changes_are_told_to_the_grid() {
    let mut town = Town::with_bob_in(1);
    let muted = Uuid::from_u128(7);
    let agent_data = m::update_mute_list_entry::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
    let mute_data = m::update_mute_list_entry::MuteData {
        mute_id: muted,
        mute_name: b"Bell\0",
        mute_type: 2,
        mute_flags: 0xF000_0001,
    };
    town.say(ADA, &m::UpdateMuteListEntry { agent_data, mute_data });
    let agent_data = m::remove_mute_list_entry::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
    let mute_data = m::remove_mute_list_entry::MuteData { mute_id: muted, mute_name: b"Bell\0" };
    town.say(ADA, &m::RemoveMuteListEntry { agent_data, mute_data });
    let mute = Mute { id: muted, name: "Bell".into(), kind: 2, flags: 0xF000_0001 };
    assert_eq!(
        town.told,
        [
            GridNotice::Mute { agent: ADA, mute },
            GridNotice::Unmute { agent: ADA, id: muted, name: "Bell".into() },
        ]
    );
}
