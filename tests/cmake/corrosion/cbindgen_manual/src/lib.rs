//! A type, a function and constants, from which a header is made.

pub mod limits;

#[repr(C)]
pub struct Point {
    x: i64,
    y: i64,
}

/// Adds `by` to `point`.
#[unsafe(no_mangle)]
pub extern "C" fn move_point(point: Option<&mut Point>, by: &Point) -> bool {
    let Some(point) = point else { return false };
    point.x += by.x;
    point.y += by.y;
    println!("moved to {},{}", point.x, point.y);
    true
}
