//! What there is to choose from, and what is known of each: the features that rewards are predicted by.

use std::collections::BTreeSet;
use std::io::Read;

use crate::fault::{Fault, cut};
use crate::sheet::Sheet;
use crate::table::MAX_CELLS;
use crate::usual;

/// Actions with their features as numbers.
///
/// A column of numbers is brought to mean 0 and spread 1; any other is one number for each text, 1 where it is that.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Items {
    /// Their names, in the order of the file.
    pub names: Vec<String>,
    /// What each number of [`Items::features`] is.
    pub labels: Vec<String>,
    /// Numbers of each, as many as labels.
    pub features: Vec<Vec<f64>>,
}

impl Items {
    /// Reads a CSV file with one action a line: a column `action`, `item_id` or `creative`, and its features.
    ///
    /// # Errors
    ///
    /// With line and field: the column is not there, a name is empty or told twice, a feature has so many texts that it tells nothing.
    pub fn read(source: impl Read, action: Option<&str>) -> Result<Self, Fault> {
        let mut sheet = Sheet::open(source)?;
        let column = sheet.required(action, &usual::ACTION)?;
        let titles = sheet.names().to_vec();
        let (mut names, mut texts, mut known) = (Vec::new(), Vec::<Vec<String>>::new(), BTreeSet::new());
        while let Some(cells) = sheet.next_row()? {
            let name = cells.text(column);
            if name.is_empty() || !known.insert(name.to_owned()) {
                let what =
                    if name.is_empty() { "it is empty".to_owned() } else { format!("`{}` comes twice", cut(name)) };
                return Err(cells.fault(column, what).remedy("give each action one line and a name"));
            }
            names.push(name.to_owned());
            texts.push((0..titles.len()).map(|place| cells.text(place).to_owned()).collect());
        }
        if names.is_empty() {
            return Err(Fault::of("there are no actions").line(2).remedy("write one on each line"));
        }
        let mut items = Self { features: vec![Vec::new(); names.len()], names, labels: Vec::new() };
        for (place, title) in titles.iter().enumerate().filter(|(place, _)| *place != column) {
            let told: Vec<&str> = texts.iter().filter_map(|row| row.get(place)).map(String::as_str).collect();
            items.add(title, &told)?;
        }
        Ok(items)
    }

    fn add(&mut self, title: &str, told: &[&str]) -> Result<(), Fault> {
        let numbers: Vec<f64> =
            told.iter().filter_map(|text| text.parse().ok()).filter(|number: &f64| number.is_finite()).collect();
        if numbers.len() == told.len() {
            let count = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / count;
            let spread = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
            // A column that never varies tells nothing.
            if spread > 0.0 {
                self.put(title.to_owned(), numbers.iter().map(|number| (number - mean) / spread));
            }
            return Ok(());
        }
        let texts: BTreeSet<&str> = told.iter().copied().collect();
        if texts.len().saturating_mul(told.len()).saturating_add(self.labels.len() * told.len()) > MAX_CELLS {
            return Err(Fault::of("so many texts tell nothing of an action")
                .field(title)
                .remedy("leave the column out"));
        }
        for text in texts {
            self.put(format!("{title}={text}"), told.iter().map(|own| f64::from(u8::from(*own == text))));
        }
        Ok(())
    }

    fn put(&mut self, label: String, numbers: impl Iterator<Item = f64>) {
        self.labels.push(label);
        for (row, number) in self.features.iter_mut().zip(numbers) {
            row.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_and_texts_are_told_apart() {
        let items = Items::read("item_id,price,kind\na,1,x\nb,3,y\n".as_bytes(), None).unwrap();
        assert_eq!(items.labels, ["price", "kind=x", "kind=y"]);
        assert_eq!(items.features, [vec![-1.0, 1.0, 0.0], vec![1.0, 0.0, 1.0]]);
    }

    #[test]
    fn an_action_has_one_line() {
        let fault = Items::read("action,x\na,1\na,2\n".as_bytes(), None).unwrap_err();
        assert_eq!(fault.to_string(), "line 3: `action`: `a` comes twice; give each action one line and a name");
    }
}
