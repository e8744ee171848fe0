//! What holds of every model, every history and every file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

use libm::lgamma;
use petitfour_lifetime::{BgNbd, Columns, GammaGamma, History, ParetoNbd, Process, Purchases};
use proptest::prelude::*;

/// Over the whole range in which parameters are looked for.
fn wide() -> impl Strategy<Value = [f64; 4]> {
    prop::array::uniform4(-13.8_f64..13.8).prop_map(|place| place.map(f64::exp))
}

/// The same for customers who buy on no more than seven days a week.
fn weekly() -> impl Strategy<Value = [f64; 4]> {
    wide().prop_map(|[r, alpha, third, fourth]| [r, alpha.max(r / 7.0), third, fourth])
}

/// Where parameters usually are, and closed forms have digits left.
fn usual() -> impl Strategy<Value = [f64; 4]> {
    (0.1_f64..4.0, 1.0_f64..40.0, 0.15_f64..0.9, 0.9_f64..30.0).prop_map(|(r, alpha, a, b)| [r, alpha, a, b])
}

fn histories(most: u32) -> impl Strategy<Value = History> {
    let repeats = prop_oneof![Just(0), 1..most];
    (repeats, 0.01_f64..1.0, prop_oneof![0.0_f64..400.0, Just(0.2)]).prop_map(|(repeats, share, age)| History {
        repeats,
        last: if repeats > 0 { (age * share).max(f64::from(repeats) / 7.0) } else { 0.0 },
        age: age.max(f64::from(repeats) / 7.0),
        spend: if repeats > 0 { 1.0 + share } else { 0.0 },
    })
}

/// What both models must say of any past.
fn finite(model: &impl Process, history: &History) -> Result<(), TestCaseError> {
    prop_assert!(history.is_possible());
    let likelihood = model.ln_likelihood(history);
    prop_assert!(likelihood.is_finite(), "likelihood {likelihood}");
    let alive = model.alive(history);
    prop_assert!((0.0..=1.0).contains(&alive), "alive {alive}");
    let later = History { age: history.age * 1.5 + 1.0, ..*history };
    prop_assert!(model.alive(&later) <= alive + 1e-12, "silence makes nobody more alive");
    Ok(())
}

/// What both must say of what comes.
fn lawful(model: &impl Process, history: &History, weeks: f64) -> Result<(), TestCaseError> {
    let (near, far) = (model.expected(history, weeks), model.expected(history, weeks * 2.0));
    let slack = 1e-9 * (1.0 + far);
    prop_assert!(near >= 0.0 && far.is_finite(), "{near}, {far}");
    prop_assert!(near <= far + slack && far <= 2.0 * near + slack, "{near} in {weeks} weeks, {far} in twice that");
    let discounted = model.discounted(history, weeks, 0.01);
    prop_assert!(
        discounted <= near + slack && discounted >= near * (-0.01 * weeks).exp() - slack,
        "{discounted} of {near}"
    );
    let (buys, alive) = (model.buys_within(history, weeks), model.alive(history));
    prop_assert!(
        (0.0..=alive + 1e-12).contains(&buys) && buys <= near + slack,
        "buys {buys}, alive {alive}, expected {near}"
    );
    Ok(())
}

