"""The soak: mutated files, kills, ranks, strangers' canaries and full disks, by the thousand: ``make soak``."""
