//! The last look: all power is cut, and what the disks hold is held against every promise.

use crate::checks::nothing_lost::BadClocks;
use crate::checks::{chains_verify, nothing_lost, nothing_twice, recalled_stay_unseen};
use crate::limits::GOOD_CLOCK_SKEW_MS;
use crate::survey::Survey;
use crate::world::World;

impl World {
    /// Cuts the power of all machines and looks what their disks hold; gives it, if there was anything to look at.
    pub(crate) fn look_at_all_disks(&mut self) -> Option<Survey> {
        if !self.out.failures.is_empty() {
            return None;
        }
        for station in self.stations.values_mut() {
            drop(station.stop(true));
        }
        let network = self.out.directory.network.clone();
        let survey = match Survey::of(self.stations.values_mut(), &network) {
            Ok(survey) => survey,
            Err(reason) => {
                self.out.fail("nothing_lost", reason);
                return None;
            }
        };
        self.entries = survey.nodes.values().map(|held| held.ledger.size()).sum();
        let beyond = self.out.wall().plus_ms(GOOD_CLOCK_SKEW_MS);
        let bad_clocks = BadClocks { nodes: &self.bad_clocks, beyond };
        let found = [
            ("nothing_lost", nothing_lost::check(&survey, &self.out.book, &bad_clocks)),
            ("nothing_twice", nothing_twice::check(&survey, &self.out.book, self.out.directories.len() > 1)),
            ("recalled_stay_unseen", recalled_stay_unseen::check(&survey)),
            ("chains_verify", chains_verify::check(&survey)),
            ("numbers_have_no_gaps", self.out.checks.numbers_have_no_gaps.check(&survey)),
        ];
        for (check, wrong) in found {
            wrong.into_iter().for_each(|what| self.out.fail(check, what));
        }
        Some(survey)
    }
}
