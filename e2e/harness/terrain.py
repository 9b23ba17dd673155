"""Which patches of ground a LayerData message carries.

The coefficients are read only as far as it takes to find the next patch: each is one bit 0 for zero, 10 for "all the
rest is zero", or 11, a sign bit and as many bits as the patch's header says.
"""

END_OF_PATCHES = 97
LAND, LARGE_LAND = ord("L"), ord("M")


class Bits:
    """Bits as the protocol packs them: whole bytes first, each from its highest bit down."""

    def __init__(self, data):
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def take(self, count):
        value, shift = 0, 0
        while count:
            step = min(count, 8)
            value |= int(self.bits[self.at:self.at + step], 2) << shift
            self.at += step
            shift += step
            count -= step
        return value

    def bit(self):
        self.at += 1
        return self.bits[self.at - 1] == "1"


def patches(data):
    """The (x, y) of every land patch in the data of one LayerData; other layers give none."""
    bits = Bits(data)
    bits.take(16)  # stride
    size, layer = bits.take(8), bits.take(8)
    if layer not in (LAND, LARGE_LAND):
        return []
    found = []
    while (quant_wbits := bits.take(8)) != END_OF_PATCHES:
        bits.take(32)  # lowest height
        bits.take(16)  # range of heights
        half = 5 if layer == LAND else 16
        place = bits.take(2 * half)
        found.append((place >> half, place & ((1 << half) - 1)))
        _skip(bits, size * size, (quant_wbits & 0xF) + 2)
    return found


def _skip(bits, coefficients, width):
    for _ in range(coefficients):
        if not bits.bit():
            continue
        if not bits.bit():
            return
        bits.take(1 + width)
