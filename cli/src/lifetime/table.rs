//! A line for each customer.

use std::path::Path;

use petitfour_lifetime::{Process, Purchases};

use super::Study;

/// Writes them in the order of the file: who, what the models read, and what they say.
pub(super) fn write<M: Process>(path: &Path, purchases: &Purchases, study: &Study<M>) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_path(path)?;
    out.write_record([
        "customer",
        "first",
        "repeats",
        "last_week",
        "age_weeks",
        "mean_spend",
        "alive",
        "expected_purchases",
        "expected_spend",
        "expected_value",
    ])?;
    let (model, weekly) = (&study.buying.model, study.weekly());
    for customer in &study.cohort.customers {
        let history = &customer.history;
        let name = purchases.buyers.get(customer.buyer).map_or("", |buyer| buyer.name.as_str());
        let amount = study.amounts.as_ref().map(|fit| fit.model.mean(history)).filter(|amount| amount.is_finite());
        let money = |number: Option<f64>| number.map(|number| format!("{number:.2}")).unwrap_or_default();
        out.write_record([
            name,
            &customer.first.to_string(),
            &history.repeats.to_string(),
            &format!("{:.2}", history.last),
            &format!("{:.2}", history.age),
            &money(study.amounts.as_ref().map(|_| history.spend)),
            &format!("{:.4}", model.alive(history)),
            &format!("{:.4}", model.expected(history, study.weeks)),
            &money(amount),
            &money(amount.map(|amount| amount * model.discounted(history, study.weeks, weekly))),
        ])?;
    }
    out.flush()?;
    Ok(())
}
