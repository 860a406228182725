"""What networks that paint brains onto label maps share: grid, condition, intensities, and examples to learn from."""
