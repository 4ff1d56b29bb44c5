// What the benchmarked plugins do; included by both.
use openclaw_plugin_api::{MethodCall, MethodSpec, prelude::*};

/// A record of about 300 bytes comes and goes.
struct Echo;

impl Methods for Echo {
    fn methods(&self) -> Vec<MethodSpec> {
        vec![MethodSpec { name: "bench.echo".into(), ..MethodSpec::default() }]
    }

    async fn call(&self, call: MethodCall) -> Result<Value> {
        Ok(call.params)
    }
}

fn start(api: &mut Registrar) -> Result<()> {
    api.methods(Echo);
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
