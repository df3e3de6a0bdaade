//! What can go wrong in a simulated world: how often it shall, and how often it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! hazards {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $usual:literal;)*) => {
        /// One kind of what can go wrong. The end of each one's description says what its rate counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Hazard {
            $($(#[$doc])* $kind,)*
        }

        impl Hazard {
            /// All kinds.
            pub const ALL: [Self; [$($usual),*].len()] = [$(Self::$kind),*];

            /// Its name in a word or two.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Whether its rate is of a thousand dials, hosts or documents, not of a day.
            #[must_use]
            pub const fn is_of_a_thousand(self) -> bool {
                matches!(
                    self,
                    Self::ConnectRefused
                        | Self::ConnectUnanswered
                        | Self::TlsRefused
                        | Self::HandshakeCut
                        | Self::SmallWindow
                        | Self::Chopped
                        | Self::DocumentLost
                        | Self::ClockSkew
                )
            }

            const fn usual(self) -> u32 {
                match self {
                    $(Self::$kind => $usual,)*
                }
            }
        }
    };
}

hazards! {
    /// The connect is refused. Of 1,000 dials.
    ConnectRefused = "connect refused", 20;
    /// The connect is never answered. Of 1,000 dials.
    ConnectUnanswered = "connect unanswered", 15;
    /// The TLS handshake ends with an alert. Of 1,000 dials of a host with TLS.
    TlsRefused = "TLS refused", 10;
    /// The connection is reset at some byte of the WebSocket handshake. Of 1,000 dials.
    HandshakeCut = "handshake cut", 20;
    /// Only a few KiB may be on their way. Of 1,000 dials.
    SmallWindow = "small window", 50;
    /// Bytes arrive in small pieces of odd sizes, the first of them almost one by one. Of 1,000 dials.
    Chopped = "chopped bytes", 100;
    /// Nothing arrives for some seconds, in one direction or both; then all of it. A day, on each connection.
    Stall = "stall", 60;
    /// A reset, at any byte. A day, on each connection.
    Cut = "cut", 12;
    /// From some moment on bytes vanish, in one direction or both, and neither end is told. A day, on each connection.
    HalfOpen = "half-open", 12;
    /// The end in good order, at any byte, without a Close frame. A day, on each connection.
    Finished = "finished", 6;
    /// An alert of TLS, at any byte. A day, on each connection of a host with TLS.
    TlsAlert = "TLS alert", 4;
    /// One to three messages of data are not sent to this connection. A day, on each connection.
    MessagesLost = "messages lost", 20;
    /// One to three messages of data are sent twice. A day, on each connection.
    MessagesDoubled = "messages doubled", 20;
    /// The venue keeps data back for up to some seconds, for some time. A day, on each connection.
    Lag = "lag", 20;
    /// About a third of all streams, or all, fall silent on this connection, and stay so. A day, on each connection.
    Mute = "mute streams", 6;
    /// The connection's end is told where the venue does so, and comes some time later. A day, on each connection.
    Shutdown = "shutdown", 8;
    /// Look-ups of the name fail for some time. A day, on each host.
    LookUpFails = "look-up fails", 24;
    /// The host moves: its old address is dead at once, and look-ups return the new one a little later. A day, on each
    /// host.
    AddressChange = "address change", 6;
    /// WebSocket handshakes are refused for some time with 403, 418, 429 or 503. A day, on each host.
    HandshakesRefused = "handshakes refused", 24;
    /// Requests for snapshots are refused for some time with 418 or 429. A day, on each host.
    SnapshotsRefused = "snapshots refused", 24;
    /// Requests for snapshots are answered from a cache for some time. A day, on each host.
    SnapshotsStale = "snapshots stale", 24;
    /// All connections are closed, or cut; for minutes handshakes are refused with 503, or connects are. A day, on each
    /// host.
    Maintenance = "maintenance", 3;
    /// A document is not answered, or not whole. Of 1,000 documents.
    DocumentLost = "document lost", 30;
    /// The host's clock is wrong, by up to two seconds. Of 1,000 hosts.
    ClockSkew = "clock skew", 300;
}

/// How often each kind of hazard strikes. Times between two of a kind vary around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazards([u32; Hazard::ALL.len()]);

impl Default for Hazards {
    fn default() -> Self {
        Self::NONE
    }
}

impl Hazards {
    /// Nothing goes wrong.
    pub const NONE: Self = Self([0; Hazard::ALL.len()]);

    /// Everything goes wrong at times, some hundred things on each connection and host in a day.
    #[must_use]
    pub fn usual() -> Self {
        Self(Hazard::ALL.map(Hazard::usual))
    }

    /// Nothing but this kind, this often.
    #[must_use]
    pub fn only(hazard: Hazard, rate: u32) -> Self {
        let mut only = Self::NONE;
        only.set(hazard, rate);
        only
    }

    /// The same for these kinds; the others are off.
    #[must_use]
    pub fn among(&self, kinds: &[Hazard]) -> Self {
        let mut among = Self::NONE;
        kinds.iter().for_each(|kind| among.set(*kind, self.rate(*kind)));
        among
    }

    /// How often it strikes, in the unit that the kind names.
    #[must_use]
    pub fn rate(&self, hazard: Hazard) -> u32 {
        self.0.get(hazard as usize).copied().unwrap_or_default()
    }

    /// Sets how often it strikes, in the unit that the kind names; 0 switches it off.
    pub fn set(&mut self, hazard: Hazard, rate: u32) {
        if let Some(slot) = self.0.get_mut(hazard as usize) {
            *slot = rate;
        }
    }
}

/// How often each kind has really struck; all copies count together.
#[derive(Clone, Debug)]
pub(crate) struct Counts(Arc<[AtomicU64; Hazard::ALL.len()]>);

impl Default for Counts {
    fn default() -> Self {
        Self(Arc::new(Hazard::ALL.map(|_| AtomicU64::new(0))))
    }
}

impl Counts {
    pub(crate) fn add(&self, hazard: Hazard) {
        if let Some(count) = self.0.get(hazard as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, hazard: Hazard) -> u64 {
        self.0.get(hazard as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_place_and_a_name_of_its_own() {
        let mut names: Vec<_> = Hazard::ALL.map(Hazard::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Hazard::ALL.len());
        for (at, hazard) in Hazard::ALL.into_iter().enumerate() {
            assert_eq!(hazard as usize, at);
            let only = Hazards::only(hazard, 7);
            assert_eq!(Hazard::ALL.map(|other| only.rate(other)).iter().sum::<u32>(), 7);
            assert_eq!(only.rate(hazard), 7);
        }
    }

    #[test]
    fn copies_count_together() {
        let counts = Counts::default();
        counts.clone().add(Hazard::Cut);
        counts.add(Hazard::Cut);
        assert_eq!((counts.get(Hazard::Cut), counts.get(Hazard::Stall)), (2, 0));
    }
}
