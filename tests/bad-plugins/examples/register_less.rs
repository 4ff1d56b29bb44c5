//! Declares a tool that it does not register.
use openclaw_bad_plugins::{Exhibit, Named, prelude::*};

struct First;
impl Named for First {
    const TOOL: &'static str = "register_less";
}

export_plugin!(
    Declaration::new("register-less", "register-less").tools(&["register_less", "never"]),
    |api| {
        let host = api.host().clone();
        api.tool(Exhibit::<First, _, _>::new(host, (), |_| async {
            Ok("fine".into())
        }));
        Ok(())
    }
);
