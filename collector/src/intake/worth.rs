//! What an event came to, and its items under one set of names, whichever vendor named them.
//!
//! As in the browser (`docs/sources.md`): the number of an event is its `value`, else `revenue`, else `total`, else `price` × `quantity`, of
//! itself or of its only item. A purchase that says none of them came to the sum of its items.
//!
//! Items are kept under `items`, each with the names of `docs/sources.md`: `product`, `name`, `price`, `quantity`, …
//! Absent on purpose: currencies. A shop counts in one; another's `currency` is kept beside the value for whoever converts it.

use serde_json::{Map, Value};

use super::fault::Fault;

/// The largest amount that is one, in whole units. Beyond it a field holds something else, such as an identifier.
const MOST: f64 = 1e12;

/// Events whose items were bought, so that their sum is what the event came to.
const BOUGHT: [&str; 2] = ["purchase", "Order Completed"];

/// Puts the items in order and says what the event came to, in thousandths.
///
/// # Errors
/// `event/value` when an amount is beyond a million million.
pub fn take(name: &str, properties: &mut Map<String, Value>) -> Result<i64, Fault> {
    let listed = ["items", "products"].into_iter().find(|list| properties.get(*list).is_some_and(Value::is_array));
    if let Some(list) = listed {
        let items: Vec<Value> = match properties.remove(list) {
            Some(Value::Array(items)) => items.into_iter().filter_map(item).collect(),
            _ => Vec::new(),
        };
        properties.insert("items".to_owned(), Value::Array(items));
    }
    let items = listed.and_then(|_| properties.get("items")).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let said =
        ["value", "revenue", "total"].into_iter().find_map(|field| Some((field, number(properties.get(field)?)?)));
    let (field, worth) = match (said, items) {
        (Some(said), _) => said,
        (None, _) if properties.contains_key("price") => ("price", cost(properties)),
        (None, [Value::Object(only)]) => ("items", cost(only)),
        (None, items) if BOUGHT.contains(&name) => ("items", items.iter().filter_map(Value::as_object).map(cost).sum()),
        _ => return Ok(0),
    };
    if worth.abs() > MOST {
        let message = "the amount is beyond a million million; say what the event came to in whole units";
        return Err(Fault::new("event/value", format!("/properties/{field}"), message));
    }
    // Rounded: 1.001 in binary is a little less than itself.
    Ok((worth * 1_000.0).round() as i64)
}

fn cost(item: &Map<String, Value>) -> f64 {
    let field = |name: &str| item.get(name).and_then(number);
    field("price").map_or(0.0, |price| price * field("quantity").unwrap_or(1.0))
}

/// A number, or a text that is one: many shops send prices as they print them.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// The item without its vendor's prefixes; none when it is no object.
fn item(told: Value) -> Option<Value> {
    let Value::Object(told) = told else { return None };
    let named = told.into_iter().map(|(name, value)| {
        let bare = name.strip_prefix("item_").or_else(|| name.strip_prefix("product_")).unwrap_or(&name);
        (if bare == "id" { "product" } else { bare }.to_owned(), value)
    });
    Some(Value::Object(named.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn worth(name: &str, properties: Value) -> i64 {
        let Value::Object(mut properties) = properties else { return -1 };
        take(name, &mut properties).unwrap()
    }

    #[test]
    fn the_number_is_the_one_that_the_browser_takes() {
        assert_eq!(worth("x", json!({ "value": 4.35, "revenue": 9 })), 4_350);
        assert_eq!(worth("Order Completed", json!({ "revenue": "40", "total": 48 })), 40_000);
        assert_eq!(worth("Order Refunded", json!({ "total": 1.001 })), 1_001);
        assert_eq!(worth("Product Added", json!({ "price": 2.5, "quantity": 3 })), 7_500);
        assert_eq!(worth("add_to_cart", json!({ "items": [{ "price": 2 }] })), 2_000);
        assert_eq!(worth("purchase", json!({ "items": [{ "price": 2 }, { "price": "1.5", "quantity": 2 }] })), 5_000);
        assert_eq!(worth("view_item_list", json!({ "items": [{ "price": 2 }, { "price": 3 }] })), 0);
        assert_eq!(worth("x", json!({ "value": "high" })), 0);
        assert_eq!(worth("x", json!({ "value": -2.5 })), -2_500);
    }

    #[test]
    fn items_are_named_as_in_the_browser() {
        let Value::Object(mut properties) =
            json!({ "products": [{ "product_id": "p-1", "item_name": "Tea", "price": 3 }, 5] })
        else {
            return;
        };
        take("x", &mut properties).unwrap();
        assert_eq!(Value::Object(properties), json!({ "items": [{ "product": "p-1", "name": "Tea", "price": 3 }] }));
    }

    #[test]
    fn an_amount_out_of_range_is_a_fault() {
        let Value::Object(mut properties) = json!({ "value": 1e13 }) else { return };
        assert_eq!(take("x", &mut properties).unwrap_err().field, "/properties/value");
    }
}
