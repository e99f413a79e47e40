//! What is kept and sent: who had a person's attention, and when.

use domain::time::Span;
use domain::usage::{AppName, Domain};

/// "This application, and this site in it, had the person's attention for this stretch."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The application.
    pub app: AppName,
    /// The site, where the application shows one and it is known.
    pub domain: Option<Domain>,
    /// In sight, but without input: a film, a call. Any active ping beats it.
    pub passive: bool,
    /// When.
    pub span: Span,
}

impl Ping {
    /// A ping of an application that was used, without a site.
    #[must_use]
    pub fn of_app(app: AppName, span: Span) -> Self {
        Self {
            app,
            domain: None,
            passive: false,
            span,
        }
    }
}
