//! The decision as a table, and its one law: nobody gets more than the credential holds.
use super::*;
use crate::{
    clock::Clock,
    gateway::{
        device::{self, tests::NOW},
        devices::Devices,
        hub::Events,
    },
    journal::Journal,
};
use openclaw_plugin_api::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const ASKED: [Scope; 2] = [Scope::Read, Scope::Write];

static NO_PROXY: LazyLock<ProxyClaim> = LazyLock::new(ProxyClaim::default);

fn devices() -> (tempfile::TempDir, Devices) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("state.db")).unwrap();
    let devices = Devices::new(journal, Events::default(), Clock::from_fn(|| NOW));
    (folder, devices)
}

fn here() -> Way<'static> {
    Way {
        local: true,
        browser: false,
        proxy: &NO_PROXY,
        auto_approve: true,
        pages_without_device: false,
    }
}

fn away() -> Way<'static> {
    Way {
        local: false,
        ..here()
    }
}

fn page() -> Way<'static> {
    Way {
        browser: true,
        ..here()
    }
}

async fn decide(auth: &Auth, devices: &Devices, params: Value, way: &Way<'_>) -> Result<Admission, Failure> {
    let connect = Connect::parse(params)?;
    let role = Role::parse(&connect)?;
    let device = device::verify(&connect, role.name(), "n", NOW)?;
    let admitted = admit(&Verifier::new(auth), devices, &connect, role, device, way).await;
    admitted.map_err(|denied| denied.failure)
}

async fn scopes(auth: &Auth, params: Value, way: &Way<'_>) -> Result<Vec<Scope>, String> {
    let (_folder, devices) = devices();
    let admitted = decide(auth, &devices, params, way).await;
    let scopes = admitted.map(|admission| admission.principal.scopes().as_slice().to_vec());
    scopes.map_err(|failure| failure.message)
}

fn plain(id: &str, mode: &str, token: Option<&str>) -> Value {
    let mut params = json!({
        "minProtocol": 4, "maxProtocol": 4, "scopes": ["operator.read", "operator.write", "operator.root"],
        "client": {"id": id, "version": "1", "platform": "linux", "mode": mode},
    });
    if let Some(token) = token {
        params["auth"] = json!({"token": token});
    }
    params
}

fn signed(token: Option<&str>) -> Value {
    device::tests::signed(token, "n", NOW)
}

fn with_token() -> Auth {
    Auth {
        token: Some(Secret::new("right")),
        ..Auth::default()
    }
}

/// All pairs of {no, empty, wrong, right token} and {no, unsigned, replayed, good device}.
#[tokio::test]
async fn only_the_right_secret_lets_in_whatever_the_device() {
    for token in [None, Some(""), Some("wrong"), Some("right")] {
        let mut unsigned = signed(token);
        unsigned["device"]["signature"] = json!("AAAA");
        let replayed = device::tests::signed(token, "other nonce", NOW);
        let devices = [
            ("none", plain("cli", "cli", token), true),
            ("unsigned", unsigned, false),
            ("replayed", replayed, false),
            ("good", signed(token), true),
        ];
        for (device, params, acceptable) in devices {
            let allowed = token == Some("right") && acceptable;
            let admitted = scopes(&with_token(), params, &here()).await;
            assert_eq!(
                admitted.is_ok(),
                allowed,
                "token {token:?}, device {device}: {admitted:?}"
            );
            assert!(!allowed || admitted == Ok(ASKED.to_vec()));
        }
    }
}

#[tokio::test]
async fn scopes_without_a_device_are_for_own_programs_on_this_machine() {
    let table = [
        ("cli", "cli", here(), Ok(ASKED.to_vec())),
        ("gateway-client", "backend", here(), Ok(ASKED.to_vec())),
        ("cli", "cli", away(), Ok(vec![])),
        ("gateway-client", "backend", away(), Ok(vec![])),
        ("cli", "cli", page(), Ok(vec![])),
        ("cli", "probe", here(), Ok(vec![])),
        ("test", "test", here(), Ok(vec![])),
        ("openclaw-tui", "ui", here(), Err(())),
        ("openclaw-control-ui", "webchat", page(), Err(())),
    ];
    for (id, mode, way, expected) in table {
        let admitted = scopes(&with_token(), plain(id, mode, Some("right")), &way).await;
        assert_eq!(admitted.map_err(drop), expected, "{id}/{mode} {way:?}");
    }
    let open_door = Way {
        pages_without_device: true,
        ..page()
    };
    let ui = plain("openclaw-control-ui", "webchat", Some("right"));
    assert_eq!(scopes(&with_token(), ui, &open_door).await, Ok(ASKED.to_vec()));
}

#[tokio::test]
async fn without_a_secret_only_backends_and_devices_get_in() {
    let open = Auth::default();
    assert!(scopes(&open, plain("cli", "cli", None), &here()).await.is_err());
    let backend = plain("gateway-client", "backend", None);
    assert_eq!(scopes(&open, backend, &here()).await, Ok(ASKED.to_vec()));
    let (_folder, devices) = devices();
    let terminal = decide(&open, &devices, signed(None), &here()).await.unwrap();
    assert_eq!(terminal.principal.scopes().as_slice(), ASKED);
    assert!(
        terminal.issued.is_none(),
        "where no secret is needed, none is given"
    );
}

