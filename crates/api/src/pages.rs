//! Lists in pages: how many items one has, and where the next begins.

use domain::fault::Fault;
use uuid::Uuid;

use crate::faults::{Faults, FieldFault};
use crate::problem::Problem;
use crate::query::Query;

/// How many items a page of a list has at most, and unless the query says otherwise: of a list that is short enough to be read whole.
pub(crate) const ITEMS_MAX: usize = 1_000;
/// What a query for a page of such a list may hold.
pub(crate) const PARAMETERS: [&str; 2] = ["limit", "cursor"];

/// Which page of a short list is asked for.
pub(crate) struct Asked {
    limit: usize,
    after: Option<Uuid>,
}

impl Asked {
    /// Reads the parameters `limit` and `cursor`.
    pub(crate) fn read(query: &mut Query<'_>) -> Option<Self> {
        let limit = query.optional("limit", ITEMS_MAX, |text| limit(text, ITEMS_MAX));
        let after = query.optional("cursor", None, |text| cursor(text).map(Some));
        Some(Self {
            limit: limit?,
            after: after?,
        })
    }

    /// The page of `all`, and the cursor of the next if there is one. What moves in the list from one page to the next may be on both, or on none.
    ///
    /// # Errors
    /// A cursor whose item is not in the list, or no longer.
    pub(crate) fn of<T>(&self, mut all: Vec<T>, id: impl Fn(&T) -> Uuid) -> Result<(Vec<T>, Option<String>), Problem> {
        let from = match self.after {
            None => 0,
            Some(after) => 1 + all.iter().position(|item| id(item) == after).ok_or_else(gone)?,
        };
        let rest = all.split_off(from);
        let is_more = rest.len() > self.limit;
        let page: Vec<T> = rest.into_iter().take(self.limit).collect();
        let next = page
            .last()
            .filter(|_| is_more)
            .map(|last| id(last).simple().to_string());
        Ok((page, next))
    }
}

/// How many items a page may have: 1 to `most`.
///
/// # Errors
/// Another number, or none.
pub(crate) fn limit(text: &str, most: usize) -> Result<usize, Fault> {
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        Fault::new(
            "limit",
            "out_of_range",
            format!("must be a whole number from 1 to {most}"),
        )
    })
}

/// The cursor of a list whose items have ids.
///
/// # Errors
/// What no page was given as its `next_cursor`.
pub(crate) fn cursor(text: &str) -> Result<Uuid, Fault> {
    let id = Uuid::try_parse(text).ok().filter(|id| id.simple().to_string() == text);
    id.ok_or_else(|| Fault::new("cursor", "invalid_cursor", "must be the next_cursor of a page before"))
}

fn gone() -> Problem {
    let detail = "must be the next_cursor of a page before, of whose items the last is still there: begin with the first page again";
    Problem::invalid(Faults::from(FieldFault::new("/query/cursor", "invalid_cursor", detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, after: Option<u128>) -> Option<(Vec<u128>, Option<u128>)> {
        let asked = Asked {
            limit,
            after: after.map(Uuid::from_u128),
        };
        let (page, next) = asked.of(vec![5, 3, 9, 4], |number| Uuid::from_u128(*number)).ok()?;
        Some((page, next.map(|next| cursor(&next).expect("a cursor").as_u128())))
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        assert_eq!(page(2, None), Some((vec![5, 3], Some(3))));
        assert_eq!(page(2, Some(3)), Some((vec![9, 4], None)));
        assert_eq!(page(3, None), Some((vec![5, 3, 9], Some(9))));
        assert_eq!(page(3, Some(9)), Some((vec![4], None)));
        assert_eq!(page(4, None), Some((vec![5, 3, 9, 4], None)));
        assert_eq!(page(4, Some(4)), Some((vec![], None)));
        assert_eq!(page(4, Some(7)), None);
    }

    #[test]
    fn limits_and_cursors_are_as_they_were_given() {
        assert_eq!([limit("1", 3).ok(), limit("3", 3).ok()], [Some(1), Some(3)]);
        for wrong in ["0", "4", "-1", "1.0", "", "one"] {
            assert_eq!(limit(wrong, 3).expect_err(wrong).code, "out_of_range");
        }
        for wrong in [
            "",
            "5",
            "00000000-0000-0000-0000-000000000005",
            "0000000000000000000000000000000G",
        ] {
            assert_eq!(cursor(wrong).expect_err(wrong).code, "invalid_cursor");
        }
    }
}
