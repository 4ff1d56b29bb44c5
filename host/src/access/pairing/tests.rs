//! Pairing on a real journal, with codes and times in hand.
use super::*;
use crate::journal::LIFETIME_MS;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Bench {
    folder: tempfile::TempDir,
    pairing: Pairing,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(&folder.path().join("state.db")).expect("created");
    let count = AtomicUsize::new(0);
    let code = move || format!("CODE{:04}", count.fetch_add(1, Ordering::Relaxed));
    let pairing = Pairing::with_codes(journal, OlderFiles::of_state(folder.path()), code);
    Bench { folder, pairing }
}

fn peer<'a>(account: &'a str, sender: &'a str) -> Peer<'a> {
    Peer {
        channel: "chat",
        account,
        sender,
    }
}

fn older(bench: &Bench, name: &str, text: &str) {
    let folder = bench.folder.path().join("credentials");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("written");
}

impl Bench {
    fn ask(&self, account: &str, sender: &str, now_ms: i64) -> Requested {
        self.ask_by(&format!("event at {now_ms}"), account, sender, now_ms)
    }

    fn ask_by(&self, event_id: &str, account: &str, sender: &str, now_ms: i64) -> Requested {
        let name = "Name";
        let asked = self
            .pairing
            .request(&peer(account, sender), &Stranger { name, event_id }, now_ms);
        asked.expect("asked")
    }

    fn created(&self, account: &str, sender: &str, now_ms: i64) -> String {
        match self.ask(account, sender, now_ms) {
            Requested::Created { code } => code,
            other => panic!("{sender} is {other:?}"),
        }
    }

    fn paired(&self, account: &str, sender: &str) -> bool {
        self.pairing.is_paired(&peer(account, sender)).expect("looked up")
    }
}

#[test]
fn three_wait_for_an_account_and_the_fourth_is_refused_without_making_room() {
    let b = bench();
    for sender in ["1", "2", "3"] {
        b.created("default", sender, 0);
    }
    assert_eq!(b.ask("default", "4", 0), Requested::Full);
    assert_eq!(b.ask("default", "2", 5), Requested::Known);
    let waiting = b.pairing.list(Some("chat"), None, 5).expect("listed");
    let seen: Vec<_> = waiting
        .iter()
        .map(|r| (r.sender.as_str(), r.created_ms, r.last_seen_ms))
        .collect();
    assert_eq!(seen, [("1", 0, 0), ("2", 0, 5), ("3", 0, 0)]);
    b.created("other", "4", 0);
    assert_eq!(b.pairing.list(None, Some("other"), 0).expect("listed").len(), 1);
    assert_eq!(
        b.pairing.list(Some("elsewhere"), None, 0).expect("listed").len(),
        0
    );
}

#[test]
fn an_event_that_is_judged_again_has_the_same_code() {
    let b = bench();
    let code = b.created("default", "1", 0);
    assert!(b.ask_by("event at 0", "default", "1", 9) == Requested::Created { code });
    assert_eq!(b.ask_by("another", "default", "1", 9), Requested::Known);
    assert!(matches!(
        b.ask_by("", "default", "2", 9),
        Requested::Created { .. }
    ));
    assert_eq!(
        b.ask_by("", "default", "2", 9),
        Requested::Known,
        "no id says nothing"
    );
}

#[test]
fn a_request_ends_after_an_hour_and_makes_room() {
    let b = bench();
    let code = b.created("default", "1", 0);
    b.created("default", "2", 1);
    b.created("default", "3", 1);
    assert_eq!(b.ask("default", "4", LIFETIME_MS - 1), Requested::Full);
    let late = b.pairing.approve(Some("chat"), None, &code, LIFETIME_MS);
    assert!(matches!(late, Err(PairingError::UnknownCode)), "{late:?}");
    b.created("default", "4", LIFETIME_MS);
    assert_ne!(b.created("default", "1", LIFETIME_MS + 1), code, "a new code");
}

#[test]
fn a_code_lets_in_one_person_once_on_one_account() {
    let b = bench();
    let code = b.created("work", "7", 0);
    assert!(!b.paired("work", "7"));
    let wrong_account = b.pairing.approve(Some("chat"), Some("default"), &code, 1);
    assert!(matches!(wrong_account, Err(PairingError::UnknownCode)));
    let wrong_channel = b.pairing.approve(Some("other"), None, &code, 1);
    assert!(matches!(wrong_channel, Err(PairingError::UnknownCode)));
    let approved = b
        .pairing
        .approve(None, None, &format!(" {} ", code.to_lowercase()), 1)
        .expect("approved");
    assert_eq!(
        (
            approved.account.as_str(),
            approved.sender.as_str(),
            approved.first
        ),
        ("work", "7", true)
    );
    assert!(b.paired("work", "7") && !b.paired("default", "7") && !b.paired("work", "77"));
    let again = b.pairing.approve(None, None, &code, 1);
    assert!(matches!(again, Err(PairingError::UnknownCode)), "{again:?}");
    let second = b.created("work", "8", 2);
    assert!(!b.pairing.approve(None, None, &second, 3).expect("approved").first);
    assert_eq!(b.pairing.allowed("chat", "work").expect("listed"), ["7", "8"]);
    assert!(b.pairing.revoke(&peer("work", "7")).expect("revoked") && !b.paired("work", "7"));
    assert!(!b.pairing.revoke(&peer("work", "7")).expect("nothing to revoke"));
}

