use super::*;

/// Bytes of a fixture: hex, with comment lines that say what was recorded.
fn fixture(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .filter_map(|c| Some(c.to_digit(16)? as u8))
        .collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn decode(body: &[u8]) -> Vec<Patch> {
    LayerDecoder::new(body).unwrap().collect::<Result<_, _>>().unwrap()
}

fn worst(a: &[f32; PATCH_CELLS], b: &[f32; PATCH_CELLS]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Rolling land with ridges, some 15 m in a patch.
fn hills(x: u16, y: u16) -> [f32; PATCH_CELLS] {
    core::array::from_fn(|i| {
        let (x, y) = (usize::from(x) * PATCH + i % PATCH, usize::from(y) * PATCH + i / PATCH);
        let (x, y) = (x as f32, y as f32);
        30.0 + 12.0 * (x * 0.11).sin() * (y * 0.09).cos() + 1.5 * (x * 0.7 + y * 0.4).sin()
    })
}

#[test]
fn land_of_opensimulator_0_9_2_2() {
    let patches = decode(&fixture(include_str!("../../golden/layer/land-0.9.2.2.hex")));
    assert_eq!(patches.len(), 16);
    // Nearest first: the avatar stands at <128, 128>, on top of the default island, 25 m high.
    assert_eq!((patches[0].x, patches[0].y), (8, 8));
    assert!((patches[0].values[0] - 25.0).abs() < 0.05);
    for patch in &patches {
        // A cone that falls 0.16 m a metre, round the middle of the region, into the sea.
        for (i, &height) in patch.values.iter().enumerate() {
            let (x, y) = (usize::from(patch.x) * PATCH + i % PATCH, usize::from(patch.y) * PATCH + i / PATCH);
            let from_top = (x as f32 - 128.0).hypot(y as f32 - 128.0);
            assert!((5.0..=25.1).contains(&height), "{height} at {x}, {y}");
            if from_top < 8.0 {
                assert!(height > 23.0, "{height} at {x}, {y}");
            }
        }
    }
    // Patches that touch continue each other: west to east, and south to north.
    let at = |x, y| patches.iter().find(|patch| (patch.x, patch.y) == (x, y)).unwrap();
    for row in 0..PATCH {
        let (west, east) = (at(7, 8).values[row * PATCH + 15], at(8, 8).values[row * PATCH]);
        assert!((west - east).abs() < 0.4, "{west} {east}");
        let (south, north) = (at(8, 9).values[15 * PATCH + row], at(8, 10).values[row]);
        assert!((south - north).abs() < 0.8, "{south} {north}");
    }
}

#[test]
fn land_of_opensimulator_0_7_6_1() {
    let patches = decode(&fixture(include_str!("../../golden/layer/land-0.7.6.1.hex")));
    assert_eq!(patches.len(), 1);
    assert_eq!((patches[0].x, patches[0].y), (0, 0));
    assert!(patches[0].values.iter().all(|h| (-5.0..6.0).contains(h)));
}

#[test]
fn wind_of_opensimulator_0_9_2_2() {
    let body = fixture(include_str!("../../golden/layer/wind-0.9.2.2.hex"));
    assert_eq!(LayerDecoder::new(&body).unwrap().kind(), LayerKind::Wind);
    let patches = decode(&body);
    assert_eq!(patches.len(), 2);
    assert!(patches.iter().all(|patch| patch.values.iter().all(|speed| speed.abs() < 20.0)));
}

#[test]
fn recorded_land_survives_our_encoder() {
    for text in [
        include_str!("../../golden/layer/land-0.9.2.2.hex"),
        include_str!("../../golden/layer/land-0.7.6.1.hex"),
    ] {
        let recorded = decode(&fixture(text));
        let ids: Vec<_> = recorded.iter().map(|patch| (patch.x, patch.y)).collect();
        let find = |x, y| recorded.iter().find(|patch| (patch.x, patch.y) == (x, y)).unwrap().values;
        let bodies = encode_land(find, &ids, RegionSize::STANDARD);
        let ours: Vec<Patch> = bodies.iter().flat_map(|body| decode(body)).collect();
        assert_eq!(ours.len(), recorded.len());
        for (a, b) in ours.iter().zip(&recorded) {
            assert_eq!((a.x, a.y), (b.x, b.y));
            assert!(worst(&a.values, &b.values) <= TOLERANCE_M + 0.001);
        }
    }
}

#[test]
fn a_whole_region_goes_in_and_comes_out() {
    for size in [RegionSize::STANDARD, RegionSize { x: 512, y: 1024 }] {
        let all: Vec<(u16, u16)> =
            (0..size.y / 16).flat_map(|y| (0..size.x / 16).map(move |x| (x as u16, y as u16))).collect();
        let bodies = encode_land(hills, &all, size);
        let mut seen = Vec::new();
        for body in &bodies {
            assert!(body.len() <= MAX_BODY);
            let decoder = LayerDecoder::new(body).unwrap();
            assert_eq!(decoder.kind(), LayerKind::land(size));
            for patch in decoder {
                let patch = patch.unwrap();
                let error = worst(&patch.values, &hills(patch.x, patch.y));
                assert!(error <= TOLERANCE_M + 0.001, "{error} at {}, {}", patch.x, patch.y);
                seen.push((patch.x, patch.y));
            }
        }
        assert_eq!(seen, all);
        let bytes: usize = bodies.iter().map(Vec::len).sum();
        assert!(bytes < all.len() * 190, "{} bytes a patch", bytes / all.len());
    }
}

#[test]
fn smooth_land_is_small() {
    let all: Vec<(u16, u16)> = (0..256).map(|i| (i % 16, i / 16)).collect();
    let dome = |x: u16, y: u16| {
        core::array::from_fn(|i| {
            let (x, y) = (usize::from(x) * PATCH + i % PATCH, usize::from(y) * PATCH + i / PATCH);
            60.0 - 0.002 * ((x as f32 - 128.0).powi(2) + (y as f32 - 128.0).powi(2))
        })
    };
    let bodies = encode_land(dome, &all, RegionSize::STANDARD);
    let bytes = bodies.iter().map(Vec::len).sum::<usize>() / all.len();
    assert!(bytes < 40, "{bytes} bytes a patch");
}

#[test]
fn flat_land_is_nine_bytes_a_patch() {
    let all: Vec<(u16, u16)> = (0..256).map(|i| (i % 16, i / 16)).collect();
    let bodies = encode_land(|_, _| [21.0; PATCH_CELLS], &all, RegionSize::STANDARD);
    assert!(bodies.iter().map(Vec::len).sum::<usize>() < 256 * 9);
    let patches: Vec<Patch> = bodies.iter().flat_map(|body| decode(body)).collect();
    assert_eq!(patches.len(), 256);
    assert!(patches.iter().all(|patch| patch.values.iter().all(|h| (h - 21.0).abs() < 1e-4)));
}

#[test]
fn extended_ids_reach_beyond_a_kilometre() {
    let size = RegionSize { x: 2048, y: 2048 };
    let bodies = encode_land(hills, &[(127, 63), (128, 0), (0, 127)], size);
    let ids: Vec<_> = bodies.iter().flat_map(|body| decode(body)).map(|patch| (patch.x, patch.y)).collect();
    assert_eq!(ids, [(127, 63), (0, 127)], "what lies outside is left out");
}

#[test]
fn an_encoder_is_used_again() {
    let mut encoder = LandEncoder::default();
    let mut first = Vec::new();
    encoder.encode(hills, &[(1, 2)], RegionSize::STANDARD, |body| first.extend_from_slice(body));
    let mut again = Vec::new();
    encoder.encode(hills, &[(1, 2)], RegionSize::STANDARD, |body| again.extend_from_slice(body));
    assert_eq!(first, again);
}

#[test]
fn what_is_no_land_does_no_harm() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e9, -1e9, 0.0, 1e-30];
    let body = encode_land(|_, _| core::array::from_fn(|i| odd[i % 8]), &[(3, 3)], RegionSize::STANDARD);
    let patch = decode(&body[0]).remove(0);
    assert!(patch.values.iter().all(|h| h.is_finite()));
}

