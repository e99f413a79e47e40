//! The page: what this process has counted, then what the queue holds, read in one step when the page is asked for. While Redis does not answer, what it would have said is not there,
//! rather than old.

use std::fmt::{Display, Write};

use adapters::redis::{LaneLook, QueueLook, RedisQueueWatch};
use metrics_exporter_prometheus::PrometheusHandle;

/// What a page is made of.
pub(super) struct Page {
    recorded: PrometheusHandle,
    queue: RedisQueueWatch,
}

impl Page {
    /// Of what this process has `recorded`, and of the queue.
    pub(super) fn new(recorded: PrometheusHandle, queue: RedisQueueWatch) -> Self {
        Self { recorded, queue }
    }

    /// The page as it is now.
    pub(super) async fn render(&self) -> String {
        let looked = self.queue.look().await;
        let mut page = self.recorded.render();
        match looked {
            Ok(look) => add(&mut page, &look),
            Err(error) => tracing::debug!(error = error.chain(), "metrics are without the queue"),
        }
        page
    }
}

fn add(page: &mut String, look: &QueueLook) {
    let books = &look.books;
    for (name, kind, value) in [
        ("daybook_books_received_total", "counter", books.received),
        ("daybook_books_merged_total", "counter", books.merged),
        ("daybook_books_refused_total", "counter", books.refused),
        ("daybook_books_dropped_total", "counter", books.dropped),
        ("daybook_books_dead", "gauge", books.dead),
        ("daybook_books_in_flight", "gauge", books.in_flight),
        ("daybook_dead_letters", "gauge", look.letters),
        ("daybook_redis_memory_bytes", "gauge", look.memory_bytes),
        ("daybook_redis_memory_bytes_max", "gauge", look.memory_bytes_max),
        ("daybook_redis_file_sound", "gauge", u64::from(look.file_is_sound)),
    ] {
        metric(page, name, kind, [("", value)]);
    }
    let each = |of: fn(&LaneLook) -> u64| look.lanes.iter().map(move |lane| (lane.lane, of(lane)));
    metric(page, "daybook_queue_entries", "gauge", each(|lane| lane.entries));
    metric(page, "daybook_queue_in_flight", "gauge", each(|lane| lane.taken));
    metric(page, "daybook_queue_bytes", "gauge", each(|lane| lane.bytes));
    let ages = look.lanes.iter().map(|lane| {
        let age = lane.oldest.unwrap_or_default();
        (lane.lane, age.as_secs_f64())
    });
    metric(page, "daybook_queue_oldest_seconds", "gauge", ages);
}

/// Adds a metric; each of its values with the lane that it is of, if any.
fn metric<'a, V: Display>(page: &mut String, name: &str, kind: &str, values: impl IntoIterator<Item = (&'a str, V)>) {
    let mut write =
        |line: std::fmt::Arguments<'_>| page.write_fmt(line).expect("a string takes all that is written to it");
    write(format_args!("# TYPE {name} {kind}\n"));
    for (lane, value) in values {
        match lane {
            "" => write(format_args!("{name} {value}\n")),
            lane => write(format_args!("{name}{{lane=\"{lane}\"}} {value}\n")),
        }
    }
    write(format_args!("\n"));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ports::usage::Books;

    use super::*;

    #[test]
    fn each_series_is_there_once_and_says_what_it_is() {
        let lane = |lane, entries| LaneLook {
            lane,
            entries,
            taken: 1,
            bytes: 2,
            oldest: Some(Duration::from_millis(1_500)),
        };
        let look = QueueLook {
            books: Books {
                received: 10,
                merged: 1,
                refused: 2,
                dropped: 3,
                dead: 4,
                in_flight: 0,
            },
            letters: 4,
            lanes: vec![lane("live", 7), lane("bulk", 8)],
            memory_bytes: 5,
            memory_bytes_max: 6,
            file_is_sound: true,
        };
        let mut page = String::new();
        add(&mut page, &look);
        for line in [
            "# TYPE daybook_books_received_total counter",
            "daybook_books_received_total 10",
            "daybook_books_in_flight 0",
            "# TYPE daybook_queue_entries gauge",
            "daybook_queue_entries{lane=\"live\"} 7",
            "daybook_queue_entries{lane=\"bulk\"} 8",
            "daybook_queue_oldest_seconds{lane=\"live\"} 1.5",
            "daybook_redis_file_sound 1",
        ] {
            assert_eq!(
                page.lines().filter(|shown| *shown == line).count(),
                1,
                "{line} in\n{page}"
            );
        }
    }
}
