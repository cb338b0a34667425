//! Merges the native libraries of several plugins into one list that keeps every plugin's order.

/// One native library: an argument, or the two of `-framework X`.
type Unit = Vec<String>;

/// Merges `lists`. A library stands after every library that needs it in any of the lists; where
/// lists contradict each other, the first one wins.
pub(super) fn merge<'a>(lists: impl IntoIterator<Item = &'a [String]>) -> Vec<String> {
    let mut order: Vec<Unit> = Vec::new();
    let mut after: Vec<(usize, usize)> = Vec::new();
    for list in lists {
        let mut previous = None;
        for unit in last_of_each(units(list)) {
            let this = order.iter().position(|u| *u == unit).unwrap_or_else(|| {
                order.push(unit);
                order.len() - 1
            });
            if let Some(previous) = previous {
                after.push((previous, this));
            }
            previous = Some(this);
        }
    }
    let mut waiting: Vec<usize> = (0..order.len()).collect();
    let mut merged = Vec::new();
    while !waiting.is_empty() {
        let free = waiting.iter().position(|&u| {
            !after
                .iter()
                .any(|&(before, this)| this == u && waiting.contains(&before))
        });
        let next = waiting.remove(free.unwrap_or(0));
        merged.extend(order.get(next).cloned().unwrap_or_default());
    }
    merged
}

/// Splits arguments into units.
pub(super) fn units(args: &[String]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut words = args.iter().flat_map(|a| match a.split_once(' ') {
        Some(("-framework", name)) => vec!["-framework".to_owned(), name.trim().to_owned()],
        _ => vec![a.clone()],
    });
    while let Some(word) = words.next() {
        let pair = matches!(word.as_str(), "-framework" | "-weak_framework" | "-l");
        let mut unit = vec![word];
        if pair {
            unit.extend(words.next());
        }
        units.push(unit);
    }
    units
}

/// Linkers that read an archive once need the last mention.
fn last_of_each(units: Vec<Unit>) -> Vec<Unit> {
    let mut kept: Vec<Unit> = Vec::new();
    for unit in units.into_iter().rev() {
        if !kept.contains(&unit) {
            kept.push(unit);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::merge;

    fn merged(lists: &[&str]) -> String {
        let lists: Vec<Vec<String>> = lists
            .iter()
            .map(|l| l.split(' ').map(str::to_owned).collect())
            .collect();
        merge(lists.iter().map(Vec::as_slice)).join(" ")
    }

    #[test]
    fn keeps_the_order_of_every_list() {
        assert_eq!(merged(&["-la -lc", "-la -lb -lc"]), "-la -lb -lc");
        assert_eq!(merged(&["-la -lb", "-lx -la"]), "-lx -la -lb");
        assert_eq!(merged(&["-lm -lc -lm"]), "-lc -lm");
        assert_eq!(merged(&["-la -lb", "-lb -la"]), "-la -lb");
    }

    #[test]
    fn frameworks_stay_pairs() {
        assert_eq!(
            merged(&["-framework A -framework B", "-lobjc -framework B"]),
            "-framework A -lobjc -framework B"
        );
        let one = ["-framework A".to_owned()];
        assert_eq!(merge([one.as_slice()]), ["-framework", "A"]);
    }
}
