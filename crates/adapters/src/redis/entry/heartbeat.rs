//! The bytes of a heartbeat in an entry, behind its flags: what is said of it besides its label comes last, as a list of which parts are there, and these.

use std::sync::Arc;

use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::usage::{
    AppName, Attention, Beat, Context, ContextText, Domain, Heartbeat, Kind, Label, Mention, Patience,
};

use super::{ACTIVE, APP_NAME_BYTES_MAX, HEARTBEAT, Reader, WITH_DOMAIN, flag, write_text, write_varint, write_zigzag};

/// The most bytes a text may have: four for each character.
const TEXT_BYTES_MAX: usize = 4 * ContextText::CHARS_MAX;
// A text is as long as a name, so nothing here is larger than what the rest of the entry allows.
const _: () = assert!(ContextText::CHARS_MAX == AppName::CHARS_MAX);

const CATEGORY: u64 = 1;
const EDITOR: u64 = 1 << 1;
const MACHINE: u64 = 1 << 2;
const OPERATING_SYSTEM: u64 = 1 << 3;
const PROJECT: u64 = 1 << 4;
const LAST_PROJECT: u64 = 1 << 5;
const BRANCH: u64 = 1 << 6;
const LAST_BRANCH: u64 = 1 << 7;
const LANGUAGE: u64 = 1 << 8;
const LAST_LANGUAGE: u64 = 1 << 9;
const SAYS_IS_WRITE: u64 = 1 << 10;
const IS_WRITE: u64 = 1 << 11;
const KNOWN: u64 = (1 << 12) - 1;

/// Writes it, its flags included.
pub(super) fn write(bytes: &mut Vec<u8>, heartbeat: &Heartbeat) {
    let beat = &heartbeat.beat;
    let domain = beat.label.domain.as_ref();
    bytes.push(HEARTBEAT | flag(beat.attention == Attention::Active, ACTIVE) | flag(domain.is_some(), WITH_DOMAIN));
    write_zigzag(bytes, i64::from(beat.precedence));
    write_zigzag(bytes, beat.at.0);
    write_varint(bytes, beat.patience.ms().cast_unsigned());
    write_text(bytes, beat.label.app_name.as_str());
    if let Some(domain) = domain {
        write_text(bytes, domain.as_str());
    }
    write_context(bytes, &heartbeat.context);
}

fn write_context(bytes: &mut Vec<u8>, context: &Context) {
    let kind = Kind::ALL.iter().position(|kind| *kind == context.kind);
    write_varint(bytes, kind.map_or(u64::MAX, |kind| kind as u64));
    let texts = [
        (CATEGORY, context.category.as_ref()),
        (EDITOR, context.editor.as_ref()),
        (MACHINE, context.machine.as_ref()),
        (OPERATING_SYSTEM, context.operating_system.as_ref()),
        (PROJECT, named(context.project.as_ref())),
        (BRANCH, named(context.branch.as_ref())),
        (LANGUAGE, named(context.language.as_ref())),
    ];
    let present = texts.iter().filter(|(_, text)| text.is_some()).map(|(part, _)| part);
    let lasts = [
        (LAST_PROJECT, &context.project),
        (LAST_BRANCH, &context.branch),
        (LAST_LANGUAGE, &context.language),
    ];
    let last = lasts
        .iter()
        .filter(|(_, mention)| **mention == Some(Mention::Last))
        .map(|(part, _)| part);
    let is_write = match context.is_write {
        None => 0,
        Some(false) => SAYS_IS_WRITE,
        Some(true) => SAYS_IS_WRITE | IS_WRITE,
    };
    write_varint(bytes, present.chain(last).fold(is_write, |parts, part| parts | part));
    for text in texts.into_iter().filter_map(|(_, text)| text) {
        write_text(bytes, text.as_str());
    }
}

fn named(mention: Option<&Mention>) -> Option<&ContextText> {
    match mention {
        Some(Mention::Named(text)) => Some(text),
        _ => None,
    }
}

impl Reader<'_> {
    /// What stands behind `flags`, which say that it is a heartbeat.
    pub(super) fn heartbeat(&mut self, user: UserId, device: DeviceId, flags: u8) -> Option<Heartbeat> {
        if flags & !(HEARTBEAT | ACTIVE | WITH_DOMAIN) != 0 {
            return None;
        }
        let precedence = i32::try_from(self.zigzag()?).ok()?;
        let at = UnixMs(self.zigzag()?);
        let patience = Patience::from_ms(i64::try_from(self.varint()?).ok()?).ok()?;
        let app_name = self.text(APP_NAME_BYTES_MAX)?;
        let domain = match flags & WITH_DOMAIN {
            0 => None,
            _ => Some(self.text(Domain::BYTES_MAX)?),
        };
        let beat = Beat {
            device,
            at,
            attention: attention(flags),
            precedence,
            label: Label::trusted(app_name, domain),
            patience,
        };
        let context = Arc::new(self.context()?);
        Some(Heartbeat { user, beat, context })
    }

    fn context(&mut self) -> Option<Context> {
        let kind = *Kind::ALL.get(usize::try_from(self.varint()?).ok()?)?;
        let parts = self.varint()?;
        let says = |part: u64| parts & part != 0;
        let is_write_unsaid = says(IS_WRITE) && !says(SAYS_IS_WRITE);
        if parts & !KNOWN != 0 || is_write_unsaid {
            return None;
        }
        let context = Context {
            kind,
            category: self.part(says(CATEGORY))?,
            editor: self.part(says(EDITOR))?,
            machine: self.part(says(MACHINE))?,
            operating_system: self.part(says(OPERATING_SYSTEM))?,
            project: self.mention(says(PROJECT), says(LAST_PROJECT))?,
            branch: self.mention(says(BRANCH), says(LAST_BRANCH))?,
            language: self.mention(says(LANGUAGE), says(LAST_LANGUAGE))?,
            is_write: says(SAYS_IS_WRITE).then(|| says(IS_WRITE)),
        };
        Some(context)
    }

    /// A text when it is there; the outer `None` when the entry is malformed.
    #[expect(
        clippy::option_option,
        reason = "the outer one is that of every method of the reader"
    )]
    fn part(&mut self, is_there: bool) -> Option<Option<ContextText>> {
        if !is_there {
            return Some(None);
        }
        self.text(TEXT_BYTES_MAX).map(|text| Some(ContextText::trusted(text)))
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn mention(&mut self, is_named: bool, is_last: bool) -> Option<Option<Mention>> {
        match (self.part(is_named)?, is_last) {
            (Some(_), true) => None,
            (Some(text), false) => Some(Some(Mention::Named(text))),
            (None, true) => Some(Some(Mention::Last)),
            (None, false) => Some(None),
        }
    }
}

fn attention(flags: u8) -> Attention {
    match flags & ACTIVE {
        0 => Attention::Passive,
        _ => Attention::Active,
    }
}
