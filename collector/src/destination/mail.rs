//! Mail: a parcel as one message by SMTP, with a text and an HTML part.
//!
//! A template has a subject, a text and, if wanted, HTML; the parcel names the template and brings `to` and `values`.
//! `Message-ID` follows from the parcel's id alone, so that a message that was sent twice is known by it. With an address
//! for leaving, `List-Unsubscribe` and `List-Unsubscribe-Post` (RFC 8058) are set; its `{{token}}` proves that the link came
//! from us, so that nobody takes others off a list by counting person ids.
//!
//! Invariant: no value from outside begins a header, ends a line of one, or names a second recipient.
//!
//! A letter may have several subjects. Which one a parcel goes out under is drawn by their weights from the parcel's id alone, so that a
//! message that is sent twice says the same both times, and the probability of each is known. With a [`Trail`], mails are heard of again.
//!
//! Absent on purpose: bounces that come later as mail (a mailbox of its own, read by whoever runs it), attachments.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lettre::{
    Address, Message, SmtpTransport, Transport as _,
    message::{Mailbox, MultiPart, SinglePart, header},
    transport::smtp::{
        PoolConfig, authentication::Credentials, client::Tls, client::TlsParameters, extension::ClientId,
    },
};
use petitfour::identity::Digest;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Destination, Kind, Parcel, Receipt,
    echo::{self, Echo},
    template::{Fault, Place, Template},
    trail::{Mark, Trail},
};

/// Messages in one go; they share a connection.
const BATCH: usize = 50;

/// Bytes of a token: 128 bits.
const TOKEN: usize = 16;

/// What the subject of a letter is called that has only one.
const ONLY: &str = "only";

/// Seed of the draw of subjects, so that nothing else that hashes ids falls together with it.
const DRAW: u64 = 0x5ab7;

/// How the relay is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// STARTTLS, and nothing without it (port 587).
    Starttls,
    /// None: for a relay on this machine.
    None,
}

/// The relay.
#[derive(Clone)]
pub struct Relay {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub security: Security,
    /// Name and password.
    pub credentials: Option<(String, String)>,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// A letter's text.
pub struct Letter {
    subjects: Vec<Subject>,
    text: Template,
    html: Option<Template>,
}

/// One subject of a letter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it is called in rows.
    pub id: String,
    /// Its share of the messages, beside the other weights.
    #[serde(default = "one")]
    pub weight: u32,
    /// The subject, with placeholders.
    pub text: String,
}

/// A subject that was read.
struct Subject {
    line: Line,
    template: Template,
    probability: f64,
}

/// Where a person leaves a list, and the key that makes the link's token.
pub struct Leave {
    address: Template,
    key: hmac::Key,
}

/// Mail as a destination.
pub struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
    letters: BTreeMap<String, Letter>,
    leave: Option<Leave>,
    trail: Option<Trail>,
}

/// What a mail parcel's body says.
#[derive(Deserialize)]
struct Order {
    to: String,
    template: String,
    #[serde(default)]
    values: Map<String, Value>,
}

impl Letter {
    /// Reads the templates.
    ///
    /// # Errors
    /// [`Fault::Syntax`].
    pub fn parse(subject: &str, text: &str, html: Option<&str>) -> Result<Self, Fault> {
        let line = Line { id: ONLY.to_owned(), weight: 1, text: subject.to_owned() };
        Self::choosing(vec![line], text, html)
    }

    /// The same with several subjects to choose among; weights that are all 0 count as 1.
    ///
    /// # Errors
    /// [`Fault::Syntax`].
    pub fn choosing(lines: Vec<Line>, text: &str, html: Option<&str>) -> Result<Self, Fault> {
        let whole: f64 = lines.iter().map(|line| f64::from(line.weight)).sum();
        let even = 1.0 / lines.len() as f64;
        let subject = |line: Line| {
            let probability = if whole > 0.0 { f64::from(line.weight) / whole } else { even };
            Ok(Subject { template: Template::parse(&line.text, Place::Line)?, line, probability })
        };
        Ok(Self {
            subjects: lines.into_iter().map(subject).collect::<Result<_, _>>()?,
            text: Template::parse(text, Place::Text)?,
            html: html.map(|html| Template::parse(html, Place::Html)).transpose()?,
        })
    }

