//! An instance that comes to nothing.
use super::*;
use crate::testing::TestHost;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

static DECLARATION: Declaration = Declaration::new("half", "Half").own_runtime();
/// Resolves when the task is gone.
static GONE: Mutex<Option<oneshot::Receiver<()>>> = Mutex::new(None);

/// Begins a task that keeps its host, and fails.
fn half(api: &mut Registrar) -> Result<()> {
    let (alive, gone) = oneshot::channel();
    *GONE.lock().unwrap_or_else(PoisonError::into_inner) = Some(gone);
    let host = api.host().clone();
    tokio::spawn(async move {
        let _kept = (alive, host);
        std::future::pending::<()>().await;
    });
    Err(Error::invalid("half way"))
}

#[tokio::test]
async fn an_instance_that_fails_half_way_leaves_no_runtime() {
    let fake = TestHost::new();
    let args = abi::CreateArgs {
        host: fake.host().handle().clone(),
        instance: "half".into(),
        config: "{}".into(),
        environment: "{}".into(),
    };
    assert!(create(args, &DECLARATION, half).is_err());
    let gone = GONE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let gone = tokio::time::timeout(Duration::from_secs(20), gone.expect("it began"));
    assert!(gone.await.is_ok(), "its task goes on");
}
