"""Grey DICOM images in lossless JPEG, JPEG of 12 bits and JPEG-LS: a plugin by which pydicom asks imagecodecs."""

import imagecodecs
from pydicom import uid
from pydicom.pixels import decoders
from pydicom.pixels.decoders.base import DecodeRunner

DECODERS = {
    uid.JPEGLossless: (decoders.JPEGLosslessDecoder, imagecodecs.jpeg_decode),
    uid.JPEGLosslessSV1: (decoders.JPEGLosslessSV1Decoder, imagecodecs.jpeg_decode),
    uid.JPEGExtended12Bit: (decoders.JPEGExtended12BitDecoder, imagecodecs.jpeg_decode),
    uid.JPEGLSLossless: (decoders.JPEGLSLosslessDecoder, imagecodecs.jpegls_decode),
    uid.JPEGLSNearLossless: (decoders.JPEGLSNearLosslessDecoder, imagecodecs.jpegls_decode),
}
"""Transfer syntax -> pydicom's decoder, and what decodes its frames."""

DECODER_DEPENDENCIES = dict.fromkeys(DECODERS, ("imagecodecs",))
"""What pydicom asks of a plugin."""


def is_available(syntax: str) -> bool:
    """Whether images of a transfer syntax can be decoded here."""
    return syntax in DECODERS


def decode(frame: bytes, runner: DecodeRunner) -> bytes:
    """Return the numbers of one frame, as pydicom asks for them.

    Raises:
        NotImplementedError: If it has colours, whose meaning the frame alone does not tell.
    """
    if runner.samples_per_pixel != 1:
        raise NotImplementedError("colours in this compression are not read")
    pixels = DECODERS[runner.transfer_syntax][1](frame)
    runner.set_option("bits_allocated", 8 * pixels.itemsize)
    return pixels.tobytes()


for _decoder, _ in DECODERS.values():
    _decoder.add_plugin("imagecodecs", (__name__, "decode"))
