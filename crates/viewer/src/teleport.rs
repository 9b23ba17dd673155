//! The viewer's idea of a teleport under way: one of seven stages, and the timer that gives up.
//!
//! Stages, timers and who resets what are those of the Linden viewer (teleport fact sheet, section 2). Its stage
//! PENDING, which waits for a changed maturity preference, is absent: a headless viewer has no preferences.

use std::time::Duration;

use model::Moment;

/// How far a teleport has come, as the viewer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// No teleport under way.
    #[default]
    None,
    /// Asked for, or announced by TeleportStart; lasts a frame.
    Start,
    /// Waiting for TeleportFinish.
    Requested,
    /// TeleportFinish came; waiting for AgentMovementComplete.
    Moving,
    /// AgentMovementComplete came; lasts a frame.
    StartArrival,
    /// Arrived; the progress screen still shows.
    Arriving,
    /// Asked for a place in the own region.
    Local,
}

/// The terms of a teleport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// From the last reset of the timer until the viewer gives up: 15 s and 3 s for each attachment.
    pub patience: Duration,
    /// How long the progress screen stays after arrival.
    pub arrival_delay: Duration,
    /// How long a teleport within the region lasts for the viewer.
    pub local_delay: Duration,
    /// One turn of the viewer's main loop.
    pub frame: Duration,
}

/// What became of the user's own request; it outlives the stage, because TeleportFinish may come after a cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Request {
    Running,
    Cancelled,
    Failed,
}

/// What an AgentMovementComplete or a TeleportLocal ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A teleport the viewer was waiting for.
    Awaited,
    /// Nothing: none was under way.
    Unawaited,
}

/// The machine itself.
#[derive(Clone, Debug)]
pub struct Teleport {
    terms: Terms,
    stage: Stage,
    /// When the stage began.
    since: Moment,
    /// The last reset of the give-up timer; `None` before the first teleport.
    timer: Option<Moment>,
    request: Option<Request>,
}

impl Teleport {
    /// No teleport under way.
    pub fn new(terms: Terms) -> Self {
        Self { terms, stage: Stage::None, since: Moment::ZERO, timer: None, request: None }
    }

    /// The present stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether AgentUpdates leave the viewer: not while it believes to be between two regions.
    pub fn sends_updates(&self) -> bool {
        matches!(self.stage, Stage::None | Stage::Arriving)
    }

    /// The user asks. `false`, and nothing changes, while another teleport is under way.
    pub fn ask(&mut self, now: Moment, local: bool) -> bool {
        if self.stage != Stage::None {
            return false;
        }
        self.request = Some(Request::Running);
        self.enter(now, if local { Stage::Local } else { Stage::Start });
        self.timer = Some(now);
        true
    }

    /// The user cancels. `false` when there is nothing to cancel.
    pub fn cancel(&mut self, now: Moment) -> bool {
        if !matches!(self.stage, Stage::Start | Stage::Requested | Stage::Moving | Stage::Local) {
            return false;
        }
        if self.request.is_some() {
            self.request = Some(Request::Cancelled);
        }
        self.enter(now, Stage::None);
        true
    }

    /// TeleportStart came.
    pub fn handle_start(&mut self, now: Moment) {
        if self.stage == Stage::None && self.request != Some(Request::Failed) {
            self.enter(now, Stage::Start);
            self.timer = Some(now);
        }
    }

    /// TeleportFinish came. The circuit to the destination is opened in any case; only the stage depends.
    pub fn handle_finish(&mut self, now: Moment) {
        if self.request == Some(Request::Failed) {
            return;
        }
        if self.stage == Stage::None && self.request == Some(Request::Cancelled) {
            self.request = Some(Request::Running);
            self.timer = Some(now);
        }
        self.enter(now, Stage::Moving);
    }

    /// TeleportFailed came, whoever it was meant for.
    pub fn handle_failed(&mut self, now: Moment) -> Ended {
        let ended = if self.stage == Stage::None { Ended::Unawaited } else { Ended::Awaited };
        if self.request.is_some() {
            self.request = Some(Request::Failed);
        }
        self.enter(now, Stage::None);
        ended
    }

    /// TeleportLocal came. The stage LOCAL stays for its term.
    pub fn handle_local(&mut self, now: Moment) -> Ended {
        let ended = if self.stage == Stage::None { Ended::Unawaited } else { Ended::Awaited };
        self.request = None;
        if self.stage != Stage::Local {
            self.enter(now, Stage::None);
        }
        ended
    }

    /// AgentMovementComplete came.
    pub fn handle_movement_complete(&mut self, now: Moment) -> Ended {
        self.request = None;
        if self.stage == Stage::Moving {
            self.enter(now, Stage::StartArrival);
            Ended::Awaited
        } else {
            self.enter(now, Stage::None);
            Ended::Unawaited
        }
    }

