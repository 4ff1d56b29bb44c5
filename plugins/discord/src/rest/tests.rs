//! Requests in a fake host: what is sent, what is repeated, what waits, and what errors say.
use super::*;
use openclaw_plugin_api::{
    Result as HostResult,
    testing::{FakeAnswer, FakeRequest, TestHost},
};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

type Script = Arc<Mutex<VecDeque<HostResult<FakeAnswer>>>>;
type Asked = Arc<Mutex<Vec<FakeRequest>>>;

struct Lab {
    rest: Rest,
    host: TestHost,
    asked: Asked,
}

/// A client whose requests get these answers in turn, and 204 when there are no more.
fn lab(answers: impl IntoIterator<Item = HostResult<FakeAnswer>>) -> Lab {
    let script: Script = Arc::new(Mutex::new(answers.into_iter().collect()));
    let asked = Asked::default();
    let seen = asked.clone();
    let host = TestHost::new().web(move |request| {
        seen.lock().expect("no panic").push(request);
        let next = script.lock().expect("no panic").pop_front();
        next.unwrap_or_else(|| Ok(FakeAnswer::new(204, "")))
    });
    let rest = Rest::new(
        host.host(),
        Secret::new("s3cret"),
        "https://discord.com/api/v10/".into(),
        None,
    );
    Lab { rest, host, asked }
}

impl Lab {
    fn count(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }

    fn request(&self, number: usize) -> FakeRequest {
        self.asked.lock().expect("no panic")[number].clone()
    }
}

fn header<'a>(request: &'a FakeRequest, name: &str) -> Option<&'a str> {
    let mut headers = request.head.headers.iter();
    headers
        .find(|(other, _)| other == name)
        .map(|(_, value)| value.as_str())
}

fn ok() -> HostResult<FakeAnswer> {
    Ok(FakeAnswer::json(200, &json!({ "id": "1" })))
}

fn no(status: u16, body: &Value) -> HostResult<FakeAnswer> {
    Ok(FakeAnswer::json(status, body))
}

fn limited(seconds: f64, scope: &str) -> HostResult<FakeAnswer> {
    let body = json!({ "message": "You are being rate limited.", "retry_after": seconds, "global": scope == "global" });
    Ok(FakeAnswer::json(429, &body).header("x-ratelimit-scope", scope))
}

fn told(remaining: u32, seconds: f64, bucket: &str) -> HostResult<FakeAnswer> {
    Ok(FakeAnswer::json(200, &json!({ "id": "1" }))
        .header("x-ratelimit-bucket", bucket)
        .header("x-ratelimit-limit", "5")
        .header("x-ratelimit-remaining", &remaining.to_string())
        .header("x-ratelimit-reset-after", &seconds.to_string()))
}

fn post() -> Request {
    Request::post(Route::messages("1")).json(json!({ "content": "x" }))
}

fn since(begin: tokio::time::Instant) -> Duration {
    Duration::from_millis(u64::try_from(begin.elapsed().as_millis()).expect("short"))
}

