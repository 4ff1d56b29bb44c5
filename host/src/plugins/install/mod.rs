//! Getting a plugin onto this machine: an archive is unpacked where it can do no harm, then placed in one step.
//!
//! [`unpack`] reads what a stranger wrote, [`store`] keeps what was accepted. Neither looks into the library or runs
//! any of it, and neither fetches anything: the caller hands over a file, reads the manifest of what was unpacked, and
//! decides.

mod format;
mod meter;
mod name;
pub mod store;
pub mod unpack;

pub use store::{Installed, Offer, Record, Staged, Store, StoreError};
pub use unpack::{Limits, UnpackError, Unpacked, unpack};

#[cfg(test)]
mod tests;
