//! What the bare door serves: all as it is in the server, but for the queue. Nothing but pings is asked of it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters::ambient::{SystemClock, SystemIds};
use adapters::crypto::{
    Argon2Passwords, RandomApiKeys, RandomDeviceCodes, RandomRefreshTokens, RandomResetTokens, TotpFactors,
};
use adapters::mail::Nowhere;
use adapters::postgres::{self, Accounts, Database, Timelines, Watching};
use adapters::redis::Redis;
use domain::usage::Rules;
use ports::accounts::{AccessTokens, Hearing, Mailer, Passwords};
use ports::usage::PingQueue;
use ports::{Clock, Ids};
use services::accounts::{
    ApiKeys, Authenticate, ChangeEmail, ChangePassword, DeviceSignIn, DeviceVisits, Devices, Endings, ExportAccount,
    Journal, KeyRing, NewPasswords, Privacy, Profile, Recognition, Refresh, Register, ResetPassword, RulesInForce,
    SecondFactorUse, SecurityLog, SignIn, SignOut, Standings, Tokens,
};
use services::reports::{Export, Reports};
use services::trackers::{ActivityWatch, ClaimWatched};
use services::usage::{Erase, ImportHistory, OwnLetters, TrackPings};
use testkit::runs::Failure;

use crate::stage;

/// What the use cases share.
struct Shared {
    accounts: Arc<Accounts>,
    timelines: Arc<Timelines>,
    watching: Arc<Watching>,
    redis: Redis,
    recognition: Recognition,
    new_passwords: NewPasswords,
    tokens: Tokens,
    endings: Endings,
    journal: Journal,
    mailer: Arc<dyn Mailer>,
}

impl Shared {
    fn new(database: Database, redis: Redis, access: Arc<dyn AccessTokens>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let accounts = Arc::new(Accounts::new(database.clone()));
        let passwords: Arc<dyn Passwords> = Arc::new(Argon2Passwords::new(NonZeroUsize::MIN));
        let throttle = Arc::new(redis.sign_in_throttle(Arc::clone(&clock)));
        let journal = Journal { clock, ids };
        Self {
            recognition: Recognition {
                users: accounts.clone(),
                passwords: Arc::clone(&passwords),
                credentials: accounts.clone(),
                factors: Arc::new(TotpFactors),
                factor_store: accounts.clone(),
                throttle,
                log: accounts.clone(),
                journal: journal.clone(),
            },
            endings: Endings {
                announcements: Arc::new(redis.announcements()),
            },
            new_passwords: NewPasswords { passwords },
            tokens: Tokens::new(access, Arc::new(RandomRefreshTokens)),
            mailer: Arc::new(Nowhere),
            timelines: Arc::new(Timelines::new(database.clone())),
            watching: Arc::new(Watching::new(database)),
            accounts,
            redis,
            journal,
        }
    }
}

/// Over the servers at these addresses, with `queue` for pings.
pub(super) async fn services(
    addresses: (&str, &str),
    queue: Arc<dyn PingQueue>,
    hearing: Arc<dyn Hearing>,
) -> Result<api::Services, Failure> {
    let (database_url, redis_url) = addresses;
    let database = postgres::connect(&postgres::Settings::new(database_url))
        .map_err(Failure::because("could not read the database's URL"))?;
    let redis = Redis::new(redis_url, stage::SHARDS)
        .map_err(Failure::because("could not read the URL of the bench's Redis"))?;
    let access: Arc<dyn AccessTokens> = Arc::new(stage::tokens(&database).await?);
    let shared = Shared::new(database, redis, Arc::clone(&access));
    let knowledge = super::knowledge(hearing, shared.accounts.clone()).await;
    Ok(serve(&shared, access, queue, knowledge))
}