    /// The subject that a parcel goes out under.
    fn subject(&self, parcel: &str) -> Option<&Subject> {
        // The upper 53 bits, which a double holds exactly, as a share of 1.
        let drawn = (petitfour::hash::xxh64(parcel.as_bytes(), DRAW) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut below = 0.0;
        let found = self.subjects.iter().find(|subject| {
            below += subject.probability;
            drawn < below
        });
        // Sums of shares may fall short of 1 by a rounding; a weight of 0 is never drawn by that.
        found.or_else(|| self.subjects.iter().rfind(|subject| subject.probability > 0.0))
    }
}

fn one() -> u32 {
    1
}

impl Leave {
    /// `address` is a web address with `{{person}}` and `{{token}}`; `key` a secret text.
    ///
    /// # Errors
    /// [`Fault::Syntax`].
    pub fn new(address: &str, key: &str) -> Result<Self, Fault> {
        Ok(Self {
            address: Template::parse(address, Place::Address)?,
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        })
    }

    /// The token of a person.
    #[must_use]
    pub fn token(&self, person: &str) -> String {
        let tag = hmac::sign(&self.key, person.as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..TOKEN).unwrap_or_default())
    }

    /// Is this the person's token?
    #[must_use]
    pub fn holds(&self, person: &str, token: &str) -> bool {
        // The token is compared under a MAC of its own, so that the time it takes says nothing.
        let ours = hmac::sign(&self.key, self.token(person).as_bytes());
        hmac::verify(&self.key, token.as_bytes(), ours.as_ref()).is_ok()
    }

    fn address(&self, person: &str) -> Result<String, Fault> {
        let values = [("person", person.into()), ("token", self.token(person).into())];
        self.address.render(&values.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect())
    }
}

impl Mail {
    /// Mail from one address over one relay.
    ///
    /// # Errors
    /// When `from` is no mailbox or TLS cannot be set up.
    pub fn new(
        relay: Relay,
        from: &str,
        letters: BTreeMap<String, Letter>,
        leave: Option<Leave>,
    ) -> anyhow::Result<Self> {
        let tls = match relay.security {
            Security::Tls => Tls::Wrapper(TlsParameters::new_rustls(relay.host.as_str().into())?),
            Security::Starttls => Tls::Required(TlsParameters::new_rustls(relay.host.as_str().into())?),
            Security::None => Tls::None,
        };
        let from: Mailbox = from.parse().map_err(|_| anyhow::anyhow!("`from` is no mailbox: write Name <address>"))?;
        let mut transport = SmtpTransport::builder_dangerous(relay.host)
            .port(relay.port)
            .tls(tls)
            .timeout(Some(relay.timeout))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .pool_config(PoolConfig::new().max_size(1).idle_timeout(Duration::from_secs(20)));
        if let Some((name, password)) = relay.credentials {
            transport = transport.credentials(Credentials::new(name, password));
        }
        Ok(Self { transport: transport.build(), from, letters, leave, trail: None })
    }

    /// The same, heard of again: links of HTML parts and an image in them lead by the collector, and what becomes of each is an event.
    #[must_use]
    pub fn followed(self, trail: Trail) -> Self {
        Self { trail: Some(trail), ..self }
    }

