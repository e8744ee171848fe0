//! The golden scenarios in a guest: takes a theme and its bundles, answers with the transcript that the native player writes.
//! `wasm-tests/golden.test.mjs` posts them and compares.

#[cfg(target_os = "wasi")]
#[path = "../../../tests/support/mod.rs"]
mod support;

#[cfg(target_os = "wasi")]
#[fastly::main]
fn main(mut request: fastly::Request) -> Result<fastly::Response, fastly::Error> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use petitfour::engine::Engine;
    use std::{collections::BTreeMap, sync::Arc};

    #[derive(serde::Deserialize)]
    struct Asked {
        theme: support::scenario::Theme,
        bundles: BTreeMap<String, String>,
    }

    let Asked { theme, bundles } = request.take_body_json()?;
    let mut transcript = String::new();
    for scenario in &theme.scenarios {
        let campaigns = scenario.campaigns.as_ref().unwrap_or(&theme.campaigns);
        let bundle = bundles.get(campaigns).map(|text| STANDARD.decode(text)).transpose()?.unwrap_or_default();
        let player = support::player::Player::play(Arc::new(Engine::load(bundle)?), scenario, campaigns);
        transcript += &player.transcript;
        transcript.push('\n');
    }
    Ok(fastly::Response::from_body(transcript))
}

#[cfg(not(target_os = "wasi"))]
fn main() {}
