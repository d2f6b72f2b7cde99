//! (being written)
use crate::{cli, exit::Exit};
pub async fn run(_: cli::Doctor) -> Result<(), Exit> {
    Ok(())
}