    fn message(&self, parcel: &Parcel) -> Result<Message, &'static str> {
        let order: Order = serde_json::from_value(parcel.body.clone()).map_err(|_| "mail/body")?;
        let letter = self.letters.get(&order.template).ok_or("mail/template")?;
        // An address alone: a display name from outside would be one more thing to make harmless.
        let to: Address = order.to.trim().parse().map_err(|_| "mail/address")?;
        let mut values = order.values;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .message_id(Some(self.message_id(&parcel.id)));
        let mut way_out = String::new();
        if let Some(leave) = &self.leave {
            way_out = leave.address(&parcel.person).map_err(|_| "mail/unsubscribe")?;
            message = message.header(Unsubscribe(format!("<{way_out}>"))).header(OneClick);
            values.insert("unsubscribe".to_owned(), way_out.clone().into());
        }
        let render = |template: &Template| template.render(&values).map_err(|_| "mail/values");
        let subject = letter.subject(&parcel.id).ok_or("mail/template")?;
        let message = message.subject(render(&subject.template)?);
        let text = SinglePart::plain(render(&letter.text)?);
        let built = match &letter.html {
            Some(html) => {
                let mut html = render(html)?;
                if let Some(trail) = &self.trail {
                    let (parcel, letter) = (parcel.id.clone(), order.template);
                    let mark = Mark { parcel, letter, subject: subject.line.id.clone(), to: String::new() };
                    html = trail.lay(&html, &mark, &way_out);
                }
                message.multipart(MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html)))
            }
            None => message.singlepart(text),
        };
        built.map_err(|_| "mail/message")
    }

    fn message_id(&self, parcel: &str) -> String {
        let hex = Digest::of(parcel).hex();
        format!("<{}@{}>", hex.get(..40).unwrap_or_default(), self.from.email.domain())
    }
}

impl Destination for Mail {
    fn limit(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt> {
        let mut lost = false;
        let mut one = |parcel: &Parcel| {
            if parcel.kind != Kind::Mail {
                return Receipt::refused("mail/kind");
            }
            let message = match self.message(parcel) {
                Ok(message) => message,
                Err(reason) => return Receipt::refused(reason),
            };
            // A relay that just broke the connection is not asked fifty times over.
            if lost {
                return Receipt::retry("mail/connection");
            }
            let Err(error) = self.transport.send(&message) else { return Receipt::Delivered };
            match error.status() {
                Some(code) if error.is_permanent() => Receipt::refused(format!("mail/status-{code}")),
                Some(code) => Receipt::retry(format!("mail/status-{code}")),
                None => {
                    lost = true;
                    Receipt::retry(if error.is_timeout() { "mail/timeout" } else { "mail/connection" })
                }
            }
        };
        parcels.iter().map(&mut one).collect()
    }

    fn echo(&self, parcel: &Parcel, receipt: &Receipt) -> Option<Echo> {
        self.trail.as_ref()?;
        let order: Order = serde_json::from_value(parcel.body.clone()).ok()?;
        let subject = self.letters.get(&order.template)?.subject(&parcel.id)?;
        let mut properties = Map::new();
        properties.insert("message".to_owned(), order.template.into());
        properties.insert("subject".to_owned(), subject.line.id.clone().into());
        let name = match receipt {
            Receipt::Delivered => {
                properties.insert("probability".to_owned(), subject.probability.into());
                // As its author wrote it: with placeholders, and nobody's name.
                properties.insert("text".to_owned(), subject.line.text.clone().into());
                for told in ["journey", "step"] {
                    properties.extend(order.values.get(told).map(|value| (told.to_owned(), value.clone())));
                }
                echo::SENT
            }
            Receipt::Refused { reason } if reason.starts_with("mail/status-") => {
                properties.insert("reason".to_owned(), reason.as_ref().into());
                echo::BOUNCED
            }
            _ => return None,
        };
        Some(Echo { name, mark: String::new(), properties })
    }
}

/// `List-Unsubscribe`.
#[derive(Clone)]
struct Unsubscribe(String);

/// `List-Unsubscribe-Post: List-Unsubscribe=One-Click`.
#[derive(Clone)]
struct OneClick;

impl header::Header for Unsubscribe {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> header::HeaderValue {
        // Folding would put a space into the address, which mail programs then open.
        header::HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

impl header::Header for OneClick {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mail() -> Mail {
        let relay = Relay {
            host: "127.0.0.1".into(),
            port: 1,
            security: Security::None,
            credentials: None,
            timeout: Duration::from_secs(1),
        };
        let letter =
            Letter::parse("Hello {{name}}", "Dear {{name}}\n{{unsubscribe}}", Some("<p>{{name}}</p>")).unwrap();
        let leave = Leave::new("https://shop.example/leave?p={{person}}&t={{token}}", "key").unwrap();
        Mail::new(relay, "Shop <news@shop.example>", [("hello".to_owned(), letter)].into(), Some(leave)).unwrap()
    }

