//! Which process listens on a port of this machine, as far as the kernel shows it to this user.
use std::{fs, path::Path};

/// The kernel's word for a socket that listens.
const LISTENS: &str = "0A";
/// Most processes that are looked at.
const MAX_PROCESSES: usize = 32_768;

/// Its number and name.
pub(super) fn of(port: u16) -> Option<(u32, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes: Vec<_> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| inodes(&table, port))
        .collect();
    let wanted: Vec<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if wanted.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten().take(MAX_PROCESSES);
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| has_one_of(*pid, &wanted))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some((pid, name.trim().to_owned()))
}

/// Inodes of sockets that listen on the port. Lines are `0: 0100007F:4965 00000000:0000 0A … uid timeout inode`.
fn inodes(table: &str, port: u16) -> Vec<u64> {
    let wanted = format!(":{port:04X}");
    let rows = table.lines().skip(1).filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let listens = words.get(1)?.ends_with(&wanted) && words.get(3) == Some(&LISTENS);
        listens.then(|| words.get(9)?.parse().ok()).flatten()
    });
    rows.collect()
}

fn has_one_of(pid: u32, sockets: &[String]) -> bool {
    let folder = format!("/proc/{pid}/fd");
    let files = fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten();
    files.into_iter().any(|file| {
        let leads_to = fs::read_link(file.path()).unwrap_or_default();
        sockets.iter().any(|socket| Path::new(socket) == leads_to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (pid, name) = of(port).expect("this process");
        assert_eq!(pid, std::process::id());
        assert!(!name.is_empty());
        drop(listener);
        assert_eq!(of(port), None);
    }

    #[test]
    fn only_sockets_that_listen_count() {
        let table = "  sl  local_address rem_address   st\n\
            0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4711 1\n\
            1: 0100007F:4965 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000 0 4712 1\n";
        assert_eq!(inodes(table, 0x4965), [4711]);
        assert!(inodes(table, 0x4966).is_empty());
    }
}
