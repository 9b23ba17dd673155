//! What the build makes of `messages.def`, and what it refuses.

#![allow(dead_code, unreachable_pub, reason = "the build uses more of these modules than the tests")]

#[path = "../build/definition.rs"]
mod definition;
#[path = "../build/names.rs"]
mod names;

use definition::{Count, Kind, parse};
use names::{field, snake};

fn refused(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("taken: {text}"))
}

#[test]
fn a_definition_is_read() {
    let text = "# words\nNews low 3 trusted zerocoded eq # more\n  One\n    u8 A B\n    text2 C\n  Many[] late\n    port D\n";
    let [message] = &parse(text).unwrap()[..] else { panic!("not one message") };
    assert_eq!((message.name.as_str(), message.id()), ("News", 0xFFFF_0003));
    assert!(message.trusted && message.zerocoded && message.event_queue && message.borrows());
    let [one, many] = &message.blocks[..] else { panic!("not two blocks") };
    let fields = one.fields.iter().map(|field| (field.name.as_str(), field.kind));
    assert!(fields.eq([("A", Kind::U8), ("B", Kind::U8), ("C", Kind::Text2)]));
    assert!(many.count == Count::Variable && many.late && !one.late);
}

#[test]
fn what_is_not_understood_is_refused() {
    assert_eq!(refused("Ping high"), "1: a message has a name, a frequency and a number");
    assert_eq!(refused("Ping often 1"), "1: unknown frequency often");
    assert_eq!(refused("\nPing high 255"), "2: High numbers are 1 to 254");
    assert_eq!(refused("Ping high 1 loud"), "1: unknown attribute loud");
    assert_eq!(refused("Ping high 1\n  Block[x]"), "2: a count is a number in brackets");
    assert_eq!(refused("Ping high 1\n  Block\n    u9 A"), "3: unknown type u9");
    assert_eq!(refused("Ping high 1\n   Block"), "2: indented by 3, not by 0, 2 or 4");
    assert_eq!(refused("  Block"), "1: a block before the first message");
    assert_eq!(refused("Ping high 1\n    u8 A"), "2: a field before the first block");
    assert_eq!(refused("Ping high 1\nPong high 1"), " Pong: name or number is taken");
    assert_eq!(refused("Ping high 1\n  Block"), " Ping: block Block has no fields");
    let late_first = "Ping high 1\n  A late\n    u8 X\n  B\n    u8 X";
    assert_eq!(refused(late_first), " Ping: late blocks stand at the end, and are no multiples");
}

#[test]
fn wire_names_become_rust_names() {
    let names = [
        ("AgentID", "agent_id"),
        ("RPCServerIP", "rpc_server_ip"),
        ("UUIDNameRequest", "uuid_name_request"),
        ("RegionInfo5", "region_info5"),
        ("TerrainBase0", "terrain_base0"),
        ("PCode", "p_code"),
        ("X", "x"),
    ];
    for (wire, rust) in names {
        assert_eq!(snake(wire), rust);
    }
    assert_eq!(field("Type"), "r#type");
}