    fn parcel(to: &str, name: &str) -> Parcel {
        let body = json!({ "to": to, "template": "hello", "values": { "name": name } });
        Parcel { id: "p-1".into(), person: "42 é".into(), kind: Kind::Mail, at: 0, body }
    }

    fn head(mail: &Mail, parcel: &Parcel) -> String {
        let bytes = mail.message(parcel).unwrap().formatted();
        let text = String::from_utf8(bytes).unwrap();
        text.split_once("\r\n\r\n").unwrap().0.to_owned()
    }

    #[test]
    fn no_value_adds_a_header_or_a_recipient() {
        let mail = mail();
        let head = head(&mail, &parcel("jane@example.com", "Jane\r\nBcc: all@example.com\r\n\r\nbody"));
        assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
        assert_eq!(head.lines().filter(|line| line.starts_with("To:")).count(), 1);
        for to in
            ["jane@example.com\r\nBcc: b@example.com", "jane@example.com, b@example.com", "<jane@example.com>", ""]
        {
            assert_eq!(mail.message(&parcel(to, "Jane")).err(), Some("mail/address"), "{to:?}");
        }
    }

    #[test]
    fn subjects_are_drawn_by_their_weights_and_a_message_keeps_its_own() {
        let line = |id: &str, weight| Line { id: id.into(), weight, text: format!("{id} {{{{name}}}}") };
        let lines = vec![line("plain", 2), line("never", 0), line("asking", 1)];
        let letter = Letter::choosing(lines, "Hello", Some("<a href=\"https://shop.example\">in</a>")).unwrap();
        let drawn: Vec<&str> =
            (0..9_000).map(|number| letter.subject(&format!("p-{number}")).unwrap().line.id.as_str()).collect();
        let share = drawn.iter().filter(|id| **id == "plain").count();
        // Four standard errors of a share of two thirds.
        assert!(share.abs_diff(6_000) < 180 && !drawn.contains(&"never"), "{share}");
        let mut mail = mail().followed(Trail::new("letters", "https://c.example", "key"));
        mail.letters.insert("hello".to_owned(), letter);
        let told = parcel("jane@example.com", "Jane");
        let Echo { name, properties, .. } = mail.echo(&told, &Receipt::Delivered).unwrap();
        assert_eq!((name, &properties["message"]), ("mail_sent", &"hello".into()));
        let id = properties["subject"].as_str().unwrap();
        assert_eq!(properties["text"], format!("{id} {{{{name}}}}"), "nobody's name");
        assert!(head(&mail, &told).contains(&format!("Subject: {id} Jane")));
        assert_eq!(properties["probability"], if id == "plain" { 2.0 / 3.0 } else { 1.0 / 3.0 });
        let bounced = mail.echo(&told, &Receipt::refused("mail/status-550")).unwrap();
        assert_eq!((bounced.name, &bounced.properties["reason"]), ("mail_bounced", &"mail/status-550".into()));
        assert_eq!(mail.echo(&told, &Receipt::refused("mail/values")), None, "it never left");
        assert_eq!(mail.echo(&told, &Receipt::retry("mail/timeout")), None);
    }

    #[test]
    fn the_message_id_follows_from_the_parcel_and_leaving_takes_one_click() {
        let mail = mail();
        let (one, two) = (head(&mail, &parcel("a@example.com", "A")), head(&mail, &parcel("b@example.com", "B")));
        let id = |head: &str| head.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
        assert_eq!(id(&one), id(&two));
        assert!(id(&one).ends_with("@shop.example>"));
        let leave = mail.leave.as_ref().unwrap();
        let link = format!("List-Unsubscribe: <https://shop.example/leave?p=42%20%C3%A9&t={}>", leave.token("42 é"));
        assert!(one.contains(&link) && one.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{one}");
        assert!(leave.holds("42 é", &leave.token("42 é")) && !leave.holds("43", &leave.token("42 é")));
    }
}
