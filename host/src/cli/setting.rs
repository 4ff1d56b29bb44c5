//! Where a command works: the paths, the configuration, the plugins that are there.
use super::Failure;
use crate::{
    config::{Config, ConfigError, Env, Loaded, Paths, Problem},
    plugins::{
        assemble::{Assembly, assemble, folders},
        discover::Found,
        places,
    },
};
use std::path::PathBuf;

/// What most commands begin with.
pub(super) struct Setting {
    /// Where things are.
    pub(super) paths: Paths,
    /// What the operator wrote; empty if there is no file.
    pub(super) config: Config,
    /// What the operator should know of it.
    pub(super) warnings: Vec<Problem>,
    /// There is a file.
    pub(super) configured: bool,
    /// This program.
    pub(super) program: PathBuf,
    /// Files that are plugins, or look so.
    pub(super) found: Found,
    /// What each is to be.
    pub(super) assembly: Assembly,
}

impl Setting {
    /// Reads the configuration and looks for plugins. A missing file is an empty one.
    pub(super) fn read(env: &Env) -> Result<Self, Failure> {
        Self::read_by(Loaded::read, env)
    }

    /// The same without fetching secrets, which may need programs and people: for commands that use none.
    pub(super) fn look(env: &Env) -> Result<Self, Failure> {
        Self::read_by(Loaded::read_without_secrets, env)
    }

    /// The same for who speaks to a running gateway: secrets are fetched if the token or the password of the gateway, here
    /// or elsewhere, is one of them.
    pub(super) fn for_client(env: &Env) -> Result<Self, Failure> {
        let setting = Self::look(env)?;
        let (here, elsewhere) = (&setting.config.gateway.auth, &setting.config.gateway.remote);
        let written = [&here.token, &here.password, &elsewhere.token, &elsewhere.password];
        let is_fetched = written
            .iter()
            .any(|written| written.as_ref().is_some_and(|secret| secret.secret().is_none()));
        if is_fetched && env.var("OPENCLAW_GATEWAY_TOKEN").is_none() {
            return Self::read(env);
        }
        Ok(setting)
    }

    fn read_by(
        read: impl FnOnce(&Paths, &Env) -> Result<Loaded, ConfigError>,
        env: &Env,
    ) -> Result<Self, Failure> {
        let paths = Paths::resolve(env).map_err(Failure::config)?;
        match read(&paths, env) {
            Ok(loaded) => Self::of_loaded(&loaded, env),
            Err(error) if error.is_absence() => Ok(Self {
                configured: false,
                ..Self::of(Config::default(), env)?
            }),
            Err(error) => Err(Failure::config(error)),
        }
    }

    /// What follows from files that were read.
    pub(super) fn of_loaded(loaded: &Loaded, env: &Env) -> Result<Self, Failure> {
        let setting = Self::of(loaded.config.clone(), env)?;
        Ok(Self {
            warnings: setting.unread(loaded.warnings.clone()),
            ..setting
        })
    }

    /// Without warnings of keys that plugins read.
    pub(in crate::cli) fn unread(&self, warnings: Vec<Problem>) -> Vec<Problem> {
        self.assembly.warnings(&self.config, warnings)
    }

    /// What follows from a configuration that was read.
    pub(super) fn of(config: Config, env: &Env) -> Result<Self, Failure> {
        let paths = Paths::resolve(env).map_err(Failure::config)?;
        let program = std::env::current_exe().map_err(|e| Failure::io("find this program", e))?;
        let program = program.canonicalize().unwrap_or(program);
        let found = folders(&config, &paths, &program, env.var("OPENCLAW_BUNDLED_PLUGINS_DIR")).scan();
        let mut assembly = assemble(&config, &found);
        for spec in &mut assembly.specs {
            let wish = &mut spec.settings.permissions;
            places::expand(&paths, &config, &mut wish.read);
            places::expand(&paths, &config, &mut wish.write);
        }
        Ok(Self {
            paths,
            config,
            warnings: Vec::new(),
            configured: true,
            program,
            found,
            assembly,
        })
    }
}
