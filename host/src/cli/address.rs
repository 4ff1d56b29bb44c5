//! Where the gateway listens and with which token, for the gateway itself and for whoever asks it something.
use super::{Failure, setting::Setting};
use crate::config::{AuthMethod, Env, SecretInput};
use openclaw_plugin_api::Secret;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A token and a password.
pub(super) type Secrets = (Option<Secret>, Option<Secret>);

/// Bytes of a token that the gateway makes for itself.
const TOKEN_BYTES: usize = 24;

/// The port: `--port`, `OPENCLAW_GATEWAY_PORT`, `gateway.port`, 18789.
pub(super) fn port(flag: Option<u16>, env: &Env, setting: &Setting) -> Result<u16, Failure> {
    if let Some(port) = flag {
        return Ok(port);
    }
    if let Some(text) = env.var("OPENCLAW_GATEWAY_PORT") {
        let wrong = |_| {
            Failure::config(format_args!(
                "OPENCLAW_GATEWAY_PORT is \"{text}\"; write a port, 1 to 65535"
            ))
        };
        return text.parse().map_err(wrong);
    }
    Ok(setting.config.gateway.port())
}

/// The token and the password that the operator set, as far as `gateway.auth.mode` takes them: what was given, then
/// `OPENCLAW_GATEWAY_TOKEN` and `OPENCLAW_GATEWAY_PASSWORD`, then `gateway.auth`.
pub(super) fn secrets(given: (Option<&str>, Option<&str>), env: &Env, setting: &Setting) -> Secrets {
    let auth = &setting.config.gateway.auth;
    let set = |given: Option<&str>, variable: &str, written: &Option<SecretInput>| {
        let given = given.or_else(|| env.var(variable)).map(Secret::new);
        given.or_else(|| written.as_ref().and_then(SecretInput::secret).cloned())
    };
    let token = set(given.0, "OPENCLAW_GATEWAY_TOKEN", &auth.token);
    let password = set(given.1, "OPENCLAW_GATEWAY_PASSWORD", &auth.password);
    match auth.mode {
        None => (token, password),
        Some(AuthMethod::Token) => (token, None),
        // programs on this machine may come with the password where a proxy vouches for others
        Some(AuthMethod::Password | AuthMethod::TrustedProxy) => (None, password),
        Some(AuthMethod::None) => (None, None),
    }
}

/// What opens this machine's gateway for its own programs: these, or the token that it made for itself for want of them.
pub(super) fn opening(env: &Env, setting: &Setting) -> Secrets {
    match secrets((None, None), env, setting) {
        (None, None) if makes_token(setting) => (own_token(setting), None),
        set => set,
    }
}

/// Does a gateway without a secret make one?
pub(super) fn makes_token(setting: &Setting) -> bool {
    matches!(setting.config.gateway.auth.mode, None | Some(AuthMethod::Token))
}

/// The token that the gateway made for itself at an earlier start.
pub(super) fn own_token(setting: &Setting) -> Option<Secret> {
    let text = fs::read_to_string(file(setting)).ok()?;
    Some(Secret::new(text.trim()))
}

/// Makes a token of the gateway's own, readable by its user only.
pub(super) fn make_token(setting: &Setting) -> Result<Secret, Failure> {
    if let Some(token) = own_token(setting).filter(|token| !token.is_empty()) {
        return Ok(token);
    }
    let mut random = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(Failure::new)?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = file(setting);
    write_private(&path, token.as_bytes())
        .map_err(|e| Failure::io(format_args!("write {}", path.display()), e))?;
    Ok(Secret::new(token))
}

/// Writes what only its user may read, also where the file is there already with another mode.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    const MODE: u32 = 0o600;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn file(setting: &Setting) -> PathBuf {
    setting.paths.state_dir.join("gateway.token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_private_whatever_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let (new, left) = (folder.path().join("new"), folder.path().join("left"));
        fs::write(&left, "").expect("an empty file");
        fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).expect("a mode");
        for path in [new, left] {
            write_private(&path, b"token").expect("written");
            let mode = fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            assert_eq!(fs::read(&path).expect("it is there"), b"token");
        }
    }
}
