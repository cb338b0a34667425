//! Finds the known names nearest to an unknown one, for messages.

/// Up to three of `known`, nearest first, that look like a slip of `name`.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    // A third of the name may be wrong; three letters always may.
    let limit = (name.chars().count() / 3).max(3);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|k| {
            // One name inside the other is near, however long the rest.
            if k.len() >= 3 && name.len() >= 3 && (k.contains(name) || name.contains(k)) {
                return Some((limit.min(k.len().abs_diff(name.len())), k));
            }
            distance(name, k, limit).map(|d| (d, k))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, k)| k).collect()
}

/// The nearest of `known` as a sentence for a hint, or `None` where nothing is near.
#[must_use]
pub fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let names: Vec<String> = nearest(name, known)
        .into_iter()
        .map(|n| format!("`{n}`"))
        .collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

/// Levenshtein distance of `a` and `b`, or `None` where it is more than `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (cb, above) in b.iter().zip(row.windows(2)) {
            let &[diagonal, up] = above else { continue };
            left = (diagonal + usize::from(ca != cb)).min(up + 1).min(left + 1);
            next.push(left);
        }
        if next.iter().all(|&d| d > limit) {
            return None;
        }
        row = next;
    }
    row.last().copied().filter(|&d| d <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting", 9), Some(3));
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("abc", "abc", 0), Some(0));
        assert_eq!(distance("abc", "xyz", 2), None);
    }

    #[test]
    fn nearest_first() {
        let known = ["exports", "package", "plugin", "plugins"];
        assert_eq!(nearest("exprts", known), ["exports"]);
        assert_eq!(nearest("plugn", known), ["plugin", "plugins"]);
        assert!(nearest("zzzzzzzzzz", known).is_empty());
        assert_eq!(
            did_you_mean("packages", known).as_deref(),
            Some("did you mean `package`?")
        );
    }
}
