//! A region that is going to close at a time that is known: whoever is here is warned, the nearer the more often,
//! offered a place to go, moved there when the time has come, and logged out only if nobody takes them.
//!
//! Viewers know the warnings by their keys and count down on their own (teleport fact sheet, 12.4). Once nobody stands
//! here any more the region closes as by [`OperatorCommand::Shutdown`]; the shell starts it anew, or does not.

use crate::agent::Request;
use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, Moment, RegionId, TeleportFlags, Vec3};
use services::RegionInfo;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use transfer::PeerError;

/// Seconds before the end at which everybody is warned.
const WARNINGS_S: [u64; 13] = [3600, 1800, 900, 600, 300, 240, 180, 120, 60, 30, 15, 10, 5];

/// A region closes so far ahead at most.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

/// How long it may take to move everybody: the time of one teleport that fails late, and of another.
pub const MOVING: Duration = Duration::from_secs(15);

/// Regions that one agent is sent to, one after the other.
const REFUGES: usize = 8;

/// Where people are put in a region that they have not chosen.
const MIDDLE: Vec3 = Vec3::new(128.0, 128.0, 25.0);

/// Bytes of the parameters of a warning.
const PARAMETERS: usize = 255;

/// The end that a region is going to have.
#[derive(Debug)]
pub(crate) struct Closing {
    at: Moment,
    reason: String,
    /// Regions that close too.
    avoid: Vec<RegionId>,
    stage: Stage,
    /// Where people can go, best first, once the grid has said.
    refuges: Vec<Arc<RegionInfo>>,
    /// The grid has been asked since the end began.
    asked: bool,
    /// Somebody has gone, or stayed, or come since everybody was last looked at.
    stirred: bool,
    /// How many refuges each agent was sent to.
    tried: BTreeMap<AgentId, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The next warning is then, if one is left.
    Warning { next: Option<Moment> },
    /// Everybody is moved away; what is left then is logged out.
    Moving { until: Moment },
}

impl Closing {
    pub(crate) fn next_wakeup(&self) -> Moment {
        match self.stage {
            Stage::Warning { next } => next.map_or(self.at, |next| next.min(self.at)),
            Stage::Moving { until } => until,
        }
    }
}

/// The time that is left, as viewers are told: a key, the unit's name and how many.
fn countdown(left: Duration) -> (&'static str, &'static str, u64) {
    // What is left of a second counts as one, or a countdown of 120 s would begin at 119.
    let seconds = left.as_millis().div_ceil(1000) as u64;
    match seconds.is_multiple_of(60) && seconds > 60 {
        true => ("RegionRestartMinutes", "MINUTES", seconds / 60),
        false => ("RegionRestartSeconds", "SECONDS", seconds),
    }
}

/// How long until the next warning, after one with so much time left.
fn next_warning(left: Duration) -> Option<Duration> {
    let next = WARNINGS_S.into_iter().map(Duration::from_secs).find(|&mark| mark < left)?;
    Some(left - next)
}

impl Region {
    /// The region is to close: everybody is warned. A second time changes when and why.
    pub(crate) fn schedule_closing(
        &mut self,
        cx: &mut Context<'_>,
        after: Duration,
        reason: String,
        avoid: Vec<RegionId>,
    ) {
        if self.shutting_down {
            return;
        }
        let at = cx.now + after.min(FARTHEST);
        let refuges = Vec::new();
        let stage = Stage::Warning { next: Some(cx.now) };
        let closing = Closing {
            at,
            reason,
            avoid,
            stage,
            refuges,
            asked: false,
            stirred: false,
            tried: BTreeMap::new(),
        };
        self.trace_life(cx, || format!("The region closes in {after:?}: {}", closing.reason));
        self.closing = Some(closing);
        if !after.is_zero() {
            self.say_why(cx);
            self.ask_for_refuges(cx);
        }
    }

