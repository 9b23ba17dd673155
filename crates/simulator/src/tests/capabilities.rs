use super::*;
use llsd::{array, map};
use model::{AssetId, ItemId};

#[tokio::test]
async fn the_seed_grants_what_there_is_and_nothing_else() {
    let running = Running::start(1).await;
    let seed = running.login(ADA).await;
    let mut client = running.client().await;
    let asked = array!["EventQueueGet", "InventoryAPIv3", "NoSuch", "ViewerAsset", 5];
    for _ in 0..2 {
        let granted = client.post(&seed, &asked).await.llsd();
        assert_eq!(granted.as_map().keys().collect::<Vec<_>>(), ["EventQueueGet", "ViewerAsset"]);
        for url in granted.as_map().values() {
            assert!(url.text().unwrap().starts_with("http://127.0.0.1:80/CAPS/"));
        }
    }
    assert_eq!(client.request("POST", &seed, "", b"<llsd>").await.status, 400);
    assert_eq!(client.get(&seed).await.status, 404);
    let unknown = format!("/CAPS/{}0000/", Uuid::from_u128(5));
    assert_eq!(client.post(&unknown, &asked).await.status, 404);
    running.end_session(ADA).await;
    assert_eq!(client.post(&seed, &asked).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn inventory_is_the_agents_own() {
    let running = Running::start(1).await;
    let names = ["FetchInventoryDescendents2", "CreateInventoryCategory", "FetchInventory2"];
    let caps = running.granted(ADA, &names).await;
    let mut client = running.client().await;
    let new = Uuid::from_u128(77);
    let made =
        map! { "folder_id" => new, "parent_id" => ROOT.0, "type" => -1, "name" => "Odds & <Ends>\u{1}" };
    let made = client.post(&caps[1], &made).await.llsd();
    assert_eq!(made["folder_id"].as_uuid(), new);
    assert_eq!(made["name"].as_str(), "Odds & <Ends>");

    let wanted = |id: Uuid, owner: AgentId| map! { "folder_id" => id, "owner_id" => owner.0 };
    let unknown = Uuid::from_u128(99);
    let folders = array![wanted(ROOT.0, ADA), wanted(unknown, ADA), wanted(Uuid::nil(), ADA)];
    let answer = client.post(&caps[0], &map! { "folders" => folders }).await.llsd();
    let root = &answer["folders"][0];
    assert_eq!(root["descendents"].as_i32(), 1);
    assert_eq!(root["version"].as_i32(), 3);
    assert_eq!(root["categories"][0]["category_id"].as_uuid(), new);
    assert_eq!(answer["folders"].as_array().len(), 2);
    assert_eq!(answer["bad_folders"][0]["folder_id"].as_uuid(), unknown);

    let theirs = running.granted(ALAN, &["FetchInventoryDescendents2"]).await;
    for owner in [ADA, ALAN] {
        let asked = map! { "folders" => array![wanted(ROOT.0, owner)] };
        let answer = client.post(&theirs[0], &asked).await.llsd();
        assert!(answer["folders"].as_array().is_empty());
        assert_eq!(answer["bad_folders"].as_array().len(), 1);
    }
    running.stop().await;
}

fn item(n: u128, folder: FolderId, kind: i32, asset: u128) -> services::InventoryItem {
    services::InventoryItem {
        id: ItemId(Uuid::from_u128(n)),
        owner: ADA,
        folder,
        asset: AssetId(Uuid::from_u128(asset)),
        asset_type: kind,
        inventory_type: services::inventory_type::NOTECARD,
        name: format!("Item {n}"),
        description: String::new(),
        creator: ADA,
        creator_data: String::new(),
        created: 0,
        flags: 0,
        permissions: services::Permissions::FULL,
        sale: services::SaleInfo::default(),
        group: Uuid::nil(),
        group_owned: false,
    }
}

#[tokio::test]
async fn what_links_point_to_comes_with_them_and_is_asked_for_once() {
    let running = Running::start(1).await;
    let folders: Vec<_> = (1..=20).map(|n| FolderId(Uuid::from_u128(n))).collect();
    for (n, &id) in folders.iter().enumerate() {
        let kind = services::asset_type::LINK;
        let name = format!("Outfit {n}");
        let folder = InventoryFolder { id, owner: ADA, parent: ROOT, name, kind: 47, version: 1 };
        running.grid.folders.lock().unwrap().push(folder);
        let mut items = running.grid.items.lock().unwrap();
        items.push(item(100 + n as u128, id, kind, 1000 + n as u128));
        items.push(item(200 + n as u128, id, kind, 5000));
        items.push(item(1000 + n as u128, ROOT, services::asset_type::NOTECARD, 1));
    }
    running.grid.items.lock().unwrap().push(item(5000, ROOT, services::asset_type::NOTECARD, 1));
    let caps = running.granted(ADA, &["FetchInventoryDescendents2"]).await;
    let wanted: Value = folders.iter().map(|id| map! { "folder_id" => id.0, "owner_id" => ADA.0 }).collect();
    let before = running.grid.item_questions.load(std::sync::atomic::Ordering::Relaxed);
    let answer = running.client().await.post(&caps[0], &map! { "folders" => wanted }).await.llsd();
    for (n, folder) in answer["folders"].as_array().iter().enumerate() {
        let ids: Vec<_> = folder["items"].as_array().iter().map(|item| item["item_id"].as_uuid()).collect();
        let n = n as u128;
        assert_eq!(ids, [1000 + n, 5000, 100 + n, 200 + n].map(Uuid::from_u128));
        assert_eq!(folder["descendents"].as_i32(), 2);
    }
    assert_eq!(answer["folders"].as_array().len(), 20);
    let after = running.grid.item_questions.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(after - before, 1);
    running.stop().await;
}

#[tokio::test]
async fn new_content_is_all_that_an_upload_changes_and_goes_with_its_agent() {
    let running = Running::start(1).await;
    let note = item(7, ROOT, services::asset_type::NOTECARD, 1);
    running.grid.items.lock().unwrap().push(note.clone());
    let caps = running.granted(ADA, &["UpdateNotecardAgentInventory"]).await;
    let mut client = running.client().await;
    let asked = map! { "item_id" => note.id.0 };
    let mut uploaders = Vec::new();
    for _ in 0..2 {
        let answer = client.post(&caps[0], &asked).await.llsd();
        uploaders.push(answer["uploader"].text().unwrap()["http://127.0.0.1:80".len()..].to_owned());
    }
    // In the meantime it gets another name.
    let items = || running.grid.items.lock().unwrap();
    items()[0].name = "Renamed".into();
    let done = client.request("POST", &uploaders[0], "", b"text").await.llsd();
    assert_eq!(done["state"].as_str(), "complete");
    let now = items()[0].clone();
    assert_eq!((now.name.as_str(), now.asset.0), ("Renamed", done["new_asset"].as_uuid()));
    running.end_session(ADA).await;
    assert_eq!(client.request("POST", &uploaders[1], "", b"late").await.status, 404);
    assert_eq!(items()[0], now);
    running.stop().await;
}

#[tokio::test]
async fn a_baked_texture_goes_up_once_and_comes_down_in_parts() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["UploadBakedTexture", "GetTexture"]).await;
    let mut client = running.client().await;
    let uploader = client.post(&caps[0], &map! {}).await.llsd()["uploader"].as_str().into_owned();
    let uploader = uploader.strip_prefix("http://127.0.0.1:80").unwrap();
    let picture: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let done = client.request("POST", uploader, "", &picture).await.llsd();
    assert_eq!(done["state"].as_str(), "complete");
    assert_eq!(client.request("POST", uploader, "", &picture).await.status, 404);

    let texture = format!("{}/?texture_id={}", caps[1], done["new_asset"].as_uuid());
    let whole = client.get(&texture).await;
    assert_eq!((whole.status, whole.body), (200, picture.clone()));
    let part = client.request("GET", &texture, "Range: bytes=600-\r\n", b"").await;
    assert_eq!((part.status, &part.body[..]), (206, &picture[600..]));
    assert!(part.head.contains("content-range: bytes 600-9999/10000"), "{}", part.head);
    let beyond = client.request("GET", &texture, "Range: bytes=10000-\r\n", b"").await;
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    let unknown = format!("{}/?texture_id={}", caps[1], Uuid::from_u128(4));
    assert_eq!(client.get(&unknown).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn a_baked_texture_has_a_size() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["UploadBakedTexture"]).await;
    let mut client = running.client().await;
    let uploader = client.post(&caps[0], &map! {}).await.llsd()["uploader"].as_str().into_owned();
    let uploader = uploader.strip_prefix("http://127.0.0.1:80").unwrap();
    let answer = client.request("POST", uploader, "", &[7; (2 << 20) + 1]).await.llsd();
    assert_eq!(answer["state"].as_str(), "error");
    running.stop().await;
}

