//! Every fault is told with its code, its line and its column, and without a second fault that only follows from it.
//!
//! In the texts below, `»` stands before the place that the diagnostic must point at.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use petitfour::id::Key;
use petitfour_compiler::{Diagnostic, Severity, Source, compile, render};

/// A file in which nothing is wrong, to which a case adds what is.
const BASE: &str = "petitfour: 1
version: 1
context: { sky: { type: text, values: [sun, rain] }, heat: { type: number } }
traits: { plan: { type: text } }
events: { view: {} }
affinities: { drink: { event: view, property: category, half_life: 7 days, values: [water] } }
feeds: { everywhere: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { t: x } }
";

/// One campaign after the base, with more lines about it.
fn campaign(lines: &str) -> String {
    format!("{BASE}campaigns:\n  - id: a\n    placements: [hero]\n    creatives: [{{ id: k, t: x }}]\n    {lines}\n")
}

/// A segment after the base, which a campaign uses.
fn segment(condition: &str) -> String {
    format!("{}segments:\n  who: {condition}\n", campaign("segment: who"))
}

fn model(text: &str) -> String {
    format!("{}models:\n  m: {text}\n", campaign("model: m"))
}

fn add(text: &str) -> String {
    format!("{}{text}\n", campaign("priority: 1"))
}

/// A journey after the base, of these lines and steps.
fn journey(lines: &str, steps: &str) -> String {
    add(&format!("channels: {{ mail: {{ needs: [] }} }}\njourneys:\n  j:\n    {lines}\n    steps:\n{steps}"))
}

/// Steps of a journey that is entered by an event.
fn steps(steps: &str) -> String {
    journey("enter: { on: view }", &format!("      {}\n", steps.replace('\n', "\n      ")))
}

/// A bid of these fields, with a budget and a currency.
fn bid(fields: &str) -> String {
    campaign(&format!("bid: {{ {fields} }}\n    budget: {{ day: 50 }}\ncurrency: EUR"))
}

/// A creative that says this.
fn says(text: &str) -> String {
    campaign("priority: 1").replace("t: x }]", &format!("t: {text} }}]"))
}

/// A price of these fields.
fn price(fields: &str) -> String {
    add(&format!("currency: EUR\nprices: {{ p: {{ {fields} }} }}"))
}

/// A placement that explores by these fields, with a campaign of a model of these.
fn explore(fields: &str, unsure: &str) -> String {
    model(&format!("{{ kind: linear, {unsure}terms: [{{ context: heat, weights: [{{ at_least: 1, weight: 1 }}] }}] }}"))
        .replace("hero: { fallback: house }", &format!("hero: {{ fallback: house, explore: {fields} }}"))
}

/// A budget of these fields, with a bid and a currency.
fn budget(fields: &str) -> String {
    campaign(&format!("bid: {{ base: 1, domain: a.example }}\n    budget: {{ {fields} }}\ncurrency: EUR"))
}