    /// It stays open after all. Too late once people are being moved.
    pub(crate) fn cancel_closing(&mut self, cx: &mut Context<'_>) {
        if self.closing.is_none() || self.shutting_down {
            return;
        }
        self.closing = None;
        self.trace_life(cx, || "The region stays open".to_owned());
        for id in self.those_here() {
            self.alert(cx, id, "The restart of this region was cancelled.", None);
        }
    }

    /// Does what is due.
    pub(crate) fn run_closing(&mut self, cx: &mut Context<'_>) {
        let Some(closing) = &mut self.closing else { return };
        match closing.stage {
            Stage::Warning { .. } if closing.at <= cx.now => self.begin_moving(cx),
            Stage::Warning { next: Some(next) } if next <= cx.now => {
                let left = closing.at.since(cx.now);
                closing.stage = Stage::Warning { next: next_warning(left).map(|pause| cx.now + pause) };
                for id in self.those_here() {
                    self.warn(cx, id);
                }
            }
            Stage::Warning { .. } => {}
            Stage::Moving { until } if until <= cx.now => self.finish_closing_down(cx),
            Stage::Moving { .. } => {
                // Each round tries a refuge for each who has just failed to go, and their number is bounded.
                while let Some(Closing { stirred: true, stage: Stage::Moving { until }, .. }) = self.closing {
                    self.move_everybody(cx, until);
                }
            }
        }
    }

    /// Something has become of an agent that may have been sent away.
    pub(crate) fn stir_closing(&mut self) {
        if let Some(closing) = &mut self.closing {
            closing.stirred = true;
        }
    }

