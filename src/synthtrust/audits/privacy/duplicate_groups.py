"""Which real images count as one in the copy search: those of a patient, and near-duplicates under other names.

A copy is told by how far its nearest image stands out from the next ones. If those are of the same patient, or the same
image once more, nothing stands out, and six such images hide every copy of themselves.
"""

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from synthtrust.audits.privacy.embedded import EmbeddedCases
from synthtrust.audits.privacy.settings import NEIGHBOURS, PrivacySettings
from synthtrust.metrics.functional import most_similar, similarity_z


def duplicate_groups(images: EmbeddedCases, unseen: EmbeddedCases, settings: PrivacySettings) -> Tensor:
    """Return the group of each image, integers from 0 ``(n,)``.

    Images of one patient form a group, and so do images that are more alike than half the copy threshold. Likeness is
    measured as it is for copies: in robust standard deviations from that of unseen images and their nearest of these.

    Args:
        images: Real images, among which copies are looked for.
        unseen: Real images of other patients.
        settings: The copy threshold, and whether all pairs are compared in full.
    """
    _, first, patient = np.unique(images.patients, return_index=True, return_inverse=True)
    owner, itself = torch.from_numpy(patient), torch.arange(len(images))
    k = min(NEIGHBOURS, int(patient.max()))
    links = [np.stack([itself.numpy(), first[patient]])]  # each image with the first of its patient
    if k:
        n_candidates = settings.candidates(images, NEIGHBOURS)
        unseen_similarity, _ = most_similar(unseen.bank, images.bank, 1, candidates=n_candidates)
        similarity, index = most_similar(
            images.bank, images.bank, k, exclude=itself, groups=owner, candidates=n_candidates
        )
        alike = similarity_z(similarity.numpy(), unseen_similarity[:, 0].numpy()) > settings.copy_threshold / 2
        links.append(np.stack([np.repeat(itself.numpy(), alike.sum(axis=1)), index.numpy()[alike]]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(images), len(images)))
    return torch.from_numpy(connected_components(graph, directed=False)[1]).long()
