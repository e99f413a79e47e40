//! Every use case over adapters in memory, wired as the binary wires them over servers.

use std::sync::Arc;

use api::Services;
use domain::time::UnixMs;
use domain::usage::Rules;
use futures_util::FutureExt;
use ports::usage::PingQueue;
use services::accounts::{
    ApiKeys, Authenticate, ChangeEmail, ChangePassword, DeviceSignIn, DeviceVisits, Devices, Endings, ExportAccount,
    FollowStandings, Journal, KeyRing, NewPasswords, Privacy, Profile, Recognition, Refresh, Register, ResetPassword,
    RulesInForce, SecondFactorUse, SecurityLog, SignIn, SignOut, Standings, Tokens,
};
use services::reports::{Export, Reports};
use services::trackers::{ActivityWatch, ClaimWatched};
use services::usage::{Erase, ImportHistory, OwnLetters, TrackPings};
use testkit::clock::{TestClock, TestIds};
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::crypto::{MemoryAccessTokens, MemoryPasswords, MemoryRefreshTokens};
use testkit::memory::factors::{MemoryApiKeys, MemoryDeviceCodes, MemoryFactors, MemoryResetTokens};
use testkit::memory::mail::MemoryMailer;
use testkit::memory::queue::MemoryQueue;
use testkit::memory::standing::MemoryAnnouncements;
use testkit::memory::throttle::MemoryThrottle;
use testkit::memory::timelines::MemoryTimelines;
use testkit::memory::watching::MemoryWatching;

/// Where everything is kept and told.
pub struct Parts {
    pub clock: Arc<TestClock>,
    pub ids: Arc<TestIds>,
    pub accounts: Arc<MemoryAccounts>,
    pub timelines: Arc<MemoryTimelines>,
    pub watching: Arc<MemoryWatching>,
    pub queue: MemoryQueue,
    pub mailer: Arc<MemoryMailer>,
    pub announcements: Arc<MemoryAnnouncements>,
    pub throttle: Arc<MemoryThrottle>,
    pub standings: Arc<Standings>,
    pub rules: Arc<RulesInForce>,
}

/// The door to another queue, for people who have no rules.
pub fn door_to(queue: impl PingQueue + 'static, services: &Services) -> TrackPings {
    let steady = Arc::new(TestClock::at(UnixMs(0)));
    let rules = Arc::new(RulesInForce::new(Arc::new(MemoryAccounts::default()), steady.clone()));
    let standings = Arc::new(Standings::new(steady));
    let mut follow =
        FollowStandings::new(Arc::new(MemoryAnnouncements::default()), standings).with_rules(rules.clone());
    let heard = follow
        .follow()
        .now_or_never()
        .expect("the first question is answered at once");
    assert!(heard.expect("it can be heard"));
    TrackPings::new(Arc::new(queue), services.clock.clone(), Rules::default(), rules)
}

/// What the use cases share.
struct Shared {
    journal: Journal,
    endings: Endings,
    recognition: Recognition,
    new_passwords: NewPasswords,
    access: Arc<MemoryAccessTokens>,
    tokens: Tokens,
    keys: Arc<MemoryApiKeys>,
}

impl Parts {
    pub fn services(&self) -> Services {
        let shared = self.shared();
        Services {
            register: Register {
                users: self.accounts.clone(),
                new_passwords: shared.new_passwords.clone(),
                journal: shared.journal.clone(),
            },
            sign_in: SignIn {
                recognition: shared.recognition.clone(),
                sessions: self.accounts.clone(),
                tokens: shared.tokens.clone(),
                endings: shared.endings.clone(),
                journal: shared.journal.clone(),
            },
            device_sign_in: self.device_sign_in(&shared),
            device_visits: self.device_visits(&shared),
            refresh: Refresh {
                sessions: self.accounts.clone(),
                tokens: shared.tokens.clone(),
                endings: shared.endings.clone(),
                journal: shared.journal.clone(),
            },
            sign_out: SignOut {
                sessions: self.accounts.clone(),
                endings: shared.endings.clone(),
                journal: shared.journal.clone(),
            },
            devices: self.devices(&shared),
            api_keys: ApiKeys {
                keys: self.accounts.clone(),
                maker: shared.keys.clone(),
                endings: shared.endings.clone(),
                journal: shared.journal.clone(),
            },
            profile: Profile {
                users: self.accounts.clone(),
            },
            change_password: self.change_password(&shared),
            reset_password: self.reset_password(&shared),
            change_email: ChangeEmail {
                recognition: shared.recognition.clone(),
                users: self.accounts.clone(),
                mailer: self.mailer.clone(),
                journal: shared.journal.clone(),
            },
            second_factor: self.second_factor(&shared),
            security_log: SecurityLog {
                log: self.accounts.clone(),
            },
            export: self.export(&shared),
            erase: self.erase(&shared),
            privacy: self.privacy(&shared),
            track: self.track(),
            import: self.import(),
            activitywatch: self.activitywatch(),
            pending: Arc::new(self.queue.clone()),
            letters: OwnLetters {
                letters: Arc::new(self.queue.clone()),
            },
            reports: self.reports(),
            authenticate: Authenticate {
                access_tokens: shared.access.clone(),
                keys: Arc::new(KeyRing::new(self.accounts.clone(), shared.keys, self.clock.clone())),
                standings: self.standings.clone(),
                clock: self.clock.clone(),
            },
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            probes: Vec::new(),
        }
    }

