//! The wiring: which adapter stands behind which port, and which use cases stand on them. Nothing is decided here.

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters::ambient::{SystemClock, SystemIds};
use adapters::crypto::{Argon2Passwords, RandomRefreshTokens, SignedAccessTokens, TokenKey};
use adapters::postgres::{Accounts, Database, Health, ServerReport, Timelines, TokenKeys};
use adapters::redis::{Redis, RedisFacts, Taking};
use ports::accounts::{AccessTokens, Passwords, Sessions, Users};
use ports::reports::TimelineReader;
use ports::usage::{PingQueue, PingSource, TimelineStore};
use ports::{Clock, Ids, Probe};
use services::accounts::{Profile, Refresh, Register, SignIn, Tokens};
use services::reports::Reports;
use services::usage::{MergePings, PrepareStorage, TrackPings};

use crate::checks::{self, Finding, Grade, Part};
use crate::failure::Failure;
use crate::settings::{Secret, Settings};

/// Where the two servers are.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Postgres, as the role of the part that connects.
    pub database: Secret,
    /// Redis.
    pub redis: Secret,
}

impl Addresses {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Result<Self, Failure> {
        let (database, redis) = (settings.database_url.clone(), settings.redis_url.clone());
        let hint = "Set it in the environment, see .env.example; or run `daybook up`, which brings its own.";
        Ok(Self {
            database: database.ok_or_else(|| Failure::new("DATABASE_URL is not set").hint(hint))?,
            redis: redis.ok_or_else(|| Failure::new("REDIS_URL is not set").hint(hint))?,
        })
    }
}

/// Everything outside that Daybook stands on, connected.
#[derive(Clone)]
pub struct Parts {
    database: Database,
    redis: Redis,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    settings: Settings,
}

