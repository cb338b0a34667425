//! Native libraries: merges those of several plugins into one list that keeps every plugin's order,
//! and says them in the manner of each kind of metadata.

use crate::workspace::without_leak;

/// One native library: an argument, or the two of `-framework X`.
pub(super) type Unit = Vec<String>;

/// Merges `lists`. A library stands after every library that needs it in any of the lists; where
/// lists contradict each other, the first one wins.
pub(super) fn merge<'a>(lists: impl IntoIterator<Item = &'a [String]>) -> Vec<String> {
    let lists = lists.into_iter().map(|list| last_of_each(units(list)));
    merge_units(lists).into_iter().flatten().collect()
}

/// What at least two of `lists` hold, in an order that fits all.
pub(super) fn shared<'a>(lists: impl IntoIterator<Item = &'a [String]>) -> Vec<String> {
    let lists: Vec<Vec<Unit>> = lists
        .into_iter()
        .map(|list| last_of_each(units(list)))
        .collect();
    let mut merged = merge_units(lists.iter().cloned());
    merged.retain(|unit| lists.iter().filter(|list| list.contains(unit)).count() > 1);
    merged.into_iter().flatten().collect()
}

fn merge_units(lists: impl IntoIterator<Item = Vec<Unit>>) -> Vec<Unit> {
    let mut order: Vec<Unit> = Vec::new();
    let mut after: Vec<(usize, usize)> = Vec::new();
    for list in lists {
        let mut previous = None;
        for unit in list {
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
        merged.extend(order.get(next).cloned());
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

/// In the manner of `-lfoo`, which pkg-config and libtool know on every platform. MSVC's choice of C
/// runtime is the program's own business.
pub(super) fn dash_l(args: &[String]) -> Vec<String> {
    let said = |arg: &String| {
        if arg.to_ascii_lowercase().get(1..12) == Some("defaultlib:") {
            return None;
        }
        let arg = without_leak(arg)?;
        let stem = arg
            .strip_suffix(".lib")
            .or_else(|| arg.strip_suffix(".LIB"));
        Some(match stem {
            Some(stem) if !stem.contains(['/', '\\']) && !stem.starts_with('-') => {
                format!("-l{stem}")
            }
            _ => arg.into_owned(),
        })
    };
    args.iter().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::{dash_l, merge, shared};

    fn words(list: &str) -> Vec<String> {
        list.split(' ').map(str::to_owned).collect()
    }

    fn merged(lists: &[&str]) -> String {
        let lists: Vec<Vec<String>> = lists.iter().map(|l| words(l)).collect();
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

    #[test]
    fn shared_is_what_two_lists_hold() {
        let lists = [words("-la -lm -lc"), words("-lb -lc"), words("-lb -lm")];
        assert_eq!(
            shared(lists.iter().map(Vec::as_slice)),
            ["-lb", "-lm", "-lc"]
        );
    }

    #[test]
    fn msvc_names_and_leaks() {
        let args = words("kernel32.lib windows.0.52.0.lib /defaultlib:msvcrt -lm C:\\x\\y.lib");
        assert_eq!(dash_l(&args), ["-lkernel32", "-lm", "C:\\x\\y.lib"]);
    }
}
