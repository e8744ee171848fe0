"""Trains 100 trees of 31 leaves on 80% of either set of `data/`, ten times each, and writes NAME.txt with NAME.csv: the other 20%, and the `target`.

usage: seeds.py DATA OUT
"""

import sys
from pathlib import Path

import lightgbm
import numpy
import pandas
import xgboost

data, out = Path(sys.argv[1]), Path(sys.argv[2])

shoppers = pandas.read_csv(data / "shoppers/online_shoppers_intention.csv.gz")
bank = pandas.read_csv(data / "bank/bank-additional-full.csv.gz", sep=";").drop(columns="duration")
sets = {"shoppers": (shoppers, shoppers.pop("Revenue")), "bank": (bank, bank.pop("y") == "yes")}

for name, (frame, truth) in sets.items():
    frame = frame.apply(lambda column: column.astype(int) if column.dtype == bool else column)
    for column in frame.columns:
        if not pandas.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype("category")
    truth = truth.astype(int)
    for seed in range(10):
        draw = numpy.random.default_rng(seed).random(len(frame))
        kept = numpy.zeros(len(frame), bool)
        for value in (0, 1):
            own = numpy.flatnonzero(truth == value)
            kept[own[numpy.argsort(draw[own])[: len(own) // 5]]] = True
        settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed, "num_leaves": 31}
        lightgbm.train(settings, lightgbm.Dataset(frame[~kept], truth[~kept]), 100).save_model(out / f"{name}-{seed}.txt")
        frame[kept].assign(target=truth[kept]).to_csv(out / f"{name}-{seed}.csv", index=False)
    # One that another library grew, in single precision.
    given = xgboost.DMatrix(frame[~kept], truth[~kept], enable_categorical=True)
    xgboost.train({"objective": "binary:logistic", "nthread": 1, "seed": 1}, given, 100).save_model(out / f"{name}-xgboost.ubj")
