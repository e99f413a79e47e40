//! Who asks to be erased is gone from every table, every key of Redis, and every node.

use redis::Value as Reply;
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::{House, Node, PASSWORD, Session, assert_ended, events, ping};
use crate::client::Caller;
use crate::ledger::now_ms;
use crate::program::{text, wait_for};

const EMAIL: &str = "unmistakable@example.org";
const APP: &str = "Secretive Editor";
const SITE: &str = "secret.example";
/// What the database is made to refuse: whatever ends like this.
const POISON: &str = "Secretive Poison";
/// How long a note that somebody was erased stays at least.
const NOTED_FOR: &str = "16 minutes";

/// All that could tell of a person.
struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    /// An id is written as text, without its dashes, and as its bytes.
    fn of(ids: &[&str]) -> Self {
        let words = [EMAIL, APP, SITE, POISON];
        let mut traces: Vec<_> = words.map(|word| (word.to_owned(), word.as_bytes().to_vec())).into();
        for id in ids {
            let uuid: Uuid = id.parse().expect("an id");
            for bytes in [
                id.as_bytes().to_vec(),
                uuid.simple().to_string().into_bytes(),
                uuid.as_bytes().to_vec(),
            ] {
                traces.push(((*id).to_owned(), bytes));
            }
        }
        Self(traces)
    }

    /// The names of those that stand in `bytes`.
    fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let holds = |trace: &[u8]| bytes.windows(trace.len()).any(|window| window == trace);
        let found = self.0.iter().filter(|(_, trace)| holds(trace));
        let mut names: Vec<String> = found.map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    }
}

/// Somebody with a laptop, a phone and a key, who has left traces everywhere.
struct Person {
    user: String,
    laptop: Session,
    phone: Session,
    key: Caller,
}

impl Person {
    fn sign_in([a, b]: &[Node; 2]) -> Self {
        a.client.register(EMAIL, "UTC");
        let (laptop, phone) = (a.sign_in(EMAIL, "laptop"), b.sign_in(EMAIL, "phone"));
        let key = a
            .post("/api/v1/api-keys", &phone.caller, &json!({"name": "Plug-in"}))
            .json();
        let word = |name: &str| key[name].as_str().expect(name).to_owned();
        let me = a.client.get("/api/v1/users/me", Some(&phone.caller)).json();
        let asked = a
            .client
            .post("/api/v1/auth/password-reset", &[], &json!({"email": EMAIL}));
        assert_eq!(asked.status, 202, "{asked:?}");
        assert_eq!(b.attempt(EMAIL, "a wrong password", "laptop").status, 401);
        Self {
            user: me["id"].as_str().expect("an id").to_owned(),
            laptop,
            phone,
            key: Caller {
                token: word("key"),
                device: word("device_id"),
                precedence: 0,
            },
        }
    }

    fn ids(&self) -> [&str; 4] {
        let devices = [&self.laptop.caller, &self.phone.caller, &self.key].map(|caller| caller.device.as_str());
        let [laptop, phone, key] = devices;
        [&self.user, laptop, phone, key]
    }

    /// Pings that are merged and pings that are dead, hers and `another`'s; and, as no worker runs any more, some in the queue, numbered and not.
    fn track(&self, house: &House, [a, b]: &[Node; 2], another: &Caller) {
        let worker = house.worker();
        house.sql("ALTER TABLE usage_open ADD CHECK (app_name NOT LIKE '%Poison')");
        send(a, &self.laptop.caller, &numbered(APP, 300, 1));
        send(b, &self.key, &ping(APP, 290));
        send(a, another, &ping("Bea's own", 300));
        house.drained();
        send(b, &self.laptop.caller, &ping(POISON, 200));
        send(b, another, &ping("Bea's Poison", 200));
        house.drained();
        assert_eq!(letters(house), 2);
        assert!(worker.terminate().success());
        send(a, &self.laptop.caller, &numbered(APP, 100, 2));
        send(b, &self.phone.caller, &numbered(APP, 90, 1));
        send(a, &self.key, &ping(APP, 80));
        send(b, another, &ping("Bea's own", 80));
    }

    /// Asks for it on one node, and is gone from all, also from one that starts later.
    fn erase(&self, house: &House, nodes: &[Node; 2]) {
        let asking = &self.phone.caller;
        let erase = |password| {
            let proof = json!({"password": password});
            nodes[0].client.delete("/api/v1/users/me", asking, Some(&proof))
        };
        assert_eq!(erase("a wrong password").status, 403);
        assert_ne!(traces_left(house, &Traces::of(&self.ids()), ""), Vec::<String>::new());
        let erased = erase(PASSWORD);
        assert_eq!(erased.status, 204, "{erased:?}");
        let late = [house.node()];
        for nodes in [nodes.as_slice(), &late] {
            assert_ended(nodes, &self.laptop);
            assert_ended(nodes, &self.phone);
            for node in nodes {
                node.comes_to_answer(&self.key, 401);
                assert_eq!(node.attempt(EMAIL, PASSWORD, "laptop").status, 401);
            }
        }
    }
}

