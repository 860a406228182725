"""Small images that several tests of labelled cases draw."""

import warnings

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def blobs(seed, shape=(40, 36)):
    """Draw a smooth image of 8 bits that no other seed draws, never flat and never square."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.uniform(20, 235, (9, 9)).astype(np.float32))
    return np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC)).clip(0, 255).astype(np.uint8)


def colourful(seed, shape=(40, 36)):
    """Draw an image whose three channels have nothing in common."""
    return np.stack([blobs((seed, channel), shape) for channel in range(3)], axis=-1)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def save_dicom(path, pixels, meaning="MONOCHROME2", **tags):
    """Write a DICOM image, whose other tags may be given."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = SecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.Rows, image.Columns = pixels.shape[:2]
    image.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        image.PlanarConfiguration = 0
    image.PhotometricInterpretation = meaning
    image.BitsAllocated = image.BitsStored = 8 * pixels.itemsize
    image.HighBit = image.BitsStored - 1
    image.PixelRepresentation = int(pixels.dtype.kind == "i")
    image.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(image, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that are wrong on purpose
        image.save_as(path, enforce_file_format=True)
    return path