#[tokio::test]
async fn a_new_file_becomes_an_asset_and_an_item() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["NewFileAgentInventory"]).await;
    let mut client = running.client().await;
    let mut file = map! {
        "folder_id" => ROOT.0,
        "asset_type" => "texture",
        "inventory_type" => "texture",
        "name" => "A picture",
    };
    let answer = client.post(&caps[0], &file).await.llsd();
    let uploader = answer["uploader"].as_str().into_owned();
    let done = client.request("POST", &uploader["http://127.0.0.1:80".len()..], "", b"12345").await.llsd();
    assert_eq!(done["state"].as_str(), "complete");
    assert!(running.grid.told.lock().unwrap().contains(&"item A picture of 5 bytes".to_owned()));
    if let Value::Map(file) = &mut file {
        file.insert("asset_type".into(), "mesh".into());
    }
    assert_eq!(client.post(&caps[0], &file).await.llsd()["state"].as_str(), "error");
    running.stop().await;
}

#[tokio::test]
async fn names_are_found() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["GetDisplayNames", "AvatarPickerSearch"]).await;
    let mut client = running.client().await;
    let unknown = Uuid::from_u128(3);
    let path = format!("{}/?ids={ADA}&ids={ALAN}&ids={unknown}&ids=rubbish", caps[0]);
    let answer = client.get(&path).await.llsd();
    let names: Vec<_> =
        answer["agents"].as_array().iter().map(|agent| agent["username"].as_str().into_owned()).collect();
    assert_eq!(names, ["ada.lovelace", "alan"]);
    assert_eq!(answer["bad_ids"][0].as_uuid(), unknown);
    let answer = client.get(&format!("{}/?page_size=5&names=Ada", caps[1])).await.llsd();
    assert_eq!(answer["agents"].as_array().len(), 1);
    assert_eq!(client.get(&format!("{}/?names=Ad", caps[1])).await.status, 400);
    running.stop().await;
}