#[test]
fn nothing_of_an_erased_person_is_left_in_postgres_redis_or_the_queue() {
    let house = House::start();
    let nodes = house.nodes();
    nodes[0].client.register("bea@example.org", "UTC");
    let bea = nodes[0].sign_in("bea@example.org", "laptop").caller;
    let person = Person::sign_in(&nodes);
    person.track(&house, &nodes, &bea);
    let traces = Traces::of(&person.ids());
    let mut all = vec![EMAIL, APP, SITE, POISON];
    all.extend(person.ids());
    assert_eq!(
        traces_left(&house, &traces, ""),
        all,
        "they can be found while they are there"
    );

    person.erase(&house, &nodes);
    let worker = house.worker();
    house.drained();
    // A note stays until nothing of theirs can arrive any more; beside it there is nothing.
    assert_eq!(traces_left(&house, &traces, "usage_erased"), Vec::<String>::new());
    let noted = || house.sql("SELECT user_id::text FROM usage_erased");
    assert_eq!(noted(), [person.user.as_str()]);
    assert!(worker.terminate().success());

    // As if that time had passed. A worker that starts looks at once.
    house.sql(&format!(
        "UPDATE usage_erased SET erased_at = erased_at - interval '{NOTED_FOR}'"
    ));
    let worker = house.worker();
    wait_for("the note to go", || noted().is_empty().then_some(()));
    assert_eq!(traces_left(&house, &traces, ""), Vec::<String>::new());

    others_are_as_they_were(&house, &nodes[1], &bea);
    assert!(worker.terminate().success());
}

#[test]
fn an_address_whose_owner_was_erased_is_free_for_somebody_who_sees_nothing_of_them() {
    let house = House::start();
    let nodes = house.nodes();
    nodes[0].client.register("bea@example.org", "UTC");
    let bea = nodes[0].sign_in("bea@example.org", "laptop").caller;
    let person = Person::sign_in(&nodes);
    person.track(&house, &nodes, &bea);
    person.erase(&house, &nodes);
    let worker = house.worker();

    nodes[1].client.register(EMAIL, "UTC");
    let heir = nodes[1].sign_in(EMAIL, "laptop").caller;
    assert_ne!(heir.device, person.laptop.caller.device);
    send(&nodes[0], &heir, &numbered("Another editor", 60, 1));
    house.drained();
    let timeline = timeline(&nodes[1], &heir);
    assert_eq!(timeline.matches("Another editor").count(), 1, "{timeline}");
    assert!(!timeline.contains(APP), "{timeline}");
    assert_eq!(events(&nodes[0], &heir), ["signed_in", "registered"]);
    assert!(worker.terminate().success());
}

fn others_are_as_they_were(house: &House, node: &Node, bea: &Caller) {
    assert_eq!(letters(house), 1);
    let timeline = timeline(node, bea);
    assert_eq!(timeline.matches("Bea's own").count(), 2, "{timeline}");
}

/// How many dead letters there are.
fn letters(house: &House) -> usize {
    let listed = text(&house.run(&["dead-letters", "list"], "").stdout);
    listed.lines().filter(|line| line.contains("a ping of user")).count()
}

/// What is shown of the hours before now.
fn timeline(node: &Node, caller: &Caller) -> String {
    let at = |ms| domain::time::UnixMs(now_ms()).plus_ms(ms).to_string();
    node.client.timeline(caller, &at(-7_200_000), &at(0))
}

/// Which of `traces` are in Redis, or in Postgres but for the table `without`.
fn traces_left(house: &House, traces: &Traces, without: &str) -> Vec<String> {
    traces.found_in(&[postgres(house, without), redis(house)].concat())
}

fn send(node: &Node, caller: &Caller, ping: &Value) {
    let answer = node.client.track(caller, ping);
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn numbered(app: &str, secs_ago: i64, seq: u64) -> Value {
    let mut numbered = ping(app, secs_ago);
    numbered["seq"] = seq.into();
    numbered["url"] = format!("https://{SITE}/page").into();
    numbered
}

/// Every row of every table as text, but for those of the table `without`.
fn postgres(house: &House, without: &str) -> Vec<u8> {
    let tables = house.sql(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    assert!(tables.iter().any(|table| table == "public.usage_erased"), "{tables:?}");
    let kept = tables.iter().filter(|table| **table != format!("public.{without}"));
    let rows = kept.flat_map(|table| house.sql(&format!("SELECT rows::text FROM {table} AS rows")));
    rows.collect::<Vec<_>>().join("\n").into_bytes()
}

/// Every key with all that it holds.
fn redis(house: &House) -> Vec<u8> {
    let mut redis = house.redis();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut redis).expect("the keys");
    assert!(!keys.is_empty());
    let mut all = Vec::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut redis).expect("a type");
        let read = match kind.as_str() {
            "stream" => redis::cmd("XRANGE").arg(&key).arg("-").arg("+").to_owned(),
            "hash" => redis::cmd("HGETALL").arg(&key).to_owned(),
            "string" => redis::cmd("GET").arg(&key).to_owned(),
            other => panic!("a {other}, which nobody here reads"),
        };
        all.extend(&key);
        append(&mut all, &read.query(&mut redis).expect("read"));
    }
    all
}

fn append(all: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::BulkString(bytes) => all.extend(bytes),
        Reply::SimpleString(text) => all.extend(text.as_bytes()),
        Reply::Array(items) => items.iter().for_each(|item| append(all, item)),
        Reply::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            append(all, name);
            append(all, value);
        }),
        Reply::Int(_) | Reply::Nil => {}
        other => panic!("{other:?}, which nobody here reads"),
    }
    all.push(b'\n');
}
