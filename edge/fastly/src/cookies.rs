//! The cookies of a request that concern us.

/// Bytes of a request's cookies that are looked at. Browsers send no more than 180 cookies of 4 KB; ours are two or three.
pub const LINE: usize = 16_384;

/// Strings of consent that sites keep in cookies, by the signal that they are.
const SIGNALS: [(&str, &str); 2] = [("euconsent-v2", "tcf"), ("usprivacy", "us_privacy")];

/// Cookies by name.
#[derive(Debug, Default)]
pub struct Cookies<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Cookies<'a> {
    /// Reads a `Cookie` header's line; nothing when there is too much of it.
    #[must_use]
    pub fn read(line: &'a str) -> Option<Self> {
        if line.len() > LINE {
            return None;
        }
        let mut found = Self::default();
        for (name, value) in line.split("; ").filter_map(|pair| pair.split_once('=')) {
            let ours = name.starts_with("petitfour") || SIGNALS.iter().any(|(cookie, _)| *cookie == name);
            // The first of a name is the one with the longest path, as servers read them.
            if ours && found.get(name).is_none() {
                found.0.push((name, value));
            }
        }
        Some(found)
    }

    /// The value of a cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_are_read_and_the_first_of_a_name() {
        let line = "a=1; petitfour=x=; petitfour=y; petitfour.0123456789abcdef=n; petitfour.consent=5; usprivacy=1YNN; petitfour.0123=z";
        let cookies = Cookies::read(line).unwrap_or_default();
        assert_eq!((cookies.get("petitfour"), cookies.get("a")), (Some("x="), None));
        assert_eq!(cookies.notes().collect::<Vec<_>>(), ["n"]);
        assert_eq!(cookies.signals().collect::<Vec<_>>(), [("us_privacy", "1YNN")]);
        assert!(Cookies::read(&"a".repeat(LINE + 1)).is_none());
        assert!(Cookies::read("").is_some_and(|cookies| cookies.get("").is_none()));
    }
}
