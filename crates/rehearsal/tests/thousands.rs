//! Ten thousand transfers, on the roughest of networks.

use rehearsal::million::rehearse;

/// Fixed, so that what passes here passes anywhere.
const FROM: u64 = 0;

#[test]
fn ten_thousand_transfers_have_one_outcome_each_and_every_mishap_hits_every_step() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let outcome = rehearse(FROM, 10_000, threads, |_| {});
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    let total = outcome.total();
    assert!(total.begun >= 10_000, "{total}");
    assert_eq!(total.outcomes(), total.begun, "{total}");
    let empty = total.coverage.empty();
    assert!(empty.is_empty(), "never hit: {empty:#?}\n{}", total.coverage.table());
}
