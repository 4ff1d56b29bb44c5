//! A name that is not UTF-8.
use openclaw_bad_plugins::prelude::*;

const NOT_TEXT: &[u8] = &[0xc3, 0x28, 0xff];
raw_manifest!(
    br#"{"manifestVersion":1,"id":"bad-utf8-name","name":""#,
    NOT_TEXT,
    br#"","apiVersion":"1.0.0"}"#
);