/// Code and text of every case that fits on a page.
fn cases() -> Vec<(&'static str, String)> {
    vec![
        ("yaml/syntax", "petitfour: 1\nversion: 1\nsite: [a\n»".to_owned()),
        ("yaml/duplicate-key", "petitfour: 1\nversion: 1\n»version: 2\n".to_owned() + &add("")[24..]),
        ("yaml/key", "petitfour: 1\nversion: 1\n? »[a]\n: b\n".to_owned()),
        ("yaml/documents", "petitfour: 1\nversion: 1\n»---\nversion: 2\n".to_owned()),
        ("yaml/alias", "petitfour: 1\nversion: 1\nx-parts: &a [»*a]\n".to_owned()),
        ("file/format", add("").replace("petitfour: 1", "petitfour: »2")),
        ("file/missing-key", add("").replace("version: 1\n", "").replace("petitfour", "»petitfour")),
        ("file/unknown-key", add("»campagins: []")),
        ("file/unknown-type", add("").replace("type: number", "type: »numeric")),
        ("file/wrong-type", campaign("priority: »high")),
        ("file/wrong-type", campaign("schedule: »soon")),
        ("file/out-of-range", campaign("caps: { day: »70000 }")),
        ("file/bad-duration", segment("{ event: view, within: »7 moons }")),
        ("file/bad-duration", segment("{ event: view, within: »$ days }")),
        ("file/bad-duration", segment("{ event: view, within: »36 hours }")),
        ("file/bad-duration", segment("{ last: view, at_least: »5 }")),
        ("file/bad-date", campaign("schedule: { from: »2026-02-30 }")),
        ("file/bad-offset", campaign("schedule: { from: 2026-02-20, timezone: »Europe/Paris }")),
        ("file/no-campaign", BASE.replace("hero:", "»hero:")),
        ("name/letter", add("segments: { »\"a\\tb\": { context: heat, is: 1 } }")),
        ("name/length", add("segments: { »\"\": { context: heat, is: 1 } }")),
        ("consent/unknown-permission", add("consent: { default: [»stores] }")),
        ("consent/unknown-permission", add("consent: { policy: { global_privacy_control: [»sharing] } }")),
        ("consent/unknown-permission", add("consent: { policy: { united_states: { child: [»all] } } }")),
        ("consent/unknown-state", add("consent: { policy: { consent_mode: { store: [»analytic_storage] } } }")),
        ("consent/sets", add("consent: { policy: { europe: { share: [[1], [2], »[7]] } } }")),
        ("consent/sets", add("consent: { policy: { europe: { share: [[1], »[]] } } }")),
        ("consent/country", add("consent: { policy: { europe: { purpose_one_unasked: »Germany } } }")),
        ("consent/interest-ignored", add("consent: { policy: { europe: { legitimate_interest: [7, »5] } } }")),
        ("consent/vendor-unread", add("consent: { policy: { canada: { »vendor: 7, publisher: true } } }")),
        ("file/out-of-range", add("consent: { policy: { europe: { store: [»25] } } }")),
        ("file/out-of-range", add("consent: { policy: { europe: { measure: [[7, »0]] } } }")),
        ("file/out-of-range", add("consent: { policy: { europe: { vendor: »65536 } } }")),
        ("file/unknown-key", add("consent: { policy: { »usa: {} } }")),
        ("file/unknown-key", add("consent: { policy: { europe: { »stores: [1] } } }")),
        ("file/wrong-type", add("consent: { policy: { europe: { store: [[1], »2] } } }")),
        ("file/wrong-type", add("consent: { policy: { consent_mode: { share: »ad_user_data } } }")),
        ("affinity/unknown-event", add("").replace("event: view, property", "event: »vieuw, property")),
        ("feed/unknown-place", add("").replace("everywhere: {}", "everywhere: { place: »shop }")),
        ("feed/place-values", add("").replace("everywhere: {}", "everywhere: { place: »heat }")),
        ("placement/unknown-fallback", add("").replace("fallback: house", "fallback: »hose")),
        ("placement/no-fallback", add("").replace("hero: { fallback: house }", "»hero: {}")),
        ("creative/empty", add("").replace("id: k, t: x", "id: »k")),
        ("creative/field", add("").replace("t: x }]", "t: »[x] }]")),
        ("creative/unseen", add("").replace("{ id: k, t: x }", "{ id: k, t: x }, { id: »l, weight: 0, t: x }")),
        ("creative/slip", add("").replace("{ id: k, t: x }", "{ id: k, »wieght: 2 }")),
        ("creative/duplicate-id", add("").replace("{ id: k, t: x }", "{ id: k, t: x }, { id: »k, t: x }")),
        ("creative/duplicate-id", add("").replace("{ id: k, t: x }", "{ id: »house, t: x }")),
        ("campaign/duplicate-id", add("  - { id: »a, placements: [hero], creatives: [{ id: l, t: x }], priority: 2 }")),
        ("campaign/no-placement", add("  - { id: »b, creatives: [{ id: l, t: x }] }")),
        ("campaign/placement-twice", add("").replace("placements: [hero]", "placements: [hero, »hero]")),
        ("campaign/unknown-placement", add("").replace("placements: [hero]", "placements: [hero, »herro]")),
        ("campaign/unknown-segment", campaign("segment: »nobody")),
        ("campaign/unknown-feed", campaign("stock: { feed: »shelf, item: a }")),
        ("campaign/unknown-model", campaign("model: »thirst")),
        ("campaign/unknown-otherwise", campaign("stock: { feed: everywhere, item: a, otherwise: »hide }")),
        (
            "campaign/segment-and-when",
            segment("{ context: heat, is: 1 }").replace("segments:", "    »when: { context: heat, is: 1 }\nsegments:"),
        ),
        ("campaign/schedule-over", campaign("schedule: { from: 2026-02-02, until: »2026-02-02 }")),
        ("campaign/cap-zero", campaign("caps: { day: »0 }")),
        ("campaign/cap-idle", campaign("caps: { hour: »5, day: 3 }")),
        ("campaign/bad-holdout", campaign("holdout: »0.1")),
        ("campaign/bad-holdout", campaign("holdout: »110%")),
        ("campaign/holdout-all", campaign("holdout: »100%")),
        (
            "campaign/no-creative",
            add("  - { id: b, placements: [hero], creatives: »[] }").replace("priority: 1", "caps: { day: 1 }"),
        ),
        ("campaign/no-weight", add("").replace("[{ id: k, t: x }]", "»[{ id: k, weight: 0, t: x }]")),
        ("campaign/hidden", add("  - { id: »b, placements: [hero], creatives: [{ id: l, t: x }] }")),
        ("bid/price", bid("base: »0, domain: a.example")),
        ("bid/price", bid("base: »1.0005, domain: a.example")),
        ("bid/price", bid("base: 1, max: »-4, domain: a.example")),
        ("bid/max-below-base", bid("base: 1.20, max: »1.10, domain: a.example")),
        ("bid/domain", bid("base: 1, domain: »https://a.example/")),
        ("bid/category", bid("base: 1, domain: a.example, categories: [IAB8-18, »IAB27]")),
        ("file/missing-key", bid("base: 1").replace("bid: {", "bid: »{")),
        ("bid/currency", bid("base: 1, domain: a.example").replace("EUR", "»euro")),
        ("bid/no-currency", bid("base: 1, domain: a.example").replace("\ncurrency: EUR", "").replace("bid:", "»bid:")),
        (
            "bid/no-budget",
            bid("base: 1, domain: a.example").replace("\n    budget: { day: 50 }", "").replace("bid:", "»bid:"),
        ),
        ("bid/amount", budget("day: »0")),
        ("bid/amount", budget("total: »0.001")),
        ("bid/unknown-pacing", budget("day: 50, pacing: »evn")),
        ("bid/empty-budget", budget("").replace("budget:", "»budget:")),
        ("bid/even-without-day", budget("total: 50, pacing: »even")),
        ("bid/day-over-total", budget("day: »50, total: 40")),
        ("bid/idle-budget", campaign("»budget: { day: 50 }")),
        ("segment/shape", segment("»[{ context: heat, is: 1 }]")),
        ("segment/shape", segment("{ context: heat, »trait: plan, is: 1 }")),
        ("segment/shape", segment("»{ is: 1 }")),
        ("segment/shape", segment("{ context: heat, present: »false }")),
        ("segment/shape", segment("{ »all: [] }")),
        ("segment/unknown-context", segment("{ context: »heats, is: 1 }")),
        ("segment/unknown-trait", segment("{ trait: »plans, is: free }")),
        ("segment/unknown-event", segment("{ event: »bought }")),
        ("segment/unknown-membership", segment("{ member: »gold }")),
        ("segment/unknown-affinity", segment("{ affinity: »drinks, of: water, at_least: 1 }")),
        ("segment/unknown-value", segment("{ context: sky, in: [sun, »rian] }")),
        ("segment/unknown-value", segment("{ affinity: drink, of: »watre, at_least: 1 }")),
        ("segment/unknown-moment", segment("{ moment: »minute, is: 1 }")),
        ("segment/where", segment("{ event: view, where: »{ a: b, c: d } }")),
        ("segment/no-operator", segment("»{ context: heat }")),
        ("segment/wrong-operator", segment("{ context: sky, »at_least: 3 }")),
        ("segment/wrong-value", segment("{ context: heat, at_least: »warm }")),
        ("segment/wrong-value", segment("{ moment: weekday, is: »someday }")),
        ("segment/wrong-value", segment("{ context: heat, at_least: »nan }")),
        ("segment/empty-list", segment("{ context: sky, »in: [] }")),
        ("segment/between", segment("{ context: heat, between: »[1, 2, 3] }")),
        ("segment/between", segment("{ moment: hour, between: [»22, 4] }")),
        ("segment/never", segment("»{ event: view, at_least: 5, at_most: 3 }")),
        ("segment/never", segment("»{ event: view, more_than: 3, less_than: 4 }")),
        ("segment/never", segment("»{ moment: hour, at_least: 24 }")),
        ("segment/never", segment("»{ event: view, absent: true }")),
        (
            "segment/never",
            segment("{ all: [{ context: sky, is: sun }, { context: sky, is: rain }] }").replace("who: {", "»who: {"),
        ),
        (
            "segment/always",
            segment("{ any: [{ context: sky, is: sun }, { not: { context: sky, is: sun } }] }")
                .replace("who: {", "»who: {"),
        ),
        ("segment/circle", segment("{ not: { segment: »who } }")),
        ("segment/unknown-campaign", segment("{ seen: »b }")),
        ("segment/unknown-journey", segment("{ journey: »k }")),
        ("segment/unknown-step", steps("- { wait: 1 day, id: rest }") + "segments: { w: { journey: j, at: »rset } }\n"),
        ("segment/wrong-value", steps("- { stop: done }") + "segments: { w: { journey: j, is: »insid } }\n"),
        ("channel/no-purpose", add("channels: { mail: »{} }")),
        (
            "channel/always-quiet",
            add("channels: { mail: { needs: [], quiet: »{ from: \"09:00\", until: \"09:00\" } } }"),
        ),
        ("campaign/cap-idle", add("channels: { mail: { needs: [], caps: »{ day: 3, week: 2 } } }")),
        ("exposures/none", campaign("exposures: »{ pacing: asap }")),
        ("exposures/unknown-pacing", campaign("exposures: { day: 5, pacing: »evn }")),
        ("exposures/even-without-day", campaign("exposures: { total: 5, pacing: »even }")),
        ("exposures/day-over-total", campaign("»exposures: { day: 50, total: 5 }")),
        ("campaign/unknown-otherwise", campaign("exposures: { day: 5, otherwise: »shw }")),
        ("file/out-of-range", campaign("exposures: { day: »0 }")),
        ("file/unknown-key", campaign("exposures: { »week: 5 }")),
        (
            "feed/reserved",
            campaign("exposures: { day: 5 }").replace("everywhere: {}", "everywhere: {}, »petitfour.pace: {}"),
        ),
        ("pressure/no-cap", add("pressure: »{ except: [] }")),
        ("pressure/unknown-channel", add("channels: { mail: { needs: [] } }\npressure: { day: 2, except: [»male] }")),
        ("file/unknown-key", add("pressure: { »dya: 2 }")),
        ("file/out-of-range", add("pressure: { day: »0 }")),
        ("file/out-of-range", add("pressure: { week: »255 }")),
        ("campaign/cap-idle", add("pressure: »{ day: 3, week: 2 }")),
        ("journey/no-trigger", journey("enter: »{}", "      - { stop: done }")),
        ("journey/no-trigger", steps("- { wait: »{ at_most: 1 day }, id: rest }")),
        ("journey/unknown-changed", journey("enter: { on: view }\n    changed: »parc", "      - { stop: done }")),
        ("journey/step", steps("- »{ id: nothing }")),
        ("journey/step", steps("- »{ wait: 1 day, stop: done, id: x }")),
        ("journey/unknown-end", steps("- { stop: »dun }")),
        ("journey/idle-then", steps("- { wait: »1 day, id: rest, then: [{ stop: done }] }")),
        ("journey/long-wait", steps("- { wait: »641 days, id: rest }")),
        ("journey/bad-clock", steps("- { wait: { until: »9 }, id: rest }")),
        ("journey/bad-clock", steps("- { wait: { until: »bset }, id: rest }")),
        ("journey/bad-clock", steps("- { wait: { until: best, otherwise: »nine }, id: rest }")),
        ("journey/bad-clock", steps("- { wait: { until: best, between: [\"08:00\", »\"24:00\"] }, id: rest }")),
        ("journey/hours", steps("- { wait: { until: best, between: »[\"08:00\"] }, id: rest }")),
        ("journey/hours", steps("- { wait: { until: best, between: [\"08:00\", »\"20:30\"] }, id: rest }")),
        ("journey/hours", steps("- { wait: { until: best, between: »[\"08:00\", \"08:00\"] }, id: rest }")),
        (
            "journey/hours",
            steps("- { wait: { until: best, between: [\"18:00\", \"08:00\"], otherwise: »\"09:00\" }, id: rest }"),
        ),
        ("file/unknown-key", steps("- { wait: { until: \"09:00\", »between: [\"08:00\", \"20:00\"] }, id: rest }")),
        ("journey/shares", steps("- split: »[{ share: 30% }, { share: 60% }]")),
        ("journey/unknown-journey", journey("enter: { on: view }\n    suppress: [»k]", "      - { stop: done }")),
        ("journey/unknown-campaign", steps("- { wait: 1 day, id: rest, show: [»b] }")),
        (
            "journey/never-entered",
            journey(
                "enter: { when: { trait: plan, is: gold } }\n    exit: { when: { trait: plan, present: true } }",
                "      - { wait: 1 day, id: rest }",
            )
            .replace("enter: {", "enter: »{"),
        ),
        ("journey/no-step", journey("enter: { on: view }", "      []").replace("  j:", "  »j:")),
        ("journey/no-id", steps("- »{ wait: 1 day }")),
        ("journey/no-id", steps("- »{ send: { channel: mail, message: hello } }")),
        ("journey/duplicate-step", steps("- { wait: 1 day, id: rest }\n- { wait: 1 day, id: »rest }")),
        (
            "journey/starved",
            steps("- »{ send: { channel: mail, message: a }, id: a }\n- { wait: 2 hours, id: b }\n- { send: { channel: mail, message: b }, id: c }")
                .replace("mail: { needs: [] }", "mail: { needs: [], caps: { day: 1 } }"),
        ),
        // Each channel has room, and all of them together do not; what an exempt one may carry waits for nobody.
        (
            "journey/starved",
            steps("- { send: { channel: [mail, free], message: a }, id: z }\n- »{ send: { channel: mail, message: a }, id: a }\n- { wait: 2 hours, id: b }\n- { send: { channel: call, message: b }, id: c }")
                .replace("mail: { needs: [] }", "mail: { needs: [] }, call: { needs: [] }, free: { needs: [] }")
                + "pressure: { day: 1, except: [free] }\n",
        ),
        // Round and round in minutes, with a cap that only a week fills.
        (
            "journey/starved",
            steps("- { wait: 1 minute, id: a }\n- { wait: 1 minute, id: b }\n- »{ send: { channel: mail, message: a }, id: c }\n- goto: a")
                .replace("mail: { needs: [] }", "mail: { needs: [], caps: { week: 200 } }"),
        ),
        ("journey/no-channel", steps("- »{ send: { channel: [], message: hello }, id: x }")),
        ("journey/unknown-channel", steps("- { send: { channel: »male, message: hello }, id: x }")),
        ("journey/unknown-step", steps("- { wait: 1 day, id: rest }\n- goto: »rset")),
        (
            "journey/unknown-step",
            journey("enter: { on: view }\n    moved: { old: »rset }", "      - { wait: 1 day, id: rest }"),
        ),
        (
            "journey/moved-there",
            journey("enter: { on: view }\n    moved: { »rest: rest }", "      - { wait: 1 day, id: rest }"),
        ),
        ("journey/unreachable", steps("- { stop: done }\n- »{ wait: 1 day, id: rest }")),
        ("journey/unreachable", steps("- { wait: { on: view }, id: top, else: [»{ wait: 1 day, id: rest }] }")),
        ("journey/unreachable", steps("- { wait: { on: view }, id: top, then: [{ stop: done }] }\n- »{ wait: 1 day, id: rest }")),
        ("journey/endless", steps("- »{ set: { trait: plan, to: a }, id: top }\n- goto: top")),
        ("campaign/two-levels", campaign("stock: { feed: everywhere, item: a, at_least: 2, »above: everywhere }")),
        ("campaign/two-levels", campaign("stock: { feed: everywhere, item: a, above: »everywhere }")),
        ("campaign/unknown-feed", campaign("stock: [{ feed: everywhere, item: a }, { feed: everywhere, item: a, above: »nowhere }]")),
        ("campaign/unknown-feed", steps("- { wait: { in_stock: { feed: »nowhere, item: a }, at_most: 1 day }, id: x }")),
        ("bid/composed", bid("base: 1, domain: a.example").replace("id: k, t: x", "id: »k, t: \"{{ context.heat | default: '-' }}\"")),
        ("creative/placeholder", says("»\"{{ context.heat\"")),
        ("creative/placeholder", says("»\"{{ heat }}\"")),
        ("creative/placeholder", says("»\"{{ context.heat | default: 30 }}\"")),
        ("creative/placeholder", says("»\"{{ context.heat | default: '-' | loud }}\"")),
        ("creative/no-source", says("»\"{{ context.head | default: '-' }}\"")),
        ("creative/no-source", says("»\"{{ price.still | default: '-' }}\"")),
        ("creative/no-source", says("»\"{{ feed.everywhere | default: '-' }}\"")),
        ("creative/no-source", says("»\"{{ profile.heat | default: '-' }}\"")),
        ("creative/no-default", says("»\"{{ context.heat }}\"")),
        ("creative/free-text", says("»\"{{ trait.plan | default: '-' }}\"")),
        ("creative/placeholder-address", says("x, link: »\"/?{{ context.heat | default: '-' }}\"")),
        ("creative/locale", says("x, locale: »klingon")),
        ("creative/empty-part", says("x, parts: { »p: [] }")),
        ("creative/open-part", says("x, parts: { »p: [{ id: a, text: a, when: { context: heat, at_least: 1 } }] }")),
        ("creative/open-part", says("x, parts: { »p: [{ id: a, text: a, not_with: [q.b] }], q: [{ id: b, text: b }, { id: c, text: c }] }")),
        ("creative/part-twice", says("x, parts: { »t: [{ id: a, text: a }] }")),
        ("creative/duplicate-option", says("x, parts: { p: [{ id: a, text: a }, { id: »a, text: b }] }")),
        ("creative/unknown-option", says("x, parts: { p: [{ id: a, text: a, not_with: [»q.a] }, { id: b, text: b }] }")),
        ("creative/same-part", says("x, parts: { p: [{ id: a, text: a, not_with: [»p.b] }, { id: b, text: b }, { id: c, text: c }] }")),
        ("creative/unseen", says("x, parts: { p: [{ id: a, text: a }, { id: »b, text: b, when: { context: heat, at_least: 1 } }] }")),
        ("creative/unseen", says("x, parts: { p: [{ id: a, text: a }, { id: »b, text: b, weight: 0 }] }")),
        ("creative/size", says(&format!("x, parts: {{ p: [{}] }}", (0..65).map(|number| format!("{{ id: o{number}, text: a }}")).collect::<Vec<_>>().join(", "))).replace("id: k", "id: »k")),
        ("price/no-currency", add("prices: { »p: { base: 1 } }")),
        ("price/currency", add("currency: »XXX\nprices: { p: { base: 1 } }")),
        ("price/amount", price("base: »1.205")),
        ("price/amount", price("base: »-1")),
        ("price/no-floor", price("base: 1, below: { feed: everywhere, item: a }").replace("p: {", "p: »{")),
        ("price/no-ceiling", price("base: 1, short: { feed: everywhere, item: a, under: 2, times: 2 }").replace("p: {", "p: »{")),
        ("price/floor-over-ceiling", price("base: 1, floor: »3, ceiling: 2")),
        ("campaign/unknown-feed", price("base: { feed: »nowhere, item: a }")),
        ("file/out-of-range", price("base: 1, floor: { feed: everywhere, item: a, times: »0.9 }")),
        ("model/unknown-kind", model("{ kind: »forest }")),
        ("model/term", model("{ kind: linear, terms: [»{ weights: [{ is: 1, weight: 1 }] }] }")),
        ("model/term", model("{ kind: linear, terms: [{ context: heat, weights: [»{ weight: 1 }] }] }")),
        ("model/idle-term", model("{ kind: linear, terms: [»{ context: heat, weights: [] }] }")),
        ("model/never", model("{ kind: linear, terms: [{ moment: hour, weights: [»{ is: 25, weight: 1 }] }] }")),
        (
            "model/level",
            model("{ kind: trees, trees: [{ levels: [»{ not: { context: heat, is: 1 } }], leaves: [0, 1] }] }"),
        ),
        ("model/leaves", model("{ kind: trees, trees: [{ levels: [{ context: heat, is: 1 }], leaves: »[0] }] }")),
        ("model/depth", model("{ kind: trees, trees: [{ levels: »[], leaves: [] }] }")),
        ("model/no-file", model("{ file: »gone.json }")),
        (
            "model/given",
            model("{ kind: linear, terms: [{ context: heat, weights: [{ at_least: 1, weight: 1 }] }] }")
                .replace("model: m", "model: { name: »m, given: { heat: 1 } }"),
        ),
        ("explore/unknown-policy", explore("{ by: »tompson }", "")),
        ("explore/nothing", explore("»{ by: greedy }", "")),
        ("explore/size", explore("{ by: softmax, temperature: »0 }", "")),
        ("explore/size", explore("{ by: upper, alpha: »31 }", "spread: 1, ")),
        ("explore/draws", explore("»{ by: thompson, draws: 100 }", "spread: 1, ")),
        ("file/out-of-range", explore("{ by: thompson, draws: »2048 }", "spread: 1, ")),
        ("explore/idle", explore("{ by: thompson, »alpha: 2 }", "spread: 1, ")),
        ("explore/idle", explore("»{ epsilon: 5%, draws: 8 }", "")),
        ("campaign/bad-holdout", explore("{ epsilon: »5 }", "")),
        ("explore/no-model", explore("{ by: softmax }", "").replace("model: m", "priority: 1").replace("id: a", "id: »a")),
        ("explore/no-spread", explore("{ by: thompson }", "").replace("model: m", "model: »m")),
        ("file/out-of-range", explore("{ epsilon: 5% }", "spread: »-1, ")),
        ("file/out-of-range", model("{ kind: linear, terms: [{ context: heat, weights: [{ is: 1, weight: 1, spread: »3 }] }] }")),
    ]
}

