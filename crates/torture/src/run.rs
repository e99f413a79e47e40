//! One run: a world, trackers under faults, all healed and drained, then the check.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use testkit::runs::Failure;
use tokio::task::JoinHandle;

use crate::books::Scraper;
use crate::checker;
use crate::ledger::{Ledger, Standing};
use crate::nemesis::{self, Chronicle, Plan, Stop};
use crate::phases::Phases;
use crate::random::Random;
use crate::report::Report;
use crate::say::complain;
use crate::trackers::{Fleet, FleetPlan};
use crate::violation::Violation;
use crate::world::{Setup, World, off_thread};

/// How often something broken on purpose is looked for.
const TRIES: usize = 3;

/// What to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// What everything is drawn from.
    pub seed: u64,
    /// How long faults strike.
    pub lasts: Duration,
    /// How many people there are.
    pub people: usize,
    /// Where.
    pub setup: Setup,
}

impl Order {
    fn plan(&self, random: &Random) -> Plan {
        let mut random = random.fork("nemesis");
        match self.setup.sabotage {
            Some(sabotage) => Plan::against(sabotage, &mut random, self.lasts),
            None => Plan::draw(&mut random, self.lasts),
        }
    }

    fn fleet(&self, directory: Option<PathBuf>) -> FleetPlan {
        FleetPlan {
            people: self.people,
            directory,
            lasts: self.lasts,
            ..FleetPlan::default()
        }
    }
}

/// Carries `order` out; what is broken on purpose, with the next seeds too, until it is found.
pub async fn until_found(order: &Order) -> Result<Report, Failure> {
    let mut report = run(order).await?;
    for seed in (order.seed..).skip(1).take(TRIES - 1) {
        if report.is_as_it_should_be() || order.setup.sabotage.is_none() {
            break;
        }
        report = run(&Order { seed, ..order.clone() }).await?;
    }
    Ok(report)
}

/// Carries `order` out.
pub async fn run(order: &Order) -> Result<Report, Failure> {
    let random = Random::new(order.seed);
    let began = Instant::now();
    let say = |what: &str| {
        let (seed, secs) = (order.seed, began.elapsed().as_secs_f32());
        complain(&format!("seed {seed}, {secs:.1} s: {what}"));
    };
    say("starting");
    let world = World::start(&order.setup).await?;
    let kept = order.setup.keep.then(|| world.dir().to_owned());
    let reach = world.reach();
    let mut fleet = Fleet::prepare(
        &reach,
        &world.doors(),
        order.fleet(kept.clone()),
        random.fork("trackers"),
    )
    .await?;
    say("striking");
    let scraper = Scraper::start(&reach)?;
    fleet.start();
    let (watched, chronicle) = Watched::after_strikes(world, order.plan(&random)).await?;
    say("healed; asking what became of everything");
    let asking = Instant::now();
    let mut ledger = fleet.finish().await;
    let asked = asking.elapsed();
    ledger.disturbances.clone_from(&chronicle.disturbances);
    ledger.violations.extend(unanswered(&ledger));
    say("draining and checking");
    let mut verdict = checker::check(&reach, &ledger).await?;
    verdict.violations.extend(scraper.stop().await);
    say("checked");
    watched.end().await?;
    say("done");
    let Chronicle { struck, healed, .. } = chronicle;
    let phases = Phases::of([struck, healed, asked, verdict.drained, verdict.checked]);
    Ok(Report {
        phases,
        kept,
        ..Report::of(order, &chronicle, verdict)
    })
}

/// With everything healed, whoever asks often enough is answered.
fn unanswered(ledger: &Ledger) -> Option<Violation> {
    let unknown = ledger.count(Standing::Unknown);
    (unknown > 0).then(|| Violation {
        promise: "whoever asks again is answered once all is healed".to_owned(),
        found: format!("of {unknown} pings nobody knows what became"),
        history: Vec::new(),
    })
}

/// A world whose nodes are tended in the background. Let go of, it is torn down in the background; [`Watched::end`] waits for that.
struct Watched {
    stop: StopWhenDropped,
    world: JoinHandle<Result<World, Failure>>,
}

#[derive(Default)]
struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Watched {
    /// `world`, once it has been struck as planned and is healed.
    async fn after_strikes(world: World, plan: Plan) -> Result<(Self, Chronicle), Failure> {
        let stop = StopWhenDropped::default();
        let seen = stop.0.clone();
        let (world, chronicle) = off_thread(move || nemesis::strike(world, &plan, &seen)).await?;
        let seen = stop.0.clone();
        let world = tokio::task::spawn_blocking(move || nemesis::watch(world, &seen));
        Ok((Self { stop, world }, chronicle))
    }

    async fn end(self) -> Result<(), Failure> {
        drop(self.stop);
        let world = self
            .world
            .await
            .map_err(Failure::because("the world was not tended to the end"))??;
        off_thread(move || {
            drop(world);
            Ok(())
        })
        .await
    }
}
