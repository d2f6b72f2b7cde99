//! Own answers: the notice in the kind and language of whoever asks.
