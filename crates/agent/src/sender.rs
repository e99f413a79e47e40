//! Sends what the spool holds, in order, until the server says that it is merged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::UnixMs;

use crate::account::Account;
use crate::chain::Chain;
use crate::outbox::Outbox;
use crate::privacy::news::RuleNews;
use crate::schedule::Schedule;
use crate::secret::Secret;
use crate::server::{Receipt, Rejection, SignInError, Tracked};
use crate::spool::{News, Offer, Spool};

/// How long to wait for a person to mend what the server refused: a password, an address, an account.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// The sending half of the agent.
#[derive(Debug)]
pub struct Sender {
    /// What to send.
    pub outbox: Arc<Outbox>,
    /// As whom.
    pub account: Account,
    /// When.
    pub schedule: Schedule,
    /// The wall clock.
    pub now: fn() -> UnixMs,
    /// A number from 0 up to 1, at random.
    pub dice: fn() -> f64,
    /// Through which number the server said last that everything is merged, and the greatest number whose rejection was told.
    pub heard: Heard,
    /// Who wants to know of the account's privacy rules.
    pub rules: Option<RuleNews>,
}

/// What the sender remembers of the answers. Starts empty.
#[derive(Debug, Default)]
pub struct Heard {
    merged_through: Option<u64>,
    rejected_through: u64,
}

impl Sender {
    /// Sends until the outbox is stopped, and then once more what is left.
    pub fn run(&mut self) {
        let mut last_round = false;
        // What the person wishes at the server should count from the start.
        let token = self.rules.as_ref().map(|_| self.account.token());
        match token {
            None => {}
            Some(Ok(token)) => self.ask_for_rules(&token.secret),
            Some(Err(error)) => self.not_signed_in(&error),
        }
        while let Some(offers) = self.next_batch(&mut last_round) {
            self.send(&offers);
        }
    }

    /// Waits until something is to be sent now. Nothing once the agent ends and everything was sent or just failed.
    fn next_batch(&mut self, last_round: &mut bool) -> Option<Vec<Offer>> {
        let outbox = Arc::clone(&self.outbox);
        let mut inner = outbox.lock();
        loop {
            let now = Instant::now();
            if self.schedule.resend_within(now) == Some(Duration::ZERO) {
                self.resend(&mut inner.spool);
            }
            let pause = self.schedule.pause(now);
            if inner.abandoned {
                return None;
            }
            if pause.is_none() || (inner.stopping && !*last_round) {
                *last_round = inner.stopping;
                let offers = self.offers(&mut inner.spool);
                if !offers.is_empty() {
                    return Some(offers);
                }
            }
            if inner.stopping {
                return None;
            }
            let resend = self.schedule.resend_within(now);
            let bound = pause.into_iter().chain(resend).min();
            inner = outbox.wait(inner, bound);
        }
    }

    /// What is next to be sent.
    fn offers(&mut self, spool: &mut Spool) -> Vec<Offer> {
        let stretch = self.schedule.next(spool.merged(), spool.last_kept());
        let mut offers = spool.offers(stretch.after, stretch.max);
        offers.truncate(offers.partition_point(|offer| offer.seq <= stretch.through));
        offers
    }

    /// What the server took long ago is still not merged. If it counts lower than before, it lost count, so our numbers follow it.
    fn resend(&mut self, spool: &mut Spool) {
        let merged_through = self.heard.merged_through.unwrap_or(0);
        // A server that says nothing may have lost its queue, and finds out once it merges what it is sent again.
        let is_known = self.heard.merged_through.is_some() || self.schedule.is_stalled();
        if merged_through < spool.merged() && is_known {
            tracing::warn!(
                merged_through,
                was = spool.merged(),
                "the server has merged less than it said before: numbering anew"
            );
            self.heard.rejected_through = 0;
            if let Err(error) = spool.renumber(merged_through + 1) {
                tracing::warn!(error = %Chain(&error), "the spool could not be numbered anew");
            }
        }
        if self.schedule.is_stalled() {
            let pings = spool.waiting();
            tracing::info!(pings, "the server takes pings and does not merge them: sending again");
        }
        self.schedule.resend();
    }

    fn send(&mut self, offers: &[Offer]) {
        let token = match self.account.token() {
            Ok(token) => token,
            Err(error) => return self.not_signed_in(&error),
        };
        self.ask_for_rules(&token.secret);
        let started = Instant::now();
        let answer = self.account.server.track(&token.secret, offers);
        let duration_ms = started.elapsed().as_millis();
        tracing::debug!(pings = offers.len(), duration_ms, "sent");
        match answer {
            Tracked::Taken(receipt) => self.taken(offers, &receipt),
            Tracked::SignedOut => {
                self.account.token_was_refused();
                if token.is_new {
                    self.postpone("a new token was refused", None);
                }
            }
            Tracked::TooLarge => self.split(offers, &[]),
            Tracked::Invalid(named) => self.split(offers, &named),
            Tracked::Later(delay) => self.postpone("the server asks to send later", delay),
            Tracked::Refused(why) => {
                if self.schedule.failures() == 0 {
                    tracing::error!(
                        answer = why,
                        "the server refuses to be pinged: nothing is lost, and the agent tries on"
                    );
                }
                self.postpone(&why, Some(REFUSED_PAUSE));
            }
            Tracked::Unknown(why) => self.postpone(&why, None),
        }
    }

