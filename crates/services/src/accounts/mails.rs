//! The mails that people get about their account.

use domain::accounts::{Email, User};
use ports::accounts::{Mail, Mailer};

use super::reset::RESET_LIFETIME;

/// Hands a mail over. What it is about has happened already, so it is never the reason to refuse it: a mail that is not taken is a line in the log.
pub(super) async fn tell(mailer: &dyn Mailer, mail: Mail) {
    if let Err(error) = mailer.send(&mail).await {
        tracing::error!(error = error.chain(), "a mail to a person was not taken");
    }
}

pub(super) fn password_reset(user: &User, token: &str) -> Mail {
    let minutes = RESET_LIFETIME.as_secs() / 60;
    let text = format!(
        "Somebody asked to set the password of your Daybook account anew. With this token you can, once, within {minutes} minutes:\n\n\
         {token}\n\n\
         If that was not you, do nothing: your password stays as it is.\n"
    );
    mail(&user.email, "Set your Daybook password anew", text)
}

pub(super) fn password_changed(user: &User) -> Mail {
    let text = "The password of your Daybook account was changed, and your other devices were signed out.\n\n\
        If that was not you, set it anew at once, and look at your security log.\n";
    mail(&user.email, "Your Daybook password was changed", text.to_owned())
}

/// To the address before.
pub(super) fn email_changed(user: &User) -> Mail {
    let text = "The e-mail address of your Daybook account was changed to another one.\n\n\
        If that was not you, tell whoever runs your Daybook.\n";
    mail(&user.email, "Your Daybook e-mail address was changed", text.to_owned())
}

pub(super) fn second_factor_changed(user: &User, enabled: bool) -> Mail {
    let now = if enabled { "asks" } else { "no longer asks" };
    let text = format!(
        "Your Daybook account now {now} for a second factor when you sign in.\n\n\
         If that was not you, set your password anew at once, and look at your security log.\n"
    );
    mail(&user.email, "The second factor of your Daybook account", text)
}

fn mail(to: &Email, subject: &str, text: String) -> Mail {
    Mail {
        to: to.clone(),
        subject: subject.to_owned(),
        text,
    }
}
