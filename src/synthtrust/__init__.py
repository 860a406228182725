"""synthtrust tells by numbers whether a synthetic medical image set can be trusted."""