    fn ask_for_rules(&mut self, token: &Secret) {
        if let Some(rules) = &mut self.rules {
            rules.ask_if_due(&self.account.server, &self.account.email, token);
        }
    }

    fn taken(&mut self, offers: &[Offer], receipt: &Receipt) {
        let through = offers.last().map_or(0, |offer| offer.seq);
        self.tell_rejected(offers, &receipt.rejected);
        if self.schedule.failures() > 0 {
            tracing::info!("the server takes pings again");
        }
        self.heard.merged_through = receipt.merged_through;
        let outbox = Arc::clone(&self.outbox);
        let mut inner = outbox.lock();
        let spool = &mut inner.spool;
        let news = spool.answered(receipt.merged_through.unwrap_or(0), (self.now)());
        let news = news.unwrap_or_else(|error| {
            // The pings stay, and are sent again.
            tracing::error!(error = %Chain(&error), "the spool could not be written");
            News::None
        });
        if news == News::Renumbered {
            tracing::warn!(
                merged_through = spool.merged(),
                "the server knows higher numbers of this device: numbering anew above them"
            );
            self.heard.rejected_through = 0;
            return self.schedule.restart();
        }
        let unmerged = spool.merged() < through && spool.waiting() > 0;
        self.schedule
            .taken(through, news == News::Merged, unmerged, Instant::now());
    }

    /// One line for each reason. What was told once is not told again when it is sent again.
    fn tell_rejected(&mut self, offers: &[Offer], rejected: &[Rejection]) {
        let mut reasons: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
        for rejection in rejected {
            let Some(offer) = offers.get(rejection.index) else {
                continue;
            };
            if offer.seq == offer.kept.seq && offer.seq > self.heard.rejected_through {
                let field = rejection.pointer.rsplit('/').next().unwrap_or("");
                reasons.entry((field, &rejection.code)).or_default().push(offer.seq);
            }
        }
        for ((field, code), seqs) in &reasons {
            tracing::warn!(
                pings = seqs.len(),
                first = seqs[0],
                field,
                code,
                "the server will never take these pings"
            );
        }
        let told = reasons.values().flatten().max().copied();
        self.heard.rejected_through = told.unwrap_or(0).max(self.heard.rejected_through);
    }

    /// The batch as a whole was refused. What it names goes; without a name, halves are tried, down to the one ping that is to blame.
    fn split(&mut self, offers: &[Offer], named: &[usize]) {
        let mut blamed: Vec<u64> = named
            .iter()
            .filter_map(|index| offers.get(*index))
            .map(|offer| offer.kept.seq)
            .collect();
        if let ([only], true) = (offers, blamed.is_empty()) {
            blamed.push(only.kept.seq);
        }
        if blamed.is_empty() {
            self.schedule.split(offers.len());
            return;
        }
        blamed.dedup();
        tracing::warn!(
            pings = blamed.len(),
            first = blamed[0],
            "the server will never take these pings"
        );
        let outbox = Arc::clone(&self.outbox);
        let mut inner = outbox.lock();
        for seq in blamed {
            if let Err(error) = inner.spool.refuse(seq) {
                tracing::error!(error = %Chain(&error), "the spool could not be written");
                drop(inner);
                return self.postpone("the spool could not be written", None);
            }
        }
    }

    fn not_signed_in(&mut self, error: &SignInError) {
        match error {
            SignInError::Later(delay) => self.postpone("the server asks to sign in later", *delay),
            SignInError::Unknown(why) => self.postpone(why, None),
            SignInError::Refused(_) | SignInError::SignedOut(_) => {
                if self.schedule.failures() == 0 {
                    tracing::error!(%error, "not signed in: pings are kept until somebody signs in with `daybook-agent login`");
                }
                self.postpone("not signed in", Some(REFUSED_PAUSE));
            }
        }
    }

    fn postpone(&mut self, why: &str, delay: Option<Duration>) {
        let (now, dice) = (Instant::now(), (self.dice)());
        let is_first = self.schedule.failures() == 0;
        match delay {
            Some(delay) => self.schedule.told(delay, now, dice),
            None => self.schedule.failed(now, dice),
        }
        let pause_ms = self.schedule.pause(now).unwrap_or_default().as_millis();
        if is_first {
            tracing::warn!(why, pause_ms, "not sent: trying again after a pause");
        } else {
            tracing::debug!(why, pause_ms, failures = self.schedule.failures(), "not sent again");
        }
    }
}
