//! The database and the disk that it is on: whole, of a version that we know, with room to grow, and not from the future.
use super::Finding;

/// Less free space than this, and a day of traffic may fill the disk, bytes.
const LITTLE: u64 = 200 << 20;
/// Less than this, and nothing can be acknowledged for long, bytes.
const HARDLY: u64 = 20 << 20;
/// The write-ahead log is begun anew long before this, bytes.
const LONG_LOG: u64 = 256 << 20;
/// How far a clock may be off without being told, milliseconds.
const SKEW_MS: i64 = 5 * 60_000;
/// The first moment at which this program was built; a clock that shows less was never set.
const BUILT_MS: i64 = 1_750_000_000_000;

/// What there is to know.
#[derive(Debug, Default)]
pub struct DatabaseFacts {
    /// Where it is.
    pub path: String,
    /// There is one.
    pub exists: bool,
    /// Why it can't be looked at.
    pub unreadable: Option<String>,
    /// Its version, and the newest that this program knows.
    pub version: (i64, i64),
    /// What SQLite says of its pages, if that is bad.
    pub damage: Option<String>,
    /// Size, bytes.
    pub bytes: u64,
    /// Size of its write-ahead log, bytes.
    pub log_bytes: u64,
    /// The newest time that stands in it.
    pub newest_ms: Option<i64>,
    /// Free bytes of its disk.
    pub free: Option<u64>,
    /// Free entries of its disk: none of them, and no file can be made.
    pub free_files: Option<u64>,
    /// Databases that were set aside because they were damaged.
    pub set_aside: Vec<String>,
    /// A restore that was broken off.
    pub broken_restore: bool,
    /// Now.
    pub now_ms: i64,
}

/// Judges the database.
pub fn database(facts: &DatabaseFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = &facts.path;
    if facts.broken_restore {
        findings.push(
            Finding::critical(
                "database.restore_broken_off",
                "a restore was not brought to its end",
            )
            .because("part of the state is the old one and part the new one")
            .remedy("start the gateway, which finishes it first, or: openclaw doctor --fix")
            .mended_by(super::Mend::FinishRestore),
        );
    }
    disk(facts, &mut findings);
    clock(facts, &mut findings);
    for copy in &facts.set_aside {
        findings.push(
            Finding::warn("database.set_aside", "a damaged database was set aside")
                .because(format!("conversations before that are in {copy}"))
                .remedy(format!(
                    "restore a backup, or get what can be read: sqlite3 '{copy}' .recover"
                )),
        );
    }
    if !facts.exists {
        return findings;
    }
    if let Some(why) = &facts.unreadable {
        findings.push(
            Finding::critical("database.unreadable", "the database can't be read")
                .because(format!("{path}: {why}"))
                .remedy("check its owner and mode; if it is damaged, restore a backup: openclaw backup restore <file>"),
        );
        return findings;
    }
    if let Some(verdict) = &facts.damage {
        findings.push(
            Finding::critical("database.damaged", "the database is damaged")
                .because(format!("{path}: {verdict}"))
                .remedy("stop the gateway and restore a backup: openclaw backup restore <file>. Without one, a start after a \
                         crash sets it aside and begins a new one"),
        );
    }
    let (version, known) = facts.version;
    if version > known {
        findings.push(
            Finding::critical("database.newer", "the database is of a newer gateway")
                .because(format!(
                    "{path} has version {version}, this program knows {known}"
                ))
                .remedy("run the newer program again; a database never goes back"),
        );
    } else if version < known {
        findings.push(
            Finding::info("database.older", "the database is of an older gateway")
                .because(format!(
                    "{path} has version {version}; the next start brings it to {known}"
                ))
                .remedy("nothing, or first: openclaw backup create"),
        );
    }
    if facts.log_bytes > LONG_LOG {
        findings.push(
            Finding::warn("database.long_log", "the database's log is long")
                .because(format!(
                    "{path}-wal has {} MB: somebody reads the database all the time, or the disk is slow",
                    facts.log_bytes >> 20
                ))
                .remedy("end programs that keep the database open, and start the gateway again"),
        );
    }
    findings
}

