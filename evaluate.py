"""Ask every run in a folder the same questions, and answer them on one page; see conf/evaluate.yaml.

python evaluate.py                              every run there is
python evaluate.py runs=runs/alpha_sweep        one sweep
"""

from synthtrust.cli import evaluate

if __name__ == "__main__":
    evaluate()
