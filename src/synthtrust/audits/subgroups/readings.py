"""The readings of a question about groups: shown to differ, shown to be alike, or neither."""

UNALIKE, ALIKE, OPEN = "NOT SUPPORTED", "SUPPORTED", "INCONCLUSIVE"
"""Whether groups lose alike: one loses more than another by more than the margin, none does, or it cannot be told."""
NOT_KNOWN, NOT_MEASURED = "not known", "not measured"
"""Nothing is known of the groups of synthetic cases; or the audit that measures it was not asked, or has no number."""
