//! One request: who asks, what they permit, and what is decided for them.

use crate::cookies::Cookies;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use petitfour::{
    consent::{Permissions, Signals},
    engine::{Effect, Engine, Session},
    event::Event,
    time::Moment,
};
use petitfour_seal::Told;
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

/// Fields of a creative.
pub(crate) type Content = BTreeMap<String, String>;

/// What a preview shows: creatives by placement.
pub type Shown = Vec<(String, String)>;

/// Notes of a request that are taken in.
const NOTES: usize = 16;
/// Placements of one page that are decided for: a page with more has a loop in it.
const PLACEMENTS: usize = 64;
/// 395 days: browsers cut what asks for more than 400.
const AGE: u32 = 34_128_000;

/// What a request says, and what is true of the moment.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The cookies, or why they cannot be read, and then nothing is permitted.
    pub cookies: Result<Cookies<'a>, &'static str>,
    /// What the sealed cookie says; nothing where it does not open.
    pub told: Option<&'a Told>,
    /// Are memberships believed from the sealed cookie alone?
    pub is_sealed: bool,
    /// What the address asks to see.
    pub preview: Option<Shown>,
    /// When, and where the visitor's clock stands.
    pub moment: Moment,
    /// Attributes of the context with their values; the last of a name counts.
    pub context: &'a [(String, String)],
    /// Was `Sec-GPC: 1` sent?
    pub gpc: bool,
    /// What the law asks there: `opt_in`, `opt_out`.
    pub region: Option<&'static str>,
    /// Do cookies go by https only?
    pub secure: bool,
    /// The page's address.
    pub base: Url,
    /// 32 random bytes.
    pub seed: [u8; 32],
}

/// What was decided for a placement.
#[derive(Debug, Default)]
pub struct Decision {
    /// The creative's name; nothing = the page's own content stays.
    pub creative: Option<String>,
    /// Its fields.
    pub(crate) content: Option<Content>,
    /// 16 hexadecimal digits; empty where nothing was decided.
    id: String,
    /// Is it shown because somebody asked to see it?
    preview: bool,
}

impl Decision {
    /// What the placement's start tag gets.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (&'static str, String)> {
        let shown = self.creative.clone().unwrap_or_else(|| "default".to_owned());
        let marks = [("data-pf-decision", self.id.clone()), ("data-pf-shown", shown)];
        marks.into_iter().chain(self.preview.then(|| ("data-pf-preview", String::new())))
    }
}

/// One request.
pub struct Visit {
    session: Session,
    moment: Moment,
    permissions: Permissions,
    preview: Option<Shown>,
    base: Url,
    secure: bool,
    decided: usize,
    /// A `Set-Cookie` value. Known before the first byte of the page: deciding changes nothing that is kept.
    pub cookie: Option<String>,
    /// What was wrong.
    pub codes: Vec<&'static str>,
    messages: Vec<Vec<u8>>,
}

impl Visit {
    /// Opens a visit over a bundle. `feed` is called once with the new session, to tell it what the shelves hold.
    pub fn open(engine: Arc<Engine>, asked: Asked<'_>, feed: impl FnOnce(&mut Session)) -> Self {
        let mut visit = Self {
            session: Session::new(engine, asked.seed),
            moment: asked.moment,
            permissions: Permissions::NONE,
            preview: asked.preview,
            base: asked.base,
            secure: asked.secure,
            decided: 0,
            cookie: None,
            codes: Vec::new(),
            messages: Vec::new(),
        };
        feed(&mut visit.session);
        let permissions = match &asked.cookies {
            Ok(cookies) => visit.judge(cookies, asked.gpc, asked.region),
            Err(code) => {
                visit.fault(code);
                Permissions::NONE
            }
        };
        visit.permissions = permissions;
        if permissions != visit.session.permissions() {
            visit.session.consent(permissions, visit.moment);
        }
        if permissions.store() {
            visit.recognise(&asked.cookies.unwrap_or_default(), asked.told, asked.is_sealed);
        }
        for (name, value) in asked.context {
            visit.tell(name, value);
        }
        // Journeys move before the head of the answer goes: what is decided at this moment moves none of them again.
        visit.session.look(visit.moment);
        visit.drain();
        visit
    }

    /// Records an event, before the head of the answer goes.
    pub fn track(&mut self, event: &str) {
        if let Ok(event) = Event::parse(event, [], None) {
            self.session.record(&event, self.moment);
            self.session.look(self.moment);
            self.drain();
        }
    }

    /// What the visitor permits: by what the page has judged, and by what the request says, which narrows it.
    fn judge(&self, cookies: &Cookies<'_>, gpc: bool, region: Option<&'static str>) -> Permissions {
        let judged = cookies.consent();
        let choice = judged.map(|judged| judged.bits().to_string());
        let mut signals = Signals::default();
        let mut said = false;
        let pairs = region.map(|region| ("region", region)).into_iter().chain(cookies.signals());
        for (name, value) in pairs.chain(gpc.then_some(("gpc", "1"))) {
            said |= signals.hear(name, value);
        }
        let catalog = self.session.engine().catalog();
        match judged {
            None if !said => catalog.default_permissions(),
            // The page's verdict knows more than the request, but for what was said since: it is the visitor's word.
            Some(judged) if !said => judged,
            _ => {
                if let Some(choice) = &choice {
                    signals.hear("choice", choice);
                }
                let verdict = catalog.policy().decide(&signals);
                // A fault permits nothing.
                let open = if verdict.fault.is_some() { Permissions::NONE } else { verdict.permissions };
                judged.map_or(open, |judged| open.and(judged))
            }
        }
    }

