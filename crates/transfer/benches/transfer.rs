//! What one transfer costs its two machines, without anything around them. `cargo bench -p transfer`.

use divan::{AllocProfiler, Bencher, black_box};
use model::{Moment, RegionId, Uuid};
use transfer::{
    Agreement, Arrival, ArrivalEffect, ArrivalInput, Departure, DepartureEffect, DepartureInput, Expectation,
    Outcome, Patience, Plan, Step, TransferId, TransferKey, Version,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const NOW: Moment = Moment::from_millis(1);
const KEY: TransferKey = (RegionId(Uuid::from_u128(1)), TransferId(1));

/// Source and destination, joined by nothing but function calls.
struct Pair {
    version: Version,
    arrival: Arrival,
    arriving: Vec<ArrivalEffect>,
}

impl Pair {
    fn tell(&mut self, input: ArrivalInput) {
        self.arriving.clear();
        self.arrival.handle(NOW, input, &mut self.arriving);
    }

    /// What comes back to the source when it begins a step; `None`: the step only sends.
    fn answer(&mut self, step: Step) -> Option<DepartureInput> {
        match step {
            Step::FindRegion => {}
            Step::AskAccess => {
                let (outbound, inbound) = (self.version, self.version);
                return Some(DepartureInput::Agreed(Agreement { outbound, inbound, tickets: true }));
            }
            Step::CreateAgent => self.tell(ArrivalInput::Expect(Expectation::Transfer(KEY))),
            Step::SendAgent => {
                self.tell(ArrivalInput::Update(KEY));
                if self.version >= Version::V0_2 {
                    self.tell(ArrivalInput::Complete);
                }
            }
            Step::AwaitArrival => {
                self.tell(ArrivalInput::Complete);
                return Some(DepartureInput::Released);
            }
            _ => return None,
        }
        Some(DepartureInput::Done(step))
    }
}

/// From the request until the source has let go.
fn transfer(version: Version) -> Outcome {
    let patience = Patience::default();
    let plan = Plan { version, tickets: true, crossing: false };
    let mut pair = Pair { version, arrival: Arrival::new(patience), arriving: Vec::new() };
    let mut effects = Vec::with_capacity(16);
    let mut departure = Departure::begin(KEY.1, plan, patience, NOW, NOW, &mut effects);
    let mut at = 0;
    loop {
        let input = match effects.get(at).expect("a transfer that nothing disturbs ends") {
            DepartureEffect::Begin(step) => pair.answer(*step),
            DepartureEffect::Over(outcome) => return outcome.clone(),
            _ => None,
        };
        at += 1;
        if let Some(input) = input {
            departure.handle(NOW, input, &mut effects);
        }
    }
}

#[divan::bench(args = [1, 2, 8])]
fn whole_transfer(bencher: Bencher<'_, '_>, minor: u8) {
    let version = Version::new(minor);
    assert_eq!(transfer(version), Outcome::Departed);
    bencher.counter(divan::counter::ItemsCount::new(1_usize)).bench(|| transfer(black_box(version)));
}
