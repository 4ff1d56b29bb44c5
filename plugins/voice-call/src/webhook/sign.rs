//! The three carriers' signatures, by the algorithms that they publish. All comparisons take constant time.
use super::{
    address::Address,
    gate::{fingerprint, hex, refused, told},
};
use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use openclaw_plugin_api::{HttpCall, Result, Secret};
use ring::{
    digest, hmac,
    signature::{ED25519, UnparsedPublicKey},
};
use std::collections::BTreeMap;
use url::form_urlencoded;

pub(super) const TWILIO: &str = "x-twilio-signature";
pub(super) const TELNYX: &str = "telnyx-signature-ed25519";
pub(super) const TELNYX_TIME: &str = "telnyx-timestamp";
pub(super) const PLIVO_V3: &str = "x-plivo-signature-v3";
pub(super) const PLIVO_V3_NONCE: &str = "x-plivo-signature-v3-nonce";
pub(super) const PLIVO_V2: &str = "x-plivo-signature-v2";
pub(super) const PLIVO_V2_NONCE: &str = "x-plivo-signature-v2-nonce";

/// How far a carrier's clock and ours may be apart, seconds.
const SKEW: u64 = 5 * 60;
/// Bytes of an Ed25519 key.
const KEY: usize = 32;
/// What stands before an Ed25519 key in its DER form.
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// Base64 with or without its padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

type Params = [(String, String)];

/// Twilio: HMAC-SHA1 over the address and the sorted fields; for other bodies over the address alone, which then carries
/// the body's SHA-256. Gives the key of the request.
pub(super) fn twilio(
    token: &Secret,
    address: &Address,
    query: &str,
    params: &Params,
    body: &[u8],
    signature: &str,
) -> Result<String> {
    let mut asked = form_urlencoded::parse(query.as_bytes());
    let expected = asked
        .find(|(key, _)| key == "bodySHA256")
        .map(|(_, sum)| sum.into_owned());
    let fields = match &expected {
        Some(_) => String::new(),
        None => twilio_fields(params),
    };
    let key = key(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token)?;
    let given = STANDARD.decode(signature.trim()).unwrap_or_default();
    let signs = |url: &String| hmac::verify(&key, format!("{url}{fields}").as_bytes(), &given).is_ok();
    let fails = || {
        refused(format_args!(
            "Invalid signature for URL: {}",
            told(&address.url(query))
        ))
    };
    let url = address.urls(query).find(signs).ok_or_else(fails)?;
    if let Some(expected) = expected {
        let sum = hex(digest::digest(&digest::SHA256, body).as_ref());
        let same = ring_eq(sum.as_bytes(), expected.to_ascii_lowercase().as_bytes());
        if !same {
            return Err(refused("the body is not the one that was signed"));
        }
    }
    let body = if fields.is_empty() { body } else { &[] };
    Ok(fingerprint(&[
        b"twilio",
        url.as_bytes(),
        fields.as_bytes(),
        body,
        &given,
    ]))
}

/// Keys in the order of their bytes, values of one key in theirs.
fn twilio_fields(params: &Params) -> String {
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    sorted
        .iter()
        .map(|(key, value)| format!("{key}{value}"))
        .collect()
}

/// Telnyx: Ed25519 over time and body. Gives the key of the request.
pub(super) fn telnyx(public_key: &str, signature: &str, time: &str, now: u64, body: &[u8]) -> Result<String> {
    let key = ed25519_key(public_key).ok_or_else(|| refused("telnyx.publicKey is no Ed25519 key"))?;
    let seconds: u64 = time.parse().map_err(|_| refused("invalid timestamp header"))?;
    if seconds.abs_diff(now) > SKEW {
        return Err(refused("timestamp too old"));
    }
    // both alphabets, one meaning: a signature that is written anew is the same signature
    let given = STANDARD.decode(signature.trim().replace('-', "+").replace('_', "/"));
    let given = given.map_err(|_| refused("invalid signature"))?;
    let mut message = format!("{time}|").into_bytes();
    message.extend_from_slice(body);
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&message, &given)
        .map_err(|_| refused("invalid signature"))?;
    Ok(fingerprint(&[b"telnyx", &seconds.to_be_bytes(), body]))
}