#[test]
fn an_approval_beside_a_running_gateway_is_seen_by_it() {
    let b = bench();
    let code = b.created("default", "1", 0);
    let journal = Journal::open_beside(&b.folder.path().join("state.db")).expect("opened");
    let beside = Pairing::new(journal, OlderFiles::of_state(b.folder.path()));
    beside.approve(Some("chat"), None, &code, 1).expect("approved");
    assert!(b.paired("default", "1"));
}

#[test]
fn files_of_the_older_gateway_count_and_are_left_alone() {
    let b = bench();
    let requests = r#"{"version": 1, "requests": [
        {"id": "1", "code": "OLDCODE2", "createdAt": "1970-01-01T00:00:10.000Z", "lastSeenAt": "x", "meta": {}},
        {"id": "2", "code": "OLDCODE3", "createdAt": "1970-01-01T00:00:10.000Z", "meta": {"accountId": "work"}},
        {"id": "3", "code": "", "createdAt": "1970-01-01T00:00:10.000Z"}]}"#;
    older(&b, "chat-pairing.json", requests);
    older(
        &b,
        "chat-allowFrom.json",
        r#"{"version": 1, "allowFrom": ["10", 11, "*"]}"#,
    );
    older(&b, "chat-default-allowFrom.json", r#"{"allowFrom": ["12"]}"#);
    older(&b, "chat-work-allowFrom.json", r#"{"allowFrom": ["13"]}"#);
    older(&b, "chat-broken-allowFrom.json", "{");
    for (account, sender, expected) in [
        ("default", "10", true),
        ("default", "11", true),
        ("default", "12", true),
        ("default", "13", false),
        ("work", "13", true),
        ("work", "10", false),
        ("default", "*", false),
        ("default", "99", false),
        ("default", "", false),
        ("broken", "10", false),
        ("../chat", "10", false),
    ] {
        assert_eq!(b.paired(account, sender), expected, "{account} {sender}");
    }
    let waiting = b.pairing.list(None, None, 20_000).expect("listed");
    assert_eq!(
        waiting.iter().map(|r| r.account.as_str()).collect::<Vec<_>>(),
        ["default", "work"]
    );
    assert!(
        b.pairing
            .list(None, None, 10_000 + LIFETIME_MS)
            .expect("listed")
            .is_empty(),
        "too late"
    );
    let approved = b
        .pairing
        .approve(Some("chat"), None, "oldcode3", 20_000)
        .expect("approved");
    assert_eq!(
        (approved.sender.as_str(), approved.first),
        ("2", false),
        "others were let in before"
    );
    assert!(b.paired("work", "2"));
    assert_eq!(b.pairing.list(None, None, 20_000).expect("listed").len(), 1);
    let kept = std::fs::read_to_string(b.folder.path().join("credentials/chat-pairing.json")).expect("there");
    assert_eq!(kept, requests);
}

#[test]
fn the_reply_names_the_id_the_code_and_the_command() {
    let info = ChannelInfo {
        label: "Chat".into(),
        ..ChannelInfo::default()
    };
    let reply = pairing_reply("chat", &info, "42", "ABCDEFGH");
    let places = [
        "access not configured",
        "Your Chat user id: 42",
        "\nABCDEFGH\n",
        "openclaw pairing approve chat ABCDEFGH",
    ]
    .map(|part| {
        reply
            .find(part)
            .unwrap_or_else(|| panic!("{part} is missing in {reply}"))
    });
    assert!(places.is_sorted());
}

#[test]
fn codes_stand_in_no_debug_output() {
    let b = bench();
    let requested = b.ask("default", "1", 0);
    let waiting = b.pairing.list(None, None, 0).expect("listed");
    let text = format!("{requested:?} {waiting:?} {:?}", b.pairing);
    assert!(!text.contains("CODE"), "{text}");
}

proptest! {
    #[test]
    fn codes_have_eight_letters_of_the_alphabet(_ in 0..32_u8) {
        let code = random_code();
        prop_assert_eq!(code.len(), 8);
        prop_assert!(code.bytes().all(|letter| ALPHABET.contains(&letter)), "{}", code);
    }
}
