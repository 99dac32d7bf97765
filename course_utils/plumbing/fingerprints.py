"""Digests of everything that features depend on, so that stored ones are never out of date."""

import functools
import hashlib
import inspect
import json
import re
import sys
import sysconfig
import types
from pathlib import Path

import keras
import numpy as np
import PIL
from PIL import Image

from course_utils.backbones import Backbone
from course_utils.tensors import path_to_tensor


def fingerprint(backbone: Backbone, part: keras.Model, images) -> str:
    """Digest the images and all that turns them into the outputs of `part`, a part of the backbone.

    `images` is an array of pixels or a sequence of paths.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{keras.__version__} {np.__version__} {PIL.__version__}".encode())
    # What loading and preprocessing do to noise, and the code for what noise does not reach
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype="uint8")
    pixels = path_to_tensor(Image.fromarray(noise), size=backbone.input_size)
    digest.update(np.ascontiguousarray(backbone.preprocess(pixels)))
    digest.update(_describe(backbone.preprocess).encode())
    for layer in part.layers:
        # Keras numbers input layers anew at each loading, and freezing changes no activation.
        config = {**layer.get_config(), "name": None, "trainable": None}
        digest.update(f"{type(layer).__name__} {config}".encode())
    for layer in part._flatten_layers():  # the nested ones too
        functions = [value for value in vars(layer).values() if callable(value)]
        own = [value for value in [type(layer), *functions] if not _is_library(value)]
        digest.update(_describe(own).encode())
    digest.update(_connections(part).encode())
    for weight in part.weights:
        digest.update(weight.numpy().astype("float32").tobytes())
    if isinstance(images, np.ndarray) and images.dtype.kind in "uif":
        digest.update(_describe(images).encode())
    else:
        for path in images:
            digest.update(_digest_of(Path(path)))
    return digest.hexdigest()


def _digest_of(path: Path) -> bytes:
    try:
        return hashlib.blake2b(path.read_bytes()).digest() if path.is_file() else b"unreadable"
    except OSError:  # the loader names it, with all others that cannot be read
        return b"unreadable"


def _connections(model: keras.Model) -> str:
    """Describe which layer feeds which, by position: Keras numbers names anew at each loading."""
    config = model.get_config()
    nodes = [layer.get("inbound_nodes") for layer in config["layers"]]
    text = json.dumps([nodes, config.get("output_layers")], default=str)
    places = {layer.name: place for place, layer in enumerate(model.layers)}
    # A tensor is written as ["name of the layer", 0, 0].
    return re.sub(r'\["([^"]+)", (?=\d+, \d+\])', lambda found: f"[{places[found[1]]}, ", text)


def _describe(thing, seen: list | None = None) -> str:
    """Describe a value; a function or class by its code and by the values that the code uses.

    >>> factor = 2
    >>> double = _describe(lambda pixels: pixels * factor)
    >>> factor = 3
    >>> _describe(lambda pixels: pixels * factor) == double
    False
    """
    if isinstance(thing, str | bytes | int | float | complex | None):
        return repr(thing)
    if isinstance(thing, np.ndarray):
        content = hashlib.blake2b(np.ascontiguousarray(thing)).hexdigest()
        return f"{thing.shape} {thing.dtype} {content}"
    seen = [] if seen is None else seen
    if any(thing is other for other in seen):
        return "described above"
    seen.append(thing)
    return f"{type(thing).__name__}({', '.join(_describe(part, seen) for part in _parts(thing))})"


def _parts(thing) -> list:
    """List what defines a function, class, container or object; of a library's, the name."""
    if isinstance(thing, list | tuple):
        return list(thing)
    if isinstance(thing, set | frozenset):
        return sorted(thing, key=repr)
    if isinstance(thing, dict):
        return [*thing, *thing.values()]
    if isinstance(thing, types.CodeType):
        return [thing.co_code, thing.co_names, thing.co_consts]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if inspect.ismethod(thing):
        return [thing.__func__, thing.__self__]
    if _is_library(thing):
        wrapped = getattr(thing, "__wrapped__", getattr(thing, "fget", None))
        return [getattr(thing, "__name__", ""), wrapped]
    if inspect.ismodule(thing):
        return [Path(thing.__file__).read_bytes()]
    if inspect.isfunction(thing):
        used = [thing.__globals__[name] for name in _names(thing.__code__, thing.__globals__)]
        enclosed = [cell.cell_contents for cell in thing.__closure__ or ()]
        return [thing.__code__, thing.__defaults__, thing.__kwdefaults__, used, enclosed]
    if inspect.isclass(thing):
        # Not all attributes: Python and Keras keep notes of their own in some.
        methods = types.FunctionType | staticmethod | classmethod | property
        own = {k: v for k, v in vars(thing).items() if isinstance(v, methods) or k[0] != "_"}
        return [thing.__bases__, own]
    return [type(thing)] if isinstance(thing, keras.Layer) else [type(thing), vars(thing)]


def _names(code: types.CodeType, known: dict) -> list[str]:
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    found = {name for name in code.co_names if name in known}
    return sorted(found.union(*(_names(part, known) for part in inner)))


def _is_library(thing) -> bool:
    """Whether something is part of an installed package or of Python, known by its version."""
    if inspect.isfunction(thing):
        name = thing.__globals__.get("__name__", "__main__")
    elif inspect.ismodule(thing):
        name = thing.__name__
    else:
        name = (thing if inspect.isclass(thing) else type(thing)).__module__
    module = sys.modules.get(name)
    if module is None or name == "__main__":
        return False
    file = getattr(module, "__file__", None) or ""
    is_installed = "-packages" in file or file.startswith(sysconfig.get_path("stdlib"))
    return not file or is_installed
