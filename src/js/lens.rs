//! The lens: explanations and views as JavaScript objects, from a snapshot of the session that decided.

use super::session::moment;
use crate::engine::{Engine, Session};
use crate::view;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A session to look into.
#[wasm_bindgen]
pub struct Lens {
    session: Session,
}

#[wasm_bindgen]
impl Lens {
    /// Opens a bundle and a snapshot taken under it. Throws the stable code of what is wrong, as a string.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: Vec<u8>, snapshot: &[u8]) -> Result<Lens, JsValue> {
        let engine = Engine::load(bundle).map_err(|error| JsValue::from_str(error.code()))?;
        let session =
            Session::from_snapshot(Arc::new(engine), snapshot).map_err(|error| JsValue::from_str(error.code()))?;
        Ok(Self { session })
    }

    /// Why a placement shows what it shows.
    pub fn explain(&mut self, placement: &str, now: f64, offset: i32) -> Result<JsValue, JsValue> {
        object(&self.session.explain(placement, moment(now, offset)))
    }

    /// What is remembered of the visitor.
    pub fn profile(&self, now: f64, offset: i32) -> Result<JsValue, JsValue> {
        object(&view::profile(&self.session, moment(now, offset)))
    }

    /// What the bundle holds.
    pub fn inspect(&self) -> Result<JsValue, JsValue> {
        object(&view::bundle(self.session.engine().catalog()))
    }
}

fn object(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|_| JsValue::from_str("lens/object"))
}
