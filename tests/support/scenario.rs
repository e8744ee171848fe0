//! Golden scenarios as they are written: a theme is a file of scenarios over campaign files.
//!
//! The format is described in `tests/golden/README.md`; `wasm-tests/golden/player.mjs` reads the same files.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// One file of scenarios.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// What the file is about, in a sentence.
    pub about: String,
    /// Campaign file of the scenarios that name none, in `tests/golden/campaigns/`.
    pub campaigns: String,
    pub scenarios: Vec<Scenario>,
}

/// One visit, or several, of one visitor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence that is true.
    pub name: String,
    pub campaigns: Option<String>,
    /// 64 hexadecimal digits, or fewer, which are repeated.
    pub seed: Option<String>,
    pub steps: Vec<Step>,
}

/// One thing that happens. Exactly one of the verbs is there; the rest qualifies it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// The instant and the visitor's offset, for this step and those after it.
    pub at: Option<String>,

    /// Verb: goes on as this session, made when it is new.
    pub session: Option<String>,
    pub seed: Option<String>,
    /// Verb: permissions by name, "none" or "all".
    pub consent: Option<String>,
    /// Verb: values of this moment; null takes one back.
    pub context: Option<BTreeMap<String, Value>>,
    /// Verb: an event, `with` properties and a `value`.
    pub track: Option<String>,
    pub with: Option<BTreeMap<String, String>>,
    pub value: Option<f64>,
    /// Verb: what is said of the visitor.
    pub traits: Option<BTreeMap<String, Value>>,
    /// Verb: `levels` of a feed at a `place`, `as_of` a time.
    pub feed: Option<String>,
    pub place: Option<String>,
    pub levels: Option<BTreeMap<String, i32>>,
    pub as_of: Option<String>,
    /// Verb: the visitor's clock changes at this instant, and stands so from then on.
    pub clock: Option<String>,
    /// Verb: a `digest` of this code.
    pub identify: Option<u8>,
    pub digest: Option<String>,
    /// Verb: a decision, remembered under the placement's name or `name`.
    pub decide: Option<String>,
    pub name: Option<String>,
    /// Verb: the decision of that name was seen.
    pub see: Option<String>,
    /// Verb: something came `of` a decision.
    pub outcome: Option<String>,
    pub of: Option<String>,
    /// Verbs without more.
    pub wake: bool,
    pub flush: bool,
    pub forget: bool,
    /// Verb: puts the profile's bytes aside under a name.
    pub keep: Option<String>,
    /// Verb: takes in what was put aside, after `cut` to so many bytes or with bytes `set` to others.
    pub restore: Option<String>,
    pub cut: Option<usize>,
    pub set: Option<BTreeMap<usize, u8>>,

    /// Says the step so many times, `every` so many milliseconds.
    pub times: Option<u32>,
    pub every: Option<u64>,

    /// By hand: "campaign/creative", "campaign", "fallback/creative" or "nothing".
    pub expect: Option<String>,
    /// Fields of the composed creative.
    pub says: Option<BTreeMap<String, String>>,
    /// By hand: the campaign that was withheld; "none" for none.
    pub withheld: Option<String>,
    /// By hand: the probability of the creative, in whole percent.
    pub percent: Option<u32>,
    /// By hand: every campaign of the placement with its reason.
    pub why: Option<BTreeMap<String, String>>,
    /// By hand: what the call returns.
    pub answer: Option<Value>,
    /// By hand: kinds of the effects that follow, in order.
    pub effects: Option<Vec<String>>,
    /// By hand: the entries of the messages that follow, each with the decision that it belongs to.
    pub sent: Option<Vec<String>>,
}

/// Every theme with its name, in the order of their names.
pub fn themes() -> Vec<(String, Theme)> {
    let folder = super::root().join("tests/golden");
    let mut names: Vec<String> = fs::read_dir(folder.clone())
        .expect("tests/golden")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("a theme");
            let theme = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}"));
            (name, theme)
        })
        .collect()
}

/// 32 bytes from hexadecimal digits that are repeated.
pub fn seed(text: &str) -> [u8; 32] {
    let bytes = super::unhex(text);
    std::array::from_fn(|at| bytes[at % bytes.len()])
}
