//! Tests of the directory's folder: what is published is read again, and no moment of publishing leaves half a version.

use super::*;
use crate::sample::{self, anchor, authority, demo_draft, expires, issued, node};
use std::collections::BTreeSet;
use tempfile::TempDir;

fn publish(folder: &Path, draft: &Draft) -> Result<Directory, PublishError> {
    Directory::publish(folder, draft, &[authority()])
}

fn version(folder: &Path) -> u64 {
    Directory::load(folder, &anchor(), issued()).unwrap().version
}

/// Version 2: one division changed, one gone, one new.
fn second() -> Draft {
    let mut draft = Draft { version: 2, ..demo_draft() };
    draft.divisions.remove(&node("653130"));
    draft.divisions.get_mut(&node("652301")).unwrap().names.insert("ug".into(), "سانجى".into());
    let extra = crate::plan::NetworkPlan::from_toml(
        "[network]\nname = \"xinjiang.example\"\nbase_port = 9000\n\
         [[node]]\nid = \"659001\"\nnames = { zh = \"石河子市\" }\n",
    );
    let mut extra = sample::draft(&extra.unwrap()).divisions.remove(&node("659001")).unwrap();
    extra.parent = Some(node("65"));
    draft.divisions.insert(extra.node, extra);
    draft
}

fn files(folder: &Path) -> BTreeSet<String> {
    let names = |path: &Path| {
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    names(folder).into_iter().chain(names(&folder.join(DIVISIONS))).collect()
}

#[test]
fn what_is_published_is_read_again() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("node").join("directory");
    let published = publish(&folder, &demo_draft()).unwrap();
    let read = Directory::load(&folder, &anchor(), issued()).unwrap();
    assert_eq!(read.stamp(), published.stamp());
    assert!(read.divisions().eq(published.divisions()));
    let pem = fs::read_to_string(folder.join("ca.pem")).unwrap();
    assert_eq!(pem, sample::ca().certificate_pem());
    let expected = ["root", "ca.pem", "divisions", "65.json", "6523.json", "6531.json"];
    let counties = ["652301.json", "652324.json", "653101.json", "653130.json"];
    assert_eq!(files(&folder), expected.iter().chain(&counties).map(|s| (*s).to_owned()).collect());
}

#[test]
fn the_digests_in_the_root_are_those_of_the_files() {
    let folder = TempDir::new().unwrap();
    publish(folder.path(), &demo_draft()).unwrap();
    let root = fs::read_to_string(folder.path().join("root")).unwrap();
    let file = fs::read(folder.path().join("divisions/652301.json")).unwrap();
    assert!(root.contains(&format!("\ndivision 652301 {}\n", Digest::of(&file))), "{root}");
    assert!(root.contains(&format!("\nca {}\n", Digest::of(sample::ca().certificate_der()))));
    assert!(root.starts_with("yizhan directory v1\nnetwork xinjiang.example\nversion 1\n"));
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    publish(folder, &demo_draft()).unwrap();
    publish(folder, &second()).unwrap();
    let read = Directory::load(folder, &anchor(), issued()).unwrap();
    assert_eq!(read.version, 2);
    assert!(read.division(node("653130")).is_none() && read.division(node("659001")).is_some());
    assert!(
        !files(folder).iter().any(|name| name.ends_with(".next") || name == "653130.json"),
        "{:?}",
        files(folder)
    );
}

#[test]
fn whenever_publishing_is_cut_short_one_whole_version_is_there_and_the_next_publisher_goes_on() {
    let rendered = second().render().unwrap().signed(&[authority()]);
    let third = Draft { version: 3, ..demo_draft() };
    // Cut before anything, after half of the staging, after all of it, after the commit, half-way through settling.
    for cut in 0..5 {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        publish(folder, &demo_draft()).unwrap();
        match cut {
            0 => {}
            1 => {
                fs::write(folder.join("divisions/652301.json.next"), &rendered.files[&node("652301")][..100])
                    .unwrap()
            }
            _ => stage(folder, &rendered).unwrap(),
        }
        if cut >= 3 {
            commit(folder).unwrap();
        }
        if cut == 4 {
            let path = folder.join("divisions/652301.json");
            fs::rename(next(&path), path).unwrap();
        }
        assert_eq!(version(folder), if cut >= 3 { 2 } else { 1 }, "cut {cut}");
        publish(folder, &third).unwrap();
        assert_eq!(version(folder), 3, "cut {cut}");
        assert_eq!(Directory::load(folder, &anchor(), issued()).unwrap().divisions().len(), 7);
    }
}

#[test]
fn a_third_version_staged_over_an_unsettled_second_one_does_not_damage_it() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    publish(folder, &demo_draft()).unwrap();
    stage(folder, &second().render().unwrap().signed(&[authority()])).unwrap();
    commit(folder).unwrap();
    // The publisher of the third version is cut off before the moment that counts.
    let mut third = Draft { version: 3, ..second() };
    third.divisions.get_mut(&node("652301")).unwrap().names.insert("kk".into(), "Санжы".into());
    let third = third.render().unwrap().signed(&[authority()]);
    prepare(folder, &third, &third.claimed_head().unwrap()).unwrap();
    assert_eq!(version(folder), 2);
}

#[test]
fn a_file_that_the_root_does_not_list_is_no_part_of_the_directory() {
    let folder = TempDir::new().unwrap();
    publish(folder.path(), &demo_draft()).unwrap();
    let file = folder.path().join("divisions/6599.json");
    fs::write(&file, b"{\"node\":\"6599\"}").unwrap();
    let read = Directory::load(folder.path(), &anchor(), issued()).unwrap();
    assert!(read.division(node("6599")).is_none());
    publish(folder.path(), &second()).unwrap();
    assert!(file.exists(), "a file nobody ever listed was deleted");
}

