//! A creative as the answer to a native request (OpenRTB Dynamic Native Ads 1.2): the assets that are asked for, by their ids.

use crate::creative::{Creative, Reach};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Assets of one request.
const MOST: usize = 32;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    /// Versions before 1.1 stood within another object, and are answered so.
    native: Option<Box<Request>>,
    ver: Option<String>,
    assets: Vec<Asset>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asset {
    id: i64,
    required: u8,
    title: Option<Title>,
    img: Option<Image>,
    data: Option<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Title {
    len: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    r#type: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    r#type: Option<u32>,
    len: Option<usize>,
}

impl Request {
    /// Reads `imp.native.request`, a text of JSON; `None` where it is none, or asks for nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let request: Self = serde_json::from_str(text).ok()?;
        let assets = request.native.as_ref().map_or(&request.assets, |inner| &inner.assets);
        (1..=MOST).contains(&assets.len()).then_some(request)
    }

    /// The answer, as text; in words what is missing.
    pub(crate) fn answer(&self, creative: &Creative, domain: &str, reach: Reach<'_>) -> Result<String, String> {
        let inner = self.native.as_deref().unwrap_or(self);
        let link = creative.address("link", reach)?.ok_or("it has no `link`")?;
        let mut assets = Vec::new();
        for asset in &inner.assets {
            match asset.answer(creative, domain, reach)? {
                Some((kind, answered)) => {
                    // In the order of the names, whatever order the JSON library keeps.
                    assets.push(BTreeMap::from([("id", asset.id.into()), (kind, answered)]));
                }
                _ if asset.required == 1 => return Err(format!("it has nothing for asset {}", asset.id)),
                _ => {}
            }
        }
        if assets.is_empty() {
            return Err("it has none of the assets".to_owned());
        }
        let version = inner.ver.as_deref().filter(|ver| ver.len() <= 8).unwrap_or("1.2");
        let answer =
            BTreeMap::from([("assets", json!(assets)), ("link", json!({ "url": link })), ("ver", json!(version))]);
        let answer = if self.native.is_some() { json!({ "native": answer }) } else { json!(answer) };
        // In JSON a dollar sign has another spelling too, which an exchange that replaces `${…}` does not know.
        Ok(answer.to_string().replace('$', "\\u0024"))
    }
}

impl Asset {
    fn answer(
        &self,
        creative: &Creative,
        domain: &str,
        reach: Reach<'_>,
    ) -> Result<Option<(&'static str, Value)>, String> {
        let fits = |text: &str, most: Option<usize>| most.is_none_or(|most| text.chars().count() <= most);
        if let Some(title) = &self.title {
            let text = creative.text(&["headline", "title"]).filter(|text| fits(text, title.len));
            return Ok(text.map(|text| ("title", json!({ "text": text }))));
        }
        if let Some(image) = &self.img {
            // 1 icon, 3 main.
            let field = if image.r#type == Some(1) { "icon" } else { "image" };
            let Some(url) = creative.address(field, reach)? else { return Ok(None) };
            let mut answered = BTreeMap::from([("url", json!(url))]);
            if let (Some((width, height)), "image") = (creative.size(), field) {
                answered.extend([("w", json!(width)), ("h", json!(height))]);
            }
            return Ok(Some(("img", json!(answered))));
        }
        let Some(data) = &self.data else { return Ok(None) };
        let text = match data.r#type {
            Some(1) => creative.text(&["sponsored"]).or(Some(domain)),
            Some(2) => creative.text(&["text", "body"]),
            Some(11) => Some(domain),
            Some(12) => creative.text(&["cta", "button"]),
            _ => None,
        };
        Ok(text.filter(|text| fits(text, data.len)).map(|text| ("data", json!({ "value": text }))))
    }
}
