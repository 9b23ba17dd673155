//! Small plots of what processes count: one point every ten seconds, for half an hour.

use crate::words::short;
use askama::Template;
use observe::Samples;
use std::collections::VecDeque;
use std::time::Duration;

/// Points that are kept.
pub(crate) const POINTS: usize = 180;
/// Points for which there is room at least.
const LEAST: usize = 30;
/// Pixels of a plot's area, as its own picture counts them.
const AREA: (f64, f64) = (180.0, 44.0);

/// How a figure comes from what is counted.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// As it is, times so much.
    Gauge(&'static str, f64),
    /// How much it rises in a second, times so much.
    Rate(&'static str, f64),
    /// Milliseconds of a histogram of seconds, on the average of what came since.
    Mean(&'static str),
    /// How much the transfers rise in a minute that ended so.
    Transfers(fn(&str) -> bool),
}

/// The plots: name, unit, how it is read.
const FIGURES: [(&str, &str, Reading); 18] = [
    ("people", "", Reading::Gauge("sojourn_root_agents", 1.0)),
    ("child agents", "", Reading::Gauge("sojourn_child_agents", 1.0)),
    ("transfers that arrived", "/min", Reading::Transfers(|outcome| outcome == "departed")),
    ("transfers that failed", "/min", Reading::Transfers(crate::chart::is_failure)),
    ("datagrams in", "/s", Reading::Rate("sojourn_datagrams_received_total", 1.0)),
    ("datagrams out", "/s", Reading::Rate("sojourn_datagrams_sent_total", 1.0)),
    ("sent again", "/s", Reading::Rate("sojourn_datagrams_resent_total", 1.0)),
    ("bytes queued", "B", Reading::Gauge("sojourn_queued_bytes", 1.0)),
    ("a region's turn", "ms", Reading::Mean("sojourn_region_turn_seconds")),
    ("turns late", "ms", Reading::Mean("sojourn_region_late_seconds")),
    ("events wait", "ms", Reading::Mean("sojourn_event_queue_delay_seconds")),
    ("the grid answers", "ms", Reading::Mean("sojourn_grid_call_seconds")),
    ("peers answer", "ms", Reading::Mean("sojourn_peer_call_seconds")),
    ("HTTP requests", "/s", Reading::Rate("sojourn_http_requests_total", 1.0)),
    ("HTTP answers", "ms", Reading::Mean("sojourn_http_request_seconds")),
    ("logins", "/min", Reading::Rate("sojourn_logins_total", 60.0)),
    ("memory", "MB", Reading::Gauge("process_resident_memory_bytes", 1e-6)),
    ("processor", "%", Reading::Rate("process_cpu_seconds_total", 100.0)),
];

/// Points of some processes together.
#[derive(Clone, Debug)]
pub(crate) struct Plots {
    /// What was counted when the last point was made.
    before: Option<Samples>,
    series: [VecDeque<Option<f64>>; FIGURES.len()],
}

impl Default for Plots {
    fn default() -> Self {
        Self { before: None, series: std::array::from_fn(|_| VecDeque::with_capacity(POINTS)) }
    }
}

impl Plots {
    /// One more point: what is counted now, so long after the last.
    pub(crate) fn add(&mut self, now: Samples, after: Duration) {
        for ((_, _, reading), series) in FIGURES.iter().zip(&mut self.series) {
            if series.len() == POINTS {
                series.pop_front();
            }
            series.push_back(reading.read(self.before.as_ref(), &now, after.as_secs_f64()));
        }
        self.before = Some(now);
    }

    /// Nobody has looked for a while: what comes next does not belong to what was before.
    pub(crate) fn pause(&mut self) {
        self.before = None;
    }

    /// The plots of those figures that are there.
    pub(crate) fn draw(&self) -> Vec<Plot> {
        let drawn = FIGURES.iter().zip(&self.series).filter_map(|(&(name, unit, _), series)| {
            let last = series.iter().rev().take(3).find_map(|point| *point)?;
            Some(Plot::new(name, unit, last, series))
        });
        drawn.collect()
    }
}

impl Reading {
    fn read(self, before: Option<&Samples>, now: &Samples, seconds: f64) -> Option<f64> {
        // What falls has begun anew.
        let rise = |read: &dyn Fn(&Samples) -> Option<f64>| {
            Some(read(now)? - read(before?).unwrap_or(0.0)).filter(|rise| *rise >= 0.0)
        };
        match self {
            Self::Gauge(name, factor) => now.sum(name).map(|value| value * factor),
            Self::Rate(name, factor) => {
                rise(&|samples| samples.sum(name)).map(|rise| rise / seconds * factor)
            }
            Self::Mean(name) => {
                // What has never happened here has no average.
                now.sum(&format!("{name}_count")).filter(|count| *count > 0.0)?;
                let sum = rise(&|samples| samples.sum(&format!("{name}_sum")))?;
                let count = rise(&|samples| samples.sum(&format!("{name}_count")))?;
                Some(if count > 0.0 { sum / count * 1000.0 } else { 0.0 })
            }
            Self::Transfers(wanted) => {
                // Where none has ended yet, none of any kind is told of.
                now.sum("sojourn_regions").filter(|regions| *regions > 0.0)?;
                let ended = |samples: &Samples| {
                    let of = |outcome: &str| wanted(outcome);
                    let found = samples.sum_where("sojourn_transfers_total", |sample| {
                        sample.label("outcome").is_some_and(of)
                    });
                    Some(found.unwrap_or(0.0))
                };
                rise(&ended).map(|rise| rise / seconds * 60.0)
            }
        }
    }
}

/// One plot.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plot {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) last: String,
    pub(crate) most: String,
    /// The line, in the way of SVG paths.
    pub(crate) line: String,
    /// What is below it.
    pub(crate) area: String,
}

impl Plot {
    fn new(name: &'static str, unit: &'static str, last: f64, series: &VecDeque<Option<f64>>) -> Self {
        let most = series.iter().flatten().copied().fold(0.0, f64::max);
        let scale = if most > 0.0 { (AREA.1 - 3.0) / most } else { 0.0 };
        // A young process has few points, which would be a dot at the edge.
        let points = series.len().max(LEAST);
        let from = points - series.len();
        let step = AREA.0 / (points - 1) as f64;
        let place = |(index, point): (usize, &Option<f64>)| {
            point.map(|value| ((from + index) as f64 * step, AREA.1 - 1.0 - value * scale))
        };
        let points: Vec<_> = series.iter().enumerate().map(place).collect();
        let (mut line, mut area) = (String::new(), String::new());
        for run in points.split(Option::is_none) {
            let run: Vec<_> = run.iter().flatten().collect();
            let (Some((first, _)), Some((end, _))) = (run.first(), run.last()) else { continue };
            let words: Vec<_> = run.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let words = words.join(" L");
            // A point alone is a dot.
            let dot = if run.len() == 1 { "h0" } else { "" };
            line.push_str(&format!("M{words}{dot}"));
            area.push_str(&format!("M{first:.1} {0} L{words} L{end:.1} {0} Z", AREA.1));
        }
        Self { name, unit, last: short(last), most: short(most), line, area }
    }
}

/// The plots of some processes, with what they are called together.
#[derive(Template, Debug)]
#[template(path = "plots.html")]
pub(crate) struct Shown {
    pub(crate) groups: Vec<(String, Vec<Plot>)>,
    /// Processes that did not answer, and why.
    pub(crate) silent: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(people: u32, datagrams: u32, late: (f64, u32)) -> Samples {
        Samples::read(&format!(
            "sojourn_regions 1\nsojourn_root_agents{{region=\"One\"}} {people}\n\
             sojourn_datagrams_received_total {datagrams}\n\
             sojourn_region_late_seconds_sum {}\nsojourn_region_late_seconds_count {}\n\
             sojourn_transfers_total{{kind=\"teleport\",outcome=\"timed_out\"}} {datagrams}\n",
            late.0, late.1
        ))
    }

    fn points(plots: &Plots, name: &str) -> Vec<Option<f64>> {
        let index = FIGURES.iter().position(|(figure, ..)| *figure == name).unwrap();
        plots.series[index].iter().copied().collect()
    }

    #[test]
    fn gauges_stand_counters_rise_and_begin_anew() {
        let mut plots = Plots::default();
        let ten = Duration::from_secs(10);
        plots.add(samples(1, 100, (1.0, 10)), ten);
        plots.add(samples(2, 300, (1.5, 20)), ten);
        plots.add(samples(3, 50, (0.1, 1)), ten);
        plots.pause();
        plots.add(samples(3, 60, (0.1, 1)), ten);
        assert_eq!(points(&plots, "people"), [Some(1.0), Some(2.0), Some(3.0), Some(3.0)]);
        assert_eq!(points(&plots, "datagrams in"), [None, Some(20.0), None, None]);
        assert_eq!(points(&plots, "turns late"), [None, Some(50.0), None, None]);
        assert_eq!(points(&plots, "transfers that failed"), [None, Some(1200.0), None, None]);
        let drawn = plots.draw();
        assert!(drawn.iter().all(|plot| plot.name != "memory"), "nobody tells it");
        let people = drawn.iter().find(|plot| plot.name == "people").unwrap();
        assert_eq!((people.last.as_str(), people.most.as_str()), ("3", "3"));
        assert!(people.line.starts_with("M161.4 29.3 L167.6 15.7"), "{}", people.line);
    }

    #[test]
    fn points_are_bounded() {
        let mut plots = Plots::default();
        for n in 0..POINTS as u32 + 10 {
            plots.add(samples(n, n, (0.0, 0)), Duration::from_secs(10));
        }
        assert_eq!(points(&plots, "people").len(), POINTS);
    }
}
