//! Squarified treemaps: rectangles whose areas are the values, as square as they can be.

/// Where something is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// Smaller by `by` on every side, and by `top` more at the top.
    #[must_use]
    pub fn inset(self, by: f64, top: f64) -> Self {
        Self {
            x: self.x + by,
            y: self.y + by + top,
            width: (self.width - 2.0 * by).max(0.0),
            height: (self.height - 2.0 * by - top).max(0.0),
        }
    }
}

/// A rectangle for each value, in the order of the values, which should be the largest first.
/// Together they fill `space`; a value of 0 gets none of it.
#[must_use]
pub fn squarify(values: &[u64], space: Rect) -> Vec<Rect> {
    let total: f64 = values.iter().map(|v| *v as f64).sum();
    let empty = Rect {
        width: 0.0,
        height: 0.0,
        ..space
    };
    if total <= 0.0 || space.width <= 0.0 || space.height <= 0.0 {
        return vec![empty; values.len()];
    }
    let scale = space.width * space.height / total;
    let areas: Vec<f64> = values.iter().map(|v| *v as f64 * scale).collect();
    let mut rects = Vec::with_capacity(areas.len());
    let mut rest = space;
    let mut start = 0;
    while start < areas.len() {
        // A row grows along the shorter side while its worst rectangle gets squarer.
        let side = rest.width.min(rest.height);
        let mut end = start + 1;
        let row = |end: usize| areas.get(start..end).unwrap_or_default();
        while end < areas.len() && worst(row(end + 1), side) <= worst(row(end), side) {
            end += 1;
        }
        place(row(end), &mut rest, &mut rects);
        start = end;
    }
    rects
}

/// The largest ratio of sides in a row along `side`.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let largest = row.iter().copied().fold(0.0, f64::max);
    let smallest = row.iter().copied().fold(f64::INFINITY, f64::min);
    if sum <= 0.0 || smallest <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    let side = side * side;
    let sum = sum * sum;
    (side * largest / sum).max(sum / (side * smallest))
}

/// Places a row at the start of `rest`, and takes its space away.
fn place(row: &[f64], rest: &mut Rect, rects: &mut Vec<Rect>) {
    let sum: f64 = row.iter().sum();
    let horizontal = rest.width < rest.height;
    let side = if horizontal { rest.width } else { rest.height };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut at = 0.0;
    for area in row {
        let length = if depth > 0.0 { area / depth } else { 0.0 };
        rects.push(if horizontal {
            Rect {
                x: rest.x + at,
                y: rest.y,
                width: length,
                height: depth,
            }
        } else {
            Rect {
                x: rest.x,
                y: rest.y + at,
                width: depth,
                height: length,
            }
        });
        at += length;
    }
    if horizontal {
        rest.y += depth;
        rest.height = (rest.height - depth).max(0.0);
    } else {
        rest.x += depth;
        rest.width = (rest.width - depth).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Rect = Rect {
        x: 0.0,
        y: 0.0,
        width: 600.0,
        height: 400.0,
    };

    #[test]
    fn areas_are_the_values() {
        let values = [600, 600, 400, 300, 200, 200, 100, 0];
        let rects = squarify(&values, SPACE);
        assert_eq!(rects.len(), values.len());
        let total: f64 = values.iter().map(|v| *v as f64).sum();
        for (value, rect) in values.iter().zip(&rects) {
            let expected = *value as f64 / total * 240_000.0;
            assert!(
                (rect.width * rect.height - expected).abs() < 1.0,
                "{rect:?}"
            );
            assert!(rect.x >= 0.0 && rect.x + rect.width <= 600.0 + 1e-6);
            assert!(rect.y >= 0.0 && rect.y + rect.height <= 400.0 + 1e-6);
        }
        // The classic example: no rectangle is a sliver.
        for rect in rects.iter().take(6) {
            let ratio = (rect.width / rect.height).max(rect.height / rect.width);
            assert!(ratio < 3.0, "{rect:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for rect in squarify(&[0, 0], SPACE) {
            assert_eq!(rect.width * rect.height, 0.0);
        }
        assert!(squarify(&[], SPACE).is_empty());
    }
}
