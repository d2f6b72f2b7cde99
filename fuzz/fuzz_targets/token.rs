#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stillhere_hostile::token::run(data));
