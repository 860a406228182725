"""Training: what every generator shares whose `fit` trains a network."""
