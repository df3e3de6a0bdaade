//! Binance: what its venues share, and a folder for what each alone knows.

mod api;
mod books;
mod control;
mod fault;
mod names;
mod path;
mod rest;
mod session;
mod spot;
mod statistics;
mod tariff;
mod text;
mod usdm;

pub(crate) use spot::Spot;
pub(crate) use usdm::UsdM;
