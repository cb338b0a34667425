//! Cycles of a graph: which of its nodes reach each other.

/// Strongly connected components (Tarjan's algorithm, without recursion), numbered so that every edge
/// leads to an equal or smaller number. `edges` are those of each of `count` nodes.
#[must_use]
pub fn components<'a>(count: usize, edges: impl Fn(usize) -> &'a [u32]) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let mut number = vec![NONE; count];
    let mut low = vec![0u32; count];
    let mut component = vec![NONE; count];
    let mut stack: Vec<u32> = Vec::new();
    let (mut next, mut made) = (0u32, 0u32);
    for start in 0..count {
        if number[start] != NONE {
            continue;
        }
        // (node, position among its edges)
        let mut path: Vec<(u32, usize)> = vec![(start as u32, 0)];
        while let Some((node, position)) = path.last_mut() {
            let at = *node as usize;
            if *position == 0 {
                number[at] = next;
                low[at] = next;
                next += 1;
                stack.push(at as u32);
            }
            if let Some(&to) = edges(at).get(*position) {
                *position += 1;
                if number[to as usize] == NONE {
                    path.push((to, 0));
                } else if component[to as usize] == NONE {
                    low[at] = low[at].min(number[to as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[at]);
            }
            if low[at] == number[at] {
                while let Some(member) = stack.pop() {
                    component[member as usize] = made;
                    if member as usize == at {
                        break;
                    }
                }
                made += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn what_is_needed_has_a_smaller_number() {
        // 0 -> 1 <-> 2 -> 3, 4 -> 0
        let edges = [vec![1], vec![2], vec![1, 3], vec![], vec![0]];
        let of = components(edges.len(), |at| &edges[at]);
        assert_eq!(of[1], of[2]);
        assert!(of[3] < of[1] && of[1] < of[0] && of[0] < of[4]);
    }
}
