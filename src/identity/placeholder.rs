//! What sites send where an identifier should stand. One such value joins thousands of visitors into one person, and no
//! merge of people is ever undone completely: it is refused before it is hashed.

/// Words that are no identifier of anybody, in lower case. What is here was seen in the blocklists of other products and
/// in what templates leave behind; a word that a person may really have as a name is not. One text instead of a list:
/// each entry of a list costs a visitor eight bytes more.
const WORDS: &str = "null|undefined|none|nil|nan|n/a|na|anonymous|unknown|guest|user|userid|user_id|test|true|false|id|email|\
                     distinctid|distinct_id|not_authenticated|optout|opt-out|void|(not set)|[object object]|nobody";

/// Nobody's mailbox, at any domain.
const NOBODY: &str = "null|undefined|none|nil|nan|anonymous|unknown|noemail|no-email|no.email|notprovided|nobody";

/// What people type to get past a form, on either side of the "@".
const TYPED: &str = "test|email|mail|name|example|domain|foo|abc|asdf|guest|user";

/// Domains that RFC 2606 and RFC 6761 keep free of people. Not `example.com`: UID2's own vectors hash its addresses.
const RESERVED: &str = "test|example|invalid|localhost";

/// The words.
pub(super) fn words() -> impl Iterator<Item = &'static [u8]> {
    entries(WORDS)
}

/// Is this a word, or zeroes, or what a template left behind? Quotes around it do not make it an identifier.
#[inline(never)]
pub(super) fn is_placeholder(text: &str) -> bool {
    let mut bare = text.as_bytes();
    while let [b'"' | b'\'', inner @ .., b'"' | b'\''] = bare {
        bare = inner;
    }
    bare.iter().all(|byte| matches!(byte, b'0' | b'-'))
        || is_one_of(WORDS, bare)
        || matches!(bare, [b'{', b'{', ..] | [b'$', b'{', ..] | [b'%', b'%', ..] | [b'<', b'%', ..])
}

/// Is this address, in lower case, nobody's?
pub(super) fn is_nobodys(local: &[u8], domain: &[u8]) -> bool {
    let mut labels = domain.rsplitn(2, |byte| *byte == b'.');
    let (top, name) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    is_one_of(NOBODY, local)
        || is_one_of(RESERVED, top)
        // "a@a.com"; but smith@smith.com is a person.
        || (local == name && is_one_letter(local))
        // `user@example.com` is in UID2's vectors.
        || (is_one_of(TYPED, local) && is_one_of(TYPED, name) && (local, name) != (b"user", b"example"))
}

/// One letter or digit, over and over?
pub(super) fn is_one_letter(text: &[u8]) -> bool {
    text.iter().zip(text.iter().skip(1)).all(|(one, next)| one == next)
}

#[inline(never)]
fn is_one_of(list: &'static str, word: &[u8]) -> bool {
    entries(list).any(|known| known.eq_ignore_ascii_case(word))
}

fn entries(list: &'static str) -> impl Iterator<Item = &'static [u8]> {
    list.as_bytes().split(|byte| *byte == b'|')
}
