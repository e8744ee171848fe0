//! The cookies of a request that concern us.

use petitfour::consent::Permissions;

/// Bytes of a request's cookies that are looked at. Browsers send no more than 180 cookies of 4 KB; ours are two or three.
const LINE: usize = 16_384;

/// Strings of consent that sites keep in cookies, by the signal that they are.
const SIGNALS: [(&str, &str); 2] = [("euconsent-v2", "tcf"), ("usprivacy", "us_privacy")];

/// Cookies by name.
#[derive(Debug, Default)]
pub struct Cookies<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Cookies<'a> {
    /// Reads a `Cookie` header's line.
    ///
    /// # Errors
    /// `cookie/size` when there is too much of it, `cookie/format` when one of ours is no text. What others wrote is theirs.
    pub fn read(line: &'a [u8]) -> Result<Self, &'static str> {
        if line.len() > LINE {
            return Err("cookie/size");
        }
        let mut found = Self::default();
        for (name, value) in pairs(line).filter_map(split) {
            let Ok(name) = str::from_utf8(name) else { continue };
            let ours = name.starts_with("petitfour") || SIGNALS.iter().any(|(cookie, _)| *cookie == name);
            // The first of a name is the one with the longest path, as servers read them.
            if ours && found.get(name).is_none() {
                found.0.push((name, str::from_utf8(value).map_err(|_| "cookie/format")?));
            }
        }
        Ok(found)
    }

    /// The value of a cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// What the page, or a server of the site, has judged: a number of two digits at most, up to a dot. What cannot be read permits
    /// nothing.
    #[must_use]
    pub fn consent(&self) -> Option<Permissions> {
        let bits = self.get("petitfour.consent")?.split('.').next().unwrap_or_default();
        let is_number = matches!(bits.len(), 1 | 2) && bits.bytes().all(|digit| digit.is_ascii_digit());
        Some(Permissions::from_bits(if is_number { bits.parse().unwrap_or(0) } else { 0 }))
    }

    /// What they say of consent: signals, each with its string.
    pub(crate) fn signals(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        SIGNALS.iter().filter_map(|(cookie, signal)| Some((*signal, self.get(cookie).filter(|text| !text.is_empty())?)))
    }

    /// Notes that an edge left: `petitfour.` and 16 hexadecimal digits.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &'a str> {
        let is_dot = |dot: &str| dot.len() == 16 && dot.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.0
            .iter()
            .filter(move |(name, _)| name.strip_prefix("petitfour.").is_some_and(is_dot))
            .map(|(_, value)| *value)
    }
}

/// What an origin sees of a `Cookie` header's line: all but ours, byte for byte.
#[must_use]
pub fn others(line: &[u8]) -> Option<Vec<u8>> {
    let pairs: Vec<_> = pairs(line).filter(|pair| !pair.starts_with(b"petitfour")).collect();
    (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// Name and value.
fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let place = pair.iter().position(|byte| *byte == b'=')?;
    Some((pair.get(..place)?, pair.get(place + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_are_read_and_the_first_of_a_name() -> Result<(), &'static str> {
        let line = b"a=caf\xe9; petitfour=x=; petitfour=y; petitfour.0123456789abcdef=n; usprivacyX; petitfour.consent=5.5.; usprivacy=1YNN; petitfour.0123=z";
        let cookies = Cookies::read(line)?;
        assert_eq!((cookies.get("petitfour"), cookies.get("a")), (Some("x="), None));
        assert_eq!(cookies.notes().collect::<Vec<_>>(), ["n"]);
        assert_eq!(cookies.signals().collect::<Vec<_>>(), [("us_privacy", "1YNN")]);
        assert_eq!(cookies.consent(), Some(Permissions::from_bits(5)));
        assert_eq!(Cookies::read(&[b'a'; LINE + 1]).err(), Some("cookie/size"));
        assert_eq!(Cookies::read(b"petitfour.consent=\xe9").err(), Some("cookie/format"));
        assert!(Cookies::read(b"")?.consent().is_none());
        Ok(())
    }

    #[test]
    fn a_verdict_that_cannot_be_read_permits_nothing() -> Result<(), &'static str> {
        for value in ["", "x", "1e1", "0xf", "271", "-1", ".15"] {
            let line = format!("petitfour.consent={value}");
            assert_eq!(Cookies::read(line.as_bytes())?.consent(), Some(Permissions::NONE), "{value}");
        }
        Ok(())
    }

    #[test]
    fn the_origin_sees_nothing_of_ours_and_all_of_others() {
        let line = b"a=caf\xe9; petitfour=AA; petitfour.consent=15;b=2";
        assert_eq!(others(line).as_deref(), Some(&b"a=caf\xe9; b=2"[..]));
        assert_eq!(others(b"petitfour=AA"), None);
    }
}
