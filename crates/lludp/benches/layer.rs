//! What the land of a region costs: all 256 patches of 256 m, encoded once, and decoded.

use divan::{Bencher, black_box};
use lludp::layer::{LandEncoder, LayerDecoder, PATCH, PATCH_CELLS, encode_land};
use model::RegionSize;

fn main() {
    divan::main();
}

fn flat(_: u16, _: u16) -> [f32; PATCH_CELLS] {
    [21.0; PATCH_CELLS]
}

fn hills(x: u16, y: u16) -> [f32; PATCH_CELLS] {
    core::array::from_fn(|i| {
        let (x, y) = (usize::from(x) * PATCH + i % PATCH, usize::from(y) * PATCH + i / PATCH);
        let (x, y) = (x as f32, y as f32);
        30.0 + 12.0 * (x * 0.05).sin() * (y * 0.04).cos() + 0.3 * (x * 0.4 + y * 0.3).sin()
    })
}

fn land(name: &str) -> fn(u16, u16) -> [f32; PATCH_CELLS] {
    if name == "flat" { flat } else { hills }
}

fn patches() -> Vec<(u16, u16)> {
    (0..256).map(|i| (i % 16, i / 16)).collect()
}

#[divan::bench(args = ["flat", "hills"])]
fn encode(bencher: Bencher, name: &str) {
    let patches = patches();
    let heights: Vec<_> = patches.iter().map(|&(x, y)| land(name)(x, y)).collect();
    let mut encoder = LandEncoder::default();
    bencher.bench_local(|| {
        let lookup = |x: u16, y: u16| heights[usize::from(y) * 16 + usize::from(x)];
        let mut bytes = 0;
        encoder.encode(lookup, &patches, RegionSize::STANDARD, |body| bytes += body.len());
        black_box(bytes)
    });
}

#[divan::bench(args = ["flat", "hills"])]
fn decode(bencher: Bencher, name: &str) {
    let bodies = encode_land(land(name), &patches(), RegionSize::STANDARD);
    println!("{}: {} bodies, {} bytes", name, bodies.len(), bodies.iter().map(Vec::len).sum::<usize>());
    bencher.bench_local(|| {
        for body in &bodies {
            black_box(LayerDecoder::new(body).into_iter().flatten().count());
        }
    });
}
