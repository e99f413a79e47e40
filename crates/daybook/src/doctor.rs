//! `daybook doctor`: says what is wrong, and how to mend it.

use crate::checks::Grade;
use crate::failure::Failure;
use crate::parts::{Addresses, Parts};
use crate::say::say;
use crate::settings::Settings;

/// Looks at everything; fails when something would keep Daybook from starting.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    say(format!(
        "Daybook {}. The settings are valid.",
        env!("CARGO_PKG_VERSION")
    ));
    let parts = Parts::at(&Addresses::of(settings)?, settings)?;
    let findings = parts.findings().await?;
    for finding in &findings {
        let mark = match finding.grade {
            Grade::Fine => "ok      ",
            Grade::Warning => "warning ",
            Grade::Weak => "unsafe  ",
            Grade::Broken => "broken  ",
        };
        say(format!("{mark}{}", finding.says));
    }
    match findings.iter().map(|finding| finding.grade).max() {
        Some(Grade::Broken) => Err(Failure::new(
            "Daybook cannot run like this; see the lines marked broken.",
        )),
        Some(Grade::Weak) if !settings.allow_weak_durability => Err(Failure::new(
            "Accepted pings could be lost; see the lines marked unsafe.",
        )
        .hint("DAYBOOK_ALLOW_WEAK_DURABILITY=yes would run all the same.")),
        _ => Ok(()),
    }
}