    /// Takes in the profile and its notes, or gives a pseudonym.
    fn recognise(&mut self, cookies: &Cookies<'_>, told: Option<&Told>, is_sealed: bool) {
        let stored = cookies.get("petitfour").filter(|stored| !stored.is_empty());
        let known = stored.is_some_and(|stored| {
            self.session.hold(false, self.moment);
            let read = STANDARD.decode(stored).map_err(|_| "profile/malformed");
            let restored = read.and_then(|bytes| self.session.restore(&bytes).map_err(|error| error.code()));
            restored.map_err(|code| self.fault(code)).is_ok()
        });
        if !known {
            // Nobody is known by this request: a pseudonym is given, which the page will go on with.
            self.session.hold(true, self.moment);
            let closed = Permissions::from_bits(self.permissions.bits() & !1);
            self.session.consent(closed, self.moment);
            self.session.consent(self.permissions, self.moment);
            self.drain();
            return;
        }
        for note in cookies.notes().take(NOTES) {
            let read = STANDARD.decode(note).map_err(|_| "note/malformed");
            let absorbed =
                read.and_then(|bytes| self.session.absorb(&bytes, self.moment).map_err(|error| error.code()));
            if let Err(code) = absorbed {
                self.fault(code);
            }
        }
        if is_sealed {
            // Whoever writes these cookies could have written memberships into any of them, notes too.
            self.session.doubt_members();
            if let Some(told) = told.filter(|told| told.visitor == self.session.profile().visitor().0)
                && let Err(error) = self.session.answer(&told.answer, self.moment)
            {
                self.fault(error.code());
            }
        }
    }

    /// Tells an attribute of the context; one that the bundle lacks is let go.
    fn tell(&mut self, name: &str, value: &str) {
        if !self.session.set_context_text(name, value) {
            // Words like `inf` are no numbers of a page's.
            let number = value.trim().parse().ok().filter(|number: &f64| number.is_finite());
            self.session.set_context_number(name, number.unwrap_or(f64::NAN));
        }
    }

    /// Notes that something is wrong, once.
    pub fn fault(&mut self, code: &'static str) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }

    /// Decides for a placement. Always an answer.
    pub fn decide(&mut self, placement: &str) -> Decision {
        let engine = Arc::clone(self.session.engine());
        let catalog = engine.catalog();
        let Some(index) = catalog.placement_named(placement) else {
            self.fault("placement/unknown");
            return Decision::default();
        };
        self.decided += 1;
        if self.decided > PLACEMENTS {
            self.fault("edge/placements");
            return Decision::default();
        }
        let shown =
            self.preview.iter().flatten().find(|(known, _)| known == placement).map(|(_, creative)| creative.clone());
        if let Some(creative) = shown {
            // Shown because somebody asked to see it: nothing is decided, and nothing counted.
            let found = catalog.creative_named(&creative);
            if found.is_none() {
                self.fault("preview/unknown");
            }
            let content = found.and_then(|creative| self.fields(creative));
            return Decision { creative: found.map(|_| creative), content, id: String::new(), preview: true };
        }
        let decision = self.session.decide_at(index, self.moment);
        let Some(creative) = decision.creative else { return Decision::default() };
        let name = catalog.creative(creative).map(|found| catalog.string(found.name()).to_owned());
        let content = self.fields(creative);
        Decision { creative: name, content, id: format!("{:016x}", decision.id), preview: false }
    }

    /// What a creative says to this visitor.
    fn fields(&mut self, creative: usize) -> Option<Content> {
        serde_json::from_slice(&self.session.content(creative, self.moment)?.json).ok()
    }

    /// The page's address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Carries out what the session asks for: cookies while the answer's head is open, messages for afterwards.
    fn drain(&mut self) {
        let secure = if self.secure { "; Secure" } else { "" };
        while let Some(effect) = self.session.poll_effect() {
            match effect {
                Effect::Persist(bytes) => {
                    let value = STANDARD.encode(bytes);
                    self.cookie = Some(format!("petitfour={value}; Path=/; Max-Age={AGE}; SameSite=Lax{secure}"));
                }
                Effect::Send(bytes) => self.messages.push(bytes),
                // A note is written for events, which nobody records here; there is no later to be woken for.
                Effect::Note(_) | Effect::PersistIdentifiers(_) | Effect::Wake(_) | Effect::Erase => {}
            }
        }
    }

    /// Messages for the collector. The visit is over.
    #[must_use]
    pub fn end(mut self) -> Vec<Vec<u8>> {
        if self.permissions.measure() {
            self.session.flush();
        }
        self.drain();
        self.messages
    }
}
