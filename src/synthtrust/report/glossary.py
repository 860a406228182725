"""The glossary: every term of the page with its meaning, and where it has one its formula and source.

The page and the documentation render these objects; a term is explained nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One term of the page."""

    word: str
    """As the glossary lists it."""
    meaning: str
    """One or two whole sentences."""
    formula: str = ""
    """In plain symbols, with i a case, k a region, R real and S synthetic test cases, D the Dice."""
    source: str = ""
    """Equation or paper."""
    written: tuple[str, ...] = ()
    """How texts write it, where that is not the word itself; an empty text is never marked."""
    group: str = "Words"
    """Heading under which the definitions stand."""

    @property
    def address(self) -> str:
        """Its address on the page.

        >>> Term("Holm's correction", "A correction.").address
        'term-holm-s-correction'
        """
        letters = "".join(letter if letter.isalnum() else "-" for letter in self.word.lower())
        return "term-" + "-".join(part for part in letters.split("-") if part)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every spelling by which texts are searched for it."""
        return tuple(spelling for spelling in self.written or (self.word,) if spelling)


FACTORS, TRAINING, STATISTICS, FIDELITY, PRIVACY = (
    "Trust factors",
    "Training and testing",
    "Statistics",
    "Fidelity",
    "Privacy",
)
BABU = "Babu et al., Building Trust in Synthetic Data for Clinical AI"

TERMS: tuple[Term, ...] = (
    Term(
        "T1",
        "Overall performance: the mean Dice over cases and regions. Higher is better.",
        "T1 = meanᵢₖ Dᵢₖ",
        f"{BABU}, Eq. (6)",
        group=FACTORS,
    ),
    Term(
        "T2",
        "Consistency: one minus the spread over cases of the mean Dice over regions (Eq. 7), or over regions, as "
        "the paper's text has it. Higher is better; it is also high for a model that fails everywhere.",
        "T2 = 1 − sdᵢ(meanₖ Dᵢₖ);  over regions: 1 − meanᵢ(sdₖ Dᵢₖ)",
        f"{BABU}, Eq. (7)",
        group=FACTORS,
    ),
    Term(
        "T3",
        "Alignment: the cosine between the Dice of real cases and of their twins, for each region. Higher is "
        "better, but unrelated scores come out near 1, too: read it against its null.",
        "T3ₖ = Σᵢ Rᵢₖ Sᵢₖ / (√Σᵢ Rᵢₖ² · √Σᵢ Sᵢₖ²)",
        f"{BABU}, Eq. (8)",
        group=FACTORS,
    ),
    Term(
        "T4",
        "Performance gap: the mean absolute difference of Dice between a real case and its twin, for each "
        "region. Lower is better, and 0 for a model that predicts nothing: read it against its floor.",
        "T4ₖ = meanᵢ |Rᵢₖ − Sᵢₖ|",
        f"{BABU}, Eq. (9)",
        group=FACTORS,
    ),
    Term(
        "T5",
        "Variability: the spread of Dice over cases relative to its mean, for each region. Lower is better.",
        "T5ₖ = sdᵢ(Dᵢₖ) / meanᵢ(Dᵢₖ)",
        f"{BABU}, Eq. (10)",
        group=FACTORS,
    ),
    Term(
        "null",
        "What a measure would be if the scores of a case and of its twin had nothing to do with each other.",
        "T3 null = 1 / √((1 + (T5ᴿ)²)(1 + (T5ˢ)²))",
        written=("null",),
        group=FACTORS,
    ),
    Term(
        "floor",
        "What real data reach among themselves: for T4 the difference between two seeds on the same case, for "
        "fidelity the value between two random halves of the real cases. Only what lies beyond it speaks of the set.",
        written=("floor", "real halves", "Real halves"),
        group=STATISTICS,
    ),
    Term(
        "alpha",
        "The share of real cases among the training cases: 0 is synthetic only, 1 is real only. In a confounded mix it "
        "is the share of real cases among the first classes, and of synthetic cases among the second.",
        written=("α", "alpha"),
        group=TRAINING,
    ),
    Term(
        "TSTR",
        "Train on synthetic, test on real: a model that saw synthetic cases alone (α = 0), scored on real test cases.",
        group=TRAINING,
    ),
    Term(
        "TRTR",
        "Train on real, test on real: the same recipe on real cases alone (α = 1), scored on the same test "
        "cases. TSTR means nothing without it.",
        group=TRAINING,
    ),
    Term(
        "TSTS",
        "Train on synthetic, test on synthetic. It shows that a model learned its set, and no more.",
        group=TRAINING,
    ),
    Term("TRTS", "Train on real, test on synthetic: how a model of patients does on the set.", group=TRAINING),
    Term(
        "twin",
        "A synthetic case that was painted on the label of a real one: same label, another image.",
        written=("twin", "twins", "Twins"),
        group=TRAINING,
    ),
    Term(
        "control",
        "A generator, or a training set, of which it is known beforehand what comes out. A page on which a "
        "control does not behave is not to be believed.",
        written=("control", "controls", "Controls"),
        group=TRAINING,
    ),
    Term(
        "shortcut",
        "Something in an image that goes with the class in training and has nothing to do with the disease, such as "
        "who made the image. A network that learned it fails where both no longer go together.",
        written=("shortcut", "shortcuts", "Shortcut"),
        group=TRAINING,
    ),
    Term(
        "confounded",
        "Of a mix: the class of a training case decides, by the share α, whether it is real or synthetic.",
        "|D| = α |R, C₁| + (1 − α) |S, C₁| + (1 − α) |R, C₂| + α |S, C₂|",
        written=("confounded", "Confounded"),
        group=TRAINING,
    ),
    Term("margin", "The loss that was called tolerable before training.", group=STATISTICS),
    Term(
        "trivial predictor",
        "A model without skill: guessing, or the best label map by position alone. A reference "
        "that does not beat it has learned nothing.",
        group=TRAINING,
    ),
    Term(
        "Dice",
        "Overlap of a predicted region with the reference: 0 for no common voxel, 1 for the same voxels.",
        "D = 2 |P ∩ L| / (|P| + |L|)",
        "Dice, 1945",
        group=TRAINING,
    ),
    Term(
        "surface Dice",
        "The share of both surfaces, of the prediction and of the reference, that lies within a tolerance of the "
        "other. 1 is perfect. The tolerance is settled before training.",
        "(|{p ∈ ∂P: d(p, ∂L) ≤ t}| + |{l ∈ ∂L: d(l, ∂P) ≤ t}|) / (|∂P| + |∂L|)",
        "Nikolov et al., arXiv 1809.04430",
        ("surface Dice", "Surface Dice"),
        group=TRAINING,
    ),
    Term(
        "HD95",
        "Distance between the surfaces of prediction and reference in mm: the 95th percentile of the way from one to "
        "the other, of the two ways the larger. A region that only one of them has gets the volume's diagonal.",
        source="Huttenlocher et al., 1993; the percentile as in BraTS",
        group=TRAINING,
    ),
    Term(
        "lesion-wise",
        "A score of each lesion by itself, and their mean: a small lesion counts as much as a large one, and one that "
        "is missed or not there counts as the worst.",
        source="Saluja et al., BraTS 2023",
        written=("lesion-wise", "Lesion-wise"),
        group=TRAINING,
    ),
    Term(
        "AUC",
        "Area under the ROC curve: the chance that a random case with the class gets a higher score than one "
        "without. 0.5 is guessing, 1 is perfect.",
        written=("AUC", "area under the ROC curve"),
        group=TRAINING,
    ),
    Term(
        "AUPRC",
        "Area under the precision-recall curve, as average precision. Guessing gives the share of cases with "
        "the class.",
        group=TRAINING,
    ),
    Term(
        "Brier score",
        "Squared distance between the predicted probabilities and the class: 0 is perfect, 2 the worst.",
        "B = meanᵢ Σ_c (p_ic − y_ic)²",
        "Brier, 1950",
        group=TRAINING,
    ),
    Term(
        "calibration error",
        "How far stated probabilities lie from what happens; here squared, and without the part "
        "that chance adds, so that 0 is expected of perfect ones.",
        "",
        "Kumar, Liang and Ma, 2019",
        group=TRAINING,
    ),
    Term(
        "confusion matrix",
        "Counts of test cases by true class (rows) and predicted class (columns).",
        written=("Confusion matrix", "confusion matrix", "Confusion matrices"),
        group=TRAINING,
    ),
    Term(
        "interval",
        "The range that holds the true value in 95 % of studies like this one. It counts patients and, "
        "where there are several, training seeds.",
        written=("pointwise",),
        group=STATISTICS,
    ),
    Term(
        "simultaneous band",
        "A band that holds the whole true curve in 95 % of studies, not each point by itself.",
        group=STATISTICS,
    ),
    Term(
        "seed",
        "The number that random draws start from; runs that differ by it alone show what chance does to a training.",
        written=("seeds",),
        group=STATISTICS,
    ),
    Term(
        "p",
        "How often chance alone gives a value at least this extreme, if there is nothing to find.",
        written=("",),
        group=STATISTICS,
    ),
    Term(
        "Holm's correction",
        "Makes several tests together call as rarely falsely as one would alone: the smallest p "
        "is multiplied by the number of tests, the next by one less, and so on.",
        "",
        "Holm, 1979",
        ("Holm's correction", "Holm"),
        STATISTICS,
    ),
    Term(
        "exploratory",
        "Not settled before looking: of many such numbers some stand out by chance.",
        written=("exploratory", "Exploratory"),
        group=STATISTICS,
    ),
    Term(
        "described, not inferred",
        "A number about these cases alone; it says nothing of other patients.",
        written=("",),
        group=STATISTICS,
    ),
    Term(
        "feature space",
        "A list of numbers for each image in which images are compared. No such list is agreed on for medical "
        "images, so several stand side by side.",
        written=("feature space", "feature spaces"),
        group=FIDELITY,
    ),
    Term(
        "KID",
        "Kernel distance between two sets of images in a feature space: 0 is expected of equal sets, and single "
        "values may be negative.",
        "KID = mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y),  k(x, y) = (x·y / d + 1)³",
        "Binkowski et al., 2018",
        group=FIDELITY,
    ),
    Term(
        "Frechet distance",
        "Distance between two normal distributions fitted to the sets. It shrinks with n: read only "
        "its ratio to the floor.",
        "",
        "Heusel et al., 2017",
        group=FIDELITY,
    ),
    Term(
        "precision",
        "Share of synthetic cases that lie near a real one.",
        "",
        "Kynkäänniemi et al., 2019",
        group=FIDELITY,
    ),
    Term(
        "recall",
        "Fidelity: share of real cases that lie near a synthetic one. Of a classifier: share of the cases of "
        "a class that it names (sensitivity).",
        "",
        "Kynkäänniemi et al., 2019",
        group=FIDELITY,
    ),
    Term(
        "density",
        "How many real neighbourhoods a synthetic case lies in, on average; 1 is expected of equal sets.",
        "",
        "Naeem et al., 2020",
        group=FIDELITY,
    ),
    Term(
        "coverage",
        "Share of real cases that have a synthetic one among their nearest neighbours.",
        "",
        "Naeem et al., 2020",
        ("Coverage", "coverage"),
        FIDELITY,
    ),
    Term(
        "Vendi score", "Effective number of different cases in a set.", "", "Friedman and Dieng, 2023", group=FIDELITY
    ),
    Term(
        "MS-SSIM",
        "Likeness of two images at several scales; 1 for the same image.",
        "",
        "Wang et al., 2003",
        group=FIDELITY,
    ),
    Term(
        "SSIM",
        "Likeness of two images in brightness, contrast and structure; 1 for the same image.",
        "",
        "Wang et al., 2004",
        group=FIDELITY,
    ),
    Term(
        "KS distance",
        "Largest difference between the distribution functions of an attribute in two sets; 0 is no difference.",
        "KS = sup_x |F(x) − G(x)|",
        group=FIDELITY,
    ),
    Term(
        "planted fault",
        "Real cases made worse on purpose. A comparison that does not notice them could not have "
        "noticed the set's faults either.",
        written=("planted fault", "Planted fault"),
        group=FIDELITY,
    ),
    Term("mode collapse", "A set whose cases are all alike.", group=FIDELITY),
    Term(
        "P1",
        "Copy search: is an image a copy of a training case, also turned, resized, inverted, blended or in part?",
        group=PRIVACY,
    ),
    Term(
        "P2",
        "Membership inference: can an attacker tell training patients from unseen ones by their nearest "
        "synthetic image? 0.5 is guessing.",
        written=("P2", "membership inference", "Membership inference"),
        group=PRIVACY,
    ),
    Term(
        "P3",
        "Nearest-real share: do synthetic images lie nearer to training cases than to as many unseen ones?",
        group=PRIVACY,
    ),
    Term(
        "onset",
        "The step of a generator's training from which on it repeats training cases. Named are the last step below the "
        "limits of copies and of membership that P3 does not accuse, with all before it, and the first that is shown "
        "to leak.",
        written=("onset", "memorise", "memorising", "Memorising"),
        group=PRIVACY,
    ),
    Term("P4", "Twin leak: does a twin know more of its own patient than its label map says?", group=PRIVACY),
    Term("P5", "Label maps: is a label map that is said to be nobody's one of a training patient?", group=PRIVACY),
    Term(
        "mask disclosure",
        "Label maps of real patients are in the set and the set says so, as of twins or of declared children: shape "
        "and place of each label are a real patient's, whatever the image shows.",
        written=("mask disclosure", "mask_disclosure"),
        group=PRIVACY,
    ),
    Term(
        "strength",
        "How suspicious a pair is, in robust standard deviations of what unseen patients reach.",
        "strength = √(z · (−r))",
        group=PRIVACY,
    ),
    Term(
        "DCR",
        "Distance to the closest training record. It is shown because many ask for it, and decides nothing.",
        group=PRIVACY,
    ),
    Term(
        "NNDR",
        "Distance to the nearest training case over that to the second nearest. It decides nothing.",
        group=PRIVACY,
    ),
    Term(
        "authenticity",
        "Share of synthetic cases that are not nearer to their nearest training case than that is to "
        "its own neighbour. It decides nothing.",
        "",
        "Alaa et al., 2022",
        group=PRIVACY,
    ),
    Term(
        "C_T",
        "Test for copying data: below 0 where synthetic cases lie nearer to training cases than unseen ones do. "
        "It decides nothing.",
        "",
        "Meehan et al., 2020",
        group=PRIVACY,
    ),
    Term(
        "SUPPORTED",
        "Shown, with an error rate that is stated, for this network, task and these patients.",
        written=("",),
        group="Verdicts",
    ),
    Term("NOT SUPPORTED", "The opposite is shown.", written=("",), group="Verdicts"),
    Term(
        "INCONCLUSIVE",
        "These cases or seeds decide nothing; what would settle it stands beside it.",
        written=("",),
        group="Verdicts",
    ),
    Term(
        "not assessed",
        "Nobody looked, or nothing could be compared. That is not the same as safe.",
        written=("",),
        group="Verdicts",
    ),
    Term(
        "not applicable",
        "The question does not arise, as alignment for a set without twins.",
        written=("",),
        group="Verdicts",
    ),
)
"""Every term that the page explains."""


def grouped(terms: Sequence[Term] = TERMS) -> dict[str, list[Term]]:
    """Return the terms by their group, in the order of the groups' first terms.

    >>> list(grouped())[:2]
    ['Trust factors', 'Statistics']
    """
    groups: dict[str, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.group, []).append(term)
    return groups