#[test]
fn any_land_comes_out_within_its_steps() {
    arbtest::arbtest(|u| {
        let range: f32 = u.int_in_range(0..=4000u32)? as f32 / 10.0;
        let base: f32 = u.int_in_range(-20_000..=40_000i32)? as f32 / 10.0;
        let mut heights = [0.0; PATCH_CELLS];
        for height in &mut heights {
            *height = base + range * f32::from(u.arbitrary::<u8>()?) / 255.0;
        }
        let bodies = encode_land(|_, _| heights, &[(31, 31)], RegionSize { x: 512, y: 512 });
        assert!(bodies.len() == 1 && bodies[0].len() <= MAX_BODY);
        let patches = decode(&bodies[0]);
        assert_eq!((patches[0].x, patches[0].y), (31, 31));
        // Pure noise is the worst there is: it lives in the waves that are kept most coarsely.
        let error = worst(&patches[0].values, &heights);
        assert!(error <= TOLERANCE_M.max(range * 0.001) + 0.001, "{error} of {range}");
        Ok(())
    });
}

#[test]
fn any_bytes_are_read_without_harm() {
    arbtest::arbtest(|u| {
        let mut body: Vec<u8> = vec![8, 1, 16, *u.choose(b"LM789:x")?];
        body.extend(u.arbitrary::<Vec<u8>>()?);
        if let Ok(decoder) = LayerDecoder::new(&body) {
            // Eight header bytes are the least a patch takes.
            assert!(decoder.count() <= body.len() / 8 + 1);
        }
        let _ = LayerDecoder::new(u.bytes(u.len())?).map(Iterator::count);
        Ok(())
    });
}

#[test]
fn broken_bodies_say_what_is_wrong() {
    let body = encode_land(hills, &[(0, 0)], RegionSize::STANDARD).remove(0);
    let mut decoder = LayerDecoder::new(&body[..40]).unwrap();
    assert!(matches!(decoder.next(), Some(Err(LayerError::Truncated(at))) if at <= 320));
    assert_eq!(decoder.next(), None);
    assert_eq!(LayerDecoder::new(&[8, 1]).unwrap_err(), LayerError::Truncated(16));
    assert_eq!(LayerDecoder::new(&[8, 1, 16, 0x20]).unwrap_err(), LayerError::UnknownKind(0x20));
    assert_eq!(LayerDecoder::new(&[8, 1, 32, b'L']).unwrap_err(), LayerError::PatchSize(32));
}
