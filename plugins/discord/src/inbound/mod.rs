//! From gateway events to the host's.
