//! The engine: libFuzzer around the target that `YIZHAN_FUZZ_TARGET` names, with an allocator that ends what grows without bound.
#![no_main]

use std::alloc::System;
use std::path::Path;
use std::sync::OnceLock;
use yizhan_fuzz::{TARGETS, Target, seeds};

/// The most memory that a process may hold, engine and corpus included.
const MEMORY_BYTES_MAX: usize = 1 << 30;

#[global_allocator]
static MEMORY: cap::Cap<System> = cap::Cap::new(System, MEMORY_BYTES_MAX);

/// The target, and whether it has to take what it is given, as it must its seeds.
static CHOSEN: OnceLock<(Target, bool)> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(folder) = std::env::var_os("YIZHAN_FUZZ_MAKE_SEEDS") {
            write_seeds(Path::new(&folder));
            std::process::exit(0);
        }
        if std::env::var_os("YIZHAN_FUZZ_LIST").is_some() {
            TARGETS.iter().for_each(|(name, _)| println!("{name}"));
            std::process::exit(0);
        }
        let name = std::env::var("YIZHAN_FUZZ_TARGET").unwrap_or_default();
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        let (_, target) = target.unwrap_or_else(|| panic!("YIZHAN_FUZZ_TARGET names no target: {name:?}"));
        CHOSEN.get_or_init(|| (*target, std::env::var_os("YIZHAN_FUZZ_STRICT").is_some()));
    },
    |data: &[u8]| {
        let (target, strict) = CHOSEN.get().expect("libFuzzer initialises first");
        let taken = target(data);
        // libFuzzer tries the empty input by itself.
        assert!(taken || !strict || data.is_empty(), "a seed is refused: run `fuzz/run seeds`");
    }
);

/// Writes the hand-made seeds in place of those that are there.
fn write_seeds(folder: &Path) {
    for (target, name, bytes) in seeds::make().expect("formats take their own examples") {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(folder.join(name), bytes).expect("the seed can be written");
    }
}
