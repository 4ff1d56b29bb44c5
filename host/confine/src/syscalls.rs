//! Which system calls a confined process is refused.
//!
//! It is a list of what is dangerous, not of what is allowed: a list of what is allowed breaks with every release of
//! the C library. Refused calls fail with `EPERM`, so a library that only tries gets over it. Arguments behind
//! pointers can't be judged, so what passes its flags that way is refused whole: `clone3` reads as absent, and the C
//! library falls back to `clone`.
use crate::{Confinement, Network};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

/// System calls and the conditions under which they are refused; none means always.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// On x86-64 the same calls have a second set of numbers (x32).
#[cfg(target_arch = "x86_64")]
const ALIASES: &[i64] = &[0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const ALIASES: &[i64] = &[0];

/// Refused whatever the plugin declares.
const ALWAYS: &[i64] = &[
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // the kernel's own programs, rings and counters: large surfaces, and io_uring passes by this filter
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    // the file system as such
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // namespaces and keys
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // the machine
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_personality,
    libc::SYS_nfsservctl,
];

/// Those that only one machine has; then what x32 has under numbers of its own: ioctl, execve, ptrace, rt_sigqueueinfo,
/// kexec_load, move_pages, rt_tgsigqueueinfo, process_vm_readv, process_vm_writev and execveat.
#[cfg(target_arch = "x86_64")]
const MACHINE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    514,
    520,
    521,
    524,
    528,
    533,
    536,
    539,
    540,
    545,
];
#[cfg(not(target_arch = "x86_64"))]
const MACHINE: &[i64] = &[];

/// Starting programs.
const EXECUTE: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];
/// Making processes without saying of what kind.
#[cfg(target_arch = "x86_64")]
const FORK: &[i64] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORK: &[i64] = &[];

/// Refuses them for this process, for ever.
pub(crate) fn filter(confinement: &Confinement) -> Result<(), Error> {
    let refused = compile(refused(confinement)?, libc::EPERM)?;
    apply_filter(&refused)?;
    if !confinement.processes {
        let absent = always(&[libc::SYS_clone3]).collect();
        apply_filter(&compile(absent, libc::ENOSYS)?)?;
    }
    Ok(())
}

fn refused(confinement: &Confinement) -> Result<Rules, Error> {
    let mut rules: Rules = always(ALWAYS).chain(always(MACHINE)).collect();
    let own_pid = u64::from(std::process::id());
    // Terminals: typing into one, or pasting.
    const TIOCSTI: u64 = 0x5412;
    const TIOCLINUX: u64 = 0x541c;
    let terminal = vec![rule(&[equal(1, TIOCSTI)?])?, rule(&[equal(1, TIOCLINUX)?])?];
    add(&mut rules, libc::SYS_ioctl, terminal);
    add(
        &mut rules,
        libc::SYS_prlimit64,
        vec![rule(&[differs(0, 0)?, differs(0, own_pid)?])?],
    );
    if !confinement.processes {
        rules.extend(always(EXECUTE).chain(always(FORK)));
        let no_thread = condition(0, SeccompCmpOp::MaskedEq(bits(libc::CLONE_THREAD)), 0)?;
        add(&mut rules, libc::SYS_clone, vec![rule(&[no_thread])?]);
        // Its own end is its own affair: `abort` is a signal to oneself.
        add(&mut rules, libc::SYS_kill, vec![rule(&[differs(0, own_pid)?])?]);
        add(&mut rules, libc::SYS_tgkill, vec![rule(&[differs(0, own_pid)?])?]);
    }
    match confinement.network {
        Network::None | Network::Host => rules.extend(always(&[libc::SYS_socket])),
        Network::Own => {
            let domains = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
            let other: Result<Vec<_>, Error> =
                domains.iter().map(|domain| differs(0, bits(*domain))).collect();
            // The C library asks the routing table which addresses the machine has; nothing else of netlink.
            let netlink = [
                equal(0, bits(libc::AF_NETLINK))?,
                differs(2, bits(libc::NETLINK_ROUTE))?,
            ];
            let raw = condition(1, SeccompCmpOp::MaskedEq(0xf), bits(libc::SOCK_RAW))?;
            let internet = |domain| rule(&[equal(0, bits(domain))?, raw.clone()]);
            let refused = vec![
                rule(&other?)?,
                rule(&netlink)?,
                internet(libc::AF_INET)?,
                internet(libc::AF_INET6)?,
            ];
            add(&mut rules, libc::SYS_socket, refused);
        }
    }
    Ok(rules)
}

fn compile(rules: Rules, error: libc::c_int) -> Result<BpfProgram, Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let error = SeccompAction::Errno(error.unsigned_abs());
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, error, architecture)?.try_into()?)
}

fn always(calls: &'static [i64]) -> impl Iterator<Item = (i64, Vec<SeccompRule>)> {
    calls
        .iter()
        .flat_map(|call| ALIASES.iter().map(move |alias| (call | alias, Vec::new())))
}

fn add(rules: &mut Rules, call: i64, conditions: Vec<SeccompRule>) {
    for alias in ALIASES {
        rules.insert(call | alias, conditions.clone());
    }
}

fn rule(conditions: &[SeccompCondition]) -> Result<SeccompRule, Error> {
    Ok(SeccompRule::new(conditions.to_vec())?)
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn differs(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    condition(argument, SeccompCmpOp::Ne, value)
}

/// The kernel looks at 32 bits of these arguments, so the filter does.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, Error> {
    Ok(SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        operator,
        value,
    )?)
}

fn bits(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}