#[tokio::test]
async fn a_device_from_elsewhere_waits_and_one_from_here_does_not() {
    let strict = Way {
        auto_approve: false,
        ..here()
    };
    for way in [away(), strict, page()] {
        let (_folder, devices) = devices();
        let refused = decide(&with_token(), &devices, signed(Some("right")), &way).await;
        let details = refused.unwrap_err().details.unwrap();
        assert_eq!(
            (&details["code"], &details["reason"]),
            (&json!("PAIRING_REQUIRED"), &json!("not-paired"))
        );
    }
    // let in from here, it may come from elsewhere, with no more than it has
    let (_folder, devices) = devices();
    let first = decide(&with_token(), &devices, signed(Some("right")), &here()).await;
    let token = first.unwrap().issued.unwrap().token;
    let again = decide(&with_token(), &devices, signed(Some("right")), &away()).await;
    assert_eq!(again.unwrap().principal.scopes().as_slice(), ASKED);
    let by_token = decide(&with_token(), &devices, signed(Some(token.expose())), &away()).await;
    let by_token = by_token.unwrap().principal;
    assert_eq!(by_token.method(), Method::DeviceToken);
    assert_eq!(by_token.scopes().as_slice(), ASKED);
    let more = device::tests::asking(Some("right"), &["operator.admin"], "operator");
    let reason = decide(&with_token(), &devices, more, &away()).await.unwrap_err();
    assert_eq!(reason.details.unwrap()["reason"], "scope-upgrade");
    let more = device::tests::asking(Some(token.expose()), &["operator.admin"], "operator");
    let reason = decide(&with_token(), &devices, more, &away()).await.unwrap_err();
    assert_eq!(reason.details.unwrap()["code"], "AUTH_SCOPE_MISMATCH");
    let node = device::tests::asking(Some("right"), &[], "node");
    let reason = decide(&with_token(), &devices, node, &away()).await.unwrap_err();
    assert_eq!(reason.details.unwrap()["reason"], "role-upgrade");
}

#[tokio::test]
async fn a_proxy_vouches_and_its_header_narrows() {
    let proxy = ProxyAuth {
        user_header: "x-user".into(),
        required_headers: vec!["x-via".into()],
        allow_users: vec!["ada".into()],
        allow_loopback: false,
    };
    let auth = Auth {
        proxy: Some(proxy.clone()),
        ..Auth::default()
    };
    let ask = async |remote: &str, headers: &[(&'static str, &str)]| {
        let mut map = axum::http::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let peer = crate::http::server::Peer::of(remote.parse().unwrap(), &map, &trusted);
        let claim = ProxyClaim::read(Some(&proxy), &peer, &map);
        let way = Way {
            proxy: &claim,
            ..away()
        };
        scopes(&auth, plain("openclaw-control-ui", "webchat", None), &way).await
    };
    let (user, via) = (("x-user", "ada"), ("x-via", "1"));
    assert_eq!(ask("10.0.0.1", &[user, via]).await, Ok(ASKED.to_vec()));
    let narrow = ("x-openclaw-scopes", "operator.read, operator.admin");
    assert_eq!(ask("10.0.0.1", &[user, via, narrow]).await, Ok(vec![Scope::Read]));
    for (remote, headers) in [
        ("10.0.0.2", &[user, via][..]),
        ("127.0.0.1", &[user, via]),
        ("10.0.0.1", &[user]),
        ("10.0.0.1", &[via]),
        ("10.0.0.1", &[("x-user", "eve"), via]),
    ] {
        assert!(ask(remote, headers).await.is_err(), "{remote} {headers:?}");
    }
}

#[test]
fn an_empty_configured_secret_is_none() {
    let auth = Auth {
        token: Some(Secret::new("")),
        ..Auth::default()
    };
    assert!(Verifier::new(&auth).is_open());
    assert_eq!(Verifier::new(&with_token()).check(""), None);
    assert_eq!(Verifier::new(&with_token()).check("right"), Some(Method::Token));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is asked for, in whichever order: what a device gets is asked for, and within what was stored.
    #[test]
    fn granted_scopes_are_asked_for_and_stored(
        stored in proptest::collection::vec(0..Scope::ALL.len(), 0..5),
        asked in proptest::collection::vec(0..=Scope::ALL.len(), 0..8),
        by_token in any::<bool>(),
    ) {
        let name = |n: usize| Scope::ALL.get(n).map_or("operator.root", |scope| scope.name());
        let names = |list: &[usize]| list.iter().map(|n| name(*n)).collect::<Vec<_>>();
        let (stored, asked) = (names(&stored), names(&asked));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (held, granted) = runtime.block_on(async {
            let (_folder, devices) = devices();
            let first = device::tests::asking(Some("right"), &stored, "operator");
            let first = decide(&with_token(), &devices, first, &here()).await.unwrap();
            let token = first.issued.unwrap().token;
            let secret = if by_token { token.expose() } else { "right" };
            let second = device::tests::asking(Some(secret), &asked, "operator");
            let second = decide(&with_token(), &devices, second, &away()).await;
            (first.principal.scopes().clone(), second.map(|admission| admission.principal.scopes().clone()))
        });
        if let Ok(granted) = granted {
            for scope in granted.as_slice() {
                prop_assert!(asked.contains(&scope.name()) && held.permit(*scope), "{scope} of {held:?}");
            }
        }
    }
}
