//! Reads variables one by one, collecting what is wrong with them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    name: String,
    detail: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.detail)
    }
}

/// The variables, and the faults found so far. A value never stands in a fault: it may be a secret.
pub(super) struct Reader {
    variables: BTreeMap<String, String>,
    asked: Vec<&'static str>,
    faults: Vec<SettingFault>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            asked: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The value as text; `None` when not set or empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        self.variables
            .get(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable that is not ours; `None` when not set or empty.
    pub(super) fn of_system(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// The value parsed; `form` says what it should look like.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str, form: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse()
            .ok()
            .or_else(|| self.fault(name, format!("must be {form}")))
    }

    /// Values with commas between them, each parsed; `form` says what one should look like.
    pub(super) fn list<T: FromStr>(&mut self, name: &'static str, form: &str) -> Option<Vec<T>> {
        let text = self.text(name)?;
        let values: Result<_, _> = text.split(',').map(|part| part.trim().parse()).collect();
        values
            .ok()
            .or_else(|| self.fault(name, format!("must be values with commas between them, each {form}")))
    }

    /// A whole number within `range`.
    pub(super) fn number<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let form = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.parsed(name, &form)?;
        if range.contains(&number) {
            Some(number)
        } else {
            self.fault(name, format!("must be {form}"))
        }
    }

    /// One of the named choices.
    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let chosen = choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, choice)| *choice);
        chosen.or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("must be one of: {}", words.join(", ")))
        })
    }

    /// A length of time with its unit: `30s`, `2m`, `24h`, `90d`; from a second to ten years.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        let text = self.text(name)?;
        let duration =
            duration(&text).filter(|duration| (Duration::from_secs(1)..=super::DURATION_MAX).contains(duration));
        duration.or_else(|| {
            self.fault(
                name,
                "must be a number with a unit s, m, h or d, such as 90d, from 1s to 3652d".to_owned(),
            )
        })
    }

    /// The names asked for so far.
    #[cfg(test)]
    pub(super) fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    /// Ends the reading: names with our prefixes that nobody asked for are faults, as they are misspelt. Those of the tracker are left to it.
    pub(super) fn finish(mut self) -> Result<(), Vec<SettingFault>> {
        let ours = |name: &&String| name.starts_with("DAYBOOK_") || name.starts_with("USAGE_");
        let others = |name: &&String| name.starts_with("DAYBOOK_AGENT_") || name.as_str() == "DAYBOOK_PASSWORD";
        for name in self.variables.keys().filter(ours).filter(|name| !others(name)) {
            if !self.asked.contains(&name.as_str()) {
                self.faults.push(SettingFault {
                    name: name.clone(),
                    detail: "is no setting of Daybook; see .env.example".to_owned(),
                });
            }
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(self.faults)
        }
    }

    /// Notes what is wrong with the value of `name`.
    pub(super) fn fault<T>(&mut self, name: &'static str, detail: String) -> Option<T> {
        self.faults.push(SettingFault {
            name: name.to_owned(),
            detail,
        });
        None
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_secs: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(unit_secs)
        .map(Duration::from_secs)
}