#[tokio::test(start_paused = true)]
async fn a_request_says_who_asks_and_why() -> HostResult<()> {
    let lab = lab([ok()]);
    let request = post().reason("tidy up ✓").query("limit", 5).query("query", "a&b");
    let answer: Value = lab.rest.call(request).await.map_err(RestError::into_error)?;
    assert_eq!(answer["id"], "1");
    let sent = lab.request(0);
    assert_eq!(
        (sent.head.method.as_str(), sent.head.url.as_str()),
        (
            "POST",
            "https://discord.com/api/v10/channels/1/messages?limit=5&query=a%26b"
        )
    );
    assert_eq!(header(&sent, "authorization"), Some("Bot s3cret"));
    assert_eq!(header(&sent, "x-audit-log-reason"), Some("tidy%20up%20%E2%9C%93"));
    assert!(header(&sent, "user-agent").is_some_and(|agent| agent.starts_with("DiscordBot (http")));
    assert_eq!(
        serde_json::from_slice::<Value>(&sent.body)?,
        json!({ "content": "x" })
    );
    // A token in the path is authority enough.
    let route = Route::new("interactions/{}/{}/callback", &["1", "t"]);
    lab.rest
        .done(Request::post(route))
        .await
        .map_err(RestError::into_error)?;
    assert_eq!(header(&lab.request(1), "authorization"), None);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn large_files_have_the_time_that_they_need() -> HostResult<()> {
    let lab = lab([ok(), ok()]);
    let media = lab.host.host().media();
    let mut file = media.save("text/plain", "a.txt", b"12345".to_vec()).await?;
    for (n, (size, seconds)) in [(5, 25), (10 << 20, 65)].into_iter().enumerate() {
        file.size = size;
        lab.rest
            .done(post().file(file.clone(), "a.txt"))
            .await
            .map_err(RestError::into_error)?;
        // what was spent before it is its turn is taken off
        let given = lab.request(n).head.timeout_ms.div_ceil(1000);
        assert!(
            (seconds - 5..=seconds).contains(&given),
            "{size} bytes: {given} s"
        );
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn files_are_streamed_beside_the_payload() -> HostResult<()> {
    let lab = lab([ok()]);
    let host = lab.host.host();
    let file = host
        .media()
        .save("text/plain", "a\"b.txt", b"12345".to_vec())
        .await?;
    lab.rest
        .done(post().file(file, "a\"b.txt"))
        .await
        .map_err(RestError::into_error)?;
    let sent = lab.request(0);
    let body = String::from_utf8(sent.body.clone())?;
    let kind = header(&sent, "content-type").expect("a form").to_owned();
    let boundary = kind
        .strip_prefix("multipart/form-data; boundary=")
        .expect("a form");
    assert_eq!(body.matches(boundary).count(), 3);
    assert!(
        body.contains(
            "name=\"payload_json\"\r\ncontent-type: application/json\r\n\r\n{\"content\":\"x\"}\r\n"
        )
    );
    assert!(
        body.contains("name=\"files[0]\"; filename=\"a_b.txt\"\r\ncontent-type: text/plain\r\n\r\n12345\r\n")
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_not_repeated_unless_discord_sees_to_it() {
    let broken = || no(502, &Value::Null);
    let lab1 = lab([broken()]);
    let error = lab1.rest.done(post()).await.expect_err("in doubt");
    assert!(matches!(error, RestError::Unknown { .. }), "{error}");
    assert_eq!((lab1.count(), error.into_error().kind()), (1, ErrorKind::Unknown));
    let lab2 = lab([broken(), broken(), ok()]);
    lab2.rest.done(post().repeatable()).await.expect("the third time");
    assert_eq!(lab2.count(), 3);
    let lab3 = lab([broken(), broken(), broken()]);
    let error = lab3
        .rest
        .done(Request::get(Route::channel("1")))
        .await
        .expect_err("still down");
    assert_eq!((lab3.count(), error.status()), (3, Some(502)));
    // Where the connection was never made, nothing can have happened.
    let unsent = || Err(Error::new(ErrorKind::Network, "no route").with("sent", false));
    let lab4 = lab([unsent(), ok()]);
    lab4.rest.done(post()).await.expect("the second time");
    let lab5 = lab([Err(Error::new(ErrorKind::Network, "cut")), ok()]);
    assert!(matches!(
        lab5.rest.done(post()).await,
        Err(RestError::Unknown { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_waited_for() {
    let lab = lab([limited(1.5, "user"), ok()]);
    let begin = tokio::time::Instant::now();
    lab.rest.done(post()).await.expect("after a wait");
    assert_eq!((lab.count(), since(begin)), (2, Duration::from_millis(1500)));
    // Longer than the request may take: told at once, and so is the next one of this route.
    let lab = self::lab([limited(60.0, "user")]);
    for count in [1, 1] {
        let error = lab.rest.done(post()).await.expect_err("a minute");
        assert_eq!((lab.count(), error.status()), (count, Some(429)));
        assert!(
            error
                .retry_after()
                .is_some_and(|wait| wait > Duration::from_secs(55)),
            "{error}"
        );
    }
    lab.rest
        .done(Request::get(Route::channel("1")))
        .await
        .expect("another limit");
    assert_eq!(lab.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_global_limit_holds_for_everything_but_interactions() {
    let lab = lab([limited(60.0, "global")]);
    lab.rest.done(post()).await.expect_err("a minute");
    let other = Request::get(Route::channel("2"));
    assert!(matches!(
        lab.rest.done(other).await,
        Err(RestError::Limited { .. })
    ));
    let route = Route::new("interactions/{}/{}/callback", &["1", "t"]);
    lab.rest.done(Request::post(route)).await.expect("not counted");
    assert_eq!(lab.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_kept_before_it_is_hit_and_shared_by_routes_of_one_name() {
    let lab = lab([
        told(1, 4.0, "b"),
        told(1, 4.0, "b"),
        told(0, 4.0, "b"),
        ok(),
        ok(),
    ]);
    let edit = || Request::patch(Route::message("1", "2")).json(json!({}));
    let begin = tokio::time::Instant::now();
    lab.rest.done(post()).await.expect("first");
    lab.rest
        .done(edit())
        .await
        .expect("tells that it has the same limit");
    lab.rest.done(post()).await.expect("the last of this window");
    assert_eq!(since(begin), Duration::ZERO);
    lab.rest.done(edit()).await.expect("waits");
    assert_eq!((lab.count(), since(begin)), (4, Duration::from_secs(4)));
    // Another channel has a count of its own.
    lab.rest
        .done(Request::post(Route::messages("9")))
        .await
        .expect("at once");
    assert_eq!(since(begin), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_in_order_and_are_bounded() {
    let lab = lab([told(0, 2.0, "b")]);
    lab.rest.done(post()).await.expect("first");
    let all = futures_util::future::join_all((0..70).map(|n| {
        let rest = lab.rest.clone();
        async move { (n, rest.done(post().json(json!({ "content": n }))).await.is_ok()) }
    }));
    let outcome = all.await;
    let refused: Vec<_> = outcome.iter().filter(|(_, ok)| !ok).map(|(n, _)| *n).collect();
    assert_eq!(refused, (64..70).collect::<Vec<_>>());
    let sent = lab.asked.lock().expect("no panic");
    let order: Vec<Value> = sent[1..]
        .iter()
        .map(|r| serde_json::from_slice(&r.body).expect("JSON"))
        .collect();
    let expected: Vec<_> = (0..64).map(|n| json!({ "content": n })).collect();
    assert_eq!(order, expected);
}

#[tokio::test(start_paused = true)]
async fn fifty_a_second_are_not_exceeded() {
    let lab = lab([]);
    let begin = tokio::time::Instant::now();
    let all = (0..100).map(|n| {
        let (rest, id) = (lab.rest.clone(), n.to_string());
        async move { rest.done(Request::get(Route::channel(&id))).await }
    });
    assert!(
        futures_util::future::join_all(all)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!((lab.count(), since(begin).as_secs()), (100, 2));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_before_discord_closes_the_door() {
    let denied = || no(403, &json!({ "code": 50013, "message": "Missing Permissions" }));
    let lab = lab((0..1000).map(|_| denied()));
    for n in 0..1000 {
        let error = lab
            .rest
            .done(Request::get(Route::channel(&n.to_string())))
            .await
            .expect_err("denied");
        assert_eq!(error.code(), Some(50013));
    }
    let error = lab.rest.done(post()).await.expect_err("held back");
    assert!(matches!(error, RestError::TooManyRefusals { .. }), "{error}");
    assert_eq!(
        (lab.count(), error.into_error().kind()),
        (1000, ErrorKind::Overloaded)
    );
    tokio::time::sleep(Duration::from_secs(600)).await;
    lab.rest.done(post()).await.expect("a new window");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_shown_again_at_once() {
    let lab = lab([
        no(401, &json!({ "message": "401: Unauthorized", "code": 0 })),
        ok(),
    ]);
    for _ in 0..3 {
        let error = lab.rest.done(post()).await.expect_err("refused");
        assert!(error.is_token_refused());
        let error = error.into_error();
        assert!(
            error.kind() == ErrorKind::Auth && error.message().contains("Reset Token"),
            "{error}"
        );
    }
    assert_eq!(lab.count(), 1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    lab.rest.done(post()).await.expect("tried again");
}

#[tokio::test(start_paused = true)]
async fn errors_name_fields_and_hide_tokens() {
    let body = json!({
        "code": 50035, "message": "Invalid Form Body for s3cret",
        "errors": { "content": { "_errors": [{ "code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length." }] },
            "embeds": { "0": { "title": { "_errors": [{ "message": "Too long" }] } } } }
    });
    let lab = lab([
        no(400, &body),
        Err(Error::new(
            ErrorKind::Refused,
            "webhooks/1/t0ken is not allowed for s3cret",
        )),
    ]);
    let error = lab.rest.done(post()).await.expect_err("refused").into_error();
    assert_eq!(
        error.message(),
        "discord POST channels/{}/messages: 400 Invalid Form Body for *** (50035): content: Must be 2000 or fewer in \
         length., embeds.0.title: Too long; change what it names"
    );
    assert_eq!(
        (error.kind(), error.detail()["code"].clone()),
        (ErrorKind::InvalidInput, json!(50035))
    );
    let route = Route::new("webhooks/{}/{}", &["1", "t0ken"]);
    let error = lab
        .rest
        .done(Request::post(route))
        .await
        .expect_err("refused")
        .into_error();
    assert!(
        !error.message().contains("t0ken") && !error.message().contains("s3cret"),
        "{error}"
    );
    assert!(!format!("{:?}", lab.rest).contains("s3cret"));
}
