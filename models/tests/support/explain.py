"""Trains models on the two sets of `data/`, and writes each with some of its rows and what contributes to their scores by others' reckoning.

NAME.txt, NAME.json or NAME.ubj; NAME.csv; NAME.shap (`shap.TreeExplainer` as it answers by itself, which asks the library), NAME.own (the
library's `pred_contrib`, `pred_contribs` or `ShapValues`) and, for models without sets of categories, NAME.double (shap's own algorithm, in double
precision): little-endian doubles, for each row one number per feature and then the base.

usage: explain.py lightgbm|xgboost|catboost OUT
"""

import sys
import warnings
from pathlib import Path

import numpy
import shap
from frames import categories, holes, numbered, sets, texts

library, out = sys.argv[1], Path(sys.argv[2])
ROUNDS = 40
ROWS = 2_000
warnings.filterwarnings("ignore")


def write(name, kind, contributions, base):
    base = numpy.broadcast_to(numpy.asarray(base, dtype="<f8").reshape(-1, 1), (len(contributions), 1))
    (out / f"{name}.{kind}").write_bytes(numpy.hstack([contributions, base]).astype("<f8").tobytes())


def told(name, booster, frame, given, own, has_sets):
    """`given` are the rows as the library takes them, `own` its answer with the base in the last column."""
    frame.to_csv(out / f"{name}.csv", index=False)
    write(name, "own", own[:, :-1], own[:, -1])
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    write(name, "shap", explainer.shap_values(given), explainer.expected_value)
    if not has_sets:
        explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
        # It would hand the rows to the library again.
        explainer.model.model_type = "internal"
        values = explainer.shap_values(frame.astype(float), check_additivity=False)
        # Its base leaves the library's first score out or takes it twice, by version; the library's own is compared.
        write(name, "double", values, own[:, -1])


def grow_lightgbm(name, frame, truth, has_sets, **more):
    import lightgbm

    settings = {"objective": "binary", "verbose": -1, "num_threads": 2, "seed": 1, "deterministic": True, **more}
    booster = lightgbm.train(settings, lightgbm.Dataset(frame, truth), ROUNDS)
    booster.save_model(out / f"{name}.txt")
    rows = frame.iloc[:: max(1, len(frame) // ROWS)]
    told(name, booster, rows, rows, booster.predict(rows, pred_contrib=True), has_sets)


def grow_xgboost(name, frame, truth, has_sets, kind="json", **more):
    import xgboost

    settings = {"objective": "binary:logistic", "nthread": 2, "seed": 1, **more}
    booster = xgboost.train(settings, xgboost.DMatrix(frame, truth, enable_categorical=True), ROUNDS)
    booster.save_model(out / f"{name}.{kind}")
    rows = frame.iloc[:: max(1, len(frame) // ROWS)]
    given = xgboost.DMatrix(rows, enable_categorical=True)
    told(name, booster, rows, given, booster.predict(given, pred_contribs=True), has_sets)


def grow_catboost(name, frame, truth, **more):
    import catboost

    settings = {"iterations": ROUNDS, "verbose": 0, "random_seed": 1, "thread_count": 2, "allow_writing_files": False, "max_ctr_complexity": 1, **more}
    frame, chosen = texts(frame)
    pool = catboost.Pool(frame, truth, cat_features=chosen)
    model = catboost.CatBoostClassifier(**settings).fit(pool)
    model.save_model(out / f"{name}.json", format="json", pool=pool)
    rows = frame.iloc[:: max(1, len(frame) // ROWS)]
    given = catboost.Pool(rows, cat_features=chosen)
    told(name, model, rows, given, model.get_feature_importance(given, type="ShapValues"), True)


for name, (frame, truth) in sets().items():
    if library == "xgboost":
        # It knows no categories that are truth values.
        frame = frame.apply(lambda column: column.astype(int) if column.dtype == bool else column)
    plain, gaps, numbers = categories(frame), categories(holes(frame)), holes(numbered(frame)).astype(float)
    if library == "lightgbm":
        grow_lightgbm(f"{name}-categories", plain, truth, True)
        grow_lightgbm(f"{name}-holes", gaps, truth, True, max_cat_to_onehot=2)
        grow_lightgbm(f"{name}-numbers", numbers, truth, False, num_leaves=63)
        grow_lightgbm(f"{name}-forest", plain, truth, True, boosting="rf", bagging_freq=1, bagging_fraction=0.6)
        grow_lightgbm(f"{name}-slope", plain, truth, True, sigmoid=1.7, boosting="dart")
    elif library == "catboost":
        grow_catboost(f"{name}-statistics", frame, truth)
        grow_catboost(f"{name}-one-hot", frame, truth, one_hot_max_size=255)
        grow_catboost(f"{name}-holes", gaps, truth, depth=8)
        grow_catboost(f"{name}-depthwise", gaps, truth, grow_policy="Depthwise", nan_mode="Max")
        grow_catboost(f"{name}-leaves", gaps, truth, grow_policy="Lossguide", max_leaves=31)
    else:
        grow_xgboost(f"{name}-depth", plain, truth, True)
        grow_xgboost(f"{name}-holes", gaps, truth, True, kind="ubj", max_cat_to_onehot=2)
        grow_xgboost(f"{name}-numbers", numbers, truth, False)
        grow_xgboost(f"{name}-leaves", numbers, truth, False, grow_policy="lossguide", max_leaves=63, max_depth=0)
        grow_xgboost(f"{name}-dart", plain, truth, True, booster="dart", rate_drop=0.3)