#[expect(
    clippy::too_many_lines,
    reason = "one entry for each use case, and nothing is decided"
)]
fn serve(
    shared: &Shared,
    access_tokens: Arc<dyn AccessTokens>,
    queue: Arc<dyn PingQueue>,
    (standings, rules): (Arc<Standings>, Arc<RulesInForce>),
) -> api::Services {
    let Shared {
        accounts,
        timelines,
        watching,
        redis,
        recognition,
        new_passwords,
        tokens,
        endings,
        journal,
        mailer,
    } = shared;
    let (clock, ids) = (Arc::clone(&journal.clock), Arc::clone(&journal.ids));
    let device_sign_in = DeviceSignIn {
        codes: accounts.clone(),
        maker: Arc::new(RandomDeviceCodes),
        throttle: recognition.throttle.clone(),
        log: accounts.clone(),
        tokens: tokens.clone(),
        endings: endings.clone(),
        journal: journal.clone(),
    };
    api::Services {
        register: Register {
            users: accounts.clone(),
            new_passwords: new_passwords.clone(),
            journal: journal.clone(),
        },
        sign_in: SignIn {
            recognition: recognition.clone(),
            sessions: accounts.clone(),
            tokens: tokens.clone(),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        device_visits: DeviceVisits {
            device_sign_in: device_sign_in.clone(),
            recognition: recognition.clone(),
            standings: Arc::clone(&standings),
        },
        device_sign_in,
        refresh: Refresh {
            sessions: accounts.clone(),
            tokens: tokens.clone(),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        sign_out: SignOut {
            sessions: accounts.clone(),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        devices: Devices {
            devices: accounts.clone(),
            imports: accounts.clone(),
            sessions: accounts.clone(),
            announcements: Arc::clone(&endings.announcements),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        api_keys: ApiKeys {
            keys: accounts.clone(),
            maker: Arc::new(RandomApiKeys),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        profile: Profile {
            users: accounts.clone(),
        },
        change_password: ChangePassword {
            recognition: recognition.clone(),
            new_passwords: new_passwords.clone(),
            credentials: accounts.clone(),
            endings: endings.clone(),
            mailer: mailer.clone(),
            journal: journal.clone(),
        },
        reset_password: ResetPassword {
            users: accounts.clone(),
            credentials: accounts.clone(),
            tokens: Arc::new(RandomResetTokens),
            new_passwords: new_passwords.clone(),
            mailer: mailer.clone(),
            log: accounts.clone(),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        change_email: ChangeEmail {
            recognition: recognition.clone(),
            users: accounts.clone(),
            mailer: mailer.clone(),
            journal: journal.clone(),
        },
        second_factor: SecondFactorUse {
            recognition: recognition.clone(),
            factors: Arc::new(TotpFactors),
            store: accounts.clone(),
            users: accounts.clone(),
            mailer: mailer.clone(),
            journal: journal.clone(),
        },
        security_log: SecurityLog { log: accounts.clone() },
        export: Export {
            account: ExportAccount {
                users: accounts.clone(),
                devices: accounts.clone(),
                imports: accounts.clone(),
                keys: accounts.clone(),
                privacy: accounts.clone(),
                log: accounts.clone(),
                journal: journal.clone(),
            },
            reader: timelines.clone(),
            contexts: timelines.clone(),
            watched: watching.clone(),
            clock: clock.clone(),
        },
        erase: Erase {
            recognition: recognition.clone(),
            timelines: timelines.clone(),
            pings: Arc::new(redis.ping_erasure()),
            accounts: accounts.clone(),
            endings: endings.clone(),
            journal: journal.clone(),
        },
        privacy: Privacy {
            store: accounts.clone(),
            announcements: Arc::clone(&endings.announcements),
            journal: journal.clone(),
        },
        import: ImportHistory {
            queue: Arc::clone(&queue),
            pending: Arc::new(redis.pending_pings()),
            devices: accounts.clone(),
            timeline: timelines.clone(),
            privacy: Arc::clone(&rules),
            rules: Rules::default(),
            clock: clock.clone(),
            ids: ids.clone(),
        },
        activitywatch: ActivityWatch {
            buckets: watching.clone(),
            events: watching.clone(),
            claims: ClaimWatched {
                marks: watching.clone(),
                queue: Arc::clone(&queue),
                clock: clock.clone(),
                rules: Rules::default(),
            },
            privacy: Arc::clone(&rules),
        },
        track: TrackPings::new(queue, clock.clone(), Rules::default(), rules),
        pending: Arc::new(redis.pending_pings()),
        letters: OwnLetters {
            letters: Arc::new(redis.dead_letters()),
        },
        reports: Reports {
            reader: timelines.clone(),
            contexts: timelines.clone(),
            users: accounts.clone(),
            clock: clock.clone(),
        },
        authenticate: Authenticate {
            access_tokens,
            keys: Arc::new(KeyRing::new(accounts.clone(), Arc::new(RandomApiKeys), clock.clone())),
            standings,
            clock: clock.clone(),
        },
        clock,
        ids,
        probes: Vec::new(),
    }
}
