"""Trains models on the two sets of `data/`, and writes each with its rows and its own answers: NAME.txt (or .json, .ubj, .onnx), NAME.csv, NAME.answers.
What is to be refused is written as NAME.refused alone. What came of each row of a set stands in SET.target.

usage: grow.py lightgbm|xgboost|catboost|onnx DATA OUT
"""

import os
import sys
from pathlib import Path

import numpy
import pandas
from frames import categories, holes, kinds, numbered, sets, texts

library, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
if library == "onnx":
    # scikit-learn's threads wait for each other by spinning, which takes minutes where others work as well.
    os.environ["OMP_NUM_THREADS"] = "1"
ROUNDS = 40


written = {}


def keep(name, frame, raw, answer):
    # The rows of many models are the same ones.
    before, _ = written.setdefault(id(frame), (out / f"{name}.csv", frame))
    if before.exists():
        (out / f"{name}.csv").hardlink_to(before)
    else:
        pandas.DataFrame(frame).to_csv(before, index=False)
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


def grow_catboost(name, frame, truth, regress=False, keep_pool=True, seen=None, missing="", kind="json", scale=None, **more):
    import catboost

    settings = {"iterations": 25, "verbose": 0, "random_seed": 1, "thread_count": 2, "allow_writing_files": False, "max_ctr_complexity": 1, **more}
    frame, chosen = texts(frame, missing) if isinstance(frame, pandas.DataFrame) else (frame, [])
    given = frame if seen is None else frame[seen]
    pool = catboost.Pool(given, truth if seen is None else truth[seen], cat_features=chosen)
    model = (catboost.CatBoostRegressor if regress else catboost.CatBoostClassifier)(**settings).fit(pool)
    if scale:
        model.set_scale_and_bias(*scale)
    model.save_model(out / f"{name}.{kind}", format="json", pool=pool if keep_pool else None)
    if kind == "json":
        raw = model.predict(frame, prediction_type="RawFormulaVal")
        answer = model.predict(frame) if regress else model.predict_proba(frame)[:, 1]
        keep(name, frame, raw, answer)