fn compiled(text: &str) -> Vec<Diagnostic> {
    compile(&[Source { name: "c.yaml".to_owned(), text: text.to_owned() }], &|_| None).diagnostics
}

/// The text without the mark, and the line and column where it was.
fn unmarked(text: &str) -> (String, u32, u32) {
    let at = text.find('»').unwrap_or_else(|| panic!("no mark in {text}"));
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (text.replace('»', ""), u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
}

#[test]
fn the_base_of_the_cases_has_no_fault() {
    assert_eq!(compiled(&add("")), []);
    assert_eq!(compiled(&segment("{ context: heat, is: 1 }")), []);
    for how in [
        "{ epsilon: 5% }",
        "{ by: softmax, temperature: 0.2 }",
        "{ by: thompson, draws: 8 }",
        "{ by: upper, epsilon: 0% }",
    ] {
        assert_eq!(compiled(&explore(how, "spread: 0.5, ")), [], "{how}");
    }
    assert_eq!(compiled(&bid("base: 1.205, max: 4, domain: a.example, categories: IAB8")), []);
}

#[test]
fn each_fault_is_told_once_with_its_code_and_place() {
    let mut wrong = String::new();
    for (code, text) in cases() {
        let (text, line, column) = unmarked(&text);
        let found = compiled(&text);
        let told: Vec<_> = found.iter().map(|it| (it.code, it.place.line, it.place.column)).collect();
        if told != [(code, line, column)] {
            let messages: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
            writeln!(wrong, "{code} {line}:{column} was told as {told:?} {messages:?}\n{text}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_fault_in_the_second_file_is_told_there() {
    let sources = [("a.yaml", add("")), ("b.yaml", "version: 2\nevents: { view: {} }\n".to_owned())]
        .map(|(name, text)| Source { name: name.to_owned(), text });
    let found = compile(&sources, &|_| None).diagnostics;
    let told: Vec<_> =
        found.iter().map(|it| (it.code, it.place.file.as_str(), it.place.line, it.place.column)).collect();
    assert_eq!(told, [("file/written-twice", "b.yaml", 1, 1), ("event/duplicate", "b.yaml", 2, 11)]);
    let first: Vec<_> =
        found.iter().map(|it| it.related.as_ref().map(|it| (it.place.file.as_str(), it.place.line))).collect();
    assert_eq!(first, [Some(("a.yaml", 2)), Some(("a.yaml", 5))]);
}

#[test]
fn a_name_declared_in_two_files_is_a_fault_of_each_kind() {
    let again = "context: { heat: { type: number } }\ntraits: { plan: { type: text } }\n\
                 affinities: { drink: { event: view, property: category, half_life: 7 days } }\nmemberships: { gold: {} }\nfeeds: { everywhere: {} }\n\
                 placements: { hero: { fallback: house } }\nsegments: { who: { event: view } }\n\
                 models: { m: { kind: linear, terms: [] } }\n\
                 prices: { p: { base: 1 } }\n\
                 channels: { mail: { needs: [] } }\njourneys: { j: { enter: { on: view }, steps: [{ stop: done }] } }\n";
    let more = "memberships: { gold: {} }\nsegments: { who: { event: view } }\nmodels: { m: { kind: linear, terms: [] } }\n\
                currency: EUR\nprices: { p: { base: 1 } }\n\
                channels: { mail: { needs: [] } }\njourneys: { j: { enter: { on: view }, steps: [{ stop: done }] } }";
    let sources = [("a.yaml", add(more)), ("b.yaml", again.to_owned())];
    let sources = sources.map(|(name, text)| Source { name: name.to_owned(), text });
    let found = compile(&sources, &|_| None).diagnostics;
    let told: Vec<&str> = found.iter().map(|it| it.code).collect();
    let kinds = [
        "context",
        "trait",
        "affinity",
        "membership",
        "feed",
        "placement",
        "segment",
        "model",
        "price",
        "channel",
        "journey",
    ];
    assert_eq!(told, kinds.map(|kind| format!("{kind}/duplicate")));
}

#[test]
fn two_names_with_one_key_are_a_fault() {
    let mut keys = BTreeMap::new();
    let pair = (0..).find_map(|number| {
        let name = format!("n{number}");
        keys.insert(Key::of(&name), name.clone()).map(|other| (other, name))
    });
    let (first, second) = pair.unwrap();
    let found = compiled(&add("").replace("view: {}", &format!("view: {{}}, {first}: {{}}, {second}: {{}}")));
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), ["name/collision"]);
}

#[test]
fn what_grows_beyond_a_bound_is_a_fault_and_never_cut() {
    // Nine ORs of two things each: 512 combinations.
    let ors: Vec<String> =
        (0..9).map(|at| format!("{{ any: [{{ trait: a{at}, is: x }}, {{ trait: b{at}, is: x }}] }}")).collect();
    let traits: Vec<String> = (0..9).map(|at| format!("a{at}: {{ type: text }}, b{at}: {{ type: text }}")).collect();
    let large =
        segment(&format!("{{ all: [{}] }}", ors.join(", "))).replace("plan:", &format!("{}, plan:", traits.join(", ")));
    let mut chain = segment("{ segment: s0 }");
    for at in 0..80 {
        writeln!(chain, "  s{at}: {{ segment: s{} }}", at + 1).unwrap();
    }
    chain.push_str("  s80: { event: view }\n");
    let mut bomb = add("x-parts:\n  - &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]");
    for at in 1..8 {
        writeln!(bomb, "  - &a{at} [{}]", vec![format!("*a{}", at - 1); 10].join(", ")).unwrap();
    }
    let deep = add(&format!("x-parts: {}{}", "[".repeat(80), "]".repeat(80)));
    let values: Vec<String> = (0..70_000).map(|at| format!("v{at}")).collect();
    let values = segment(&format!("{{ trait: plan, in: [{}] }}", values.join(", ")));
    let creative = add("").replace("t: x }]", &format!("t: {} }}]", "x".repeat(17 << 20)));
    let long = steps(&"- { set: { trait: plan, to: a } }\n".repeat(65));
    let nested = (0..18)
        .fold("{ stop: done }".to_owned(), |inner, _| format!("{{ if: {{ trait: plan, is: a }}, then: [{inner}] }}"));
    for (code, text) in [
        ("journey/size", long),
        ("journey/depth", steps(&format!("- {nested}"))),
        ("segment/too-large", large),
        ("segment/chain", chain),
        ("yaml/size", bomb),
        ("yaml/depth", deep),
        ("bundle/limit", values),
        ("bundle/size", creative),
    ] {
        let result = compile(&[Source { name: "c.yaml".to_owned(), text }], &|_| None);
        assert!(result.bundle.is_none());
        assert_eq!(result.diagnostics.iter().map(|it| it.code).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn segments_that_name_each_other_twice_on_every_level_compile_at_once() {
    let mut text = segment("{ all: [{ segment: s0 }, { segment: s0 }] }");
    for at in 0..50 {
        writeln!(text, "  s{at}: {{ any: [{{ segment: s{0} }}, {{ not: {{ not: {{ segment: s{0} }} }} }}] }}", at + 1)
            .unwrap();
    }
    text.push_str("  s50: { event: view }\n");
    assert_eq!(compiled(&text), []);
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_file() {
    let text = segment("{ all: [{ context: heats, is: 1 }, { trait: plans, is: a }, { event: bought }] }")
        .replace("placements: [hero]", "placements: [herro]")
        .replace("segment: who", "segment: whom\n    caps: { day: 0 }");
    let codes: Vec<&str> = compiled(&text).iter().map(|it| it.code).collect();
    let wanted = [
        "campaign/unknown-placement",
        "campaign/unknown-segment",
        "campaign/cap-zero",
        "segment/unknown-context",
        "segment/unknown-trait",
        "segment/unknown-event",
    ];
    assert_eq!(codes, wanted);
}

#[test]
fn a_near_name_is_offered_and_a_far_one_is_not() {
    let remedy = |name: &str| compiled(&segment(&format!("{{ context: {name}, is: 1 }}"))).remove(0).remedy;
    assert_eq!(remedy("heta").as_deref(), Some("did you mean `heat`?"));
    assert_eq!(remedy("Heat").as_deref(), Some("did you mean `heat`?"));
    assert_eq!(remedy("altitude").as_deref(), Some("known: `heat`, `sky`"));
}

#[test]
fn a_fault_in_a_model_file_is_told_in_that_file() {
    let text = model("{ file: m.json }");
    let files = |name: &str| (name == "m.json").then(|| b"{\n  \"kind\": \"forest\"\n}".to_vec());
    let result = compile(&[Source { name: "c.yaml".to_owned(), text }], &files);
    let told = &result.diagnostics[0];
    assert_eq!(
        (told.code, told.place.file.as_str(), told.place.line, told.place.column),
        ("model/unknown-kind", "m.json", 2, 11)
    );
    let drawn = render::diagnostic(told, &result.sources, false);
    assert!(drawn.contains("m.json:2:11") && drawn.contains("\"kind\": \"forest\""), "{drawn}");
}

/// One split of `heat` for each bound, as LightGBM writes it.
fn trained(bounds: impl IntoIterator<Item = u32>) -> String {
    let mut text = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=binary sigmoid:1\nfeature_names=heat\n".to_owned();
    for (tree, bound) in bounds.into_iter().enumerate() {
        write!(
            text,
            "\nTree={tree}\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold={bound}.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=0 0.3\nis_linear=0\nshrinkage=1\n"
        )
        .unwrap();
    }
    text + "\nend of trees\n"
}

#[test]
fn what_a_trained_model_lacks_is_told_where_it_is_named() {
    let small = trained([20, 30, 40]);
    let regression = small.replace("binary sigmoid:1", "regression");
    let cut = small.replace("end of trees", "");
    // Borders that segments ask for move a model's into other bins: what it looks at there is a byte all the same.
    let listed = |name: &str| {
        let values: Vec<String> = (0..20_000).map(|value| (2 * value).to_string()).collect();
        format!("{{ context: {name}, in: [{}] }}", values.join(", "))
    };
    let wide = trained([50_000, 50_001])
        .replace("max_feature_idx=0", "max_feature_idx=1")
        .replace("feature_names=heat", "feature_names=heat cold");
    let wide = wide.replacen("split_feature=0", "split_feature=1", 1);
    let many = format!("{{ trained: »m }}\nsegments: {{ s: {{ any: [{}, {}] }} }}", listed("heat"), listed("cold"));
    let cases: [(&str, &str, &str); 10] = [
        ("model/no-file", &small, "{ trained: »gone.txt }"),
        ("model/unread", &cut, "{ trained: »m }"),
        ("model/no-probability", &regression, "{ trained: »m }"),
        ("model/leaves", &small, "»{ trained: m, leaves: 9 }"),
        ("model/tolerance", &small, "»{ trained: m, tolerance: -1 }"),
        ("model/drift", &trained((0..40).map(|tree| tree * tree)), "{ trained: »m, leaves: 8, tolerance: 0.0000001 }"),
        ("model/feature-kind", &small, "{ trained: m, features: { »heat: { context: sky } } }"),
        ("model/constant", &small, "{ trained: m, features: { heat: { value: »hot } } }"),
        ("model/calibration", &small, "{ trained: m, calibrate: { slope: »-1, intercept: 0 } }"),
        ("model/unknown-feature", &small, "{ trained: m, features: { »heta: { context: heat } } }"),
    ];
    let cold = |text: &str| {
        model(text).replace("heat: { type: number } }", "heat: { type: number }, cold: { type: number } }")
    };
    for (code, file, text) in cases {
        let base = cold(text);
        let (text, line, column) = unmarked(&base);
        let files = |name: &str| (name == "m").then(|| file.as_bytes().to_vec());
        let told = compile(&[Source { name: "c.yaml".to_owned(), text }], &files).diagnostics;
        let found: Vec<_> = told.iter().map(|told| (told.code, told.place.line, told.place.column)).collect();
        assert_eq!(found, [(code, line, column)], "{}", &base[..base.len().min(900)]);
    }
    let text = cold(&many.replace('»', "")).replace("model: m", "segment: s\n    model: m");
    let told = compile(&[Source { name: "c.yaml".to_owned(), text }], &|_| Some(wide.as_bytes().to_vec()));
    assert!(told.bundle.is_some() && told.diagnostics.is_empty(), "{:?}", told.diagnostics);
    let many = trained(0..300);
    let files = |_: &str| Some(many.as_bytes().to_vec());
    let told = compile(&[Source { name: "c.yaml".to_owned(), text: model("{ trained: m }") }], &files);
    assert_eq!(
        told.diagnostics.iter().map(|told| (told.code, told.severity)).collect::<Vec<_>>(),
        [("model/grid", Severity::Warning)]
    );
    assert!(told.bundle.is_some());
    // Every second of 4,000 numbers is a category to the left, in forty trees that each leave out another.
    let wide = |tree: u32| {
        let words: Vec<String> =
            (0..125).map(|word| if word == tree { 0x5555_5554_u32 } else { 0x5555_5555 }.to_string()).collect();
        format!(
            "\nTree={tree}\nnum_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\nleaf_value=0 0.3\ncat_boundaries=0 125\ncat_threshold={}\nis_linear=0\nshrinkage=1\n",
            words.join(" ")
        )
    };
    let trees: String = (0..40).map(wide).collect();
    let sparse = trained([]).replace("\nend of trees\n", &(trees + "\nend of trees\n"));
    let files = |_: &str| Some(sparse.as_bytes().to_vec());
    let told = compile(&[Source { name: "c.yaml".to_owned(), text: model("{ trained: m }") }], &files);
    let found: Vec<_> = told.diagnostics.iter().map(|told| (told.code, told.message.as_str())).collect();
    assert_eq!(found, [("model/large", "what it asks of `heat` takes 160080 bytes of the bundle")]);
    // The sky is sun or rain, and the model knows it as fog.
    let sets = small
        .replace("feature_names=heat", "feature_names=sky")
        .replace("num_cat=0", "num_cat=1")
        .replace("decision_type=2", "decision_type=1")
        .replace("threshold=20.5", "threshold=0")
        .replace("threshold=30.5", "threshold=0")
        .replace("threshold=40.5", "threshold=0")
        .replace("is_linear=0", "cat_boundaries=0 1\ncat_threshold=1\nis_linear=0")
        .replace("end of trees\n", "end of trees\n\nparameters:\n[categorical_feature: 0]\nend of parameters\n\npandas_categorical:[[\"fog\", \"sun\"]]\n");
    let files = |_: &str| Some(sets.as_bytes().to_vec());
    let told = compile(&[Source { name: "c.yaml".to_owned(), text: model("{ trained: m }") }], &files);
    let found: Vec<_> = told.diagnostics.iter().map(|told| (told.code, told.message.as_str())).collect();
    let message = "of `sky` the model knows what is not among the declared values: `fog`";
    assert_eq!(found, [("model/undeclared-value", message)]);
}

#[test]
fn a_diagnostic_is_drawn_with_its_line_and_its_remedy() {
    let (text, ..) = unmarked(&segment("{ context: »heta, is: 1 }"));
    let source = [Source { name: "c.yaml".to_owned(), text }];
    let drawn = render::diagnostic(&compile(&source, &|_| None).diagnostics[0], &source, false);
    for part in [
        "error[segment/unknown-context]: there is no context value `heta`",
        "c.yaml:16:19",
        "^^^^",
        "did you mean `heat`?",
    ] {
        assert!(drawn.contains(part), "{part} in\n{drawn}");
    }
}

#[test]
fn columns_count_characters_and_bytes_count_bytes() {
    let (text, line, column) = unmarked(&add("").replace("t: x }]", "t: \"größer ✓\", u: »[] }]"));
    let told = compiled(&text).remove(0);
    assert_eq!((told.place.line, told.place.column), (line, column));
    assert_eq!(&text[told.place.bytes], "[]");
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let text = segment("{ context: heat, is: 1 }");
    for cut in 0..text.len() {
        if text.is_char_boundary(cut) {
            let _ = compiled(&text[..cut]);
            let _ = compiled(&format!("{}\u{0}{}", &text[..cut], &text[cut..]));
            let _ = compiled(&format!("{}: [{}", &text[..cut], &text[cut..]));
        }
    }
}

#[test]
fn every_code_has_a_test_here_and_a_line_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = std::fs::read_to_string(root.join("tests/faults.rs")).unwrap();
    let reference = std::fs::read_to_string(root.join("../docs/campaigns.md")).unwrap();
    let mut missing = Vec::new();
    // `story` and `sentence` have references and tests of their own: `tests/stories.rs`, `tests/sentences.rs`.
    let folders =
        ["src", "src/content", "src/journey", "src/layout"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let files = folders
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("sentence.rs"));
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for literal in text.split('"').skip(1).step_by(2) {
            let Some((area, fault)) = literal.split_once('/') else { continue };
            let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            // `{kind}/duplicate` is tested for all kinds at once.
            let tested = own.contains(&format!("\"{literal}\""))
                || (fault == "duplicate" && own.contains(&format!("\"{area}\"")));
            if plain(area) && plain(fault) && !(tested && reference.contains(&format!("`{literal}`"))) {
                missing.push(literal.to_owned());
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn warnings_do_not_keep_the_bundle_from_being_written() {
    let text = add("").replace("hero: { fallback: house }", "hero: {}");
    let result = compile(&[Source { name: "c.yaml".to_owned(), text }], &|_| None);
    assert_eq!(result.diagnostics[0].severity, Severity::Warning);
    assert!(result.bundle.is_some());
}
