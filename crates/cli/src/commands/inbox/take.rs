//! `yizhan inbox take`: a document out of the inbox into a folder of its own, whole or not at all.

use crate::archive::{Unpacked, unpack};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::shown;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use yizhan_desk::DeskClient;
use yizhan_document::{EnvelopeId, OfficeAddress, OfficeName};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Typed {
    /// The receiving office (收文机关)
    #[arg(value_name = "OFFICE@NODE")]
    office: OfficeAddress,
    /// The document
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// The folder to make; it must be new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

/// A document that was taken, as it is shown.
#[derive(Debug, Serialize)]
struct Taken {
    id: EnvelopeId,
    from: OfficeAddress,
    title: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

pub(super) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    check_free(&typed.out)?;
    let client = typed.reach.client(Some(typed.office.node)).await?;
    let unpacked = take_into(&client, &typed.office.office, typed.id, &typed.out).await?;
    let taken = Taken {
        id: typed.id,
        from: unpacked.manifest.from,
        title: unpacked.manifest.label.title,
        folder: typed.out,
        files: unpacked.files,
    };
    output.show(&taken, |taken| {
        let mut text = format!("{} from {}: {}\n", taken.id, taken.from, shown(&taken.title));
        for file in &taken.files {
            text += &format!("  {}\n", shown(&file.display().to_string()));
        }
        text
    })
}

/// Takes a document into `folder`, which does not exist yet or is empty. The files come to lie there in one step, once every
/// byte was compared with the manifest.
pub(crate) async fn take_into(
    client: &DeskClient,
    office: &OfficeName,
    id: EnvelopeId,
    folder: &Path,
) -> Result<Unpacked, Failure> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(Failure::file(parent, "cannot be made"))?;
    // Beside the folder, so that one rename brings all of it to its place.
    let making = tempfile::Builder::new().prefix(".taking-").tempdir_in(parent);
    let making = making.map_err(Failure::file(parent, "cannot be written"))?;
    let tar = making.path().join(".taken.tar");
    let file = tokio::fs::File::create(&tar).await.map_err(Failure::file(&tar, "cannot be written"))?;
    client.take(office, id, file).await?;
    let (from, to) = (tar.clone(), making.path().to_owned());
    let unpacking = tokio::task::spawn_blocking(move || unpack(&from, &to)).await;
    let unpacked = unpacking.map_err(|fault| Failure::Runtime(fault.into()))??;
    std::fs::remove_file(&tar).map_err(Failure::file(&tar, "cannot be removed"))?;
    std::fs::rename(making.path(), folder).map_err(Failure::file(folder, "cannot be put in place"))?;
    // It lies elsewhere now: there is nothing left to remove.
    let _moved = making.keep();
    let files =
        unpacked.files.iter().filter_map(|file| file.file_name()).map(|name| folder.join(name)).collect();
    Ok(Unpacked { files, ..unpacked })
}

fn check_free(folder: &Path) -> Result<(), Failure> {
    match folder.read_dir() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(folder, "cannot be read")(error)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(format!("{} is not empty; name a new folder", folder.display()))),
        },
    }
}
