//! Documents for carriers.
//!
//! Invariant: there is no way to put a text into a document unescaped.
use std::fmt::Write;

/// A document that is being written.
#[derive(Debug, Default)]
pub(super) struct Document(String);

// === impl Document ===

impl Document {
    /// An element without content.
    pub(super) fn empty(self, name: &str, attributes: &[(&str, &str)]) -> Self {
        self.open(name, attributes, true)
    }

    /// An element with a text.
    pub(super) fn text(self, name: &str, attributes: &[(&str, &str)], text: &str) -> Self {
        let mut document = self.open(name, attributes, false);
        document.0.push_str(&escaped(text));
        let _ = write!(document.0, "</{name}>");
        document
    }

    /// An element with elements.
    pub(super) fn nest(self, name: &str, attributes: &[(&str, &str)], inner: Self) -> Self {
        let mut document = self.open(name, attributes, false);
        let _ = write!(document.0, "{}</{name}>", inner.0);
        document
    }

    /// The whole of it.
    pub(super) fn finish(self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{}</Response>",
            self.0
        )
    }

    fn open(mut self, name: &str, attributes: &[(&str, &str)], closed: bool) -> Self {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"{}\"", escaped(value));
        }
        self.0.push_str(if closed { "/>" } else { ">" });
        self
    }
}

/// A text as XML 1.0 writes it. Characters that XML does not know are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let hostile = "</Say><Dial>+1999</Dial>&amp;\"'\u{0}\u{b}\u{ffff}\n]]><![CDATA[";
        let inner = Document::default().text("Say", &[("voice", "a\"><Hangup/>")], hostile);
        let document = Document::default().nest("Outer", &[], inner).finish();
        assert_eq!(
            document,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Outer><Say voice=\"a&quot;&gt;&lt;Hangup/&gt;\">\
             &lt;/Say&gt;&lt;Dial&gt;+1999&lt;/Dial&gt;&amp;amp;&quot;&apos; ]]&gt;&lt;![CDATA[</Say></Outer></Response>"
        );
    }
}
