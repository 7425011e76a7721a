//! A world for tests: virtual time, network, disk with faults, clerks, checks.
