//! The binary `yizhan`; everything it does lies in the `yizhan-cli` library.

use std::process::ExitCode;

fn main() -> ExitCode {
    yizhan_cli::main()
}
