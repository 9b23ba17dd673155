//! What a teleport costs when everything takes part: two regions, a viewer, the wire forms between them, and the two
//! seconds for which the progress screen shows. `cargo bench -p rehearsal`.

use divan::Bencher;
use divan::counter::ItemsCount;
use rehearsal::dialect::EVERY;
use rehearsal::faults::Faults;
use rehearsal::{Layout, Rehearsal};

fn main() {
    divan::main();
}

#[divan::bench(args = ["ours", "ours-0.1", "plain-0.6"])]
fn whole_teleport(bencher: Bencher<'_, '_>, dialect: &str) {
    let dialect = EVERY.iter().find(|known| known.name == dialect).expect("a dialect");
    let mut r = Rehearsal::new(1, &dialect.spoken_in(Layout::standard()), Faults::NONE);
    let (alpha, delta) = (r.place("Alpha"), r.place("Delta"));
    let who = r.enter_laden("Ada", alpha).expect("a login");
    let mut stops = [delta, alpha].into_iter().cycle();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let to = stops.next().expect("they go round");
        r.must_teleport(who, to).expect("a teleport that nothing disturbs")
    });
}
