"""What the project is built from: which packages, and under which licences."""
