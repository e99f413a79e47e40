//! Hears what is announced, so that this node knows how sessions stand and whose privacy rules it has to read anew.

use std::sync::Arc;

use ports::PortError;
use ports::accounts::{Heard, Hearing};

use super::{RulesInForce, Standings};

/// The use case.
pub struct FollowStandings {
    hearing: Arc<dyn Hearing>,
    standings: Arc<Standings>,
    rules: Option<Arc<RulesInForce>>,
    heard: Option<Heard>,
}

impl FollowStandings {
    /// Hears for `standings`.
    #[must_use]
    pub fn new(hearing: Arc<dyn Hearing>, standings: Arc<Standings>) -> Self {
        Self {
            hearing,
            standings,
            rules: None,
            heard: None,
        }
    }

    /// The same, for `rules` too.
    #[must_use]
    pub fn with_rules(self, rules: Arc<RulesInForce>) -> Self {
        Self {
            rules: Some(rules),
            ..self
        }
    }

    /// Hears what there is to hear, waiting a moment for it; to be called again and again. Answers whether that was all.
    ///
    /// # Errors
    /// When nothing can be heard. The next call hears everything from the beginning.
    pub async fn follow(&mut self) -> Result<bool, PortError> {
        // Nothing is known of the time after the question was sent: the answer may have waited in a queue ever since.
        let asked = self.standings.now();
        let heard = self.heard.take();
        let news = self.hearing.after(heard.as_ref()).await?;
        let all_as_of = news.is_all.then_some(asked);
        self.standings.hear(&news.changes, all_as_of);
        if let Some(rules) = &self.rules {
            rules.hear(&news.changes, all_as_of);
        }
        self.heard = Some(news.heard);
        Ok(news.is_all)
    }
}
