//! Who takes part, and how each is put on a stream.

#[cfg(feature = "peers")]
pub(crate) mod asynchronous;
pub(crate) mod floor;
pub(crate) mod pieces;
pub(crate) mod sdk;
pub(crate) mod sealed;
pub(crate) mod synchronous;

use crate::arm::{Arm, Checks};
use crate::workload::Content;
#[cfg(feature = "peers")]
use asynchronous::Peer;
use std::io::{Read, Write};
use tickwire::Client;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Floor,
    FloorUtf8,
    Pieces,
    PiecesUtf8,
    Direct,
    Joined,
    Tungstenite,
    #[cfg(feature = "peers")]
    Boomnet,
    #[cfg(feature = "peers")]
    Asynchronous(Peer),
}

impl Contender {
    /// The floors of large frames, which may lie in pieces.
    pub(crate) fn in_pieces(content: Content) -> Vec<Self> {
        match content {
            Content::Text => vec![Self::Pieces, Self::PiecesUtf8],
            Content::Binary => vec![Self::Pieces],
        }
    }

    /// Everyone who can read such messages.
    pub(crate) fn roster(content: Content) -> Vec<Self> {
        let mut roster = vec![Self::Floor];
        if content == Content::Text {
            roster.push(Self::FloorUtf8);
        }
        roster.extend([Self::Direct, Self::Joined, Self::Tungstenite]);
        #[cfg(feature = "peers")]
        {
            roster.push(Self::Boomnet);
            roster.extend(Peer::ALL.map(Self::Asynchronous));
        }
        roster
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorUtf8 => "floor+utf8",
            Self::Pieces => "floor, in pieces",
            Self::PiecesUtf8 => "floor+utf8, in pieces",
            Self::Direct => "tickwire (next_message_direct)",
            Self::Joined => "tickwire (next_message)",
            Self::Tungstenite => "tungstenite",
            #[cfg(feature = "peers")]
            Self::Boomnet => "boomnet",
            #[cfg(feature = "peers")]
            Self::Asynchronous(peer) => peer.name(),
        }
    }

    pub(crate) fn checks(self) -> Checks {
        match self {
            Self::Floor | Self::Pieces => Checks::Floor,
            Self::FloorUtf8 | Self::PiecesUtf8 => Checks::FloorUtf8,
            #[cfg(feature = "peers")]
            Self::Boomnet => Checks::Few,
            _ => Checks::Protocol,
        }
    }
}

/// A contender of the synchronous kind on an upgraded nonblocking stream; `longest` is the size of the longest frame.
pub(crate) fn over_stream<S>(contender: Contender, stream: S, longest: usize) -> Box<dyn Arm>
where
    S: Read + Write + 'static,
{
    match contender {
        Contender::Floor => Box::new(floor::Floor::<_, false>::new(stream, longest)),
        Contender::FloorUtf8 => Box::new(floor::Floor::<_, true>::new(stream, longest)),
        Contender::Pieces => Box::new(pieces::Pieces::<_, false>::new(stream)),
        Contender::PiecesUtf8 => Box::new(pieces::Pieces::<_, true>::new(stream)),
        Contender::Direct => {
            Box::new(sdk::Direct(Client::builder().upgraded(stream, b"").expect("a client")))
        }
        Contender::Joined => {
            Box::new(sdk::Joined(Client::builder().upgraded(stream, b"").expect("a client")))
        }
        Contender::Tungstenite => Box::new(synchronous::Tungstenite::new(stream)),
        #[cfg(feature = "peers")]
        Contender::Boomnet => Box::new(synchronous::Boomnet::new(stream)),
        #[cfg(feature = "peers")]
        Contender::Asynchronous(peer) => unreachable!("{} takes an asynchronous stream", peer.name()),
    }
}
