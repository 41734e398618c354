"""Reads a checkpoint that PyTorch before 1.6 wrote, with the standard library alone, and safely.

Such a file is five pickles (magic number, version, the machine, the tensors, the storages' keys), and then, for each
storage, the number of its elements and the elements. A pickle is a program that may call anything; so it isn't
unpickled: the few operations that state dictionaries need are carried out here, and any other is an error.
"""
import hashlib
import io
import math
import pickletools
from typing import NamedTuple

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
MAX_FILE = 64 << 20
SIZES = {"torch FloatStorage": ("<f4", 4), "torch LongStorage": ("<i8", 8)}  # of elements; the types as NumPy has them
DICT, REBUILD = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"


class CheckpointError(Exception):
    """Says what is wrong with a file."""


class Storage(NamedTuple):
    kind: str
    key: str


class View(NamedTuple):
    """A part of a storage; offset and strides count elements."""
    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


class Tensor(NamedTuple):
    dtype: str  # as NumPy has it
    shape: tuple
    strides: tuple  # in elements
    data: memoryview  # from its first element to its last


class Global(NamedTuple):
    """What a pickle imports; here, only a name."""
    name: str


def read_file(path, sha256):
    """Returns the tensors of a file by name, if it has this sum."""
    with open(path, "rb") as f:
        data = f.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise CheckpointError(f"{path}: larger than {MAX_FILE >> 20} MiB")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise CheckpointError(f"{path}: the SHA-256 is {found}, not {sha256}: this isn't the file that was published")
    try:
        return read(data)
    except CheckpointError as e:
        raise CheckpointError(f"{path}: {e}") from None


def read(data):
    """Returns the tensors of a file's bytes by name."""
    if data[:4] == b"PK\x03\x04":
        raise CheckpointError("written by PyTorch 1.6 or later: save it with _use_new_zipfile_serialization=False")
    f = io.BytesIO(data)
    if load(f) != MAGIC or load(f) != VERSION:
        raise CheckpointError("not a checkpoint of PyTorch before 1.6")
    machine, views, keys = load(f), load(f), load(f)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError("not written on a little-endian machine")
    if not isinstance(views, dict) or not all(isinstance(v, View) for v in views.values()):
        raise CheckpointError("not a dictionary of tensors: save model.state_dict()")
    if not isinstance(keys, list) or not all(isinstance(k, str) for k in keys):
        raise CheckpointError("damaged: the list of storages isn't one of names")
    kinds = {v.storage.key: v.storage.kind for v in views.values()}
    storages = {}
    for key in keys:
        if key not in kinds or key in storages:
            raise CheckpointError(f"damaged: the storage {key!r} belongs to no tensor, or is there twice")
        length = int.from_bytes(take(f, 8), "little") * SIZES[kinds[key]][1]
        storages[key] = take(f, length)
    if f.read(1):
        raise CheckpointError(f"damaged: {len(data) - f.tell() + 1} bytes too many")
    return {name: tensor(name, view, storages) for name, view in views.items()}


def take(f, n):
    left = len(f.getbuffer()) - f.tell()
    if n > left:
        raise CheckpointError(f"truncated: {n} bytes are due at {f.tell()}, {left} are left")
    return f.read(n)


def tensor(name, view, storages):
    storage, offset, shape, strides = view
    if storage.key not in storages:
        raise CheckpointError(f"damaged: {name!r}: its storage {storage.key!r} is missing")
    sizes = [offset, *shape, *strides]
    if len(shape) != len(strides) or not all(type(n) is int and 0 <= n <= MAX_FILE for n in sizes) or len(shape) > 8:
        raise CheckpointError(f"damaged: {name!r}: its offset, shape or strides aren't plain sizes"[:300])
    dtype, size = SIZES[storage.kind]
    end = offset + 1 + sum((length - 1) * stride for length, stride in zip(shape, strides))
    if 0 in shape:
        end = offset
    # A stride of 0 repeats an element; MAX_FILE bounds what that can make.
    if end * size > len(storages[storage.key]) or math.prod(shape) > MAX_FILE // size:
        raise CheckpointError(f"damaged: {name!r}: the elements from {offset} to {end} are not in its storage")
    return Tensor(dtype, shape, strides, memoryview(storages[storage.key])[offset * size:end * size])


def load(f):
    """Carries out one pickle."""
    start = f.tell()
    stack, marks, memo, at = [], [], {}, start

    def pop(kind):
        value = stack.pop()
        if not isinstance(value, kind):
            raise CheckpointError(f"damaged near byte {at}: a {type(value).__name__}, not a {kind.__name__}")
        return value

    def since_mark():
        mark = marks.pop()
        values = stack[mark:]
        del stack[mark:]
        return values

    def fill(pairs):
        if not all(isinstance(key, str) for key in pairs[::2]) or len(pairs) % 2:
            raise CheckpointError(f"damaged near byte {at}: a name isn't a text")
        stack.append(pop(dict))
        stack[-1].update(zip(pairs[::2], pairs[1::2]))

    try:
        for op, arg, at in pickletools.genops(f):
            match op.name:
                case "PROTO":
                    pass
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                    stack.append(arg)
                case "NONE" | "NEWTRUE" | "NEWFALSE":
                    stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[op.name])
                case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                    stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[op.name]())
                case "MARK":
                    marks.append(len(stack))
                case "TUPLE":
                    stack.append(tuple(since_mark()))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    n = int(op.name[-1])
                    stack[-n:] = [tuple(stack[-n:])]
                case "APPEND" | "APPENDS":
                    values = [stack.pop()] if op.name == "APPEND" else since_mark()
                    stack.append(pop(list))
                    stack[-1].extend(values)
                case "SETITEM":
                    value = stack.pop()
                    fill([stack.pop(), value])
                case "SETITEMS":
                    fill(since_mark())
                case "BINPUT" | "LONG_BINPUT":
                    memo[arg] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[arg])
                case "GLOBAL":
                    if arg not in (DICT, REBUILD, *SIZES):
                        raise CheckpointError(f"it asks for {arg!r} at byte {at}, which no dictionary of float tensors needs")
                    stack.append(Global(arg))
                case "REDUCE":
                    args, name = pop(tuple), pop(Global).name
                    stack.append(call(name, args))
                case "BINPERSID":
                    stack.append(storage_of(pop(tuple)))
                case "BUILD":
                    pop(dict)  # what PyTorch notes about versions
                case "STOP":
                    return stack.pop()
                case _:
                    raise CheckpointError(f"the operation {op.name} at byte {at}: no dictionary of tensors needs it")
    except (ValueError, IndexError, KeyError, TypeError) as e:
        raise CheckpointError(f"truncated or damaged near byte {at}: {e}"[:300]) from None
    raise CheckpointError(f"truncated: the pickle at byte {start} has no end")


def call(name, args):
    match name, args:
        case (n, ()) if n == DICT:
            return {}
        case (n, (Storage() as storage, offset, tuple() as shape, tuple() as strides, *_)) if n == REBUILD:
            return View(storage, offset, shape, strides)
    raise CheckpointError(f"damaged: {name} is called with {len(args)} values that don't fit")


def storage_of(saved_id):
    match saved_id:
        case ("storage", Global(kind), str() as key, _, _, _) if kind in SIZES:
            return Storage(kind, key)
    raise CheckpointError("damaged, or of another type than float32 and int64: a storage that isn't understood")
