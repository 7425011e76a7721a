//! The least PDF that shows Chinese text: one page, one predefined font that every reader brings along (ISO 32000-1, 9.7.5).

/// Points of an A4 page.
const PAGE: (u32, u32) = (595, 842);

/// One line of text on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Where it begins, in points from the left edge.
    pub(super) left: u32,
    /// Where it stands, in points from the lower edge.
    pub(super) up: u32,
    /// How large it is, in points.
    pub(super) size: u32,
    /// Red, as the head of an official document is, else black.
    pub(super) red: bool,
    /// The text: characters of the Basic Multilingual Plane, which is what the encoding UniGB-UCS2-H can say.
    pub(super) text: &'static str,
}

/// A PDF 1.4 file of one page.
pub(super) fn page(title: &str, lines: &[Line]) -> Vec<u8> {
    let content: String = lines.iter().map(show).collect();
    let (width, height) = PAGE;
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UCS2-H /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>".to_owned(),
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 /W [1 95 500] /FontDescriptor 7 0 R >>".to_owned(),
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>".to_owned(),
        format!("<< /Title <feff{}> >>", ucs2(title)),
    ];
    file(&objects)
}

/// Header, objects, cross-reference table, trailer (ISO 32000-1, 7.5).
fn file(objects: &[String]) -> Vec<u8> {
    // The second line tells transfer programs that the file is binary.
    let mut bytes = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", bytes.len());
        bytes.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let start = bytes.len();
    let (size, info) = (objects.len() + 1, objects.len());
    let trailer =
        format!("trailer\n<< /Size {size} /Root 1 0 R /Info {info} 0 R >>\nstartxref\n{start}\n%%EOF\n");
    bytes.extend_from_slice(table.as_bytes());
    bytes.extend_from_slice(trailer.as_bytes());
    bytes
}

fn show(line: &Line) -> String {
    let colour = if line.red { "1 0 0 rg" } else { "0 g" };
    format!("BT {colour} /F1 {} Tf {} {} Td <{}> Tj ET\n", line.size, line.left, line.up, ucs2(line.text))
}

fn ucs2(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04x}")).collect()
}