fn disk(facts: &DatabaseFacts, findings: &mut Vec<Finding>) {
    // a copy of the whole has to fit, or no backup can be made
    let little = LITTLE.max(facts.bytes);
    let remedy = "make room, or give the state a larger volume; `openclaw backup create --output <another disk>` first";
    match facts.free {
        Some(free) if free < HARDLY => findings.push(
            Finding::critical("disk.full", "the disk is full")
                .because(format!(
                    "{} MB are free where {} is; what can't be written is not acknowledged",
                    free >> 20,
                    facts.path
                ))
                .remedy(remedy),
        ),
        Some(free) if free < little => findings.push(
            Finding::warn("disk.little", "little space is left")
                .because(format!("{} MB are free where {} is", free >> 20, facts.path))
                .remedy(remedy),
        ),
        _ => {}
    }
    if facts.free_files == Some(0) {
        findings.push(
            Finding::critical("disk.no_files", "the disk takes no more files")
                .because("all its inodes are in use")
                .remedy("remove small files that nobody needs"),
        );
    }
}

fn clock(facts: &DatabaseFacts, findings: &mut Vec<Finding>) {
    if facts.now_ms < BUILT_MS {
        findings.push(
            Finding::critical("clock.not_set", "the clock was never set")
                .because("it shows a time before this program was made; certificates look invalid and jobs run at wrong times")
                .remedy("switch on time synchronisation: timedatectl set-ntp true"),
        );
    }
    let ahead = facts.newest_ms.map_or(0, |newest| newest - facts.now_ms);
    if ahead > SKEW_MS {
        findings.push(
            Finding::warn("clock.behind", "the database has times that are still to come")
                .because(format!("the newest is {} minutes ahead: the clock is wrong now, or was then", ahead / 60_000))
                .remedy("compare `date -u` with another machine; switch on time synchronisation: timedatectl set-ntp true"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(facts: &DatabaseFacts) -> Vec<String> {
        database(facts).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn a_good_one_is_not_worth_a_word_and_each_fault_is() {
        let good = || DatabaseFacts {
            path: "/s/state.db".into(),
            exists: true,
            version: (7, 7),
            bytes: 1 << 20,
            free: Some(10 << 30),
            free_files: Some(1000),
            newest_ms: Some(BUILT_MS + 1),
            now_ms: BUILT_MS + 2,
            ..DatabaseFacts::default()
        };
        assert!(ids(&good()).is_empty());
        type Spoil = fn(&mut DatabaseFacts);
        let table: [(Spoil, &str); 11] = [
            (|f| f.version.0 = 8, "database.newer"),
            (|f| f.version.0 = 3, "database.older"),
            (|f| f.damage = Some("row 1 missing".into()), "database.damaged"),
            (|f| f.unreadable = Some("no".into()), "database.unreadable"),
            (|f| f.log_bytes = 1 << 30, "database.long_log"),
            (|f| f.set_aside.push("x".into()), "database.set_aside"),
            (|f| f.broken_restore = true, "database.restore_broken_off"),
            (|f| f.free = Some(1 << 20), "disk.full"),
            (|f| f.bytes = 20 << 30, "disk.little"),
            (|f| f.free_files = Some(0), "disk.no_files"),
            (|f| f.newest_ms = Some(BUILT_MS + SKEW_MS * 2), "clock.behind"),
        ];
        for (spoil, id) in table {
            let mut facts = good();
            spoil(&mut facts);
            assert_eq!(ids(&facts), [id]);
        }
        let never = DatabaseFacts {
            now_ms: 5,
            ..DatabaseFacts::default()
        };
        assert_eq!(ids(&never), ["clock.not_set"]);
    }
}
