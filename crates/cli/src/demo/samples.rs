//! Sample documents: a PDF notice with Chinese text, a text file, and a body of 20 MB; the same bytes every time.

mod notice;
mod pdf;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The size of the large sample, in bytes.
const BODY_BYTES: u64 = 20_000_000;

const TEXT: &str = "\
关于做好冬季森林草原防火工作的通知：附件说明

一、各县市值班电话请于每日上午十时前更新。
二、冬季巡护路线图见附件，共二十幅。
三、联系人：州人民政府办公室值班室。

Notes on the winter fire-watch notice, in plain UTF-8: duty telephones are renewed daily before ten o'clock.

قىشلىق ئوت ئاپىتىدىن ساقلىنىش ئۇقتۇرۇشى
";

/// Where the samples were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// A notice (通知) of one page, PDF 1.4, with a predefined Chinese font that is not embedded.
    pub notice: PathBuf,
    /// Notes in Chinese, English and Uyghur, UTF-8.
    pub notes: PathBuf,
    /// 20 MB that no compression makes smaller, as scanned maps would be.
    pub maps: PathBuf,
}

/// Why the samples were not written: the disk, or missing rights.
#[derive(Debug, thiserror::Error)]
#[error("the sample {} cannot be written: {source}", .path.display())]
pub struct SamplesError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

/// Writes the sample documents into `folder`, which is made if it is not there. Files of the same names are overwritten.
pub fn write_samples(folder: &Path) -> Result<Samples, SamplesError> {
    fs::create_dir_all(folder).map_err(|source| SamplesError { path: folder.to_owned(), source })?;
    let write = |name: &str, write: &dyn Fn(&Path) -> io::Result<()>| {
        let path = folder.join(name);
        write(&path).map(|()| path.clone()).map_err(|source| SamplesError { path, source })
    };
    Ok(Samples {
        notice: write("冬季防火通知.pdf", &|path| fs::write(path, notice::notice()))?,
        notes: write("附件说明.txt", &|path| fs::write(path, TEXT))?,
        maps: write("巡护路线图.bin", &write_body)?,
    })
}

fn write_body(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut state = 0x79697a68616e; // "yizhan"
    for _ in 0..BODY_BYTES / 8 {
        file.write_all(&next(&mut state).to_le_bytes())?;
    }
    file.flush()
}

/// One step of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Nothing secret.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const _: () = assert!(BODY_BYTES.is_multiple_of(8));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_the_same_bytes_every_time() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let a = write_samples(first.path()).unwrap();
        let b = write_samples(&second.path().join("below")).unwrap();
        for (a, b) in [(a.notice, b.notice), (a.notes, b.notes), (a.maps, b.maps)] {
            assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap(), "{}", a.display());
        }
    }

    #[test]
    fn the_documents_in_examples_are_the_samples() {
        let folder = tempfile::tempdir().unwrap();
        let samples = write_samples(folder.path()).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/documents");
        for made in [samples.notice, samples.notes] {
            let there = examples.join(made.file_name().unwrap());
            assert!(fs::read(&made).unwrap() == fs::read(&there).unwrap(), "{}", there.display());
        }
    }

    #[test]
    fn the_large_sample_has_its_size_and_every_byte_value_about_as_often() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = fs::read(write_samples(folder.path()).unwrap().maps).unwrap();
        assert_eq!(bytes.len() as u64, BODY_BYTES);
        let mut counts = [0u64; 256];
        bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        let expected = BODY_BYTES / 256;
        assert!(counts.iter().all(|count| count.abs_diff(expected) < expected / 20));
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs for seed 1234567, as the reference implementation (prng.di.unimi.it/splitmix64.c) gives them.
        let mut state = 1_234_567;
        assert_eq!(
            [next(&mut state), next(&mut state)],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
