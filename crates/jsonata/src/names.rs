//! Names with numbers.

use std::collections::BTreeMap;

use stepwell_value::Str;

/// Up to so many names, looking through them is faster than an index.
const SCAN_MAX: usize = 16;

/// Names in the order in which they came, each once; their places are their numbers.
#[derive(Default)]
pub(crate) struct Names {
    list: Vec<Str>,
    /// The first so many are places without a name.
    n_unnamed: usize,
    /// The number of each name; kept above [`SCAN_MAX`].
    numbers: BTreeMap<Str, u32>,
}

impl Names {
    /// Starts with `n_unnamed` numbers that no name finds.
    pub(crate) fn behind(n_unnamed: usize) -> Names {
        Names { list: vec![Str::default(); n_unnamed], n_unnamed, numbers: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of a name.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        if self.list.len() > SCAN_MAX {
            return self.numbers.get(name).copied();
        }
        let known = self.list[self.n_unnamed..].iter().position(|other| other == name)?;
        Some((self.n_unnamed + known) as u32)
    }

    /// The number of a name, which is added if it is new.
    pub(crate) fn add(&mut self, name: &Str) -> u32 {
        if let Some(number) = self.number(name) {
            return number;
        }
        let number = self.list.len();
        self.list.push(name.clone());
        if number == SCAN_MAX {
            let named = self.list.iter().enumerate().skip(self.n_unnamed);
            self.numbers = named.map(|(number, name)| (name.clone(), number as u32)).collect();
        } else if number > SCAN_MAX {
            self.numbers.insert(name.clone(), number as u32);
        }
        number as u32
    }

    /// All of them, by number.
    pub(crate) fn into_list(self) -> Vec<Str> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_however_many_there_are() {
        let mut names = Names::behind(1);
        for round in 0..2 {
            for n in 0..100_u32 {
                assert_eq!(names.add(&Str::from(format!("name-{n}"))), n + 1, "round {round}");
            }
        }
        assert_eq!((names.len(), names.number("name-99"), names.number("else")), (101, Some(100), None));
        // The place without a name is not that of the empty name.
        assert_eq!((names.number(""), names.add(&Str::default())), (None, 101));
    }
}
