//! Which connection of several is the first, how often and by how much.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::route::LEGS_MAX;

/// The longest lag that is told apart, in microseconds.
const LAG_MAX_US: u64 = 60_000_000;

/// How one of several connections with the same streams fares, since it opened.
#[derive(Debug, Clone, Default)]
pub struct LegCounts {
    /// Updates that it brought first, while others had the stream too.
    pub firsts: u64,
    /// Updates that another had brought before.
    pub copies: u64,
    /// Updates that were left to another because of a hole before them.
    pub ahead: u64,
    /// Updates that it brought twice.
    pub repeats: u64,
    /// By how many microseconds it came behind the first, a sample; `None` before there is one. What has not come after
    /// 10 s counts as 10 s. All that it ever had, for people: whether it lags now is told by
    /// [`Session::take_lag`](crate::Session::take_lag).
    pub lag_us: Option<Box<Histogram<u64>>>,
}

impl LegCounts {
    /// Its share of the updates that came over several connections, `0.0..=1.0`; `None` before there was one.
    pub fn share(&self) -> Option<f64> {
        let total = self.firsts + self.copies;
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        (total > 0).then(|| self.firsts as f64 / total as f64)
    }
}

/// A place for a connection.
#[derive(Debug, Default)]
struct Leg {
    counts: LegCounts,
    /// Its lags since they were taken last, in microseconds.
    recent_us: Option<Box<Histogram<u64>>>,
}

impl Leg {
    fn record(&mut self, lag: Duration) {
        let lag = u64::try_from(lag.as_micros()).unwrap_or(LAG_MAX_US).clamp(1, LAG_MAX_US);
        for lags in [&mut self.counts.lag_us, &mut self.recent_us] {
            if lags.is_none() {
                *lags = Histogram::new_with_bounds(1, LAG_MAX_US, 2).ok().map(Box::new);
            }
            if let Some(lags) = lags {
                lags.saturating_record(lag);
            }
        }
    }
}

/// The legs of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Race {
    legs: [Leg; LEGS_MAX],
}

impl Race {
    pub(super) fn leg(&self, leg: usize) -> Option<&LegCounts> {
        self.legs.get(leg).map(|leg| &leg.counts)
    }

    /// A new connection has this place.
    pub(super) fn begin(&mut self, leg: usize) {
        self.with(leg, |leg| *leg = Leg::default());
    }

    pub(super) fn on_first(&mut self, leg: usize) {
        self.with(leg, |leg| leg.counts.firsts += 1);
    }

    pub(super) fn on_copy(&mut self, leg: usize, lag: Option<Duration>) {
        self.with(leg, |leg| {
            leg.counts.copies += 1;
            lag.into_iter().for_each(|lag| leg.record(lag));
        });
    }

    /// What another brought so long ago has not come.
    pub(super) fn on_late(&mut self, leg: usize, lag: Duration) {
        self.with(leg, |leg| leg.record(lag));
    }

    /// The median of the lags since the last call.
    pub(super) fn take_lag(&mut self, leg: usize) -> Option<Duration> {
        let recent = self.legs.get_mut(leg)?.recent_us.as_mut().filter(|recent| !recent.is_empty())?;
        let median = Duration::from_micros(recent.value_at_quantile(0.5));
        recent.reset();
        Some(median)
    }

    pub(super) fn on_ahead(&mut self, leg: usize) {
        self.with(leg, |leg| leg.counts.ahead += 1);
    }

    pub(super) fn on_repeat(&mut self, leg: usize) {
        self.with(leg, |leg| leg.counts.repeats += 1);
    }

    fn with(&mut self, leg: usize, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.legs.get_mut(leg) {
            change(leg);
        }
    }
}
