//! The lobby: who has called and not said hello yet, how many of them there may be, and who must prove its address.

use crate::limits::{HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX, HALF_OPEN_UNPROVEN_MAX};
use std::collections::HashMap;
use std::net::IpAddr;

/// What to do with a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it in.
    Enter,
    /// Let it come back with a token that shows its address to be its own.
    Prove,
    /// Turn it away.
    Refuse,
}

/// Counts callers without a hello.
#[derive(Debug, Default)]
pub(crate) struct Lobby {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Lobby {
    /// Judges a caller, and counts it if it may enter. Only an address that is proven counts against itself: otherwise
    /// anyone could shut a neighbour out by calling in its name.
    pub(crate) fn judge(&mut self, address: IpAddr, proven: bool) -> Verdict {
        let from_there = self.by_address.get(&address).copied().unwrap_or(0);
        if self.all >= HALF_OPEN_MAX {
            return Verdict::Refuse;
        }
        if !proven && (self.all >= HALF_OPEN_UNPROVEN_MAX || from_there >= HALF_OPEN_PER_ADDRESS_MAX) {
            return Verdict::Prove;
        }
        if from_there >= HALF_OPEN_PER_ADDRESS_MAX {
            return Verdict::Refuse;
        }
        self.all += 1;
        *self.by_address.entry(address).or_default() += 1;
        Verdict::Enter
    }

    /// A caller that had entered has said hello or is gone.
    pub(crate) fn leave(&mut self, address: IpAddr) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> IpAddr {
        IpAddr::from([10, 0, (n / 256) as u8, (n % 256) as u8])
    }

    #[test]
    fn under_many_half_open_calls_an_address_must_be_proven() {
        let mut lobby = Lobby::default();
        for n in 0..HALF_OPEN_UNPROVEN_MAX {
            assert_eq!(lobby.judge(address(n), false), Verdict::Enter);
        }
        assert_eq!(lobby.judge(address(999), false), Verdict::Prove);
        assert_eq!(lobby.judge(address(999), true), Verdict::Enter);
        lobby.leave(address(0));
        lobby.leave(address(999));
        assert_eq!(lobby.judge(address(999), false), Verdict::Enter);
    }

    #[test]
    fn one_address_cannot_fill_the_lobby_and_cannot_be_shut_out_in_its_name() {
        let mut lobby = Lobby::default();
        for _ in 0..HALF_OPEN_PER_ADDRESS_MAX {
            assert_eq!(lobby.judge(address(1), true), Verdict::Enter);
        }
        assert_eq!(lobby.judge(address(1), true), Verdict::Refuse);
        assert_eq!(lobby.judge(address(1), false), Verdict::Prove);
        assert_eq!(lobby.judge(address(2), true), Verdict::Enter);
        lobby.leave(address(1));
        assert_eq!(lobby.judge(address(1), true), Verdict::Enter);
    }

    #[test]
    fn a_full_lobby_turns_everyone_away_and_forgets_who_left() {
        let mut lobby = Lobby::default();
        for n in 0..HALF_OPEN_MAX {
            assert_eq!(lobby.judge(address(n), true), Verdict::Enter);
        }
        assert_eq!(lobby.judge(address(9999), true), Verdict::Refuse);
        (0..HALF_OPEN_MAX).for_each(|n| lobby.leave(address(n)));
        assert_eq!((lobby.all, lobby.by_address.len()), (0, 0));
    }
}