#[tokio::test]
async fn what_the_viewer_tells_is_echoed_and_kept() {
    let running = Running::start(1).await;
    let names = ["UpdateAgentInformation", "AgentPreferences", "HomeLocation"];
    let caps = running.granted(ADA, &names).await;
    let mut client = running.client().await;
    for maturity in ["PG", "M", "A", "PG"] {
        let told = map! { "access_prefs" => map! { "max" => maturity } };
        let answer = client.post(&caps[0], &told).await.llsd();
        assert_eq!(answer["access_prefs"]["max"].as_str(), maturity);
    }
    let answer = client.post(&caps[1], &map! { "hover_height" => 0.25 }).await.llsd();
    assert_eq!(answer["hover_height"].as_f64(), 0.25);
    assert_eq!(answer["access_prefs"]["max"].as_str(), "PG");

    let place = |x: f64| map! { "X" => x, "Y" => 20.0, "Z" => 30.0 };
    let home =
        |x| map! { "HomeLocation" => map! { "LocationPos" => place(x), "LocationLookAt" => place(1.0) } };
    let answer = client.post(&caps[2], &home(12.6)).await.llsd();
    assert_eq!(answer["success"].text(), Some("true"));
    assert_eq!(answer["HomeLocation"]["LocationPos"]["X"], Value::Integer(13));
    assert!(running.grid.told.lock().unwrap().contains(&"home 12.6".to_owned()));
    assert_eq!(client.post(&caps[2], &home(300.0)).await.status, 400);
    running.stop().await;
}

