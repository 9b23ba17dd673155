//! Whatever comes in, reading ends, and ends well.

use super::any_call;
use super::recorded::exchanges;
use crate::body::pack;
use crate::{is_instant_message, is_ours, read, reply};
use arbtest::arbitrary::{Result, Unstructured};
use llsd::{Map, Value, json};

const METHODS: [&str; 5] = ["QUERYACCESS", "POST", "PUT", "DELETE", "GET"];

#[test]
fn any_bytes_are_read_or_rejected() {
    let paths =
        ["/", "/friends", "/agent/00000000-0000-4000-8000-000000000001/", "/region/1", "/sojourn/agent/"];
    arbtest::arbtest(|u| {
        let (method, mut path) = (*u.choose(&METHODS)?, u.choose(&paths)?.to_string());
        path.push_str(u.arbitrary()?);
        let packed = u.arbitrary::<bool>()?.then_some("gzip");
        let body: &[u8] = u.arbitrary()?;
        if let Err(rejected) = read(method, &path, None, packed, body) {
            assert!([200, 400, 404, 405, 413].contains(&rejected.status), "{rejected}");
            assert!(!rejected.why.is_empty());
        }
        let _ = (is_ours(method, &path), is_instant_message(body));
        let call = any_call::call(u)?;
        let _ = reply(&call, 200, body);
        Ok(())
    });
}

/// One value somewhere in a body is replaced by another, taken away, or repeated.
fn mutate(u: &mut Unstructured<'_>, value: &mut Value) -> Result<()> {
    let inside = u.ratio(4, 5)?;
    match value {
        Value::Map(map) if inside && !map.is_empty() => {
            let key = u.choose_iter(map.keys())?.clone();
            if u.ratio(1, 8)? {
                map.remove(&key);
            } else if let Some(value) = map.get_mut(&key) {
                mutate(u, value)?;
            }
        }
        Value::Array(array) if inside && !array.is_empty() => {
            let nth = u.choose_index(array.len())?;
            if u.ratio(1, 8)? {
                let repeated = vec![array[nth].clone(); u.int_in_range(0..=400)?];
                array.extend(repeated);
            } else {
                mutate(u, &mut array[nth])?;
            }
        }
        other => *other = nonsense(u)?,
    }
    Ok(())
}

fn nonsense(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=7)? {
        0 => Value::Undefined,
        1 => u.arbitrary::<i32>()?.into(),
        2 => u.arbitrary::<f64>()?.into(),
        3 => u.arbitrary::<&str>()?.into(),
        4 => "<NaN, 1e39, -Infinity>".into(),
        5 => Value::Map(Map::new()),
        6 => Value::Array(vec![Value::Boolean(true); u.int_in_range(0..=70)?]),
        _ => "x".repeat(u.int_in_range(0..=5000)?).into(),
    })
}

#[test]
fn recorded_bodies_may_be_damaged_anywhere() {
    let exchanges: Vec<_> = exchanges()
        .into_iter()
        .filter_map(|exchange| Some((exchange.method, exchange.path, json::parse(exchange.body).ok()?)))
        .collect();
    arbtest::arbtest(|u| {
        let (method, path, body) = u.choose(&exchanges)?;
        let mut body = body.clone();
        for _ in 0..u.int_in_range(1..=3)? {
            mutate(u, &mut body)?;
        }
        let Ok(incoming) = read(method, path, Some("application/x-gzip"), None, &pack(&body)) else {
            return Ok(());
        };
        // What was taken can be passed on, and is then taken again.
        let to = services::RegionInfo { id: model::RegionId(any_call::id(u)?), ..Default::default() };
        let sent = crate::request(&incoming.call, &to, true);
        let again = read(sent.method, &sent.path, sent.content_type, None, &sent.body);
        assert!(again.is_ok(), "{again:?}\n{incoming:?}");
        Ok(())
    });
}

#[test]
fn cut_gzip_is_rejected() {
    let body = pack(&llsd::map! { "agent_id" => "00000000-0000-4000-8000-000000000001" });
    let path = "/agent/00000000-0000-4000-8000-000000000001/";
    for end in 0..body.len() - 1 {
        let rejected = read("POST", path, Some("application/x-gzip"), None, &body[..end]).unwrap_err();
        assert_eq!(rejected.status, 400, "{end}");
    }
}
