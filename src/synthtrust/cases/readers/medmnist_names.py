"""The official names of the MedMNIST sets (release 3), classes and findings, and licences; files hold numbers alone."""

ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip

CLASSES: dict[str, tuple[str, ...]] = {
    "pathmnist": (
        "adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
        "cancer-associated stroma", "colorectal adenocarcinoma epithelium",
    ),
    "dermamnist": (
        "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
        "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),  # of diabetic retinopathy
    "breastmnist": ("malignant", "normal, benign"),
    "bloodmnist": (
        "basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte", "neutrophil",
        "platelet",
    ),
    "tissuemnist": (
        "collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells",
        "interstitial endothelial cells", "leukocytes", "podocytes", "proximal tubule segments",
        "thick ascending limb",
    ),
    "organamnist": ORGANS,
    "organcmnist": ORGANS,
    "organsmnist": ORGANS,
    "organmnist3d": (  # not the order of the plane sets
        "liver", "kidney-right", "kidney-left", "femur-right", "femur-left", "bladder", "heart", "lung-right",
        "lung-left", "spleen", "pancreas",
    ),
    "nodulemnist3d": ("benign", "malignant"),
    "adrenalmnist3d": ("normal", "hyperplasia"),
    "fracturemnist3d": ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
    "vesselmnist3d": ("vessel", "aneurysm"),
    "synapsemnist3d": ("inhibitory synapse", "excitatory synapse"),
}  # fmt: skip

FINDINGS: dict[str, tuple[str, ...]] = {
    "chestmnist": (
        "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
        "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia",
    ),
}  # fmt: skip
"""The sets whose images have several findings or none; their labels are 0 or 1 for each."""

SIZES = ("_64", "_128", "_224")


def classes_of(stem: str) -> list[str] | None:
    """Return the names of a set's classes or findings by the stem of its file, whatever its size; None for a stranger.

    >>> classes_of("pneumoniamnist_224"), len(classes_of("chestmnist"))
    (['normal', 'pneumonia'], 14)
    """
    names = (CLASSES | FINDINGS).get(_set(stem))
    return None if names is None else list(names)


def licence_of(stem: str) -> str:
    """Return the licence of a set by the stem of its file.

    >>> licence_of("dermamnist_64")
    'CC BY-NC 4.0'
    """
    if _set(stem) not in CLASSES | FINDINGS:
        return "unknown"
    return "CC BY-NC 4.0" if _set(stem) == "dermamnist" else "CC BY 4.0"


def _set(stem: str) -> str:
    for size in SIZES:
        stem = stem.removesuffix(size)
    return stem.lower()
