"""Scores one row at a time with a library, when told to: the other side of `bench/score.mjs`.

usage: serve.py FOLDER LIBRARY...    lightgbm, lleaves, onnxruntime

Says of each library that it has how far its log-odds are from raw.f64, as one line of JSON, then an empty line. From then on every line
`LIBRARY FROM COUNT` is answered with nanoseconds a row. Compiled functions are called through ctypes, and what ctypes itself takes is
measured beside each of them, on a C function that returns at once, and taken off.
"""

import ctypes
import json
import sys
from ctypes import CDLL, CFUNCTYPE, c_int, c_void_p
from pathlib import Path
from time import perf_counter_ns

import numpy

folder, libraries = Path(sys.argv[1]), sys.argv[2:]
rows = numpy.fromfile(folder / "rows.f64").reshape(-1, 32)
raw = numpy.fromfile(folder / "raw.f64")
addresses = [rows.ctypes.data + row.nbytes * number for number, row in enumerate(rows)]
answer = numpy.zeros(1)
place = answer.ctypes.data
# Sorts nothing: four arguments, and back.
nothing = CDLL(None).qsort
nothing.argtypes, nothing.restype = [c_void_p, c_void_p, c_void_p, c_void_p], None


def lightgbm():
    import lightgbm

    booster = lightgbm.Booster(model_file=folder / "model.txt")
    library = lightgbm.basic._LIB
    ready, raw_score, doubles, length = c_void_p(), 1, 1, ctypes.c_int64()
    settings = (booster._handle, raw_score, 0, -1, doubles, 32, b"num_threads=1", ctypes.byref(ready))
    init = library.LGBM_BoosterPredictForMatSingleRowFastInit
    init.argtypes = [c_void_p, c_int, c_int, c_int, c_int, ctypes.c_int32, ctypes.c_char_p, c_void_p]
    if init(*settings):
        raise RuntimeError("LightGBM does not open its model")
    call, lengths = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p)(("LGBM_BoosterPredictForMatSingleRowFast", library)), ctypes.addressof(length)
    handle = ready.value

    def score(address, kept=(booster, ready, length)):
        call(handle, address, lengths, place)

    def times(some):
        began = perf_counter_ns()
        for address in some:
            call(handle, address, lengths, place)
        called = perf_counter_ns()
        for address in some:
            nothing(handle, None, lengths, place)
        return 2 * called - began - perf_counter_ns()

    return score, times


def lleaves():
    from lleaves import Model

    model = Model(model_file=str(folder / "model.txt"))
    # One block of all trees: what lleaves advises for single rows.
    model.compile(raw_score=True, fblocksize=model.num_trees())
    call = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_int)(ctypes.cast(model._c_entry_func, c_void_p).value)

    def score(address, kept=model):
        call(address, place, 0, 1)

    def times(some):
        began = perf_counter_ns()
        for address in some:
            call(address, place, 0, 1)
        called = perf_counter_ns()
        for address in some:
            nothing(address, None, place, 1)
        return 2 * called - began - perf_counter_ns()

    return score, times


def onnxruntime():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    single = {address: {"rows": rows[number : number + 1].astype(numpy.float32)} for number, address in enumerate(addresses)}
    names = [session.get_outputs()[1].name]

    def score(address):
        chance = float(session.run(names, single[address])[0][0, 1])
        answer[0] = numpy.log(chance / (1 - chance))

    def times(some):
        began = perf_counter_ns()
        for address in some:
            session.run(names, single[address])
        return perf_counter_ns() - began

    return score, times


known = {}
for library in libraries:
    try:
        score, times = globals()[library]()
    except ImportError as missing:
        print(json.dumps({"name": library, "missing": str(missing)}), flush=True)
        continue
    off = 0.0
    for address, expected in zip(addresses, raw):
        score(address)
        off = max(off, abs(float(answer[0]) - float(expected)))
    # With what scores, which holds what the library must not let go of.
    known[library] = (times, score)
    print(json.dumps({"name": library, "off": off}), flush=True)
print(flush=True)
for line in sys.stdin:
    name, first, count = line.split()
    some = addresses[int(first) : int(first) + int(count)]
    print(known[name][0](some) / len(some), flush=True)
