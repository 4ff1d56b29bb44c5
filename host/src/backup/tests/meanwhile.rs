//! What the gateway writes and removes while an archive is made.
use super::{
    super::create::{Moment, create_with},
    *,
};
use crate::journal::StoredMedia;
use openclaw_plugin_api::MediaRef;

pub(super) fn media(id: &str) -> StoredMedia {
    StoredMedia {
        media: MediaRef {
            id: id.into(),
            ..MediaRef::default()
        },
        plugin: "p".into(),
    }
}

#[test]
fn what_the_database_names_is_in_the_archive() {
    let place = Place::full();
    let journal = Journal::open(&place.state("state.db")).expect("opened");
    let config = Config::default();
    let mut moments = Vec::new();
    let created = create_with(&place.request(&config), &mut |moment| {
        // a message comes with a file between any two steps
        let id = format!("{moment:?}");
        place.write(&format!("media/{id}"), "picture");
        journal.add_media(&media(&id), 1).expect("written");
        moments.push(moment);
    });
    assert_eq!(moments, [Moment::Copied, Moment::Listed]);
    let verified = verify(&created.expect("made").archive).expect("whole");
    assert_eq!(verified.missing, 0);
}

#[test]
fn what_goes_between_two_steps_is_no_failure() {
    let place = Place::full();
    place.write("media/folder/b", "picture");
    let config = Config::default();
    let created = create_with(&place.request(&config), &mut |moment| match moment {
        Moment::Copied => fs::remove_file(place.state("media/a")).expect("removed"),
        Moment::Listed => {
            fs::remove_dir_all(place.state("media/folder")).expect("removed");
            // another thing takes the place of the folder
            place.write("media/folder", "a file");
            fs::remove_file(place.state("credentials/irc-allowFrom.json")).expect("removed");
        }
    });
    let created = created.expect("made");
    let gone = [
        "state/media/a",
        "state/media/folder/b",
        "state/credentials/irc-allowFrom.json",
    ];
    let mut entries = created.manifest.entries.iter();
    assert!(!entries.any(|entry| gone.contains(&&*entry.path)));
    verify(&created.archive).expect("whole");
}

#[test]
fn a_link_that_takes_the_place_of_a_file_is_not_followed() {
    let place = Place::full();
    let secret = place.root.path().join("secret");
    fs::write(&secret, "of somebody else").expect("written");
    let config = Config::default();
    let created = create_with(&place.request(&config), &mut |moment| {
        if moment == Moment::Listed {
            for name in ["media/a", "openclaw.json"] {
                fs::remove_file(place.state(name)).expect("removed");
                std::os::unix::fs::symlink(&secret, place.state(name)).expect("linked");
            }
        }
    });
    let manifest = created.expect("made").manifest;
    let has = |name: &str| manifest.entries.iter().any(|entry| entry.path == name);
    assert!(!has("state/media/a"));
    assert!(manifest.skipped.contains(&text(&place.state("media/a"))));
    // the configuration may be a link, at any time
    assert!(has("state/openclaw.json"));
}

#[test]
fn files_that_the_database_names_and_nobody_has_are_counted() {
    let place = Place::full();
    let journal = Journal::open(&place.state("state.db")).expect("opened");
    for id in ["a", "lost"] {
        journal.add_media(&media(id), 1).expect("written");
    }
    let created = place.back_up();
    assert_eq!(verify(&created.archive).expect("whole").missing, 1);
    let restored = restore(&place.paths, &created.archive, &[], NOW).expect("restored");
    assert_eq!(restored.verified.missing, 1);
}

#[test]
fn a_name_that_no_archive_may_have_spoils_none() {
    let place = Place::full();
    place.write("odd\nname", "text");
    let created = place.back_up();
    assert!(
        created
            .manifest
            .skipped
            .contains(&text(&place.state("odd\nname")))
    );
    verify(&created.archive).expect("whole");
}
