use super::*;
use arbtest::arbitrary::{Result, Unstructured};
use model::{AgentId, Uuid};

const RECORDED: &[u8] = include_bytes!("../../golden/asset-0.7.6.1.xml");

#[test]
fn a_recorded_asset_is_understood() {
    let asset = read_asset(RECORDED).unwrap();
    let id = AssetId(Uuid::from_u128(0x5748_decc_f629_461c_9a36_a35a_221f_e21f));
    let expected = AssetMetadata {
        id,
        kind: asset_type::TEXTURE,
        name: "Blank Texture".into(),
        creator: services::library::OWNER,
        ..AssetMetadata::default()
    };
    assert_eq!(asset.metadata, expected);
    assert!(asset.data.starts_with(b"\xFF\x4F\xFF\x51") && asset.data.ends_with(b"\xFF\xD9"));
}

/// Names of the elements inside a document, in their order, and their texts.
fn elements(document: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::new(document).unwrap();
    reader.root("AssetBase").unwrap();
    let mut elements = Vec::new();
    while let Some(element) = reader.element().unwrap() {
        elements.push((element.name.to_owned(), reader.text().unwrap().trim().to_owned()));
    }
    elements
}

#[test]
fn what_we_write_is_what_was_recorded_and_the_later_versions_one_element_more() {
    let mut ours = elements(write_asset(&read_asset(RECORDED).unwrap()).as_bytes());
    let more = ours.remove(6);
    assert_eq!(more, ("UploadAttempts".into(), "0".into()));
    assert_eq!(ours, elements(RECORDED));
}

#[test]
fn single_values_are_those_that_were_recorded() {
    // Their lengths are recorded, not all of their text: 66 and 95 bytes with a mark at the start and a line's end.
    let recorded = |rest: &str| format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{rest}");
    let no = recorded("<boolean>false</boolean>");
    let id = recorded("<string>ba8e9afa-7bee-4033-8c21-421cb34ac0d0</string>");
    assert_eq!((no.len(), id.len()), (66, 95));
    assert_eq!(read_boolean(no.as_bytes()), Ok(false));
    assert_eq!(read_string(id.as_bytes()).as_deref(), Ok("ba8e9afa-7bee-4033-8c21-421cb34ac0d0"));
    assert!(no.ends_with(write_boolean(false).split_once("?>").unwrap().1));
}

fn any_metadata(u: &mut Unstructured<'_>) -> Result<AssetMetadata> {
    let text = |u: &mut Unstructured<'_>| -> Result<String> {
        Ok(u.arbitrary::<String>()?.replace(|c: char| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'), ""))
    };
    Ok(AssetMetadata {
        id: AssetId(Uuid::from_u128(u.arbitrary()?)),
        kind: u.arbitrary()?,
        name: text(u)?,
        description: text(u)?,
        creator: AgentId(Uuid::from_u128(u.arbitrary()?)),
        created: u.arbitrary::<u32>()?.into(),
        flags: AssetFlags::from_bits_truncate(u.arbitrary()?),
        temporary: u.arbitrary()?,
        local: u.arbitrary()?,
    })
}

#[test]
fn any_asset_is_read_as_it_was_written() {
    arbtest::arbtest(|u| {
        let metadata = any_metadata(u)?;
        assert_eq!(read_metadata(write_metadata(&metadata).as_bytes()), Ok(metadata.clone()));
        let data: Vec<u8> = u.arbitrary()?;
        // An asset's document does not say when it was made.
        let asset = Asset { metadata: AssetMetadata { created: 0, ..metadata }, data: data.into() };
        assert_eq!(read_asset(write_asset(&asset).as_bytes()), Ok(asset));
        Ok(())
    });
}

#[test]
fn any_array_is_read_as_it_was_written() {
    arbtest::arbtest(|u| {
        let values: Vec<bool> = u.arbitrary()?;
        assert_eq!(read_booleans(write_booleans(&values).as_bytes()).as_ref(), Ok(&values));
        let ids: Vec<_> = (0..values.len() as u128).map(|n| AssetId(Uuid::from_u128(n))).collect();
        assert_eq!(read_ids(write_strings(&ids).as_bytes()), Ok(ids));
        Ok(())
    });
}

#[test]
fn any_bytes_are_an_asset_or_none() {
    arbtest::arbtest(|u| {
        let mut document = b"<AssetBase>".to_vec();
        for _ in 0..u.int_in_range(0..=20)? {
            let pieces: [&[u8]; 10] = [
                b"<Data>",
                b"</Data>",
                b"AA==",
                b"<FullID>",
                b"<Guid>x</Guid>",
                b"</FullID>",
                b"<Type>1</Type>",
                b"<Flags/>",
                b"<ID>1</ID>",
                b"<",
            ];
            document.extend_from_slice(u.choose(&pieces)?);
        }
        document.extend_from_slice(b"</AssetBase>");
        if let Ok(asset) = read_asset(&document) {
            assert_eq!(read_asset(write_asset(&asset).as_bytes()), Ok(asset));
        }
        let bytes: Vec<u8> = u.arbitrary()?;
        let read = [read_asset(&bytes).is_ok(), read_ids(&bytes).is_ok(), read_boolean(&bytes).is_ok()];
        assert_eq!(read, [false; 3]);
        Ok(())
    });
}

#[test]
fn what_makes_no_sense_is_named_and_what_is_unknown_passed_over() {
    let read = |inside: &str| read_asset(format!("<AssetBase>{inside}</AssetBase>").as_bytes());
    for (inside, name) in [
        ("<Type>x</Type>", "Type"),
        ("<Data>*</Data>", "Data"),
        ("<Local>perhaps</Local>", "Local"),
        ("<FullID><Guid>x</Guid></FullID>", "FullID"),
    ] {
        assert_eq!(read(inside), Err(Malformed::odd(name)));
    }
    let id = "00000000-0000-0000-0000-000000000007";
    let far = format!(
        "<Flags>Maptile Unheard Collectable</Flags><ID>http://far/{id}</ID><FullID><Guid>{id}</Guid></FullID>\
         <CreatorID>{id};http://far/;A B</CreatorID><Data> AQ\n ID </Data><New><Deep/></New>"
    );
    let asset = read(&far).unwrap();
    assert_eq!(asset.metadata.id, AssetId(Uuid::from_u128(7)));
    assert_eq!(asset.metadata.flags, AssetFlags::MAPTILE | AssetFlags::COLLECTABLE);
    assert_eq!((asset.metadata.creator, &*asset.data), (AgentId(Uuid::from_u128(7)), &[1, 2, 3][..]));
    assert_eq!(read_ids(write_strings(["x"]).as_bytes()), Ok(vec![AssetId::NULL]));
}

#[test]
fn questions_are_bounded() {
    let many = write_booleans(&vec![true; IDS_MAX + 1]);
    assert_eq!(read_booleans(many.as_bytes()), Err(Malformed::TooMuch("values in an array")));
    assert!(matches!(read_asset(&vec![b' '; BYTES_MAX + 1]), Err(Malformed::Xml(_))));
    let large = Asset { metadata: AssetMetadata::default(), data: vec![7; 9 << 20].into() };
    assert_eq!(read_asset(write_asset(&large).as_bytes()), Ok(large));
    let (name, data) = ("\u{1f41a}".repeat(64), vec![7; services::ASSET_BYTES_MAX].into());
    let metadata = AssetMetadata { description: name.clone(), name, ..AssetMetadata::default() };
    assert!(write_asset(&Asset { metadata, data }).len() <= BYTES_MAX, "the longest fits");
}
