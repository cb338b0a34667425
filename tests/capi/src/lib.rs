//! Depends on what is tested.
