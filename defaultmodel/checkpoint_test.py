"""Tests of checkpoint.py; needs nothing but Python. `go test ./defaultmodel` runs it.

testdata/tiny.pth is what PyTorch 2.15 wrote for

    torch.manual_seed(0)
    m = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    torch.save(m.state_dict(), "tiny.pth", _use_new_zipfile_serialization=False)
"""
import os
import pathlib
import random
import resource
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import checkpoint  # noqa: E402
from checkpoint import CheckpointError  # noqa: E402

HERE = pathlib.Path(__file__).parent
TINY = (HERE / "testdata/tiny.pth").read_bytes()
SHA256 = "9b2c2c291eb68782cc907120d24096c25382bb88f647f558c3b1b9e500001669"

HEAD = TINY[:137]  # the first three pickles
PROTO, STOP = b"\x80\x02", b"."
UNICODE = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()
INT = lambda n: b"J" + struct.pack("<i", n)


def storage(kind="FloatStorage", key="0"):
    return b"(" + UNICODE("storage") + b"ctorch\n" + kind.encode() + b"\n" + UNICODE(key) + UNICODE("cpu") + INT(4) + b"NtQ"


def numbers(*n):
    return b"(" + b"".join(INT(x) for x in n) + b"t"


def one(offset=0, shape=(2, 2), strides=(2, 1), of=storage(), elements=4, count=None):
    """A file of one tensor."""
    view = b"ctorch._utils\n_rebuild_tensor_v2\n(" + of + INT(offset) + numbers(*shape) + numbers(*strides) + b"\x89)tR"
    data = struct.pack("<Q", elements if count is None else count) + struct.pack(f"<{elements}f", *range(elements))
    keys = PROTO + b"](" + UNICODE("0") + b"e" + STOP
    return HEAD + PROTO + b"}" + UNICODE("w") + view + b"s" + STOP + keys + data