/// Gauss's series at `0 <= z < 1`, plainly.
fn gauss(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 0..100_000 {
        let k = f64::from(k);
        term *= (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
        sum += term;
        if f64::abs(term) < 1e-18 * f64::abs(sum) {
            break;
        }
    }
    sum
}

fn close(got: f64, wanted: f64, by: f64) -> Result<(), TestCaseError> {
    prop_assert!((got - wanted).abs() <= by * (1.0 + wanted.abs()), "{got} where the closed form gives {wanted}");
    Ok(())
}

proptest! {
    #[test]
    fn the_past_is_likely_or_not_wherever_parameters_are_looked_for(parameters in wide(), history in histories(2_000)) {
        finite(&BgNbd::of(parameters), &history)?;
        finite(&ParetoNbd::of(parameters), &history)?;
    }

    #[test]
    fn what_comes_grows_with_the_horizon_and_shrinks_with_discounts(parameters in weekly(), history in histories(2_000), weeks in 0.1_f64..500.0) {
        lawful(&BgNbd::of(parameters), &history, weeks)?;
        lawful(&ParetoNbd::of(parameters), &history, weeks)?;
    }

    // Fader, Hardie and Lee (2005), equations (6), (9) and (10), as they stand there.
    #[test]
    fn bg_nbd_follows_the_paper([r, alpha, a, b] in usual(), history in histories(40), weeks in 0.1_f64..200.0) {
        let model = BgNbd { r, alpha, a, b };
        let (x, last, age) = (f64::from(history.repeats), history.last, history.age);
        let beta = |one: f64, other: f64| lgamma(one) + lgamma(other) - lgamma(one + other);
        let here = (beta(a, b + x) - beta(a, b) + lgamma(r + x) - lgamma(r) + r * alpha.ln() - (r + x) * (alpha + age).ln()).exp();
        let left = if x > 0.0 {
            (beta(a + 1.0, b + x - 1.0) - beta(a, b) + lgamma(r + x) - lgamma(r) + r * alpha.ln() - (r + x) * (alpha + last).ln()).exp()
        } else {
            0.0
        };
        close(model.ln_likelihood(&history), (here + left).ln(), 1e-11)?;
        close(model.alive(&history), here / (here + left), 1e-11)?;
        // Their series asks for a + b + x > 1.
        prop_assume!(a + b + x > 1.05);
        let z = weeks / (alpha + age + weeks);
        let power = ((alpha + age) / (alpha + age + weeks)).powf(r + x);
        let top = (a + b + x - 1.0) / (a - 1.0) * (1.0 - power * gauss(r + x, b + x, a + b + x - 1.0, z));
        close(model.expected(&history, weeks), top * here / (here + left), 1e-8)?;
    }

    // Fader and Hardie (2005), as they stand there: a difference of two series, in two cases.
    #[test]
    fn pareto_nbd_follows_the_paper([r, alpha, s, beta] in usual(), history in histories(15), weeks in 0.1_f64..200.0) {
        let model = ParetoNbd { r, alpha, s, beta };
        let (x, last, age) = (f64::from(history.repeats), history.last, history.age);
        let all = r + s + x;
        let part = |until: f64| if alpha >= beta {
            gauss(all, s + 1.0, all + 1.0, (alpha - beta) / (alpha + until)) * (alpha + until).powf(-all)
        } else {
            gauss(all, r + x, all + 1.0, (beta - alpha) / (beta + until)) * (beta + until).powf(-all)
        };
        let here = (alpha + age).powf(-(r + x)) * (beta + age).powf(-s);
        let left = s / all * (part(last) - part(age));
        let front = lgamma(r + x) - lgamma(r) + r * alpha.ln() + s * beta.ln();
        close(model.ln_likelihood(&history), front + (here + left).ln(), 1e-10)?;
        let alive = here / (here + left);
        let top = (r + x) * (beta + age) / ((alpha + age) * (s - 1.0)) * (1.0 - ((beta + age) / (beta + age + weeks)).powf(s - 1.0));
        close(model.expected(&history, weeks), top * alive, 1e-9)?;
    }

    #[test]
    fn an_expected_amount_lies_between_somebodys_own_and_everybodys(p in 0.5_f64..20.0, q in 1.1_f64..8.0, v in 1.0_f64..100.0, repeats in 1_u32..200, spend in 0.01_f64..1e4) {
        let model = GammaGamma { p, q, v };
        let everybody = model.mean(&History::NEW);
        let mean = model.mean(&History { repeats, last: 1.0, age: 1.0, spend });
        prop_assert!(mean >= everybody.min(spend) * (1.0 - 1e-12) && mean <= everybody.max(spend) * (1.0 + 1e-12));
        let likelihood = model.ln_likelihood(&History { repeats, last: 1.0, age: 1.0, spend });
        prop_assert!(likelihood.is_finite());
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Purchases::read(&bytes[..], &Columns::default());
    }

    #[test]
    fn files_that_are_nearly_right_never_panic(text in "customer[,;]date[,;](amount)?\n([ab]?[,;\"](2026-0[0-9]-[0-3][0-9]|[0-9]{8}|[0-9T:-]{0,12})[,;](-?[0-9]{0,6}[.]?[0-9e]{0,3})?\n){0,6}") {
        let _ = Purchases::read(text.as_bytes(), &Columns::default());
    }

    #[test]
    fn the_order_of_rows_changes_nothing_but_the_order_of_customers(rows in prop::collection::vec((0_u8..5, 0_u8..28, 1_u32..10_000), 1..60), turn in 0_usize..60) {
        let read = |rows: &[(u8, u8, u32)]| {
            let lines: String = rows.iter().map(|(who, day, cents)| format!("{who},2026-02-{:02},{}\n", day + 1, f64::from(*cents) / 100.0)).collect();
            let mut read = Purchases::read(format!("customer,date,amount\n{lines}").as_bytes(), &Columns::default()).unwrap();
            read.buyers.sort_by(|one, other| one.name.cmp(&other.name));
            read
        };
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        prop_assert_eq!(read(&rows), read(&turned));
    }
}
