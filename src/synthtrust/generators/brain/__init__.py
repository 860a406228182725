"""Brain: what generators share that paint brains onto label maps: the box, the condition, the intensities."""
