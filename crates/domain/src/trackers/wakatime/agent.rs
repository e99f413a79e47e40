//! What a tracker says of the program that sends and of the system that it runs on, in a `User-Agent`, a `user_agent` or a `plugin`.

/// What people call programs that call themselves something else. Others are called what they call themselves.
const NAMES: [(&str, &str); 34] = [
    ("androidstudio", "Android Studio"),
    ("atom", "Atom"),
    ("chrome", "Chrome"),
    ("clion", "CLion"),
    ("cursor", "Cursor"),
    ("datagrip", "DataGrip"),
    ("eclipse", "Eclipse"),
    ("edge", "Edge"),
    ("emacs", "Emacs"),
    ("firefox", "Firefox"),
    ("goland", "GoLand"),
    ("helix", "Helix"),
    ("intellij", "IntelliJ IDEA"),
    ("intellijidea", "IntelliJ IDEA"),
    ("kate", "Kate"),
    ("neovim", "Neovim"),
    ("nvim", "Neovim"),
    ("obsidian", "Obsidian"),
    ("opera", "Opera"),
    ("phpstorm", "PhpStorm"),
    ("pycharm", "PyCharm"),
    ("rider", "Rider"),
    ("rubymine", "RubyMine"),
    ("rustrover", "RustRover"),
    ("safari", "Safari"),
    ("sublime", "Sublime Text"),
    ("sublimetext", "Sublime Text"),
    ("vim", "Vim"),
    ("visualstudio", "Visual Studio"),
    ("vscode", "VS Code"),
    ("webstorm", "WebStorm"),
    ("xcode", "Xcode"),
    ("zed", "Zed"),
    ("zsh", "Zsh"),
];

/// What browsers write of themselves, those first that name others too.
const BROWSERS: [(&str, &str); 5] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Words of systems, in lower case, those first that would be taken for others.
const SYSTEMS: [(&str, &str); 12] = [
    ("darwin", "macOS"),
    ("macintosh", "macOS"),
    ("mac os", "macOS"),
    ("windows", "Windows"),
    ("android", "Android"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("cros ", "ChromeOS"),
    ("linux", "Linux"),
    ("freebsd", "FreeBSD"),
    ("openbsd", "OpenBSD"),
    ("netbsd", "NetBSD"),
];

/// The program that sends: the editor that `wakatime/v1.98.1 (linux-6.1-x86_64) go1.22 vscode/1.85.0 vscode-wakatime/24.4.0` names, or the browser.
#[must_use]
pub fn program(agent: &str) -> Option<String> {
    if agent.starts_with("Mozilla/") {
        let named = BROWSERS.iter().find(|(mark, _)| agent.contains(mark));
        return named.map(|(_, name)| (*name).to_owned());
    }
    let products = behind_runtime(behind_comment(behind_sender(agent.trim())));
    let name = products.split_once('/').map_or(products, |(name, _)| name).trim();
    let name = name.strip_suffix("-wakatime").unwrap_or(name);
    if name.is_empty() || name.eq_ignore_ascii_case("unknown") {
        return None;
    }
    let key: String = name
        .chars()
        .filter(|character| !matches!(character, ' ' | '-' | '_'))
        .collect();
    let known = NAMES.iter().find(|(known, _)| key.eq_ignore_ascii_case(known));
    Some(known.map_or(name, |(_, name)| name).to_owned())
}

/// The system that it runs on.
#[must_use]
pub fn system(agent: &str) -> Option<&'static str> {
    let (_, comment) = agent.split_once('(')?;
    let comment = comment.split_once(')').map_or(comment, |(comment, _)| comment);
    let comment = comment.to_ascii_lowercase();
    let known = SYSTEMS.iter().find(|(word, _)| comment.contains(word));
    known.map(|(_, name)| *name)
}

/// What stands behind the name of the command that sends for its editor.
fn behind_sender(agent: &str) -> &str {
    let Some(rest) = agent.strip_prefix("wakatime/") else {
        return agent;
    };
    rest.split_once(' ').map_or("", |(_, rest)| rest.trim_start())
}

fn behind_comment(agent: &str) -> &str {
    let behind = agent.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    behind.map_or(agent, |(_, rest)| rest.trim_start())
}

/// What stands behind the language that the command is written in, with its version: `go1.22`, `Python3.8.0.final.0`.
fn behind_runtime(agent: &str) -> &str {
    let (word, rest) = agent.split_once(' ').unwrap_or((agent, ""));
    let version = word.strip_prefix("go").or_else(|| word.strip_prefix("Python"));
    let is_runtime = version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    if is_runtime { rest.trim_start() } else { agent }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn programs_and_systems_are_found_in_what_clients_send() {
        for (agent, name, runs_on) in [
            (
                "wakatime/v1.98.1 (linux-6.1-x86_64) go1.22 vscode/1.85.0-insider vscode-wakatime/24.4.0",
                Some("VS Code"),
                Some("Linux"),
            ),
            (
                "wakatime/13.1.0 (Linux-6.18.44-x86_64-with-glibc2.36) Python3.11.7.final.0 vim/9 vim-wakatime/8",
                Some("Vim"),
                Some("Linux"),
            ),
            (
                "wakatime/unset (darwin-21.4.0-arm64) go1.16.13 emacs-wakatime/1.0.2",
                Some("Emacs"),
                Some("macOS"),
            ),
            (
                "wakatime/13.0.7 Python3.8.0.final.0 GoLand/2019.3.4 GoLand-wakatime/11.0.1",
                Some("GoLand"),
                None,
            ),
            (
                "wakatime/v1.32.1 (windows-10.0-x86_64) go1.17.5 AndroidStudio/Arctic Fox | 2020.3.1",
                Some("Android Studio"),
                Some("Windows"),
            ),
            (
                "wakatime/v1.9 (linux) go1.22 IntelliJ IDEA/2023.1",
                Some("IntelliJ IDEA"),
                Some("Linux"),
            ),
            (
                "wakatime/v1.9 (linux-5.15-microsoft-WSL2) go1.22 Unknown/0",
                None,
                Some("Linux"),
            ),
            ("wakatime/v1.9 (freebsd-14) go1.22", None, Some("FreeBSD")),
            ("wakatime/v1.9", None, None),
            ("Firefox/120.0 firefox-wakatime/3.0.8", Some("Firefox"), None),
            ("vscode/1.85.0 vscode-wakatime/24.4.0", Some("VS Code"), None),
            ("nano-wakatime/1", Some("nano"), None),
            ("acme", Some("acme"), None),
            ("golang-tool/1", Some("golang-tool"), None),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
                Some("Firefox"),
                Some("Linux"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0",
                Some("Edge"),
                Some("macOS"),
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
                Some("Chrome"),
                Some("ChromeOS"),
            ),
            ("Mozilla/5.0 (compatible)", None, None),
            ("", None, None),
            ("  ", None, None),
            ("/", None, None),
            ("(", Some("("), None),
        ] {
            assert_eq!(program(agent).as_deref(), name, "{agent}");
            assert_eq!(system(agent), runs_on, "{agent}");
        }
    }

    proptest! {
        #[test]
        fn any_text_names_something_or_nothing(agent in "(wakatime/)?.{0,20}[()]?( go1| Python3)?.{0,20}") {
            prop_assert!(program(&agent).is_none_or(|name| !name.trim().is_empty()));
            let _ = system(&agent);
        }
    }
}
