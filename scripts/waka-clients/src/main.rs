//! Sends heartbeats with one published client of WakaTime's API for Rust, and reads them back with two. What they make of the answers goes to stdout, as JSON.
//!
//! `waka-clients send BASE KEY TIME...` and `waka-clients read BASE KEY DAY...`

use std::env::args;
use std::error::Error;

use serde_json::{Value, json};
use waka::model::HeartbeatInput;
use waka::{SummariesOptions, WakaTimeClient, WakaTimeClientBuilder};
use waka_api::{StatsRange, SummaryParams, WakaClient};

type Outcome = Result<Value, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = args().skip(1).collect();
    let [verb, base, key, rest @ ..] = words.as_slice() else {
        return Err("say send or read, where, and with which key".into());
    };
    let said = match verb.as_str() {
        "send" => send(base, key, rest).await?,
        "read" => read(base, key, rest).await?,
        other => return Err(format!("{other} is nothing that this does").into()),
    };
    println!("{said}");
    Ok(())
}

fn client(base: &str, key: &str) -> Result<WakaTimeClient, Box<dyn Error>> {
    Ok(WakaTimeClientBuilder::new_with_api_key(key).with_base_url(base).build()?)
}

/// The first heartbeat by itself, the others in a list.
async fn send(base: &str, key: &str, times: &[String]) -> Outcome {
    let beats = times.iter().map(|time| {
        Ok(HeartbeatInput {
            entity: "/srv/ada/canary-path/lib.rs".to_owned(),
            r#type: "file".to_owned(),
            time: time.parse()?,
            project: Some("crates".to_owned()),
            language: Some("Rust".to_owned()),
            is_write: Some(true),
            ..HeartbeatInput::default()
        })
    });
    let beats = beats.collect::<Result<Vec<_>, std::num::ParseFloatError>>()?;
    let (first, others) = beats.split_first().ok_or("there is nothing to send")?;
    let client = client(base, key)?;
    let created = client.send_heartbeat(first).await?;
    let answered = client.send_heartbeats(others).await?;
    Ok(json!({"first": created.time, "others": answered["responses"]}))
}

/// What each of the clients makes of the two days.
async fn read(base: &str, key: &str, days: &[String]) -> Outcome {
    let [first, last] = days else {
        return Err("name the first and the last day".into());
    };
    let waka = client(base, key)?;
    let summaries = waka.summaries(first, last, SummariesOptions::default()).await?;
    let projects = waka.projects(Default::default()).await?;
    let stats = waka.stats("last_7_days", Default::default()).await?;
    let of_waka = json!({
        "user": waka.user().await?.email,
        "status_bar": waka.status_bar_today().await?.data.grand_total.total_seconds,
        "summaries": summaries.cumulative_total.seconds,
        "days": summaries.data.len(),
        "all_time": waka.all_time_since_today(Default::default()).await?.total_seconds,
        "projects": projects.data.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(),
        "stats": stats.projects.unwrap_or_default().iter().map(|entry| entry.total_seconds).sum::<f64>(),
        "goals": waka.goals().await?.data.len(),
    });

    let api = WakaClient::with_base_url(key, base)?;
    let summaries = api.summaries(SummaryParams::for_range(first.parse()?, last.parse()?)).await?;
    let projects = api.projects().await?;
    let stats = api.stats(StatsRange::AllTime).await?.data;
    let of_waka_api = json!({
        "user": api.me().await?.email,
        "summaries": summaries.cumulative_total.map(|total| total.seconds),
        "days": summaries.data.len(),
        "projects": projects.data.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(),
        "stats": stats.total_seconds_including_other_language,
        "goals": api.goals().await?.data.len(),
    });
    Ok(json!({"waka": of_waka, "waka-api": of_waka_api}))
}