    /// How much time is left, to somebody who has just come.
    pub(crate) fn warn(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(closing) = self.closing.as_ref().filter(|closing| closing.at > cx.now) else { return };
        let (key, unit, left) = countdown(closing.at.since(cx.now));
        let name = self.config.name.as_str();
        let words = format!("{name} restarts in {left} {}.", unit.to_lowercase());
        let mut parameters = llsd::xml::write(&llsd::map! { "NAME" => name, unit => left as i32 });
        if parameters.len() > PARAMETERS {
            // A name of many characters that have to be escaped; viewers do without it.
            parameters = llsd::xml::write(&llsd::map! { unit => left as i32 });
        }
        let (words, key) = (text::Nul::new(&words), text::Nul::new(key));
        let info =
            [m::alert_message::AlertInfo { message: key.as_bytes(), extra_params: parameters.as_bytes() }];
        let message = m::AlertMessage {
            alert_data: m::alert_message::AlertData { message: words.as_bytes() },
            alert_info: (&info).into(),
            agent_info: (&[]).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    fn say_why(&mut self, cx: &mut Context<'_>) {
        let Some(closing) = self.closing.as_ref().filter(|closing| !closing.reason.is_empty()) else {
            return;
        };
        let reason = closing.reason.clone();
        for id in self.those_here() {
            self.alert(cx, id, &reason, None);
        }
    }

    fn those_here(&self) -> Vec<AgentId> {
        self.agents.values().filter(|agent| agent.acts()).map(|agent| agent.id).collect()
    }

    fn ask_for_refuges(&mut self, cx: &mut Context<'_>) {
        let Some(closing) = &self.closing else { return };
        let mut avoid = closing.avoid.clone();
        avoid.push(self.config.id);
        let call = GridCall::Refuges { near: self.config.cell.handle(), avoid, limit: REFUGES };
        self.call_grid(cx, call, GRID_PATIENCE, Pending::Refuges);
    }

    pub(crate) fn refuges_found(&mut self, cx: &mut Context<'_>, result: Result<Reply, PeerError>) {
        let Some(closing) = &mut self.closing else { return };
        closing.asked = true;
        if let Ok(Reply::Regions(regions)) = result {
            closing.refuges = regions;
        }
        match closing.stage {
            Stage::Warning { .. } => self.offer_refuge(cx),
            Stage::Moving { until } => self.move_everybody(cx, until),
        }
    }

    /// Whoever wants to go by themselves can accept it.
    fn offer_refuge(&mut self, cx: &mut Context<'_>) {
        let Some(refuge) = self.closing.as_ref().and_then(|closing| closing.refuges.first()).cloned() else {
            return;
        };
        let words = format!("{} closes soon. Go to {}?", self.config.name, refuge.name);
        for id in self.those_here() {
            let offer = self.offer_of(cx.now, id, &words, (&refuge, MIDDLE));
            // Whoever has gone in between needs none.
            let _ = self.deliver_message(cx, &offer);
        }
    }

    /// The time has come: nobody comes in any more, and who is here goes.
    fn begin_moving(&mut self, cx: &mut Context<'_>) {
        let until = cx.now + MOVING;
        if let Some(closing) = &mut self.closing {
            closing.stage = Stage::Moving { until };
            closing.asked = false;
        }
        self.shutting_down = true;
        // Anew: since the first time some may have closed.
        if !self.those_here().is_empty() {
            self.ask_for_refuges(cx);
        }
        self.move_everybody(cx, until);
    }

    /// Sends away whoever is here and not on the way. When there is nobody, or the time is over, the rest is ended.
    fn move_everybody(&mut self, cx: &mut Context<'_>, until: Moment) {
        if let Some(closing) = &mut self.closing {
            closing.stirred = false;
        }
        let staying = self.agents.values().filter(|agent| agent.is_root() && agent.closing.is_none());
        let staying: Vec<_> = staying.map(|agent| (agent.id, agent.leaving.is_some())).collect();
        if staying.is_empty() || until <= cx.now {
            self.finish_closing_down(cx);
            return;
        }
        if !self.closing.as_ref().is_some_and(|closing| closing.asked) {
            return;
        }
        for (id, leaves) in staying {
            if !leaves && !self.send_to_refuge(cx, id) {
                self.end_for_closing(cx, id);
            }
        }
    }

    /// Whether there was one left to try.
    fn send_to_refuge(&mut self, cx: &mut Context<'_>, id: AgentId) -> bool {
        let Some(closing) = &mut self.closing else { return false };
        let tried = closing.tried.entry(id).or_default();
        let Some(refuge) = closing.refuges.get(*tried).cloned() else { return false };
        *tried += 1;
        self.trace_life(cx, || format!("{id} is sent to {}, as the region closes", refuge.name));
        let flags = TeleportFlags::VIA_LOCATION | TeleportFlags::DISABLE_CANCEL;
        let request =
            Request { handle: refuge.handle, position: MIDDLE, look_at: Vec3::X, flags, asked: cx.now };
        self.depart_to(cx, id, request, false);
        true
    }

    fn end_for_closing(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let reason = self.closing_reason();
        self.kick_for_closing(cx, id, &reason);
    }

    fn closing_reason(&self) -> String {
        let given =
            self.closing.as_ref().map(|closing| closing.reason.as_str()).filter(|given| !given.is_empty());
        given.unwrap_or("The region is restarting; please log in again.").to_owned()
    }

    /// Nobody stands here any more who could go elsewhere.
    fn finish_closing_down(&mut self, cx: &mut Context<'_>) {
        let reason = self.closing_reason();
        self.closing = None;
        self.shut_down(cx, &reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_come_nearer_and_nearer() {
        let mut left = Duration::from_secs(150);
        let mut told = vec![countdown(left)];
        while let Some(pause) = next_warning(left) {
            left -= pause;
            told.push(countdown(left));
        }
        let told: Vec<_> = told.into_iter().map(|(_, unit, left)| format!("{left} {}", &unit[..1])).collect();
        assert_eq!(told, ["150 S", "2 M", "60 S", "30 S", "15 S", "10 S", "5 S"]);
        assert_eq!(countdown(Duration::from_millis(119_001)), ("RegionRestartMinutes", "MINUTES", 2));
        assert_eq!(next_warning(Duration::from_secs(5)), None);
    }
}
