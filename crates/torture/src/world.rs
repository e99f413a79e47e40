//! Where a run takes place: a Postgres and a Redis under the shim, nodes of the real program, and a proxy on each way between any two of them.

pub mod servers;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use embedded::Fsync;
use testkit::runs::{Failure, Home, Program, command_for};
use tokio_postgres::NoTls;

use crate::nodes::{Node, Part, Recipe, SHARDS};
use crate::proxy::{Trick, Way, Weather};
use crate::reach::{Doors, Reach};
use crate::sabotage::Sabotage;
use servers::Servers;

/// How the name of a run's directory begins.
pub const HOME_PREFIX: &str = "daybook-torture-";
/// How many nodes there are of each part.
const NODES: usize = 2;
/// How long all may take until they are ready.
const READY_MAX: Duration = Duration::from_secs(90);
/// How long a migration may take.
const MIGRATE_MAX: Duration = Duration::from_mins(1);
/// How long the queue may stay as it is: what a worker held is taken over within half a minute after its end.
pub const STUCK_AFTER: Duration = Duration::from_secs(45);
/// How often nodes are tended.
pub const TEND_EVERY: Duration = Duration::from_millis(25);

/// How a world is made.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program.
    pub daybook: PathBuf,
    /// Below which directory everything is kept.
    pub data_dir: PathBuf,
    /// Whether that stays when the run has ended.
    pub keep: bool,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
}

/// All of it. Gone when dropped.
pub struct World {
    // Dropped in this order: nodes before the servers that they use, the directory last.
    /// The APIs, then the workers.
    pub nodes: Vec<Node>,
    /// What they use.
    pub servers: Servers,
    recipe: Recipe,
    stuck_after: Duration,
    home: Home,
}

impl World {
    /// Starts everything, and waits until it is ready.
    pub async fn start(setup: &Setup) -> Result<Self, Failure> {
        let made = setup.clone();
        let mut world = off_thread(move || Self::with_servers(&made)).await?;
        if let Some(sql) = setup.sabotage.and_then(Sabotage::sql) {
            world.run_sql(sql).await?;
        }
        for part in [Part::Api, Part::Worker] {
            for number in 1..=NODES {
                world.nodes.push(Node::new(part, number, &world.recipe).await?);
            }
        }
        off_thread(move || world.wait_until_ready().map(|()| world)).await
    }

    /// Servers with a database that is up to date, and no nodes yet.
    fn with_servers(setup: &Setup) -> Result<Self, Failure> {
        let mut home = Home::in_dir(&setup.data_dir, HOME_PREFIX)?;
        if setup.keep {
            home.keep();
        }
        let servers = Servers::start(home.path(), setup.sabotage.map_or(Fsync::Always, Sabotage::fsync))?;
        let recipe = Recipe {
            daybook: setup.daybook.clone(),
            log_dir: home.path().to_owned(),
            servers: servers.ways.clone(),
            allows_weak: setup.sabotage == Some(Sabotage::Everysec),
            worker_database_options: setup.sabotage.map_or("", Sabotage::worker_database_options),
            api_trick: setup.sabotage.map_or(Trick::Honest, Sabotage::api_trick),
            worker_trick: setup.sabotage.map_or(Trick::Honest, Sabotage::worker_trick),
        };
        let world = Self {
            nodes: Vec::new(),
            servers,
            recipe,
            stuck_after: setup.sabotage.map_or(STUCK_AFTER, Sabotage::stuck_after),
            home,
        };
        world.migrate("migrate")?;
        Ok(world)
    }

    /// Where everything of the run is kept.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// Where trackers go.
    #[must_use]
    pub fn doors(&self) -> Doors {
        let doors = self.apis().map(|node| url_of(&node.door)).collect();
        Doors { api: doors }
    }

    /// Where the checker goes.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach {
            api: self.apis().map(|node| url_of(&node.direct)).collect(),
            metrics: self
                .nodes
                .iter()
                .map(|node| format!("{}/metrics", url_of(&node.metrics)))
                .collect(),
            database_url: self.servers.ways.database_url.clone(),
            redis_url: self.servers.ways.redis_url.clone(),
            shards: SHARDS,
            stuck_after: self.stuck_after,
        }
    }

    fn apis(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.part == Part::Api)
    }

    /// Every way that faults can befall.
    pub fn ways(&self) -> impl Iterator<Item = &Way> {
        let doors = self.apis().map(|node| &node.door);
        doors.chain(self.nodes.iter().flat_map(|node| [&node.redis, &node.postgres]))
    }

    /// Does for servers and nodes what is to be done at this moment.
    pub fn tend(&mut self) -> Result<(), Failure> {
        self.servers.postgres.tend()?;
        self.servers.redis.tend()?;
        self.nodes.iter_mut().try_for_each(Node::tend)
    }

    /// Ends every fault, and waits until everything is ready.
    pub fn heal(&mut self) -> Result<(), Failure> {
        for way in self.ways() {
            way.set(Weather::default());
        }
        for server in [&mut self.servers.postgres, &mut self.servers.redis] {
            server.fill_disk(false)?;
            server.pause(false)?;
            server.up()?;
        }
        for node in &mut self.nodes {
            node.pause(false)?;
            node.want();
        }
        self.wait_until_ready()
    }

    /// Brings the database up to date, as an operator does.
    pub fn migrate(&self, log_name: &str) -> Result<(), Failure> {
        let mut command = command_for(&self.recipe.daybook);
        command
            .arg("migrate")
            .env("DATABASE_URL", &self.servers.ways.database_url);
        Program::start(command, &self.home.path().join(format!("{log_name}.log")))?.succeed(MIGRATE_MAX)
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while !(self.servers.postgres.is_ready()
            && self.servers.redis.is_ready()
            && self.nodes.iter().all(Node::is_ready))
        {
            if began.elapsed() > READY_MAX {
                let late = self.nodes.iter().find(|node| !node.is_ready());
                let late =
                    late.map(|node| format!("{} is not ready; the end of its log: {}", node.name, node.last_words()));
                return Err(Failure::new(
                    late.unwrap_or_else(|| "Postgres or Redis is not ready".to_owned()),
                ));
            }
            self.tend()?;
            thread::sleep(TEND_EVERY);
        }
        Ok(())
    }

    async fn run_sql(&self, sql: &str) -> Result<(), Failure> {
        let failed = || Failure::because("could not sabotage the database");
        let (client, connection) = tokio_postgres::connect(&self.servers.ways.admin_url, NoTls)
            .await
            .map_err(failed())?;
        let running = tokio::spawn(connection);
        let done = client.batch_execute(sql).await.map_err(failed());
        running.abort();
        done
    }
}

fn url_of(way: &Way) -> String {
    format!("http://{}", way.address())
}

/// What waits on processes does so beside the proxies.
pub async fn off_thread<T, F>(work: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Failure::because("a part of the run panicked"))?
}
