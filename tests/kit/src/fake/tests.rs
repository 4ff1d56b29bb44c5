//! What the kit's host says of itself.
use super::*;

#[tokio::test]
async fn it_serves_what_it_names_and_nothing_else() {
    let host = FakeHost::new(Mode::Normal, Handle::current());
    let named = environment().methods;
    for id in ids::ALL {
        let call = Call::new(id, "", b"{}".to_vec());
        let fault = host.call(call).await.err();
        let is_known = fault.is_none_or(|fault| fault.code.as_str() != "unknown_method");
        assert_eq!(is_known, named.iter().any(|name| name == id), "{id}");
    }
}
