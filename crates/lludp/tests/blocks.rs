//! Blocks that repeat, may be missing, or hold more than the wire takes.

use lludp::messages::{
    ImprovedInstantMessage, MapBlockReply, ObjectSelect, PacketAck, improved_instant_message,
    map_block_reply, object_select, packet_ack,
};
use lludp::{Blocks, Message, WireMessage};
use model::{Uuid, Vec3};

fn encode<'a>(message: &impl WireMessage<'a>) -> Vec<u8> {
    let mut body = Vec::new();
    message.write(&mut body);
    body
}

fn map_reply<'a>(
    data: &'a [map_block_reply::Data<'a>],
    size: Blocks<'a, map_block_reply::Size>,
) -> MapBlockReply<'a> {
    let agent_data = map_block_reply::AgentData { agent_id: Uuid::nil(), flags: 0 };
    MapBlockReply { agent_data, data: data.into(), size }
}

fn map_data(name: &[u8]) -> map_block_reply::Data<'_> {
    map_block_reply::Data {
        x: 1000,
        y: 1000,
        name,
        access: 13,
        region_flags: 0,
        water_height: 20,
        agents: 0,
        map_image_id: Uuid::nil(),
    }
}

#[test]
fn a_missing_block_stays_missing() {
    let data = [map_data(b"A One\0")];
    let size = [map_block_reply::Size { size_x: 256, size_y: 512 }];
    let without = encode(&map_reply(&data, Blocks::ABSENT));
    let none = encode(&map_reply(&data, Blocks::EMPTY));
    let one = encode(&map_reply(&data, (&size).into()));
    assert_eq!(none, [&without[..], &[0]].concat());
    assert_eq!(one, [&without[..], &[1, 0, 1, 0, 2]].concat());
    for body in [&without, &none, &one] {
        let message = MapBlockReply::decode(body).unwrap();
        assert_eq!(&encode(&message), body);
        assert_eq!(message.data.first(), Some(data[0]));
    }
    let (without, none) = (MapBlockReply::decode(&without).unwrap(), MapBlockReply::decode(&none).unwrap());
    assert!(without.size.is_absent() && !none.size.is_absent());
    assert_eq!(without, none);
}

#[test]
fn what_is_missing_before_something_is_written_as_nothing() {
    let mut message = instant_message();
    let short = encode(&message);
    assert_eq!(ImprovedInstantMessage::decode(&short).unwrap().estate_block, None);
    message.estate_block = Some(improved_instant_message::EstateBlock { estate_id: 0 });
    message.meta_data = Blocks::EMPTY;
    let whole = encode(&message);
    assert_eq!(whole, [&short[..], &[0, 0, 0, 0, 0]].concat());
    message.estate_block = None;
    assert_eq!(encode(&message), whole);
    assert!(ImprovedInstantMessage::decode(&whole[..short.len() + 3]).is_err());
}

fn instant_message() -> ImprovedInstantMessage<'static> {
    ImprovedInstantMessage {
        agent_data: improved_instant_message::AgentData { agent_id: Uuid::nil(), session_id: Uuid::nil() },
        message_block: improved_instant_message::MessageBlock {
            from_group: false,
            to_agent_id: Uuid::nil(),
            parent_estate_id: 1,
            region_id: Uuid::nil(),
            position: Vec3::ZERO,
            offline: 0,
            dialog: 0,
            id: Uuid::nil(),
            timestamp: 0,
            from_agent_name: b"A\0",
            message: b"B\0",
            binary_bucket: b"",
        },
        estate_block: None,
        meta_data: Blocks::ABSENT,
    }
}

#[test]
fn blocks_are_equal_wherever_they_stand() {
    let packets = [packet_ack::Packets { id: 5 }, packet_ack::Packets { id: 7 }];
    let mut bytes = Vec::new();
    PacketAck { packets: (&packets).into() }.encode(&mut bytes);
    let Message::PacketAck(read) = Message::decode(&bytes).unwrap() else { panic!("another message") };
    assert_eq!(read.packets, Blocks::from(&packets));
    assert_ne!(read.packets, Blocks::from(&packets[..1]));
    assert_eq!(read.packets.get(1), Some(packets[1]));
    assert_eq!(read.packets.get(2), None);
    assert_eq!(read.packets.iter().len(), 2);
}

#[test]
fn no_more_are_written_than_can_be_counted() {
    let many = vec![object_select::ObjectData { object_local_id: 7 }; 300];
    let agent_data = object_select::AgentData { agent_id: Uuid::nil(), session_id: Uuid::nil() };
    let message = ObjectSelect { agent_data, object_data: (&many).into() };
    assert_eq!(message.object_data.len(), 255);
    let body = encode(&message);
    let read = ObjectSelect::decode(&body).unwrap();
    assert_eq!(read.object_data.iter().map(|block| block.object_local_id).sum::<u32>(), 255 * 7);
}

#[test]
fn what_is_too_long_is_cut_and_keeps_its_nul() {
    let long = [b'x'; 300];
    let text = [&long[..], b"\0"].concat();
    for (name, last) in [(&long[..], b'x'), (&text, 0)] {
        let data = [map_data(name)];
        let body = encode(&map_reply(&data, Blocks::EMPTY));
        let read = MapBlockReply::decode(&body).unwrap().data.first().unwrap();
        assert_eq!((read.name.len(), read.name[253], read.name[254]), (255, b'x', last));
    }
}

#[test]
fn bytes_left_over_are_ignored() {
    let mut body = encode(&instant_message());
    body.extend([0, 0, 0, 9, 1, 0, 0, 0xEE, 0xEE]);
    assert!(ImprovedInstantMessage::decode(&body).is_ok());
}