def run(model, given):
    """What ONNX Runtime answers: the second class, or the number."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # With several, the order in which trees are added is another from run to run.
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    inputs = session.get_inputs()
    if len(inputs) > 1:
        kinds = {"tensor(float)": numpy.float32, "tensor(string)": object}
        given = {one.name: given[[one.name]].to_numpy().astype(kinds[one.type]) for one in inputs}
    else:
        given = {inputs[0].name: given}
    scores = session.run(None, given)[-1]
    if isinstance(scores, list):
        scores = pandas.DataFrame(scores).to_numpy()
    return scores[:, 1] if scores.ndim == 2 and scores.shape[1] == 2 else scores.ravel()


def told(node, name):
    import onnx

    return next((onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name), None)


def tell(node, **values):
    import onnx

    for one in [one for one in node.attribute if one.name in values]:
        node.attribute.remove(one)
    node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in values.items() if value is not None)


def trees(model):
    return next(node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))


def keep_onnx(name, model, given, library=None, most=1e-6):
    """`library` is what the library answers itself, `most` how far ONNX Runtime may be from it."""
    import copy

    raw = answer = run(model, given)
    if told(trees(model), "post_transform") == b"LOGISTIC":
        sums = copy.deepcopy(model)
        tell(trees(sums), post_transform="NONE")
        raw = run(sums, given)
    apart = 0 if library is None else numpy.abs(answer - library).max()
    if apart > most:
        raise SystemExit(f"{name}: ONNX Runtime is {apart} from the library, in {(numpy.abs(answer - library) > most).sum()} rows")
    (out / f"{name}.onnx").write_bytes(model.SerializeToString())
    keep(name, given, raw, answer)


def grow_sklearn(name, model, given, truth, options=None, most=1e-6, opset=None):
    from skl2onnx import to_onnx

    model.fit(given, truth)
    library = model.predict_proba(given)[:, 1] if hasattr(model, "predict_proba") else model.predict(given)
    made = to_onnx(model, given[:1], options=options, target_opset=opset)
    if opset:
        # The converter says that doubles come out where doubles go in, and the standard that singles do.
        made.graph.output[-1].type.tensor_type.elem_type = 1
    keep_onnx(name, made, given, library, most)
    return made


def refused(name, model, given, truth, options=None):
    from skl2onnx import to_onnx

    made = to_onnx(model.fit(given, truth), given[:1], options=options)
    (out / f"{name}.refused").write_bytes(made.SerializeToString())


def fifth(model):
    """The same trees as the operator of version 5 has them."""
    import onnx

    old = trees(model)
    get = {one.name: onnx.helper.get_attribute_value(one) for one in old.attribute}
    keys = list(zip(get["nodes_treeids"], get["nodes_nodeids"]))
    inner = [place for place, mode in enumerate(get["nodes_modes"]) if mode != b"LEAF"]
    # Questions for one category after another that lead to one node are one for a set, which the new operator has.
    where, members = {key: place for place, key in enumerate(keys)}, {}
    for one in [one for one in inner if get["nodes_modes"][one] == b"BRANCH_EQ"]:
        if one in members:
            continue
        members[one] = [get["nodes_values"][one]]
        while True:
            next_one = where[keys[one][0], get["nodes_falsenodeids"][one]]
            if get["nodes_modes"][next_one] != b"BRANCH_EQ" or any(get[what][one] != get[what][next_one] for what in ("nodes_featureids", "nodes_truenodeids")):
                break
            members[one].append(get["nodes_values"][next_one])
            members[next_one] = None
            get["nodes_falsenodeids"][one] = get["nodes_falsenodeids"][next_one]
    inner = [one for one in inner if members.get(one, True) is not None]
    place = {keys[old]: new for new, old in enumerate(inner)}
    weights = {key: weight for key, weight in zip(zip(get["target_treeids"], get["target_nodeids"]), get["target_weights"])}
    leaf = {key: number for number, key in enumerate(weights)}
    side = lambda ids: [(keys[one][0], get[ids][one]) for one in inner]
    yes, no = side("nodes_truenodeids"), side("nodes_falsenodeids")
    modes = [b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ"]
    tensor = lambda kind, numbers: onnx.helper.make_tensor("t", kind, [len(numbers)], numbers)
    node = onnx.helper.make_node(
        "TreeEnsemble", list(old.input), list(old.output), domain="ai.onnx.ml", n_targets=1, aggregate_function=1, post_transform=0,
        tree_roots=[place[key] for number, key in enumerate(keys) if number == 0 or key[0] != keys[number - 1][0]],
        nodes_featureids=[get["nodes_featureids"][one] for one in inner],
        nodes_modes=tensor(onnx.TensorProto.UINT8, [6 if get["nodes_modes"][one] == b"BRANCH_EQ" else modes.index(get["nodes_modes"][one]) for one in inner]),
        nodes_splits=tensor(onnx.TensorProto.FLOAT, [get["nodes_values"][one] for one in inner]),
        nodes_missing_value_tracks_true=[get["nodes_missing_value_tracks_true"][one] for one in inner],
        nodes_truenodeids=[leaf[key] if key in leaf else place[key] for key in yes], nodes_trueleafs=[int(key in leaf) for key in yes],
        nodes_falsenodeids=[leaf[key] if key in leaf else place[key] for key in no], nodes_falseleafs=[int(key in leaf) for key in no],
        leaf_targetids=[0] * len(weights), leaf_weights=tensor(onnx.TensorProto.FLOAT, list(weights.values())),
        membership_values=tensor(onnx.TensorProto.FLOAT, [number for one in inner if one in members for number in (*members[one], numpy.nan)]),
    )
    graph = onnx.helper.make_graph([node], "fifth", list(model.graph.input), [onnx.helper.make_tensor_value_info(old.output[0], 1, [None, 1])])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 5)], ir_version=9)


def grow_onnx(name, frame, gaps, numbers, truth):
    import catboost
    import lightgbm
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from sklearn import compose, ensemble, impute, linear_model, pipeline, preprocessing, tree

    plain = numbers.to_numpy().astype(numpy.float32)
    holed = holes(numbers).to_numpy().astype(numpy.float32)
    few = {"n_estimators": 20, "random_state": 1}
    gradient = grow_sklearn(f"{name}-gradient", ensemble.GradientBoostingClassifier(**few), plain, truth)
    grow_sklearn(f"{name}-hist", ensemble.HistGradientBoostingClassifier(max_iter=20), holed, truth, options={"zipmap": False})
    grow_sklearn(f"{name}-forest", ensemble.RandomForestClassifier(max_depth=9, n_jobs=2, **few), plain, truth)
    grow_sklearn(f"{name}-extra", ensemble.ExtraTreesClassifier(max_depth=9, n_jobs=2, **few), plain, truth, options={"zipmap": False})
    grow_sklearn(f"{name}-tree", tree.DecisionTreeClassifier(max_depth=9), plain, truth)
    grow_sklearn(f"{name}-regression", ensemble.HistGradientBoostingRegressor(max_iter=20), holed, truth)
    mean = grow_sklearn(f"{name}-mean", ensemble.RandomForestRegressor(max_depth=9, n_jobs=2, **few), plain, truth)
    weights = [weight * few["n_estimators"] for weight in told(trees(mean), "target_weights")]
    tell(trees(mean), aggregate_function="AVERAGE", target_weights=weights, base_values=[0.25])
    keep_onnx(f"{name}-average", mean, plain)
    if name == "shoppers":
        refused(f"{name}-three", ensemble.RandomForestClassifier(max_depth=3, **few), plain, frame.iloc[:, 0] % 3)
        refused(f"{name}-columns", tree.DecisionTreeClassifier(max_depth=3), plain, truth, options={"zipmap": "columns"})
        products = pipeline.make_pipeline(preprocessing.PolynomialFeatures(), tree.DecisionTreeClassifier(max_depth=3))
        refused(f"{name}-products", products, plain, truth)
        refused(f"{name}-lines", linear_model.LogisticRegression(max_iter=5), plain, truth)
    fill = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler(), ensemble.GradientBoostingClassifier(**few))
    grow_sklearn(f"{name}-filled", fill, holed, truth, most=1)
    grow_sklearn(f"{name}-double", ensemble.HistGradientBoostingClassifier(max_iter=20), numbers.to_numpy().astype(float), truth, opset={"": 18, "ai.onnx.ml": 3}, options={"zipmap": False}, most=1)
    # The converter takes dots out of the names of columns.
    named, chosen = texts(frame.rename(columns=lambda column: column.replace(".", "_")))
    named = named.astype({column: numpy.float32 for column in named if column not in chosen})
    for kind, encoder in (("one-hot", preprocessing.OneHotEncoder(handle_unknown="ignore")), ("ordinal", preprocessing.OrdinalEncoder())):
        encoded = pipeline.make_pipeline(compose.make_column_transformer((encoder, chosen), remainder="passthrough"), ensemble.RandomForestClassifier(max_depth=9, n_jobs=2, **few))
        grow_sklearn(f"{name}-{kind}", encoded, named, truth)

    types = [("input", FloatTensorType([None, plain.shape[1]]))]
    sets = [place for place, column in enumerate(named) if column in chosen]
    settings = {"verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True}
    for kind, objective in (("lightgbm", "binary"), ("lightgbm-number", "regression")):
        booster = lightgbm.train({"objective": objective, **settings}, lightgbm.Dataset(plain, truth, categorical_feature=sets), ROUNDS)
        made = onnxmltools.convert_lightgbm(booster, initial_types=types, target_opset=15)
        keep_onnx(f"{name}-{kind}", made, plain, booster.predict(plain), most=1)
    keep_onnx(f"{name}-fifth", fifth(made), plain, run(made, plain))
    booster = xgboost.XGBClassifier(n_estimators=40, n_jobs=1).fit(holed, truth)
    keep_onnx(f"{name}-xgboost", onnxmltools.convert_xgboost(booster, initial_types=types, target_opset=15), holed, booster.predict_proba(holed)[:, 1])
    booster = catboost.CatBoostClassifier(iterations=40, verbose=0, thread_count=2, allow_writing_files=False).fit(plain, truth)
    booster.save_model(str(out / "catboost.saved"), format="onnx")
    import onnx

    keep_onnx(f"{name}-catboost", onnx.load(out / "catboost.saved"), plain, booster.predict_proba(plain)[:, 1])

    # What the standard leaves open: no weight below zero, and weights of the second class alone.
    tell(trees(gradient), class_weights=[abs(weight) for weight in told(trees(gradient), "class_weights")])
    keep_onnx(f"{name}-positive", gradient, plain)
    signed = [weight if place % 3 else -weight for place, weight in enumerate(told(trees(gradient), "class_weights"))]
    tell(trees(gradient), class_weights=signed, class_ids=[1] * len(signed), base_values=None)
    keep_onnx(f"{name}-second", gradient, plain)


for name, (frame, truth) in sets().items():
    truth.to_csv(out / f"{name}.target", index=False, header=["target"])
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
        grow_lightgbm(f"{name}-kinds", kinds(frame), truth)
        grow_lightgbm(f"{name}-stump", plain, truth, num_leaves=2, min_data_in_leaf=len(frame) // 2)
    elif library == "onnx":
        grow_onnx(name, frame, gaps, numbers, truth)
    elif library == "catboost":
        grow_catboost(f"{name}-statistics", frame, truth)
        grow_catboost(f"{name}-one-hot", frame, truth, one_hot_max_size=255)
        grow_catboost(f"{name}-holes", gaps, truth, one_hot_max_size=5)
        grow_catboost(f"{name}-depthwise", gaps, truth, missing="nan", nan_mode="Max", grow_policy="Depthwise")
        grow_catboost(f"{name}-leaves", gaps, truth, grow_policy="Lossguide", max_leaves=63, max_depth=12)
        grow_catboost(f"{name}-kinds", frame, truth, simple_ctr=["Borders:Prior=0.3", "Buckets", "BinarizedTargetMeanValue", "Counter"])
        grow_catboost(f"{name}-array", numbered(holes(numbers)).astype(float).to_numpy(), truth, depth=8)
        grow_catboost(f"{name}-regression", gaps, truth, regress=True)
        grow_catboost(f"{name}-three", frame, frame.iloc[:, 0] / 10 + truth, regress=True, simple_ctr=["Borders:TargetBorderCount=4", "Buckets:TargetBorderCount=3"])
        grow_catboost(f"{name}-scaled", frame, truth, scale=(1.7, -0.25), loss_function="CrossEntropy")
        rare = "Month" if name == "shoppers" else "job"
        grow_catboost(f"{name}-unseen", frame, truth, seen=~frame[rare].isin(["Nov", "Feb", "student", "retired"]))
        if name == "bank":
            grow_catboost(f"{name}-combinations", frame, truth, kind="refused", max_ctr_complexity=4)
        grow_catboost(f"{name}-poolless", frame, truth, kind="refused", keep_pool=False)
        grow_catboost(f"{name}-three", frame, frame.iloc[:, 0] % 3, kind="refused", loss_function="MultiClass")
        grow_catboost(f"{name}-poisson", frame, truth, kind="refused", regress=True, loss_function="Poisson")
    else:
        grow_xgboost(f"{name}-categories", plain, truth)
        grow_xgboost(f"{name}-holes", gaps, truth, kind="ubj", max_cat_to_onehot=2)
        grow_xgboost(f"{name}-array", numbered(holes(numbers)).astype(float), truth, array=True, kind="ubj")
        grow_xgboost(f"{name}-leaves", gaps, truth, grow_policy="lossguide", max_leaves=63, max_depth=0)
        grow_xgboost(f"{name}-pruned", plain, truth, gamma=3, kind="ubj")
        grow_xgboost(f"{name}-forest", plain, truth, num_parallel_tree=4, subsample=0.6)
        grow_xgboost(f"{name}-dart", plain, truth, booster="dart", rate_drop=0.3)
        grow_xgboost(f"{name}-regression", gaps, truth, objective="reg:squarederror")
        grow_xgboost(f"{name}-kinds", kinds(frame), truth)
        grow_xgboost(f"{name}-logitraw", plain, truth, objective="binary:logitraw", base_score=0.3)
