"""Print the licences of all packages that a user installs: ``python -m supply_chain`` in the folder of tests."""

import sys

from supply_chain.licences import licences, promised

EXTRAS = ("itk", "parallel", "slurm", "tensorboard", "mlflow")


def main() -> None:
    """Print a line for each package; the exit code is 1 if one does not go with Apache-2.0."""
    every = licences(promised(EXTRAS))
    for licence in every:
        verdict = "" if licence.goes_with_apache else "  <- does not go with Apache-2.0"
        sys.stdout.write(f"{licence.package:40} {licence.version:16} {licence.words}{verdict}\n")
    sys.exit(not all(licence.goes_with_apache for licence in every))


if __name__ == "__main__":
    main()