    fn reports(&self) -> Reports {
        Reports {
            reader: self.timelines.clone(),
            contexts: self.timelines.clone(),
            users: self.accounts.clone(),
            clock: self.clock.clone(),
        }
    }

    fn shared(&self) -> Shared {
        let journal = Journal {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        let access = Arc::new(MemoryAccessTokens::default());
        Shared {
            recognition: Recognition {
                users: self.accounts.clone(),
                passwords: Arc::new(MemoryPasswords),
                credentials: self.accounts.clone(),
                factors: Arc::new(MemoryFactors::default()),
                factor_store: self.accounts.clone(),
                throttle: self.throttle.clone(),
                log: self.accounts.clone(),
                journal: journal.clone(),
            },
            endings: Endings {
                announcements: self.announcements.clone(),
            },
            new_passwords: NewPasswords {
                passwords: Arc::new(MemoryPasswords),
            },
            tokens: Tokens::new(access.clone(), Arc::new(MemoryRefreshTokens::default())),
            keys: Arc::new(MemoryApiKeys::default()),
            access,
            journal,
        }
    }

    fn device_sign_in(&self, shared: &Shared) -> DeviceSignIn {
        DeviceSignIn {
            codes: self.accounts.clone(),
            maker: Arc::new(MemoryDeviceCodes::default()),
            throttle: self.throttle.clone(),
            log: self.accounts.clone(),
            tokens: shared.tokens.clone(),
            endings: shared.endings.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn device_visits(&self, shared: &Shared) -> DeviceVisits {
        DeviceVisits {
            device_sign_in: self.device_sign_in(shared),
            recognition: shared.recognition.clone(),
            standings: self.standings.clone(),
        }
    }

    fn devices(&self, shared: &Shared) -> Devices {
        Devices {
            devices: self.accounts.clone(),
            imports: self.accounts.clone(),
            sessions: self.accounts.clone(),
            announcements: self.announcements.clone(),
            endings: shared.endings.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn change_password(&self, shared: &Shared) -> ChangePassword {
        ChangePassword {
            recognition: shared.recognition.clone(),
            new_passwords: shared.new_passwords.clone(),
            credentials: self.accounts.clone(),
            endings: shared.endings.clone(),
            mailer: self.mailer.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn reset_password(&self, shared: &Shared) -> ResetPassword {
        ResetPassword {
            users: self.accounts.clone(),
            credentials: self.accounts.clone(),
            tokens: Arc::new(MemoryResetTokens::default()),
            new_passwords: shared.new_passwords.clone(),
            mailer: self.mailer.clone(),
            log: self.accounts.clone(),
            endings: shared.endings.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn second_factor(&self, shared: &Shared) -> SecondFactorUse {
        SecondFactorUse {
            recognition: shared.recognition.clone(),
            factors: shared.recognition.factors.clone(),
            store: self.accounts.clone(),
            users: self.accounts.clone(),
            mailer: self.mailer.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn privacy(&self, shared: &Shared) -> Privacy {
        Privacy {
            store: self.accounts.clone(),
            announcements: self.announcements.clone(),
            journal: shared.journal.clone(),
        }
    }

    fn track(&self) -> TrackPings {
        let queue = Arc::new(self.queue.clone());
        TrackPings::new(queue, self.clock.clone(), Rules::default(), self.rules.clone())
    }

    fn import(&self) -> ImportHistory {
        ImportHistory {
            queue: Arc::new(self.queue.clone()),
            pending: Arc::new(self.queue.clone()),
            devices: self.accounts.clone(),
            timeline: self.timelines.clone(),
            privacy: self.rules.clone(),
            rules: Rules {
                age_max: Rules::IMPORT_AGE_MAX,
                ..Rules::default()
            },
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    fn export(&self, shared: &Shared) -> Export {
        Export {
            account: ExportAccount {
                users: self.accounts.clone(),
                devices: self.accounts.clone(),
                imports: self.accounts.clone(),
                keys: self.accounts.clone(),
                privacy: self.accounts.clone(),
                log: self.accounts.clone(),
                journal: shared.journal.clone(),
            },
            reader: self.timelines.clone(),
            contexts: self.timelines.clone(),
            watched: self.watching.clone(),
            clock: self.clock.clone(),
        }
    }

    fn activitywatch(&self) -> ActivityWatch {
        ActivityWatch {
            buckets: self.watching.clone(),
            events: self.watching.clone(),
            claims: ClaimWatched {
                marks: self.watching.clone(),
                queue: Arc::new(self.queue.clone()),
                clock: self.clock.clone(),
                rules: Rules::default(),
            },
            privacy: self.rules.clone(),
        }
    }

    fn erase(&self, shared: &Shared) -> Erase {
        Erase {
            recognition: shared.recognition.clone(),
            timelines: self.timelines.clone(),
            pings: Arc::new(self.queue.clone()),
            accounts: self.accounts.clone(),
            endings: shared.endings.clone(),
            journal: shared.journal.clone(),
        }
    }
}
