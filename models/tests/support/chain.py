"""Writes models of one long way each, with some rows, their exact contributions in rational numbers, and LightGBM's own: NAME.txt, NAME.csv,
NAME.exact, NAME.own as in explain.py.

usage: chain.py OUT
"""

import random
import sys
from fractions import Fraction
from pathlib import Path

import lightgbm
import numpy

out = Path(sys.argv[1])


def model(depth, counts, values):
    """A tree that asks each feature once, and at every answer but one ends."""
    left = [sum(counts[at:]) for at in range(depth)]
    lines = {
        "num_leaves": [depth + 1],
        "num_cat": [0],
        "split_feature": range(depth),
        "split_gain": [1] * depth,
        "threshold": [0.5] * depth,
        "decision_type": [2] * depth,
        "left_child": [-1 - at for at in range(depth)],
        "right_child": [*range(1, depth), -1 - depth],
        "leaf_value": values,
        "leaf_weight": counts,
        "leaf_count": counts,
        "internal_value": [0] * depth,
        "internal_weight": left,
        "internal_count": left,
        "is_linear": [0],
        "shrinkage": [1],
    }
    tree = "Tree=0\n" + "".join(f"{key}={' '.join(map(str, words))}\n" for key, words in lines.items()) + "\n\n"
    head = {
        "version": "v4",
        "num_class": 1,
        "num_tree_per_iteration": 1,
        "label_index": 0,
        "max_feature_idx": depth - 1,
        "objective": "regression",
        "feature_names": " ".join(f"f{at}" for at in range(depth)),
        "feature_infos": " ".join(["[0:1]"] * depth),
        "tree_sizes": len(tree),
    }
    head = "tree\n" + "".join(f"{key}={value}\n" for key, value in head.items()) + "\n"
    return head + tree + "end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n\npandas_categorical:null\n"


def times(polynomial, factor):
    """By the line from `zero` to `one`."""
    one, zero = factor
    product = [Fraction(0)] * (len(polynomial) + 1)
    for power, coefficient in enumerate(polynomial):
        product[power] += coefficient * zero
        product[power + 1] += coefficient * (one - zero)
    return product


def without(polynomial, factor):
    one, zero = factor
    if zero == 0:
        return [coefficient / one for coefficient in polynomial[1:]]
    quotient, last = [], Fraction(0)
    for coefficient in polynomial[:-1]:
        last = (coefficient - (one - zero) * last) / zero
        quotient.append(last)
    return quotient


def exact(depth, counts, values, row):
    contributions, base, way = [Fraction(0)] * depth, Fraction(0), []
    for leaf, value in enumerate(values):
        rest = sum(counts[leaf:])
        factors = list(way)
        if leaf < depth:
            factors.append((Fraction(row[leaf] <= 0.5), Fraction(counts[leaf], rest)))
            way.append((Fraction(row[leaf] > 0.5), Fraction(rest - counts[leaf], rest)))
        product = [Fraction(1)]
        for factor in factors:
            product = times(product, factor)
        base += Fraction(value) * product[0]
        for feature, (one, zero) in enumerate(factors):
            quotient = without(product, (one, zero))
            area = sum(coefficient / (power + 1) for power, coefficient in enumerate(quotient))
            contributions[feature] += Fraction(value) * (one - zero) * area
    return [float(number) for number in [*contributions, base]]


for depth in [10, 30, 60, 100]:
    draw = random.Random(depth)
    counts = [draw.choice([1, 20, 300, 5000]) for _ in range(depth + 1)]
    values = [round(draw.uniform(-1, 1), 3) for _ in range(depth + 1)]
    rows = [[1.0] * depth, [0.0] * depth] + [[float(draw.random() < 0.9) for _ in range(depth)] for _ in range(6)]
    name = f"chain-{depth}"
    (out / f"{name}.txt").write_text(model(depth, counts, values))
    lines = [",".join(f"f{at}" for at in range(depth)), *(",".join(map(str, row)) for row in rows)]
    (out / f"{name}.csv").write_text("\n".join(lines) + "\n")
    own = lightgbm.Booster(model_file=out / f"{name}.txt").predict(numpy.array(rows), pred_contrib=True)
    (out / f"{name}.own").write_bytes(own.astype("<f8").tobytes())
    (out / f"{name}.exact").write_bytes(numpy.array([exact(depth, counts, values, row) for row in rows], "<f8").tobytes())
