//! A manifest that is said to be as long as a length can be.

#[used]
#[unsafe(link_section = ".openclaw.plugin")]
static MANIFEST: [u8; 14] = *b"OCPLUG01\xff\xff\xff\xff{}";