class Reading(unittest.TestCase):
    def refused(self, data, *words):
        with self.assertRaises(CheckpointError) as c:
            checkpoint.read(data)
        for word in words:
            self.assertIn(word, str(c.exception))

    def test_tiny(self):
        tensors = checkpoint.read(TINY)
        self.assertEqual({name: t.shape for name, t in tensors.items()}, {
            "0.weight": (4, 3, 3, 3), "1.weight": (4,), "1.bias": (4,), "1.running_mean": (4,), "1.running_var": (4,),
            "1.num_batches_tracked": (), "3.weight": (2, 4), "3.bias": (2,)})
        for name, want in {"0.weight": -0.74752, "1.weight": 4, "3.weight": 0.20987, "3.bias": -0.10188}.items():
            t = tensors[name]
            self.assertEqual(t.dtype, "<f4")
            self.assertAlmostEqual(sum(struct.unpack(f"<{len(t.data) // 4}f", t.data)), want, 4)
        self.assertEqual(tensors["1.num_batches_tracked"], ("<i8", (), (), bytes(8)))

    def test_one(self):
        self.assertEqual(struct.unpack("<4f", checkpoint.read(one())["w"].data), (0, 1, 2, 3))
        self.assertEqual(struct.unpack("<2f", checkpoint.read(one(1, (1, 2), (9, 1)))["w"].data), (1, 2))
        self.assertEqual(checkpoint.read(one(strides=(1, 2)))["w"].strides, (1, 2))

    def test_sum(self):
        self.assertEqual(len(checkpoint.read_file(HERE / "testdata/tiny.pth", SHA256)), 8)
        with tempfile.TemporaryDirectory() as d:
            other = os.path.join(d, "other.pth")
            pathlib.Path(other).write_bytes(TINY[:-1] + b"\x00")
            with self.assertRaisesRegex(CheckpointError, "other.pth: the SHA-256 is .*, not " + SHA256):
                checkpoint.read_file(other, SHA256)

    def test_truncated(self):
        for n in range(0, len(TINY), 3):
            self.refused(TINY[:n])
        self.refused(TINY[:-1], "truncated", "bytes are due")
        self.refused(TINY + b"\x00", "1 bytes too many")

    def test_mutated(self):
        """Whatever a damaged file holds, there is an error or sound tensors."""
        rng = random.Random(1)
        accepted = 0
        for i in range(2000):
            data = bytearray(TINY)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(data))
                match rng.randrange(3):
                    case 0:
                        data[at] ^= 1 << rng.randrange(8)
                    case 1:
                        data[at] = rng.choice(b"\x00\xff.()0123NQRabcdehijlopqrstu}]\x80\x85\x86\x87\x93")
                    case 2:
                        other = rng.randrange(len(data))
                        data[at:at + 9] = data[other:other + 9]
            try:
                tensors = checkpoint.read(bytes(data))
            except CheckpointError as e:
                self.assertLess(len(str(e)), 500)
                continue
            accepted += 1
            for t in tensors.values():
                last = sum((length - 1) * stride for length, stride in zip(t.shape, t.strides))
                if 0 not in t.shape:
                    self.assertEqual(len(t.data), (last + 1) * int(t.dtype[2]))
        self.assertGreater(accepted, 40, "mutations of weights are sound files")
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 200 << 10, "KiB of memory")

    def test_hostile(self):
        canary = os.path.join(tempfile.gettempdir(), f"edge-canary-{os.getpid()}")
        command = UNICODE(f"touch {canary}")
        for pickle in (
            b"cos\nsystem\n(" + command + b"tR",
            b"(" + command + b"ios\nsystem\n",
            UNICODE("os") + UNICODE("system") + b"\x93" + command + b"\x85R",
            b"cbuiltins\neval\n(" + command + b"tR",
            b"ctorch\nHalfStorage\n",
            b"\x82\x01",  # a registered extension
            b"}\x81",
        ):
            with self.subTest(pickle):
                self.refused(PROTO + pickle + STOP)
                self.refused(HEAD + PROTO + pickle + STOP)
        self.assertFalse(os.path.exists(canary))
        self.refused(HEAD + PROTO + b"cos\nsystem\n" + STOP, "'os system'")

    def test_greedy(self):
        self.refused(HEAD + PROTO + b"X\xff\xff\xff\x7f" + STOP, "truncated or damaged")
        self.refused(HEAD + PROTO + b"}r\xff\xff\xff\x7f0" + STOP)  # a place far out in the memory of objects
        self.refused(HEAD + PROTO + b")" + b"\x85" * 1_000_000 + STOP)  # nested
        self.refused(HEAD + PROTO + b"})" + b"\x85" * 1_000_000 + b"Ns" + STOP, "a name isn't a text")
        self.refused(HEAD + b"(" * 1_000_000)
        self.refused(one(count=1 << 60), "bytes are due")

    def test_lying(self):
        self.refused(one(offset=1), "elements from 1 to 5")
        self.refused(one(strides=(2, 2)), "elements from 0 to 5")
        self.refused(one(shape=(1 << 20, 1 << 20), strides=(0, 0)), "not in its storage")
        self.refused(one(offset=-1), "plain sizes")
        self.refused(one(shape=(2, -2)), "plain sizes")
        self.refused(one(shape=(2, 2, 1)), "plain sizes")
        self.refused(one(shape=(1 << 20,) * 8, strides=(1,) * 8), "not in its storage")
        self.refused(one(of=storage("LongStorage")), "truncated")
        self.refused(one(of=storage("HalfStorage")), "HalfStorage")
        self.refused(one(of=storage(key="1")), "'0' belongs to no tensor")
        self.refused(one(of=b"N"), "don't fit")
        self.refused(b"PK\x03\x04", "1.6 or later")
        self.refused(b"", "truncated")
        self.refused(PROTO + b"N" + STOP, "not a checkpoint")


if __name__ == "__main__":
    unittest.main()
