"""A classifier of findings: a probability for each, binary cross-entropy, and a row of the scores for each."""

import pytest
import torch

from synthtrust.cases import Case, Findings
from synthtrust.models import Classifier
from synthtrust.models.heads import FindingsHead

NAMES = ("effusion", "mass", "nodule")
LABEL = torch.tensor([[1, 0, 1], [0, 0, 1]])
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [-0.7, 0.4, 0.0]])


def written_out(logits, label, weight, smoothing=0.0):
    p, y = 1 / (1 + torch.exp(-logits)), label * (1 - smoothing) + smoothing / 2
    return -(weight * y * p.log() + (1 - y) * (1 - p).log()).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("wanted", [None, [1.0, 2.0, 4.0]])
def test_the_loss_is_binary_cross_entropy_written_out(wanted, smoothing):
    head = FindingsHead(NAMES)
    weights = head.weights(wanted, (), 0)
    expected = written_out(LOGITS, LABEL, torch.tensor(wanted or [1.0, 1.0, 1.0]), smoothing)
    torch.testing.assert_close(head.loss(LOGITS, LABEL, weights, smoothing), expected)


def test_balanced_weights_make_both_sides_of_each_finding_count_alike():
    weights = FindingsHead(NAMES).weights("balanced", [20, 5, 0], 40)
    assert weights.tolist() == [1.0, 7.0, 0.0]
    with pytest.raises(ValueError, match=r"Expected model.class_weights null, balanced or one number for each of"):
        FindingsHead(NAMES).weights([1.0], [20, 5, 0], 40)


def classifier(findings=NAMES):
    torch.manual_seed(0)
    return Classifier(
        lambda in_channels, out_channels, spatial_dims: torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(16, out_channels)
        ),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        channels=1,
        classes=findings,
        size=(4, 4),
        findings=True,
    )


@pytest.mark.parametrize("findings", [NAMES, NAMES[:1]])
def test_probabilities_do_not_exclude_each_other(findings):
    model = classifier(findings)
    model.check_size((4, 4))
    probability = model.predict(torch.randn(5, 1, 4, 4))
    assert probability.shape == (5, len(findings))
    assert ((probability > 0) & (probability < 1)).all()


def test_a_row_of_the_scores_names_the_finding_and_whether_it_is_there():
    case = Case("a", {}, findings=Findings((0, 1, 1)), patient="p")
    rows = classifier().rows_of(case, "real", torch.tensor([0.25, 0.5, 0.75]))
    assert [(row["class"], row["present"], row["probability"]) for row in rows] == [
        ("effusion", 0, 0.25), ("mass", 1, 0.5), ("nodule", 1, 0.75),
    ]  # fmt: skip
    assert "target" not in rows[0]
