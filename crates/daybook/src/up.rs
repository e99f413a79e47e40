//! `daybook up`: everything on one machine, over private servers that start and stop with it.

use std::path::{Path, PathBuf};

use adapters::mail::Route;
use embedded::{DataDir, Fsync, Options, Search, Servers};

use crate::checks::Part;
use crate::cli::Up;
use crate::failure::Failure;
use crate::parts::{Addresses, Parts};
use crate::say::say;
use crate::settings::{EmbeddedSettings, MailSettings, RedisFsync, Secret, Settings};
use crate::{api_node, metrics, migrate, signals, worker_node};

/// The worker's name in the queue: always the same, so that after a crash it goes on at once with what it held.
const WORKER: &str = "up";

/// Runs everything until somebody asks it to stop.
pub fn run(arguments: &Up, settings: &Settings) -> Result<(), Failure> {
    let data_dir = match arguments.data_dir.clone() {
        Some(dir) => dir,
        None => default_data_dir(settings)?,
    };
    let servers = Servers::start(&options(&data_dir, &settings.embedded));
    let servers = servers.map_err(Failure::because("the private Postgres and Redis cannot be started"))?;
    let settings = Settings {
        listen: arguments.listen.unwrap_or(settings.listen),
        mail: mail_settings(&data_dir, settings),
        ..settings.clone()
    };
    let ended = crate::wait_for(serve(&servers, &settings));
    servers.stop();
    ended
}

/// Where the queue of an installation is: that of `daybook up` on `data_dir`, else that of `REDIS_URL`, else that of `daybook up` on the default directory.
pub fn redis_of(data_dir: Option<PathBuf>, settings: &Settings) -> Result<Addresses, Failure> {
    if let (None, Some(redis)) = (&data_dir, &settings.redis_url) {
        return Ok(Addresses {
            database: String::new().into(),
            redis: redis.clone(),
        });
    }
    let dir = existing(data_dir, settings, "REDIS_URL")?;
    Ok(Addresses {
        database: String::new().into(),
        redis: dir.redis_url().into(),
    })
}

/// Where the database of an installation is, as its owner: that of `daybook up` on `data_dir`, else that of `DATABASE_URL`, else that of `daybook up` on the
/// default directory.
pub fn database_of(data_dir: Option<PathBuf>, settings: &Settings) -> Result<Secret, Failure> {
    if let (None, Some(database)) = (&data_dir, &settings.database_url) {
        return Ok(database.clone());
    }
    let dir = existing(data_dir, settings, "DATABASE_URL")?;
    Ok(dir.database_url().into())
}

fn existing(data_dir: Option<PathBuf>, settings: &Settings, instead: &str) -> Result<DataDir, Failure> {
    let dir = data_dir.map_or_else(|| default_data_dir(settings), Ok)?;
    if !dir.is_dir() {
        let hint = format!("Name the data directory of `daybook up` with --data-dir, or set {instead}.");
        return Err(Failure::new(format!("there is no directory {}", dir.display())).hint(hint));
    }
    DataDir::open(&dir).map_err(Failure::because(format!("{} cannot be used", dir.display())))
}

async fn serve(servers: &Servers, settings: &Settings) -> Result<(), Failure> {
    let addresses = Addresses {
        database: servers.api_database_url().to_owned().into(),
        redis: servers.redis_url().to_owned().into(),
    };
    migrate::bring_up_to_date(&servers.database_url().to_owned().into()).await?;
    // Each connects as a role of its own, as if they were processes.
    let of_api = Parts::sound(&addresses, settings, Part::Api).await?;
    let of_worker = of_api
        .beside(&servers.worker_database_url().to_owned().into(), Part::Worker)
        .await?;
    if let Some(address) = settings.metrics_listen {
        metrics::serve(address, &of_api)?;
    }
    let worker = worker_node::start(&of_worker, WORKER);
    let mut api = api_node::start(&of_api, settings).await?;
    let asked = signals::stop();
    say(format!("Daybook is ready at http://{}", api.address()));
    say(format!(
        "Its API is described, and can be tried, at http://{}/api/docs",
        api.address()
    ));
    let ended = tokio::select! {
        asked = asked => asked.map_err(Failure::because("cannot listen for signals")),
        ended = api.ended() => return Err(api_node::gone(ended)),
    };
    // First nothing more comes in, then what is held is finished.
    let stopped = api.stop().await;
    worker.stop().await;
    ended.and(stopped)
}

/// Mail is written into the data directory unless another way is set.
fn mail_settings(data_dir: &Path, settings: &Settings) -> MailSettings {
    let mail = settings.mail.clone();
    MailSettings {
        route: mail.route.or_else(|| Some(Route::Folder(data_dir.join("mail")))),
        ..mail
    }
}

fn options(data_dir: &Path, settings: &EmbeddedSettings) -> Options {
    let search = Search {
        postgres_bin: settings.postgres_bin.clone(),
        redis_bin: settings.redis_bin.clone(),
        ..Search::new(data_dir)
    };
    Options {
        search,
        redis_fsync: match settings.redis_fsync {
            RedisFsync::Always => Fsync::Always,
            RedisFsync::EverySec => Fsync::EverySecond,
        },
        redis_memory_bytes_max: u64::from(settings.redis_memory_mb) * 1024 * 1024,
        ..Options::new(data_dir)
    }
}

fn default_data_dir(settings: &Settings) -> Result<PathBuf, Failure> {
    if let Some(dir) = &settings.embedded.data_dir {
        return Ok(dir.clone());
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/daybook"));
    }
    let base = settings.embedded.data_home.clone();
    let base = base.ok_or_else(|| {
        Failure::new("there is no home directory to keep data in").hint("Name a directory with --data-dir.")
    })?;
    Ok(base.join("daybook"))
}
