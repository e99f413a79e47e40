//! The wiring: which adapter stands behind which port, and which use cases stand on them. Nothing is decided here.

mod accounts;

pub use accounts::argon2;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use adapters::ambient::{SystemClock, SystemIds, SystemSteadyClock};
use adapters::mail::{Letterhead, Post};
use adapters::postgres::{
    Accounts, Database, Durability, EndedSessions, Health, ServerReport, Timelines, TokenKeys, Watching,
};
use adapters::redis::{BacklogMax, Redis, RedisFacts, RedisQueueWatch, Taking};
use ports::accounts::{AccessTokens, Mailer};
use ports::usage::{PingQueue, PingSource, TimelineStore};
use ports::{Clock, Ids, Probe};
use services::accounts::{FollowStandings, RelayEnded, RelayFrom, RulesInForce, Standings};
use services::reports::{Export, Reports};
use services::trackers::{ActivityWatch, ClaimWatched, KeepWatched};
use services::usage::{Erase, ForgetErasures, ImportHistory, MergePings, OwnLetters, PrepareStorage, TrackPings};

use crate::checks::{self, Finding, Grade, Part};
use crate::failure::Failure;
use crate::settings::{Secret, Settings};
use crate::token_keys;
use accounts::People;

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
            .chain(checks::of_redis(&redis, settings.embedded.redis_fsync))
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
        findings.extend(checks::of_redis(&redis, self.settings.embedded.redis_fsync));
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

    /// The privacy rules of those who send pings to this process: until it is kept informed, nothing is known of them.
    pub fn rules_in_force(&self) -> Arc<RulesInForce> {
        let store = Arc::new(Accounts::new(self.database.clone()));
        Arc::new(RulesInForce::new(store, Arc::new(SystemSteadyClock)))
    }

    /// How sessions stand, as far as this process knows, and what keeps it and `rules` informed: until that is at work, nothing is known.
    pub fn keep_standings(&self, rules: &Arc<RulesInForce>) -> worker::KeepStandings {
        let standings = Arc::new(Standings::new(Arc::new(SystemSteadyClock)));
        let from = RelayFrom {
            ended: Arc::new(EndedSessions::new(self.database.clone())),
            announcements: Arc::new(self.redis.announcements()),
            clock: Arc::clone(&self.clock),
        };
        worker::KeepStandings {
            follow: FollowStandings::new(Arc::new(self.redis.hearing()), Arc::clone(&standings))
                .with_rules(Arc::clone(rules)),
            relay: RelayEnded::new(from, Arc::clone(&standings)),
            standings,
        }
    }

    /// What the API serves. To be called on the runtime that it will live on.
    pub async fn api(
        &self,
        standings: Arc<Standings>,
        rules: Arc<RulesInForce>,
        mailer: Arc<dyn Mailer>,
    ) -> Result<api::Services, Failure> {
        let keys = TokenKeys::new(self.database.clone());
        let access: Arc<dyn AccessTokens> = token_keys::start(keys, self.clock.clone(), self.ids.clone()).await?;
        let people = People::new(self, Arc::clone(&access), mailer);
        let (queue, durability) = self.redis.bounded_ping_queue(self.backlog_max());
        let queue: Arc<dyn PingQueue> = Arc::new(queue);
        let timelines = Arc::new(Timelines::new(self.database.clone()));
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        Ok(api::Services {
            register: people.register(),
            sign_in: people.sign_in(),
            device_sign_in: people.device_sign_in(),
            device_visits: people.device_visits(Arc::clone(&standings)),
            refresh: people.refresh(),
            sign_out: people.sign_out(),
            devices: people.devices(),
            api_keys: people.api_keys(),
            profile: people.profile(),
            change_password: people.change_password(),
            reset_password: people.reset_password(),
            change_email: people.change_email(),
            second_factor: people.second_factor(),
            security_log: people.security_log(),
            export: Export {
                account: people.export(),
                reader: timelines.clone(),
                contexts: timelines.clone(),
                watched: Arc::new(Watching::new(self.database.clone())),
                clock: clock.clone(),
            },
            erase: Erase {
                recognition: people.recognition.clone(),
                timelines: timelines.clone(),
                pings: Arc::new(self.redis.ping_erasure()),
                accounts: people.accounts.clone(),
                endings: people.endings.clone(),
                journal: people.journal.clone(),
            },
            privacy: people.privacy(),
            import: self.import(&people, &queue, &rules),
            activitywatch: self.activitywatch(&queue, &rules),
            track: TrackPings::new(queue, clock.clone(), self.settings.rules, rules),
            pending: Arc::new(self.redis.pending_pings()),
            letters: OwnLetters {
                letters: Arc::new(self.redis.dead_letters()),
            },
            reports: Reports {
                reader: timelines.clone(),
                contexts: timelines,
                users: people.accounts.clone(),
                clock: clock.clone(),
            },
            authenticate: people.authenticate(access, Arc::clone(&standings)),
            clock,
            ids,
            probes: self.probes(standings, durability),
        })
    }

    /// What takes the history that people bring.
    fn import(&self, people: &People, queue: &Arc<dyn PingQueue>, rules: &Arc<RulesInForce>) -> ImportHistory {
        ImportHistory {
            queue: Arc::clone(queue),
            pending: Arc::new(self.redis.pending_pings()),
            devices: people.accounts.clone(),
            timeline: Arc::new(Timelines::new(self.database.clone())),
            privacy: Arc::clone(rules),
            rules: self.settings.import_rules(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    /// What takes what ActivityWatch's watchers send.
    fn activitywatch(&self, queue: &Arc<dyn PingQueue>, rules: &Arc<RulesInForce>) -> ActivityWatch {
        let watching = Arc::new(Watching::new(self.database.clone()));
        ActivityWatch {
            buckets: watching.clone(),
            events: watching,
            claims: self.claims(Arc::clone(queue)),
            privacy: Arc::clone(rules),
        }
    }

    fn claims(&self, queue: Arc<dyn PingQueue>) -> ClaimWatched {
        ClaimWatched {
            marks: Arc::new(Watching::new(self.database.clone())),
            queue,
            clock: Arc::clone(&self.clock),
            rules: self.settings.rules,
        }
    }

    /// Looks after what all watchers told, for ever. To be called on the runtime that it will live on.
    pub fn keep_watched(&self) -> impl Future<Output = Infallible> + Send + use<> {
        let (queue, _) = self.redis.bounded_ping_queue(self.backlog_max());
        worker::keep_watched(KeepWatched {
            claims: self.claims(Arc::new(queue)),
            upkeep: Arc::new(Watching::new(self.database.clone())),
            privacy: Arc::new(Accounts::new(self.database.clone())),
        })
    }

    /// What looks at the queue, and waits so long at most for each answer.
    pub fn queue_watch(&self, answer_max: Duration) -> RedisQueueWatch {
        self.redis.queue_watch(answer_max)
    }

    /// Forgets devices that waited in vain to be confirmed, for ever.
    pub fn keep_device_codes_few(&self) -> impl Future<Output = Infallible> + Send + use<> {
        worker::keep_device_codes_few(Arc::new(Accounts::new(self.database.clone())), Arc::clone(&self.clock))
    }

    /// Keeps the security log free of what nobody needs any more, for ever.
    pub fn keep_log_short(&self) -> impl Future<Output = Infallible> + Send + use<> {
        worker::keep_log_short(Arc::new(Accounts::new(self.database.clone())), Arc::clone(&self.clock))
    }

    /// What the worker works with, under `name` in the queue.
    pub fn worker(&self, name: &str) -> worker::Work {
        let timelines = Arc::new(Timelines::new(self.database.clone()));
        let store: Arc<dyn TimelineStore> = timelines.clone();
        let source: Arc<dyn PingSource> = Arc::new(self.redis.ping_source(&Taking::by(name)));
        worker::Work {
            merge: MergePings::new(Arc::clone(&store), Arc::clone(&source)),
            prepare: PrepareStorage::new(store, Arc::clone(&self.clock), self.settings.rules),
            forget: ForgetErasures {
                erasures: timelines,
                source: Arc::clone(&source),
                pings: Arc::new(self.redis.ping_erasure()),
                clock: Arc::clone(&self.clock),
            },
            source,
            pace: worker::Pace::default(),
        }
    }

    /// The way of mail out of this node. To be called on the runtime that it will live on.
    pub fn post(&self) -> Result<Post, Failure> {
        let mail = &self.settings.mail;
        if mail.route.is_none() {
            tracing::warn!("DAYBOOK_MAIL is not set: no mail is sent, so nobody can reset a password that they forgot");
        }
        let letterhead = Letterhead {
            sender: mail.sender.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
        };
        Post::open(mail.route.as_ref(), letterhead).map_err(Failure::because("DAYBOOK_MAIL cannot be used"))
    }

    fn backlog_max(&self) -> BacklogMax {
        BacklogMax {
            arrivals: self.settings.backlog_pings,
            bytes: u64::from(self.settings.backlog_mb) * 1024 * 1024,
            may_lose: self.settings.may_lose(),
        }
    }

    fn probes(&self, standings: Arc<Standings>, durability: Arc<dyn Probe>) -> Vec<Arc<dyn Probe>> {
        let mut probes: Vec<Arc<dyn Probe>> = vec![
            Arc::new(Health::new(self.database.clone())),
            Arc::new(self.redis.probe()),
            durability,
            standings,
        ];
        if !self.settings.allow_weak_durability {
            probes.push(Arc::new(Durability::new(self.database.clone())));
        }
        probes
    }
}

/// The pool of connections to the database at `url`.
pub fn database(url: &Secret, settings: &Settings) -> Result<Database, Failure> {
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
