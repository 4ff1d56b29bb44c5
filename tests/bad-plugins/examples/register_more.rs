//! Registers a tool that it does not declare.
use openclaw_bad_plugins::{Exhibit, Named, prelude::*};

struct First;
impl Named for First {
    const TOOL: &'static str = "register_more";
}

struct Second;
impl Named for Second {
    const TOOL: &'static str = "undeclared";
}

export_plugin!(
    Declaration::new("register-more", "register-more").tools(&["register_more"]),
    |api| {
        let host = api.host().clone();
        api.tool(Exhibit::<First, _, _>::new(host.clone(), (), |_| async {
            Ok("fine".into())
        }));
        api.tool(Exhibit::<Second, _, _>::new(host, (), |_| async {
            Ok("fine".into())
        }));
        Ok(())
    }
);
