//! Holds HTTP/1 to one meaning before anything else reads it.
