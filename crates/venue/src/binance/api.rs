//! The connections to the WebSocket API: which is asked for snapshots, and who is signed in.

#[cfg(feature = "sign")]
use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "sign")]
use super::account::Account;
#[cfg(feature = "sign")]
use crate::sign::Credentials;
use crate::{patience::Patience, recent::Recent, route::LEGS_MAX};

#[derive(Debug)]
pub(super) struct Api {
    /// Its place among the endpoints.
    pub(super) endpoint: usize,
    /// Open legs, oldest first.
    open: Vec<usize>,
    /// What accounts are told names no order.
    recent: Recent,
    patience: [Patience; LEGS_MAX],
    #[cfg(feature = "sign")]
    credentials: Option<Arc<Credentials>>,
    #[cfg(feature = "sign")]
    accounts: [Option<Account>; LEGS_MAX],
}

impl Api {
    pub(super) fn new(
        endpoint: usize,
        #[cfg(feature = "sign")] credentials: Option<Arc<Credentials>>,
    ) -> Self {
        Self {
            endpoint,
            open: Vec::new(),
            recent: Recent::default(),
            patience: [Patience::default(); LEGS_MAX],
            #[cfg(feature = "sign")]
            credentials,
            #[cfg(feature = "sign")]
            accounts: [const { None }; LEGS_MAX],
        }
    }

    pub(super) fn is_open(&self, leg: usize) -> bool {
        self.open.contains(&leg)
    }

    pub(super) fn on_open(&mut self, leg: usize, now: Instant) {
        if leg < LEGS_MAX {
            self.open.push(leg);
        }
        self.recent.on_open(leg);
        if let Some(patience) = self.patience.get_mut(leg) {
            *patience = Patience::default();
        }
        #[cfg(feature = "sign")]
        if let (Some(credentials), Some(account)) = (&self.credentials, self.accounts.get_mut(leg)) {
            *account = Some(Account::new(Arc::clone(credentials), now));
        }
        #[cfg(not(feature = "sign"))]
        let _ = now;
    }

    pub(super) fn on_closed(&mut self, leg: usize) {
        self.open.retain(|open| *open != leg);
        #[cfg(feature = "sign")]
        if let Some(account) = self.accounts.get_mut(leg) {
            *account = None;
        }
    }

    /// A leg did not answer a request in time. Whether it is to be renewed for that.
    pub(super) fn on_unanswered(&mut self, leg: usize) -> bool {
        self.patience.get_mut(leg).is_some_and(Patience::on_unanswered)
    }

    /// A leg answered something.
    pub(super) fn on_answer(&mut self, leg: usize) {
        if let Some(patience) = self.patience.get_mut(leg) {
            patience.on_answer();
        }
    }

    /// The leg to send requests over: an older one may be about to go.
    pub(super) fn newest(&self) -> Option<usize> {
        self.open.last().copied()
    }

    /// Whether a text about the account is news.
    pub(super) fn is_news(&mut self, leg: usize, text: &[u8]) -> bool {
        self.recent.is_news(leg, text)
    }

    /// Whether a leg does all that it should.
    pub(super) fn is_ready(&self, leg: usize) -> bool {
        #[cfg(feature = "sign")]
        if self.account(leg).is_some_and(|account| !account.is_settled()) {
            return false;
        }
        self.is_open(leg)
    }

    #[cfg(feature = "sign")]
    pub(super) fn account(&self, leg: usize) -> Option<&Account> {
        self.accounts.get(leg)?.as_ref()
    }

    #[cfg(feature = "sign")]
    pub(super) fn account_mut(&mut self, leg: usize) -> Option<&mut Account> {
        self.accounts.get_mut(leg)?.as_mut()
    }

    #[cfg(feature = "sign")]
    pub(super) fn accounts_mut(&mut self) -> impl Iterator<Item = (usize, &mut Account)> {
        self.accounts.iter_mut().enumerate().filter_map(|(leg, account)| Some((leg, account.as_mut()?)))
    }

    /// When there is something to do about an account.
    #[cfg(feature = "sign")]
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.accounts.iter().flatten().filter_map(Account::deadline).min()
    }
}