#[test]
fn a_folder_with_something_missing_or_changed_is_refused_with_what_it_is() {
    let load = |damage: fn(&Path)| {
        let folder = TempDir::new().unwrap();
        publish(folder.path(), &demo_draft()).unwrap();
        damage(folder.path());
        Directory::load(folder.path(), &anchor(), issued()).unwrap_err()
    };
    let error = load(|folder| fs::remove_file(folder.join("divisions/6523.json")).unwrap());
    assert!(matches!(error, DirectoryError::MissingDivision { node: n } if n == node("6523")));
    let error = load(|folder| {
        fs::copy(folder.join("divisions/6523.json"), folder.join("divisions/6531.json")).unwrap();
    });
    assert!(matches!(error, DirectoryError::DigestMismatch { node: n } if n == node("6531")));
    let error = load(|folder| fs::remove_file(folder.join("root")).unwrap());
    assert!(matches!(error, DirectoryError::Read { path, .. } if path.ends_with("root")));
    let error = load(|folder| fs::write(folder.join("ca.pem"), "no certificate").unwrap());
    assert!(matches!(error, DirectoryError::CaPem));
    let error = load(|folder| {
        let other = yizhan_identity::CertificateAuthority::create("xinjiang.example", issued(), 1).unwrap();
        fs::write(folder.join("ca.pem"), other.certificate_pem()).unwrap();
    });
    assert!(matches!(error, DirectoryError::CaMismatch));
    let error = load(|folder| {
        let file = fs::File::create(folder.join("divisions/65.json")).unwrap();
        file.set_len(limits::DIVISION_BYTES_MAX as u64 + 1).unwrap();
    });
    assert!(matches!(error, DirectoryError::TooLarge { .. }));
}

#[test]
fn an_expired_directory_is_believed_only_within_the_grace_that_was_given() {
    let folder = TempDir::new().unwrap();
    publish(folder.path(), &demo_draft()).unwrap();
    let at = |grace: u64, late: u64| {
        Directory::load_with_grace(folder.path(), &anchor(), expires().plus_ms(late), grace)
    };
    assert!(matches!(
        Directory::load(folder.path(), &anchor(), expires()),
        Err(DirectoryError::Expired { .. })
    ));
    assert!(at(1000, 999).unwrap().is_expired(expires()));
    assert!(matches!(at(1000, 1000), Err(DirectoryError::Expired { .. })));
}

#[test]
fn a_draft_that_readers_would_refuse_is_never_written() {
    let folder = TempDir::new().unwrap();
    publish(folder.path(), &demo_draft()).unwrap();
    let before = files(folder.path());
    let mut orphan = second();
    orphan.divisions.remove(&node("6523"));
    let refused = publish(folder.path(), &orphan);
    assert!(matches!(refused, Err(PublishError::Refused(DirectoryError::Tree(_)))));
    let unsigned = Directory::publish(folder.path(), &second(), &[]);
    assert!(matches!(unsigned, Err(PublishError::Refused(_))));
    let too_few = Directory::publish(folder.path(), &Draft { threshold: 2, ..second() }, &[authority()]);
    assert!(matches!(too_few, Err(PublishError::Refused(DirectoryError::Anchor(_)))));
    assert_eq!((files(folder.path()), version(folder.path())), (before, 1));
}

#[test]
fn a_version_that_is_not_newer_or_of_another_network_is_not_published() {
    let folder = TempDir::new().unwrap();
    publish(folder.path(), &demo_draft()).unwrap();
    let again = publish(folder.path(), &demo_draft());
    let first = Edition { version: 1, delegated: 0 };
    assert!(
        matches!(again, Err(PublishError::NotNewer { present, draft }) if present == first && draft == first)
    );

    let mut elsewhere = Draft { network: "gansu.example".into(), version: 2, ..demo_draft() };
    elsewhere.divisions.values_mut().for_each(|division| division.offices.clear());
    let refused = publish(folder.path(), &elsewhere);
    assert!(matches!(refused, Err(PublishError::OtherNetwork { present }) if present == "xinjiang.example"));

    fs::write(folder.path().join("root"), "something of yours").unwrap();
    assert!(matches!(publish(folder.path(), &second()), Err(PublishError::Unreadable { .. })));
}

#[test]
fn a_certificate_that_no_publisher_would_have_signed_is_found_when_the_node_of_its_office_starts() {
    // Authorities signed what `publish` refuses. The folder reads, since whoever uses a certificate checks it.
    let mut draft = demo_draft();
    let other = yizhan_identity::CertificateAuthority::create("xinjiang.example", issued(), 10).unwrap();
    let county = draft.divisions.get_mut(&node("652301")).unwrap();
    county.offices[0].certificate = sample::certificate(&other, "gov-office@652301");
    let folder = TempDir::new().unwrap();
    let refused = publish(folder.path(), &draft);
    assert!(matches!(refused, Err(PublishError::Refused(DirectoryError::Certificate { .. }))));
    stage(folder.path(), &draft.render().unwrap().signed(&[authority()])).unwrap();
    commit(folder.path()).unwrap();

    let directory = Directory::load(folder.path(), &anchor(), issued()).unwrap();
    let found = directory.check_offices(node("652301"));
    assert!(
        matches!(found, Err(DirectoryError::Certificate { office, .. }) if office.node == node("652301"))
    );
    directory.check_offices(node("65")).unwrap();
}
