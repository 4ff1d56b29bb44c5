//! What the compiler writes is what hosts read.
use super::*;

const DECLARATION: Declaration = Declaration::new("weather", "Weather \"now\" \\ \n")
    .tools(&["forecast", "alerts"])
    .channels(&["barometer"])
    .apis(&["anthropic-messages"])
    .network(Network::Host(&["api.weather.example"]))
    .config(r#"{"type":"object"}"#)
    .channel_config(&[("barometer", r#"{"type":"object","title":"b"}"#)])
    .secrets(&["WEATHER_KEY"])
    .default_enabled();
const PACKAGE: Package = Package {
    version: "1.2.3",
    description: "tells",
    authors: "A:B",
    license: "MIT",
    homepage: "",
    unwind: true,
};
const LEN: usize = manifest_len(&DECLARATION, &PACKAGE);
static BLOB: Blob<LEN> = Blob::new(manifest_json(&DECLARATION, &PACKAGE));

#[test]
fn the_section_is_json_with_every_field() {
    let manifest: Manifest = serde_json::from_str(BLOB.as_str()).expect("valid JSON");
    assert_eq!(manifest.name, "Weather \"now\" \\ \n");
    assert_eq!(manifest.version, "1.2.3");
    assert_eq!(manifest.api_version, crate::API_VERSION);
    assert_eq!(manifest.panic, PanicStrategy::Unwind);
    assert_eq!(manifest.permissions.hosts, ["api.weather.example"]);
    assert_eq!(manifest.channel_schemas["barometer"]["title"], "b");
    assert_eq!(manifest.apis, ["anthropic-messages"]);
    assert_eq!(manifest.capabilities(), ["channel/1", "tool/1"]);
    assert_eq!(
        manifest.declared(),
        [
            ("channel/1", "barometer"),
            ("tool/1", "alerts"),
            ("tool/1", "forecast")
        ]
    );
    for (capability, id) in manifest.declared() {
        assert!(manifest.declares(capability, id));
    }
    assert!(!manifest.declares("tool/1", "barometer") && !manifest.declares("channel/1", ""));
    assert!(manifest.default_enabled);
}

#[test]
fn nothing_is_written_that_the_record_does_not_know() {
    let written: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(BLOB.as_str()).expect("an object");
    let known = serde_json::to_value(Manifest::default()).expect("a record");
    for field in written.keys() {
        assert!(
            known.get(field).is_some(),
            "{field} is written into the section but not part of the record"
        );
    }
}

#[test]
fn a_manifest_of_a_later_release_is_still_read() {
    let manifest: Manifest =
        serde_json::from_str(r#"{"id":"x","moods":["new"],"panic":"unwind"}"#).expect("read");
    assert_eq!(
        (manifest.id.as_str(), manifest.panic),
        ("x", PanicStrategy::Unwind)
    );
}
