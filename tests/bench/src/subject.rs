//! What the benchmarked plugins do; both are made of it.
use openclaw_plugin_api::prelude::*;

/// A message of about 300 bytes goes out, a receipt comes back.
struct Pipe;

impl Channel for Pipe {
    const ID: &'static str = "bench";

    async fn start(&self, _: Account, _: ChannelHost) -> Result<()> {
        Ok(())
    }

    async fn send(&self, message: Outbound) -> Result<Receipt> {
        Ok(Receipt {
            message_ids: vec![message.idempotency_key],
        })
    }
}

/// Registers it.
pub fn start(api: &mut Registrar) -> Result<()> {
    api.channel(Pipe);
    api.raw("bench/echo", "", |body, _| async move { Ok(body) });
    api.raw("bench/burst", "", |body, out| async move {
        let count: usize = std::str::from_utf8(&body)?.parse()?;
        let mut out = out.ok_or_else(|| Error::invalid("a burst needs a stream"))?;
        for _ in 0..count {
            if !out.send(b"0123456789abcdef0123456789abcdef").await {
                break;
            }
        }
        Ok(Vec::new())
    });
    Ok(())
}
