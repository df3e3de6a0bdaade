//! How a thread waits for the next byte.

use crate::clock;
use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_handoff::Waker;

/// The token of the waker; no source has it.
const WAKER: Token = Token(usize::MAX);

/// What a waiting thread does. Spinning wakes up several times sooner than blocking and costs a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitPolicy {
    /// Sleep in the kernel until there is something.
    #[default]
    Block,
    /// Ask the kernel again and again for this long, then sleep.
    SpinThenBlock(Duration),
    /// Never sleep.
    Spin,
}

/// A `Poll` and its policy.
#[derive(Debug)]
pub(crate) struct Waiter {
    poll: Poll,
    events: Events,
    policy: WaitPolicy,
    /// There once somebody has asked; a poll may have only one.
    waker: Option<Arc<mio::Waker>>,
}

impl Waiter {
    pub(crate) fn new(policy: WaitPolicy) -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(64), policy, waker: None })
    }

    pub(crate) fn add(&mut self, source: &mut impl Source, token: Token) -> io::Result<()> {
        self.poll.registry().register(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// What ends a wait from another thread, the one that is on or else the next.
    pub(crate) fn waker(&mut self) -> io::Result<Waker> {
        let waker = match &self.waker {
            Some(waker) => waker,
            None => self.waker.insert(Arc::new(mio::Waker::new(self.poll.registry(), WAKER)?)),
        };
        let waker = Arc::clone(waker);
        // It writes to a descriptor that is its own, and is woken already where that is full.
        Ok(Waker::new(move || _ = waker.wake()))
    }

    /// Whether the last wait was ended so.
    pub(crate) fn is_woken(&self) -> bool {
        self.ready().any(|token| token == WAKER)
    }

    /// Another descriptor of its poll, for who waits for that.
    #[cfg(feature = "tokio")]
    pub(crate) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        use std::os::fd::AsFd as _;
        self.poll.registry().as_fd().try_clone_to_owned()
    }

    /// Waits until something is ready or `until` has come. True when something may be ready; a signal counts as that.
    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<bool> {
        let spin_until = match self.policy {
            WaitPolicy::Block => return self.sleep(until),
            WaitPolicy::SpinThenBlock(spin) => Some(clock::later(clock::now(), spin)),
            WaitPolicy::Spin => None,
        };
        loop {
            if self.poll(Some(Duration::ZERO))? {
                return Ok(true);
            }
            let now = clock::now();
            if until.is_some_and(|until| now >= until) {
                return Ok(false);
            }
            if spin_until.is_some_and(|spin_until| now >= spin_until) {
                return self.sleep(until);
            }
            std::hint::spin_loop();
        }
    }

    fn sleep(&mut self, until: Option<Instant>) -> io::Result<bool> {
        self.poll(until.map(|until| until.saturating_duration_since(clock::now())))
    }

    /// The tokens that were ready at the last wait.
    pub(crate) fn ready(&self) -> impl Iterator<Item = Token> + '_ {
        self.events.iter().map(mio::event::Event::token)
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => Ok(!self.events.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// A poll is ready when one of its own sources is.
impl Source for Waiter {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        SourceFd(&self.poll.as_raw_fd()).register(registry, token, Interest::READABLE)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        SourceFd(&self.poll.as_raw_fd()).reregister(registry, token, Interest::READABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.poll.as_raw_fd()).deregister(registry)
    }
}
