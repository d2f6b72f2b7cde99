//! User text made safe to show.
