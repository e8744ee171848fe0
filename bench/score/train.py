"""Trains the model that `bench/score.mjs` times, and writes it in the form of each library that the running Python has.

usage: train.py OUT             model.txt, rows.f64, raw.f64 and model.onnx (Python of models/tests/requirements.txt)
       train.py OUT --generate  model.mjs from model.txt (Python of bench/score/requirements.txt)

100 trees of 31 leaves on 32 features: sixteen numbers that are multiples of 1/64 (so that single precision has them too), eight counts,
eight codes. rows.f64 are a thousand rows that were not trained on, raw.f64 the log-odds that LightGBM itself says of them.
"""

import sys
from pathlib import Path

import lightgbm
import numpy

out = Path(sys.argv[1])


def rows(random, count):
    numbers = numpy.round(random.normal(size=(count, 16)) * 64) / 64
    counts = numpy.floor(random.exponential(7, size=(count, 8)))
    codes = random.integers(0, 10, size=(count, 8)).astype(float)
    return numpy.hstack([numbers, counts, codes])


def truth(random, table):
    numbers, counts, codes = table[:, :16], table[:, 16:24], table[:, 24:]
    odds = numbers[:, 0] * numbers[:, 1] + numpy.cos(numbers[:, 2:6]).sum(1) - 2.4 + 0.5 * numbers[:, 6:16].sum(1)
    odds += 0.1 * (counts[:, 0] - counts[:, 1]) * (codes[:, 0] > 4) + 0.05 * (counts[:, 2:].mean(1) - 6.5)
    odds += 0.6 * (codes[:, 1] == 3) - 0.6 * (codes[:, 2] == 7) + 0.1 * (codes[:, 3:].mean(1) - 4.5)
    return random.random(len(odds)) < 1 / (1 + numpy.exp(-odds))


def train():
    random = numpy.random.default_rng(32)
    table = rows(random, 30_000)
    settings = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "seed": 1, "num_threads": 2, "deterministic": True, "verbose": -1}
    names = [f"f{number}" for number in range(32)]
    booster = lightgbm.train(settings, lightgbm.Dataset(table, truth(random, table), feature_name=names), 100)
    booster.save_model(out / "model.txt")
    asked = rows(random, 1_000)
    asked.tofile(out / "rows.f64")
    booster.predict(asked, raw_score=True).tofile(out / "raw.f64")
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    inputs = [("rows", FloatTensorType([None, 32]))]
    (out / "model.onnx").write_bytes(convert_lightgbm(booster, initial_types=inputs, zipmap=False, target_opset=15).SerializeToString())


def generate():
    import m2cgen

    class LGBMClassifier:
        """What m2cgen reads of LightGBM's own class, which cannot be made without scikit-learn."""

        booster_ = lightgbm.Booster(model_file=out / "model.txt")
        n_features_ = _n_features = 32
        n_classes_ = _n_classes = 2
        boosting_type = "gbdt"

    LGBMClassifier.__module__ = "lightgbm.sklearn"
    sys.setrecursionlimit(10_000)
    (out / "model.mjs").write_text(m2cgen.export_to_javascript(LGBMClassifier()) + "export { score };\n")


if "--generate" in sys.argv:
    generate()
else:
    train()
