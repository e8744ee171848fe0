//! Names as numbers, in the order in which they were first seen.

use std::collections::HashMap;

/// A list without repeats. Numbers are below `u32::MAX`, which stands for no name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    list: Vec<String>,
    places: HashMap<String, u32>,
}

/// No name.
pub(crate) const NONE: u32 = u32::MAX;

impl Names {
    /// The number of a name; [`NONE`] of an empty one.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return NONE;
        }
        if let Some(number) = self.places.get(name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(NONE);
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), number);
        number
    }

    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        self.list.get(number as usize).map(String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}
