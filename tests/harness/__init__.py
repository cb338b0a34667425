"""What the whole-program tests share: fixture builds, the engine, linkers, targets."""