/// A key as PEM, as base64 of its 32 bytes, or as base64 of its DER form.
fn ed25519_key(text: &str) -> Option<[u8; KEY]> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    let text: String = lines.collect::<String>().replace('-', "+").replace('_', "/");
    let bytes = STANDARD.decode(text).ok()?;
    let raw = bytes.strip_prefix(&SPKI).unwrap_or(&bytes);
    raw.try_into().ok()
}

/// Plivo, version 3 where it is there, else version 2. Gives the key of the request.
pub(super) fn plivo(token: &Secret, address: &Address, call: &HttpCall, params: &Params) -> Result<String> {
    let header = |name| call.header(name).unwrap_or_default();
    let key = key(hmac::HMAC_SHA256, token)?;
    let v3 = !header(PLIVO_V3).is_empty() && !header(PLIVO_V3_NONCE).is_empty();
    let (signatures, nonce) = match v3 {
        true => (header(PLIVO_V3), header(PLIVO_V3_NONCE)),
        false => (header(PLIVO_V2), header(PLIVO_V2_NONCE)),
    };
    let given: Vec<_> = signatures
        .split(',')
        .filter_map(|signature| STANDARD.decode(signature.trim()).ok())
        .take(8)
        .collect();
    let signs = |base: &String| {
        given
            .iter()
            .any(|given| hmac::verify(&key, base.as_bytes(), given).is_ok())
    };
    for url in address.urls("") {
        let base = match v3 {
            true => format!("{}.{nonce}", plivo_base(&url, &call.query, params)),
            false => format!("{url}{nonce}"),
        };
        if signs(&base) {
            let query = call.query.as_bytes();
            // version 2 signs no fields: who repeats a nonce repeats the request
            let signed = if v3 { query } else { &[] };
            return Ok(fingerprint(&[b"plivo", base.as_bytes(), signed]));
        }
    }
    Err(refused(format_args!(
        "Invalid signature for URL: {}",
        told(&address.url(&call.query))
    )))
}

/// What version 3 signs: the address, its sorted query, and the sorted fields.
fn plivo_base(url: &str, query: &str, params: &Params) -> String {
    let sorted = |pairs: &Params| -> Vec<(String, String)> {
        let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in pairs {
            by_key.entry(key).or_default().push(value);
        }
        let mut all = Vec::new();
        for (key, mut values) in by_key {
            values.sort_unstable();
            all.extend(values.into_iter().map(|value| (key.to_owned(), value.to_owned())));
        }
        all
    };
    let asked: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut base = url.to_owned();
    if !asked.is_empty() || !params.is_empty() {
        base.push('?');
        let pairs: Vec<_> = sorted(&asked)
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        base.push_str(&pairs.join("&"));
    }
    if !asked.is_empty() && !params.is_empty() {
        base.push('.');
    }
    base.extend(sorted(params).into_iter().flat_map(|(key, value)| [key, value]));
    base
}

/// A key; an empty one signs nothing, or everybody could.
fn key(algorithm: hmac::Algorithm, token: &Secret) -> Result<hmac::Key> {
    match token.is_empty() {
        true => Err(refused("there is no secret to check signatures with")),
        false => Ok(hmac::Key::new(algorithm, token.expose().as_bytes())),
    }
}

fn ring_eq(one: &[u8], other: &[u8]) -> bool {
    // compared by sums under a fresh key: as long as it takes for equal ones
    let key = hmac::Key::new(hmac::HMAC_SHA256, &crate::clock::random());
    let sum = hmac::sign(&key, one);
    hmac::verify(&key, other, sum.as_ref()).is_ok()
}