#[tokio::test]
async fn who_asks_too_fast_is_told_to_wait() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["ProductInfoRequest"]).await;
    let mut client = running.client().await;
    let mut statuses = std::collections::BTreeSet::new();
    for _ in 0..20_000 {
        statuses.insert(client.request("GET", &caps[0], "", b"").await.status);
        if statuses.contains(&503) {
            break;
        }
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [200, 503]);
    running.stop().await;
}

#[tokio::test]
async fn every_capability_bears_rubbish() {
    let running = Running::start(1).await;
    let names: Vec<_> = crate::caps::ALL.iter().map(|capability| capability.name()).collect();
    let caps = running.granted(ADA, &names).await;
    let mut client = running.client().await;
    let deep = [&b"<llsd>"[..], &b"<array>".repeat(5000)].concat();
    for body in [&b""[..], b"<llsd>", b"\0\0\0", b"<llsd><integer>1</integer></llsd>", &deep] {
        for path in &caps {
            for method in ["POST", "GET", "PUT", "DELETE", "PATCH"] {
                let answer = client.request(method, path, "", body).await;
                assert!(answer.status < 500, "{method} {path}: {}", answer.status);
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_was_said_meanwhile_is_read_out_until_it_has_arrived() {
    let running = Running::start(1).await;
    let caps = running.granted(ADA, &["ReadOfflineMsgs"]).await;
    let mut client = running.client().await;
    assert!(client.get(&caps[0]).await.llsd()["messages"].as_array().is_empty());
    let message = services::OfflineMessage {
        from: ALAN,
        from_name: "Alan Resident".into(),
        dialog: 0,
        text: "Hello & <welcome>".into(),
        conversation: Uuid::from_u128(3),
        region: Uuid::from_u128(4),
        position: Vec3::new(1.0, 2.0, 3.0),
        estate: 1,
        sent_s: 1_700_000_000,
        bucket: Vec::new(),
    };
    running.grid.mail.lock().unwrap().push((ADA, message));
    let answer = client.get(&caps[0]).await.llsd();
    let told = &answer["messages"][0];
    assert_eq!(told["from_agent_id"].as_uuid(), ALAN.0);
    assert_eq!(told["to_agent_id"].as_uuid(), ADA.0);
    assert_eq!(told["from_agent_name"].as_str(), "Alan Resident");
    assert_eq!(told["message"].as_str(), "Hello & <welcome>");
    assert_eq!((told["dialog"].as_i32(), told["offline"].as_i32()), (0, 1));
    assert_eq!((told["timestamp"].as_i32(), told["local_y"].as_f32()), (1_700_000_000, 2.0));
    assert_eq!(told["binary_bucket"], Value::Binary(vec![0]));
    assert_eq!(client.post(&caps[0], &map! {}).await.status, 404);
    // The answer may not have arrived; who asks again gets it again.
    assert_eq!(client.get(&caps[0]).await.llsd()["messages"].as_array().len(), 1);
    let (grid, _) = running.stop().await;
    assert!(!grid.told.lock().unwrap().contains(&format!("heard {ADA} 1")));
}
