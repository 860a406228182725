"""The mark of synthetic origin inside the files of a set, wherever they are carried without their manifest."""

from PIL.PngImagePlugin import PngInfo

ORIGIN = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""The IPTC's term for media that an algorithm made which learned from other media (``digitalSourceType``)."""

DESCRIPTION = "synthetic, no patient; IPTC trainedAlgorithmicMedia"
"""What stands in the header of a NIfTI volume (``descrip``, at most 79 characters)."""

XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{ORIGIN}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def png_origin() -> PngInfo:
    """Return the mark as the text of a PNG file: an XMP packet, which image programs and search engines read.

    Source: IPTC Photo Metadata Standard 2023.1, Digital Source Type; XMP Specification Part 3, PNG.

    >>> png_origin().chunks[0][0]
    b'iTXt'
    """
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP)
    return info
