"""Trains models with LightGBM on the two sets of `data/`, and writes each with its rows and its own answers: NAME.txt, NAME.csv, NAME.answers.

usage: grow.py DATA OUT
"""

import sys
from pathlib import Path

import lightgbm
import numpy
import pandas

data, out = Path(sys.argv[1]), Path(sys.argv[2])
ROUNDS = 40


def sets():
    shoppers = pandas.read_csv(data / "shoppers/online_shoppers_intention.csv.gz")
    bought = shoppers.pop("Revenue").astype(int)
    bank = pandas.read_csv(data / "bank/bank-additional-full.csv.gz", sep=";").drop(columns="duration")
    subscribed = (bank.pop("y") == "yes").astype(int)
    return {"shoppers": (shoppers, bought), "bank": (bank, subscribed)}


def categories(frame):
    frame = frame.copy()
    for column in frame.columns:
        if not pandas.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype("category")
    return frame


def holes(frame):
    """Every seventh field or so is missing, in columns of either kind."""
    frame = frame.copy()
    draw = numpy.random.default_rng(7).random(frame.shape) < 1 / 7
    return frame.mask(draw)


def numbered(frame):
    """Texts as numbers, as somebody does who hands over an array."""
    return frame.apply(lambda column: column if pandas.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes)


def write(name, frame, truth, **more):
    settings = {"objective": "binary", "verbose": -1, "num_threads": 2, "seed": 1, "deterministic": True, **more}
    given = frame.to_numpy() if settings.pop("array", False) else frame
    booster = lightgbm.train(settings, lightgbm.Dataset(given, truth), ROUNDS)
    booster.save_model(out / f"{name}.txt")
    frame.to_csv(out / f"{name}.csv", index=False)
    raw, answer = booster.predict(given, raw_score=True), booster.predict(given)
    lines = (f"{one!r} {other!r}\n" for one, other in zip(raw.tolist(), answer.tolist()))
    (out / f"{name}.answers").write_text("".join(lines))


for name, (frame, truth) in sets().items():
    write(f"{name}-categories", categories(frame), truth)
    write(f"{name}-holes", categories(holes(frame)), truth, max_cat_to_onehot=2)
    write(f"{name}-zero", numbered(frame), truth, zero_as_missing=True)
    write(f"{name}-no-missing", numbered(holes(numbered(frame))), truth, use_missing=False)
    write(f"{name}-array", numbered(frame).astype(float), truth, array=True, num_leaves=63)
    write(f"{name}-forest", categories(frame), truth, boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.6)
    write(f"{name}-slope", categories(frame), truth, sigmoid=1.7, boosting="dart")
    write(f"{name}-regression", categories(holes(frame)), truth, objective="regression")
    write(f"{name}-stump", categories(frame), truth, num_leaves=2, min_data_in_leaf=len(frame) // 2)