    /// Lets time pass. `true` when the viewer gave up; the server is told nothing.
    pub fn handle_wakeup(&mut self, now: Moment) -> bool {
        loop {
            // In START the timer is wound up again each frame, so the patience counts from its end.
            if self.stage != Stage::Start && self.gives_up_at().is_some_and(|at| at <= now) {
                let user_waited = !matches!(self.stage, Stage::Local | Stage::Arriving | Stage::StartArrival);
                self.enter(now, Stage::None);
                return user_waited;
            }
            match self.stage_ends_at() {
                Some(at) if at <= now => match self.stage {
                    Stage::Start => {
                        self.timer = Some(at);
                        self.enter(at, Stage::Requested);
                    }
                    Stage::StartArrival => self.enter(at, Stage::Arriving),
                    _ => self.enter(at, Stage::None),
                },
                _ => return false,
            }
        }
    }

    /// When time alone changes something next.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let gives_up = if self.stage == Stage::Start { None } else { self.gives_up_at() };
        [self.stage_ends_at(), gives_up].into_iter().flatten().min()
    }

    fn enter(&mut self, at: Moment, stage: Stage) {
        self.stage = stage;
        self.since = at;
    }

    fn stage_ends_at(&self) -> Option<Moment> {
        match self.stage {
            Stage::Start | Stage::StartArrival => Some(self.since + self.terms.frame),
            Stage::Arriving => Some(self.since + self.terms.arrival_delay),
            Stage::Local => Some(self.since + self.terms.local_delay),
            Stage::None | Stage::Requested | Stage::Moving => None,
        }
    }

    fn gives_up_at(&self) -> Option<Moment> {
        // A TeleportFinish nobody asked for finds the timer run down since the last teleport, or since the start
        // of the program: the viewer gives up at once, and arrives all the same.
        (self.stage != Stage::None).then(|| self.timer.unwrap_or(Moment::ZERO) + self.terms.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        patience: Duration::from_secs(15),
        arrival_delay: Duration::from_secs(2),
        local_delay: Duration::from_secs(1),
        frame: Duration::from_millis(20),
    };

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn a_good_teleport_goes_through_all_stages() {
        let mut t = Teleport::new(TERMS);
        assert!(t.ask(at(1000), false));
        assert_eq!(t.stage(), Stage::Start);
        assert!(!t.ask(at(1001), false), "one at a time");
        assert!(!t.handle_wakeup(at(1020)));
        assert_eq!(t.stage(), Stage::Requested);
        t.handle_start(at(1030));
        assert_eq!(t.stage(), Stage::Requested);
        t.handle_finish(at(1100));
        assert_eq!(t.stage(), Stage::Moving);
        assert!(!t.sends_updates());
        assert_eq!(t.handle_movement_complete(at(1200)), Ended::Awaited);
        assert!(!t.handle_wakeup(at(1220)));
        assert_eq!(t.stage(), Stage::Arriving);
        assert!(t.sends_updates());
        assert_eq!(t.next_wakeup(), Some(at(3220)));
        assert!(!t.handle_wakeup(at(3220)));
        assert_eq!(t.stage(), Stage::None);
        assert_eq!(t.next_wakeup(), None);
    }

    #[test]
    fn gives_up_fifteen_seconds_after_start_whatever_progress_says() {
        let mut t = Teleport::new(TERMS);
        t.ask(at(0), false);
        t.handle_wakeup(at(20));
        t.handle_finish(at(14_000));
        assert!(!t.handle_wakeup(at(15_019)));
        assert!(t.handle_wakeup(at(15_020)));
        assert_eq!(t.stage(), Stage::None);
        // The destination's word is still taken.
        assert_eq!(t.handle_movement_complete(at(16_000)), Ended::Unawaited);
        assert_eq!(t.stage(), Stage::None);
    }

    #[test]
    fn a_finish_after_the_cancel_restores_the_request() {
        let mut t = Teleport::new(TERMS);
        t.ask(at(0), false);
        t.handle_wakeup(at(20));
        assert!(t.cancel(at(10_000)));
        assert!(!t.cancel(at(10_000)));
        t.handle_finish(at(14_900));
        assert_eq!(t.stage(), Stage::Moving);
        assert!(!t.handle_wakeup(at(15_100)), "the timer was wound up again");
        assert_eq!(t.handle_movement_complete(at(15_200)), Ended::Awaited);
    }

    #[test]
    fn a_failed_request_blocks_later_words_until_the_next() {
        let mut t = Teleport::new(TERMS);
        t.ask(at(0), false);
        assert_eq!(t.handle_failed(at(100)), Ended::Awaited);
        t.handle_start(at(110));
        t.handle_finish(at(120));
        assert_eq!(t.stage(), Stage::None);
        assert!(t.ask(at(200), false));
        t.handle_finish(at(300));
        assert_eq!(t.stage(), Stage::Moving);
    }

    #[test]
    fn local_lasts_its_second_and_ends_by_itself() {
        let mut t = Teleport::new(TERMS);
        t.ask(at(0), true);
        assert_eq!(t.handle_local(at(10)), Ended::Awaited);
        assert_eq!(t.stage(), Stage::Local);
        assert!(!t.handle_wakeup(at(1000)));
        assert_eq!(t.stage(), Stage::None);
    }

    #[test]
    fn a_finish_out_of_the_blue_is_followed_though_the_timer_has_run_down() {
        let mut t = Teleport::new(TERMS);
        t.handle_finish(at(100_000));
        assert_eq!(t.stage(), Stage::Moving);
        assert!(t.handle_wakeup(at(100_000)));
        assert_eq!(t.stage(), Stage::None);
    }
}
