//! What it costs to write and read a page of inventory, the largest document that a viewer asks for, and an answer of
//! the event queue, the most frequent. `cargo bench -p llsd`.

use divan::Bencher;
use divan::counter::BytesCount;
use llsd::{Uuid, Value, array, binary, json, map, notation, xml, xmlrpc};

fn main() {
    divan::main();
}

/// A folder's contents as FetchInventoryDescendents2 answers them.
fn inventory_page(items: u32) -> Value {
    let id = |number: u32| Uuid::from_u128(0x0123_4567_89ab_4def_8123_0000_0000_0000 + u128::from(number));
    let item = |number: u32| {
        map! {
            "agent_id" => id(0),
            "asset_id" => id(number),
            "created_at" => 1_795_169_984,
            "desc" => "(No description) <b> & so on",
            "flags" => 0,
            "inv_type" => 18,
            "item_id" => id(number + 1),
            "name" => format!("Shirt, blue, number {number}"),
            "parent_id" => id(1),
            "permissions" => map! {
                "base_mask" => 0x7fff_ffff,
                "creator_id" => id(2),
                "everyone_mask" => 0,
                "group_id" => Uuid::nil(),
                "group_mask" => 0,
                "is_owner_group" => false,
                "last_owner_id" => id(3),
                "next_owner_mask" => 532_480,
                "owner_id" => id(0),
                "owner_mask" => 0x7fff_ffff,
            },
            "sale_info" => map! { "sale_price" => 10, "sale_type" => 0 },
            "type" => 5,
        }
    };
    map! {
        "bad_folders" => array![],
        "folders" => array![map! {
            "agent_id" => id(0),
            "categories" => array![],
            "descendents" => items,
            "folder_id" => id(1),
            "items" => (0..items).map(item).collect::<Value>(),
            "owner_id" => id(0),
            "version" => 7,
        }],
    }
}

const ITEMS: u32 = 1000;

#[divan::bench]
fn inventory_page_write_xml(bencher: Bencher<'_, '_>) {
    let value = inventory_page(ITEMS);
    bencher.counter(BytesCount::of_str(&xml::write(&value))).bench(|| xml::write(&value));
}

#[divan::bench]
fn inventory_page_parse_xml(bencher: Bencher<'_, '_>) {
    let text = xml::write(&inventory_page(ITEMS));
    bencher.counter(BytesCount::of_str(&text)).bench(|| xml::parse(&text));
}

#[divan::bench]
fn inventory_page_parse_binary(bencher: Bencher<'_, '_>) {
    let bytes = binary::write(&inventory_page(ITEMS));
    bencher.counter(BytesCount::of_slice(&bytes)).bench(|| binary::parse(&bytes));
}

#[divan::bench]
fn inventory_page_parse_notation(bencher: Bencher<'_, '_>) {
    let text = notation::write(&inventory_page(ITEMS));
    bencher.counter(BytesCount::of_str(&text)).bench(|| notation::parse(&text));
}

#[divan::bench]
fn event_write_xml(bencher: Bencher<'_, '_>) {
    let value = enable_simulator();
    let mut text = String::new();
    bencher.bench_local(|| {
        text.clear();
        xml::write_value(&value, &mut text);
        text.len()
    });
}

#[divan::bench]
fn event_parse_xml(bencher: Bencher<'_, '_>) {
    let text = xml::write(&enable_simulator());
    bencher.counter(BytesCount::of_str(&text)).bench(|| xml::parse(&text));
}

fn enable_simulator() -> Value {
    let info = map! {
        "Handle" => Value::from_u64_be(1_099_511_628_032_256),
        "IP" => Value::from_ipv4([127, 0, 0, 1].into()),
        "Port" => 9000,
        "RegionSizeX" => Value::from_u32_be(256),
        "RegionSizeY" => Value::from_u32_be(256),
    };
    map! { "message" => "EnableSimulator", "body" => map! { "SimulatorInfo" => array![info] } }
}

/// A recorded login, of some 150 folders.
const LOGIN: &[u8] = include_bytes!("../golden/login-response-0.7.6.1.xml");
const AGENT: &[u8] = include_bytes!("../golden/update-agent-0.9.2.2.json");

#[divan::bench]
fn login_response_parse_xmlrpc(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(LOGIN)).bench(|| xmlrpc::parse_response(LOGIN));
}

#[divan::bench]
fn login_response_write_xmlrpc(bencher: Bencher<'_, '_>) {
    let value = xmlrpc::parse_response(LOGIN).expect("it was recorded");
    bencher.bench(|| xmlrpc::write_response(&value));
}

#[divan::bench]
fn update_agent_parse_json(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(AGENT)).bench(|| json::parse(AGENT));
}

#[divan::bench]
fn update_agent_write_json(bencher: Bencher<'_, '_>) {
    let value = json::parse(AGENT).expect("it was recorded");
    bencher.bench(|| json::write(&value));
}
