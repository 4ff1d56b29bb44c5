//! Everything about plugins: finding, judging, opening, calling and replacing them.
pub mod discover;
pub mod ladder;
pub mod load;
pub mod logs;
pub mod manifest;
pub mod metrics;
pub mod pool;
pub mod services;
pub mod stage;
