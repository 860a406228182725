"""Claims about the trust factors, made testable before looking: what holds of them in one sweep."""
