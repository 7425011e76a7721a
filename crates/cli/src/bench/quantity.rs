//! Sizes and rates as people type them: `4096`, `100KiB`, `1GB`; `5000`, `5000/s`.

/// Reads a size in bytes: a number, alone or with `B`, `kB`, `KB`, `MB`, `GB` (thousands) or `KiB`, `MiB`, `GiB` (1024s).
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit of size; write for example 4096, 100KiB or 1GB")),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "write a size such as 4096, 100KiB or 1GB".to_owned())
}

/// Reads a number of documents a second: `5000` or `5000/s`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok();
    number
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "write a rate such as 5000/s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        let read = ["4096", "4KiB", "100KiB", "100 kB", "1GB", "2GiB", "7B"].map(|text| size(text).unwrap());
        assert_eq!(read, [4096, 4096, 102_400, 100_000, 1_000_000_000, 2 << 30, 7]);
        for wrong in ["", "0", "KiB", "4 kib", "1.5GB", "-1", "99999999999999999999", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read_with_and_without_the_second() {
        assert_eq!((rate("5000/s"), rate("0.5")), (Ok(5000.0), Ok(0.5)));
        for wrong in ["", "0", "-1/s", "inf", "NaN", "5000/min"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
