//! Every class of failure, as services really tell it.
use super::*;
use ErrorKind::*;

fn kind(status: u16, body: &Value) -> ErrorKind {
    Told::from_body(status, body.to_string().as_bytes())
        .into_error("x", None, None)
        .kind()
}

fn error(message: &str, kind: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "code": code, "param": null } })
}

#[test]
fn the_code_decides_before_the_status() {
    let table = [
        (429, "insufficient_quota", "insufficient_quota", Billing),
        (429, "requests", "rate_limit_exceeded", RateLimited),
        (
            400,
            "invalid_request_error",
            "context_length_exceeded",
            ContextOverflow,
        ),
        (400, "invalid_request_error", "model_not_found", NotFound),
        (403, "invalid_request_error", "model_not_found", NotFound),
        (401, "invalid_request_error", "invalid_api_key", Auth),
        (400, "invalid_request_error", "content_policy_violation", Rejected),
        (400, "invalid_request_error", "unknown_parameter", InvalidInput),
        (503, "server_error", "slow_down", Overloaded),
        (500, "server_error", "", Server),
    ];
    for (status, kind_word, code, expected) in table {
        assert_eq!(
            kind(status, &error("no", kind_word, code)),
            expected,
            "{status} {code}"
        );
    }
}

#[test]
fn the_status_decides_where_there_is_no_code() {
    let table = [
        (400, InvalidInput),
        (401, Auth),
        (402, Billing),
        (403, Auth),
        (404, NotFound),
        (408, Timeout),
        (413, Rejected),
        (422, InvalidInput),
        (429, RateLimited),
        (500, Server),
        (502, Server),
        (503, Overloaded),
        (504, Timeout),
        (529, Overloaded),
    ];
    for (status, expected) in table {
        assert_eq!(kind(status, &json!({})), expected, "{status}");
        assert_eq!(
            Told::from_body(status, b"<html>no</html>").classify(),
            expected,
            "{status} without JSON"
        );
    }
}

#[test]
fn other_shapes_and_other_words() {
    assert_eq!(
        kind(
            400,
            &json!({"error": "the prompt is too long for this context window"})
        ),
        ContextOverflow
    );
    assert_eq!(
        kind(
            400,
            &json!({"object": "error", "message": "This model's maximum context length is 8192 tokens", "code": 400})
        ),
        ContextOverflow
    );
    assert_eq!(
        kind(
            400,
            &json!([{"error": {"code": 429, "message": "Resource exhausted"}}])
        ),
        InvalidInput
    );
    assert_eq!(
        kind(
            413,
            &error(
                "Request too large for model `m` on tokens per minute (TPM): Limit 6000",
                "tokens",
                "rate_limit_exceeded"
            )
        ),
        ContextOverflow
    );
    assert_eq!(
        kind(422, &json!({"detail": [{"msg": "extra fields"}]})),
        InvalidInput
    );
    let told = Told::from_value(&json!({"error": {"code": 502, "message": "Provider returned error"}}));
    assert_eq!((told.status, told.classify()), (Some(502), Server));
    assert_eq!(
        Told::from_value(&json!({"code": "server_error", "message": "x"})).classify(),
        Server
    );
    assert_eq!(
        Told::from_value(&json!({"code": "invalid_image", "message": "x"})).classify(),
        InvalidInput
    );
}

#[test]
fn keys_stay_out_of_the_text() {
    let key = Secret::new("gsk_verysecret");
    let body = error(
        "Incorrect key gsk_verysecret, also 'sk-abcdef***wxyz'. See docs",
        "BadRequestError",
        "invalid_api_key",
    );
    let error = Told::from_body(401, body.to_string().as_bytes()).into_error("groq", Some(&key), None);
    assert!(
        !error.message().contains("verysecret") && !error.message().contains("abcdef"),
        "{error}"
    );
    assert!(
        error
            .message()
            .starts_with("groq refused the request, status 401 (invalid_api_key)"),
        "{error}"
    );
    assert_eq!(error.detail()["code"], "invalid_api_key");
    assert_eq!(error.detail()["type"], "BadRequestError");
}

#[test]
fn the_wait_is_found_wherever_it_is() {
    let find = |headers: &[(&'static str, &'static str)]| {
        wait_in_headers(|name| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v))
    };
    assert_eq!(
        find(&[("retry-after", "20"), ("retry-after-ms", "1500")]),
        Some(Duration::from_millis(1_500))
    );
    assert_eq!(find(&[("retry-after", "20")]), Some(Duration::from_secs(20)));
    let reset = [
        ("x-ratelimit-remaining-requests", "5"),
        ("x-ratelimit-reset-requests", "1h"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(find(&reset), Some(Duration::from_secs(360)));
    assert_eq!(find(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None);
    let said = error(
        "Rate limit reached. Please try again in 1.5s. Visit",
        "tokens",
        "rate_limit_exceeded",
    );
    let error = Told::from_value(&said).into_error("x", None, None);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1_500)));
    assert_eq!(span("20ms"), Some(Duration::from_millis(20)));
    assert_eq!(span("soon"), None);
}
