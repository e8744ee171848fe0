//! Trials: a real one, read from beside the project, and such as are made up, with effects that are known.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs::File;
use std::path::Path;

use petitfour_training::{Column, Csv, Fault, Source, Values};
use petitfour_uplift::{Plan, Trial, read};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const HILLSTROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/hillstrom/hillstrom.csv.gz");

/// The e-mail trial of the MineThatData challenge (2008), whose rows are not in the project; without `arms`, with both of them.
pub fn hillstrom(outcome: &str, arms: &[&str]) -> Option<Trial> {
    if !Path::new(HILLSTROM).exists() {
        println!("SKIPPED: {HILLSTROM} is not here");
        return None;
    }
    let plan = Plan {
        arms: arms.iter().map(|arm| (*arm).to_owned()).collect(),
        drop: ["visit", "conversion", "spend"].map(str::to_owned).to_vec(),
        ..plan("segment", "No E-Mail", outcome)
    };
    let mut open = || {
        let file = flate2::read::GzDecoder::new(File::open(HILLSTROM).unwrap());
        Ok(Box::new(Csv::open(file)?) as Box<dyn Source>)
    };
    Some(read(&mut open, &plan, &mut |_| {}).unwrap())
}

pub fn plan(treatment: &str, control: &str, outcome: &str) -> Plan {
    Plan {
        treatment: treatment.to_owned(),
        control: control.to_owned(),
        arms: Vec::new(),
        outcome: outcome.to_owned(),
        drop: Vec::new(),
        keep: Vec::new(),
        most: 1 << 20,
        seed: 1,
    }
}

/// A trial from a text.
pub fn of_text(text: &str, plan: &Plan) -> Result<Trial, Fault> {
    let text = text.to_owned();
    let mut open = || Ok(Box::new(Csv::open(std::io::Cursor::new(text.clone()))?) as Box<dyn Source>);
    read(&mut open, plan, &mut |_| {})
}

/// How a made-up trial behaves.
pub struct World {
    pub rows: usize,
    /// Of treatment.
    pub probability: f64,
    /// Added to the rate where `x` is above a half, and where it is not.
    pub effects: [f64; 2],
    pub seed: u64,
}

impl World {
    /// Columns `x`, `y`, `z` from 0 to 1 and `side`, which is `high` where `x` is above a half; without treatment, the rate is 0.2 + 0.2 y.
    pub fn draw(&self) -> Trial {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut chance = || random.random::<f64>();
        let (mut x, mut y, mut z, mut arm, mut outcome) = (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..self.rows {
            let (one, two, three, given) = (chance(), chance(), chance(), usize::from(chance() < self.probability));
            let effect = if one > 0.5 { self.effects[0] } else { self.effects[1] };
            let rate = 0.2 + 0.2 * two + effect * given as f64;
            outcome.push(f64::from(u8::from(chance() < rate)));
            x.push(one);
            y.push(two);
            z.push(three);
            arm.push(given);
        }
        let side = x.iter().map(|x| f64::from(u8::from(*x <= 0.5))).collect();
        let number = |name: &str, values| Column { name: name.to_owned(), kind: Values::Numbers, values };
        let levels = Values::Levels(vec!["high".to_owned(), "low".to_owned()]);
        let columns = vec![
            number("x", x),
            number("y", y),
            number("z", z),
            Column { name: "side".to_owned(), kind: levels, values: side },
        ];
        let arms = vec!["nothing".to_owned(), "letter".to_owned()];
        let known = vec![1.0 - self.probability, self.probability];
        Trial::new(columns, ("bought", outcome), (arms, arm), Some(known)).unwrap()
    }
}
