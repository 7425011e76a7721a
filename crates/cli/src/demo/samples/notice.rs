//! The sample notice (通知): head, number, title, addressees, text, signature and date, as GB/T 9704 orders them.

use super::pdf::{Line, page};

/// The number of the notice (发文字号), as it stands on it and in its label.
pub(super) const NUMBER: &str = "昌州政办发〔2026〕43号";
/// The title (标题).
pub(super) const TITLE: &str = "关于做好冬季森林草原防火工作的通知";

const LINES: [Line; 12] = [
    Line { left: 80, up: 740, size: 34, red: true, text: "昌吉回族自治州人民政府办公室" },
    black(225, 690, 14, NUMBER),
    Line {
        left: 70, up: 672, size: 12, red: true, text: "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━"
    },
    black(126, 625, 20, TITLE),
    black(70, 575, 15, "各县市人民政府，州直各部门："),
    black(100, 545, 15, "进入冬季以来，我州气温偏高、降水偏少，森林草原火险"),
    black(70, 519, 15, "等级居高不下。为做好今冬明春防火工作，现通知如下："),
    black(100, 493, 15, "一、压实责任，落实二十四小时值班制度。"),
    black(100, 467, 15, "二、加强巡护，重点林区每日巡查不少于两次。"),
    black(100, 441, 15, "三、遇有火情，立即报告，不得迟报、漏报、瞒报。"),
    black(300, 361, 15, "昌吉州人民政府办公室"),
    black(325, 335, 15, "2026年11月20日"),
];

/// The notice as PDF.
pub(super) fn notice() -> Vec<u8> {
    page(TITLE, &LINES)
}

const fn black(left: u32, up: u32, size: u32, text: &'static str) -> Line {
    Line { left, up, size, red: false, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::Document;
    use std::process::Command;

    #[test]
    fn another_program_reads_the_notice_line_by_line() {
        let document = Document::load_mem(&notice()).unwrap();
        assert_eq!(document.get_pages().len(), 1);
        let text = document.extract_text(&[1]).unwrap();
        for line in LINES {
            assert!(text.contains(line.text), "{} is missing in {text}", line.text);
        }
    }

    #[test]
    fn poppler_reads_the_notice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notice.pdf");
        std::fs::write(&path, notice()).unwrap();
        let Ok(read) = Command::new("pdftotext").arg(&path).arg("-").output() else {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: there is no pdftotext on this machine");
            return;
        };
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        assert!(String::from_utf8_lossy(&read.stdout).contains(TITLE));
    }

    #[test]
    fn every_character_can_be_said_in_the_encoding_and_every_line_fits_the_page() {
        for line in LINES {
            assert!(line.text.chars().all(|c| u32::from(c) <= 0xffff), "{}", line.text);
            let wide: u32 =
                line.text.chars().map(|c| if c.is_ascii() { line.size / 2 } else { line.size }).sum();
            assert!(line.left + wide <= 595, "{} ends at {}", line.text, line.left + wide);
        }
    }
}
