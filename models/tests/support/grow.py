"""Trains models on the two sets of `data/`, and writes each with its rows and its own answers: NAME.txt or NAME.json or NAME.ubj, NAME.csv, NAME.answers.

usage: grow.py lightgbm|xgboost DATA OUT
"""

import sys
from pathlib import Path

import pandas
from frames import categories, holes, numbered, sets

library, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
ROUNDS = 40


def keep(name, frame, raw, answer):
    frame.to_csv(out / f"{name}.csv", index=False)
    lines = (f"{one!r} {other!r}\n" for one, other in zip(raw.tolist(), answer.tolist()))
    (out / f"{name}.answers").write_text("".join(lines))


def grow_lightgbm(name, frame, truth, array=False, **more):
    import lightgbm

    settings = {"objective": "binary", "verbose": -1, "num_threads": 2, "seed": 1, "deterministic": True, **more}
    given = frame.to_numpy() if array else frame
    booster = lightgbm.train(settings, lightgbm.Dataset(given, truth), ROUNDS)
    booster.save_model(out / f"{name}.txt")
    keep(name, frame, booster.predict(given, raw_score=True), booster.predict(given))


def grow_xgboost(name, frame, truth, array=False, kind="json", **more):
    import xgboost

    settings = {"objective": "binary:logistic", "nthread": 2, "seed": 1, **more}
    given = xgboost.DMatrix(frame.to_numpy() if array else frame, truth, enable_categorical=True)
    booster = xgboost.train(settings, given, ROUNDS)
    booster.save_model(out / f"{name}.{kind}")
    keep(name, frame, booster.predict(given, output_margin=True), booster.predict(given))


for name, (frame, truth) in sets().items():
    if library == "xgboost":
        # It knows no categories that are truth values.
        frame = frame.apply(lambda column: column.astype(int) if column.dtype == bool else column)
    plain, gaps, numbers = categories(frame), categories(holes(frame)), numbered(frame)
    if library == "lightgbm":
        grow_lightgbm(f"{name}-categories", plain, truth)
        grow_lightgbm(f"{name}-holes", gaps, truth, max_cat_to_onehot=2)
        grow_lightgbm(f"{name}-zero", numbers, truth, zero_as_missing=True)
        grow_lightgbm(f"{name}-no-missing", numbered(holes(numbers)), truth, use_missing=False)
        grow_lightgbm(f"{name}-array", numbers.astype(float), truth, array=True, num_leaves=63)
        grow_lightgbm(f"{name}-forest", plain, truth, boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.6)
        grow_lightgbm(f"{name}-slope", plain, truth, sigmoid=1.7, boosting="dart")
        grow_lightgbm(f"{name}-regression", gaps, truth, objective="regression")
        grow_lightgbm(f"{name}-stump", plain, truth, num_leaves=2, min_data_in_leaf=len(frame) // 2)
    else:
        grow_xgboost(f"{name}-categories", plain, truth)
        grow_xgboost(f"{name}-holes", gaps, truth, kind="ubj", max_cat_to_onehot=2)
        grow_xgboost(f"{name}-array", numbered(holes(numbers)).astype(float), truth, array=True, kind="ubj")
        grow_xgboost(f"{name}-leaves", gaps, truth, grow_policy="lossguide", max_leaves=63, max_depth=0)
        grow_xgboost(f"{name}-pruned", plain, truth, gamma=3, kind="ubj")
        grow_xgboost(f"{name}-forest", plain, truth, num_parallel_tree=4, subsample=0.6)
        grow_xgboost(f"{name}-dart", plain, truth, booster="dart", rate_drop=0.3)
        grow_xgboost(f"{name}-regression", gaps, truth, objective="reg:squarederror")
        grow_xgboost(f"{name}-logitraw", plain, truth, objective="binary:logitraw", base_score=0.3)
