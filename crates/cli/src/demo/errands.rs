//! Which documents the demonstration sends, from whom, to whom.

use super::fault::DemoFault;
use super::samples::Samples;
use std::path::PathBuf;
use yizhan_document::{Label, OfficeAddress, Urgency};
use yizhan_hierarchy::NetworkPlan;

/// One document to be sent.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// What it shows.
    pub(super) shows: &'static str,
    /// Who sends it.
    pub(super) from: OfficeAddress,
    /// Who gets it.
    pub(super) to: Vec<OfficeAddress>,
    /// Its label.
    pub(super) label: Label,
    /// Its files.
    pub(super) files: Vec<PathBuf>,
    /// Whether it is handed in while a prefecture is dead.
    pub(super) while_down: bool,
}

/// The files there are to send.
#[derive(Clone, Debug)]
pub(super) enum Files {
    /// The samples.
    Samples(Samples),
    /// Those given with `--file`, in order; at least one.
    Given(Vec<PathBuf>),
}

/// From, to, which files, urgency, document type, title, whether it is sent while a prefecture is dead, what it shows.
type Row =
    (&'static str, &'static [&'static str], Which, Urgency, &'static str, &'static str, bool, &'static str);

#[derive(Clone, Copy)]
enum Which {
    NoticeAndNotes,
    Notice,
    Notes,
    NoticeAndMaps,
}

const COUNTIES: [&str; 4] = ["652301", "652324", "653101", "653130"];

const ROWS: [Row; 5] = [
    (
        "652301",
        &["653101"],
        Which::NoticeAndNotes,
        Urgency::Urgent,
        "函",
        "关于商请协助防火物资调运的函",
        false,
        "county to county, across two prefectures",
    ),
    (
        "65",
        &["652324"],
        Which::Notice,
        Urgency::MostUrgent,
        "通知",
        "关于加强冬季防火督查的通知",
        false,
        "region to county: the prefecture between cannot read it",
    ),
    (
        "652301",
        &["652324"],
        Which::Notes,
        Urgency::Normal,
        "函",
        "关于交换值班电话的函",
        false,
        "county to county, under one prefecture",
    ),
    (
        "652301",
        &COUNTIES,
        Which::NoticeAndMaps,
        Urgency::Normal,
        "通知",
        "关于印发冬季巡护路线图的通知",
        false,
        "one document to all four counties, the sender's own office among them",
    ),
    (
        "653130",
        &["65"],
        Which::Notes,
        Urgency::Urgent,
        "报告",
        "关于冬季防火准备情况的报告",
        true,
        "county to region, handed in while its prefecture is dead",
    ),
];

/// The documents, in the order in which they are handed in.
pub(super) fn errands(plan: &NetworkPlan, files: &Files) -> Result<Vec<Errand>, DemoFault> {
    let office = |node: &str| {
        let planned = plan.nodes.iter().find(|planned| planned.id.as_str() == node);
        let planned = planned.and_then(|planned| Some((planned.id, planned.offices.first()?.office.clone())));
        let (node, office) = planned.ok_or_else(|| DemoFault::Plan(format!("office at {node}")))?;
        Ok::<_, DemoFault>(OfficeAddress { office, node })
    };
    let errand = |(number, row): (usize, &Row)| {
        let (from, to, which, urgency, doc_type, title, while_down, shows) = *row;
        let label = Label {
            title: title.to_owned(),
            doc_type: doc_type.to_owned(),
            urgency,
            language: "zh".to_owned(),
            ..Label::default()
        };
        Ok(Errand {
            shows,
            from: office(from)?,
            to: to.iter().map(|node| office(node)).collect::<Result<_, DemoFault>>()?,
            label,
            files: files.pick(number, which),
            while_down,
        })
    };
    ROWS.iter().enumerate().map(errand).collect()
}

impl Files {
    /// The files of document `number`: of those given, the circular carries all, the others one each in turn.
    fn pick(&self, number: usize, which: Which) -> Vec<PathBuf> {
        match (self, which) {
            (Self::Samples(samples), Which::NoticeAndNotes) => {
                vec![samples.notice.clone(), samples.notes.clone()]
            }
            (Self::Samples(samples), Which::Notice) => vec![samples.notice.clone()],
            (Self::Samples(samples), Which::Notes) => vec![samples.notes.clone()],
            (Self::Samples(samples), Which::NoticeAndMaps) => {
                vec![samples.notice.clone(), samples.maps.clone()]
            }
            (Self::Given(given), Which::NoticeAndMaps) => given.clone(),
            (Self::Given(given), _) => given.iter().cycle().skip(number).take(1).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Files {
        Files::Samples(Samples { notice: "n.pdf".into(), notes: "t.txt".into(), maps: "m.bin".into() })
    }

    #[test]
    fn every_kind_of_way_is_gone_and_the_large_body_goes_to_all_counties() {
        let errands = errands(&NetworkPlan::demo(), &samples()).unwrap();
        assert_eq!(errands.len(), 5);
        assert_eq!(errands.iter().map(|errand| errand.to.len()).sum::<usize>(), 8);
        let circular = &errands[3];
        assert!(circular.to.contains(&circular.from), "an office on the sender's own node");
        assert!(circular.files.contains(&PathBuf::from("m.bin")));
        assert_eq!(errands.iter().filter(|errand| errand.while_down).count(), 1);
        errands.iter().for_each(|errand| errand.label.check().unwrap());
    }

    #[test]
    fn given_files_all_go_with_the_circular_and_each_document_has_one() {
        let given = Files::Given(vec!["a".into(), "b".into()]);
        let errands = errands(&NetworkPlan::demo(), &given).unwrap();
        let counts: Vec<usize> = errands.iter().map(|errand| errand.files.len()).collect();
        assert_eq!(counts, [1, 1, 1, 2, 1]);
        assert_eq!(errands[1].files, [PathBuf::from("b")]);
    }
}
