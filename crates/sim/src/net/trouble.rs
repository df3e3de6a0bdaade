//! What an owner lets go wrong on a running server, one connection at a time.

use std::time::Duration;

use super::site::Site;
use super::spoil::Spoiling;
use crate::clock::Now;
use crate::hazard::Counts;

/// Something that goes wrong with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its TCP connection ends without a Close frame.
    Cut,
    /// So many next messages of data are not sent; with [`u32::MAX`] it is silent from now on, while pings and requests
    /// are answered as before.
    Lose(u32),
    /// So many next messages of data are sent twice.
    Double(u32),
    /// Data comes so much later from now on.
    Lag(Duration),
    /// It is told of its end where the venue does so, and closed with 1001 so much later.
    Shutdown(Duration),
}

impl Trouble {
    /// Strikes one of the open connections; `choice` says which, by what remains of it, if there is one.
    pub(super) fn strike(self, choice: u64, site: &mut impl Site, now: Now) {
        let open = site.open();
        let place = choice.checked_rem(open.len() as u64).and_then(|place| usize::try_from(place).ok());
        let Some(number) = place.and_then(|place| open.get(place).copied()) else {
            return;
        };
        let mut spoil = |spoiling| {
            site.spoil(number, spoiling, &Counts::default(), now);
        };
        match self {
            Self::Cut => site.cut(number),
            Self::Lose(messages) => spoil(Spoiling::Lose(messages)),
            Self::Double(messages) => spoil(Spoiling::Double(messages)),
            Self::Lag(lag) => spoil(Spoiling::Lag(lag)),
            Self::Shutdown(notice) => {
                site.announce_end(number, notice, now);
            }
        }
    }
}

/// Nothing goes wrong any more with any connection; what was kept back comes at once, and announced ends do come.
pub(super) fn calm(site: &mut impl Site, now: Now) {
    for number in site.open() {
        site.spoil(number, Spoiling::Nothing, &Counts::default(), now);
    }
}
