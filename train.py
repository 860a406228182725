"""Train a model on a mix of real and synthetic cases, and score it on both; see conf/train.yaml.

python train.py                                 one run
python train.py alpha=0.2 model=unet            another share of real cases, another network
python train.py experiment=alpha_sweep -m       every share, several seeds
python train.py cases=brats cases.root=DIR cases.list=true     only list what a folder holds
"""

from synthtrust.cli import train

if __name__ == "__main__":
    train()