impl Parts {
    /// Made ready to connect; nothing is asked of either server yet.
    pub fn at(addresses: &Addresses, settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            database: database(&addresses.database, settings)?,
            redis: redis(addresses, settings)?,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            settings: settings.clone(),
        })
    }

    /// The same for `part`, after both servers were asked whether it can work with them; refuses to go on where it cannot.
    pub async fn sound(addresses: &Addresses, settings: &Settings, part: Part) -> Result<Self, Failure> {
        let parts = Self::at(addresses, settings)?;
        let (postgres, redis) = parts.reports().await?;
        for finding in checks::of_postgres(&postgres)
            .into_iter()
            .chain(checks::of_redis(&redis))
        {
            parts.accept(finding)?;
        }
        parts.accept(checks::of_role(&postgres.role, part))?;
        let agreed = parts.redis.agree_on_shards().await;
        agreed.map_err(Failure::because("cannot use the queue"))?;
        Ok(parts)
    }

    /// The same servers for another `part` in this process, over a pool of its own as the role that `url` names.
    pub async fn beside(&self, url: &Secret, part: Part) -> Result<Self, Failure> {
        let parts = Self {
            database: database(url, &self.settings)?,
            ..self.clone()
        };
        let report = parts.database.report(parts.clock.as_ref()).await;
        let report = report.map_err(Failure::because("Postgres cannot be worked with"))?;
        parts.accept(checks::of_role(&report.role, part))?;
        Ok(parts)
    }

    /// What is right and wrong with both servers, for whoever asks.
    pub async fn findings(&self) -> Result<Vec<Finding>, Failure> {
        let (postgres, redis) = self.reports().await?;
        let mut findings = checks::of_postgres(&postgres);
        findings.push(checks::of_any_role(&postgres.role));
        findings.extend(checks::of_redis(&redis));
        Ok(findings)
    }

    async fn reports(&self) -> Result<(ServerReport, RedisFacts), Failure> {
        let report = self.database.report(self.clock.as_ref()).await;
        let report = report.map_err(Failure::because("Postgres cannot be worked with"))?;
        let facts = self.redis.facts(self.clock.now()).await;
        let facts = facts.map_err(Failure::because("Redis cannot be worked with"))?;
        Ok((report, facts))
    }

    /// Goes on after a finding, or does not.
    fn accept(&self, finding: Finding) -> Result<(), Failure> {
        let tolerated = if self.settings.allow_weak_durability {
            Grade::Weak
        } else {
            Grade::Warning
        };
        match finding.grade {
            Grade::Fine => tracing::info!("{}", finding.says),
            grade if grade <= tolerated => tracing::warn!("{}", finding.says),
            Grade::Weak => {
                let hint = "Or set DAYBOOK_ALLOW_WEAK_DURABILITY=yes and live with it.";
                return Err(Failure::new(finding.says).hint(hint));
            }
            Grade::Broken | Grade::Warning => return Err(Failure::new(finding.says)),
        }
        Ok(())
    }

    /// What the API serves. To be called on the runtime that it will live on.
    pub async fn api(&self) -> Result<api::Services, Failure> {
        let accounts = Arc::new(Accounts::new(self.database.clone()));
        let (users, sessions): (Arc<dyn Users>, Arc<dyn Sessions>) = (accounts.clone(), accounts);
        let passwords: Arc<dyn Passwords> = Arc::new(Argon2Passwords::new(hashes_at_once()));
        let access: Arc<dyn AccessTokens> = Arc::new(self.access_tokens().await?);
        let tokens = Tokens::new(Arc::clone(&access), Arc::new(RandomRefreshTokens));
        let queue: Arc<dyn PingQueue> = Arc::new(self.redis.ping_queue());
        let reader: Arc<dyn TimelineReader> = Arc::new(Timelines::new(self.database.clone()));
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        Ok(api::Services {
            register: Register {
                users: users.clone(),
                passwords: passwords.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
            },
            sign_in: SignIn {
                users: users.clone(),
                passwords,
                sessions: sessions.clone(),
                tokens: tokens.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
            },
            refresh: Refresh {
                sessions,
                tokens,
                clock: clock.clone(),
            },
            profile: Profile { users: users.clone() },
            track: TrackPings::new(queue, clock.clone(), self.settings.rules),
            reports: Reports {
                reader,
                users,
                clock: clock.clone(),
            },
            access_tokens: access,
            clock,
            ids,
            probes: self.probes(),
        })
    }

    /// What the worker works with, under `name` in the queue.
    pub fn worker(&self, name: &str) -> worker::Work {
        let store: Arc<dyn TimelineStore> = Arc::new(Timelines::new(self.database.clone()));
        let source: Arc<dyn PingSource> = Arc::new(self.redis.ping_source(&Taking::by(name)));
        worker::Work {
            merge: MergePings::new(Arc::clone(&store), Arc::clone(&source)),
            prepare: PrepareStorage::new(store, Arc::clone(&self.clock), self.settings.rules),
            source,
            pace: worker::Pace::default(),
        }
    }

    fn probes(&self) -> Vec<Arc<dyn Probe>> {
        vec![
            Arc::new(Health::new(self.database.clone())),
            Arc::new(self.redis.probe()),
        ]
    }

    async fn access_tokens(&self) -> Result<SignedAccessTokens, Failure> {
        let failed = || "no key to sign access tokens with";
        let candidate = TokenKey::random(self.ids.new_id().to_string()).map_err(Failure::because(failed()))?;
        let keys = TokenKeys::new(self.database.clone());
        let key = keys
            .newest_or(&candidate, self.clock.now())
            .await
            .map_err(Failure::because(failed()))?;
        SignedAccessTokens::new(&[key]).map_err(Failure::because(failed()))
    }
}

fn database(url: &Secret, settings: &Settings) -> Result<Database, Failure> {
    let settings = adapters::postgres::Settings {
        connections_max: usize::from(settings.database_connections),
        ..adapters::postgres::Settings::new(url.expose())
    };
    adapters::postgres::connect(&settings).map_err(Failure::because("DATABASE_URL cannot be used"))
}

/// The queue's Redis alone, for those who need nothing else.
pub fn redis(addresses: &Addresses, settings: &Settings) -> Result<Redis, Failure> {
    Redis::new(addresses.redis.expose(), settings.ping_shards).map_err(Failure::because("REDIS_URL cannot be used"))
}

/// Half of the processors, at least one: a burst of sign-ins leaves the rest to pings.
fn hashes_at_once() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN)
}
