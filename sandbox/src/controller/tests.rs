//! The controller against a Fleet API in memory.
