//! stub
pub mod http;
