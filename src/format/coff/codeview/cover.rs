//! Which of several stretches of code, one within the other, is the innermost.

use std::collections::BinaryHeap;

/// `start..end`, of the scope with this number: scopes stand in preorder, so a larger one lies further within.
pub(super) type Stretch = (u32, u32, u32);

/// The innermost stretch everywhere (its number in `all`): in order, apart.
pub(super) fn innermost(all: &[Stretch]) -> Vec<(u32, u32, usize)> {
    let mut order: Vec<usize> = (0..all.len()).filter(|&i| all[i].0 < all[i].1).collect();
    order.sort_by_key(|&i| all[i].0);
    let mut out: Vec<(u32, u32, usize)> = Vec::with_capacity(order.len());
    // By depth; of one scope's the one that begins last.
    let mut open: BinaryHeap<(u32, u32, usize)> = BinaryHeap::new();
    let mut at = 0u32;
    let mut next = 0;
    loop {
        while open.peek().is_some_and(|&(_, _, i)| all[i].1 <= at) {
            open.pop();
        }
        let begins = order.get(next).map(|&i| all[i].0);
        let Some(&(_, _, top)) = open.peek() else {
            let Some(begins) = begins else { break };
            at = begins;
            next = take(all, &order, next, at, &mut open);
            continue;
        };
        let end = begins.map_or(all[top].1, |b| b.min(all[top].1));
        if end > at {
            match out.last_mut() {
                Some(last) if last.2 == top && last.1 == at => last.1 = end,
                _ => out.push((at, end, top)),
            }
        }
        at = end;
        next = take(all, &order, next, at, &mut open);
    }
    out
}

/// Opens what begins at `at`.
fn take(
    all: &[Stretch],
    order: &[usize],
    mut next: usize,
    at: u32,
    open: &mut BinaryHeap<(u32, u32, usize)>,
) -> usize {
    while let Some(&i) = order.get(next)
        && all[i].0 <= at
    {
        open.push((all[i].2, all[i].0, i));
        next += 1;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::innermost;

    #[test]
    fn inner_ones_win() {
        let all = [(0, 10, 0), (2, 8, 1), (4, 6, 2), (20, 20, 0), (30, 31, 0)];
        assert_eq!(
            innermost(&all),
            [
                (0, 2, 0),
                (2, 4, 1),
                (4, 6, 2),
                (6, 8, 1),
                (8, 10, 0),
                (30, 31, 4)
            ]
        );
        let crossing = innermost(&[(0, 4, 0), (2, 9, 1), (1, 3, 2)]);
        assert_eq!(crossing, [(0, 1, 0), (1, 3, 2), (3, 9, 1)]);
        assert!(innermost(&[]).is_empty());
    }
}
