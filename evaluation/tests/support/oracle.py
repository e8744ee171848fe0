"""What the Open Bandit Pipeline says of logs that are handed over in a folder.

A folder has `log.csv` (action, position, reward, pscore), `shape.txt` (rounds, actions), `policy.f64` and `q.f64`: for each round the policy's probability of each
action, and the reward that is predicted of it, as little-endian doubles.

usage: oracle.py make DATA OUT     writes such folders of its own, each with `expected.txt`
       oracle.py judge FOLDER      prints what it makes of one
       oracle.py fit FOLDER RIDGE  predicts rewards from `positions.f64` (by round) and `items.f64` (by action): `whole.f64`, `crossed.f64`, `folds.txt`
"""

import csv
import gzip
import sys
import types
from pathlib import Path

import numpy
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn.calibration
import sklearn.linear_model
import sklearn.model_selection
import sklearn.preprocessing


class Anything(type):
    """A class whose attributes are classes: enough for annotations and bases."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


class Absent(types.ModuleType):
    """Stands in for packages that obp imports at its door and does not need for what is asked here."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


ABSENT = ["torch", "torch.nn", "torch.nn.functional", "torch.optim", "matplotlib", "matplotlib.pyplot", "seaborn", "pandas", "tqdm"]
for name in ABSENT:
    sys.modules[name] = Absent(name)
from obp import dataset, ope, policy, utils  # noqa: E402

for name in ABSENT:
    del sys.modules[name]

SEED = 12345


def judge(action, reward, pscore, shares, predicted, position=None):
    """Name and value of every estimator, then bounds of bootstrap intervals."""
    if position is None:
        position, shares, predicted = numpy.zeros_like(action), shares[:, :, None], predicted[:, :, None]
    given = {"reward": reward, "action": action, "position": position, "action_dist": shares}
    weighted = {**given, "pscore": pscore}
    modelled = {**weighted, "estimated_rewards_by_reg_model": predicted}
    found = {
        "dm": ope.DirectMethod().estimate_policy_value(
            action_dist=shares, estimated_rewards_by_reg_model=predicted, position=position
        ),
        "ipw": ope.InverseProbabilityWeighting().estimate_policy_value(**weighted),
        "clipped": ope.InverseProbabilityWeighting(lambda_=3.0).estimate_policy_value(**weighted),
        "snipw": ope.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**weighted),
        "dr": ope.DoublyRobust().estimate_policy_value(**modelled),
        "sndr": ope.SelfNormalizedDoublyRobust().estimate_policy_value(**modelled),
        "replay": ope.ReplayMethod().estimate_policy_value(**given),
    }
    for setting in (1.0, 3.0, 10.0):
        found[f"switch {setting}"] = ope.SwitchDoublyRobust(lambda_=setting).estimate_policy_value(**modelled)
        found[f"dros {setting}"] = ope.DoublyRobustWithShrinkage(lambda_=setting).estimate_policy_value(**modelled)
    many = {"n_bootstrap_samples": 2_000, "random_state": SEED}
    for name, interval in (
        ("ipw", ope.InverseProbabilityWeighting().estimate_interval(**weighted, **many)),
        ("dr", ope.DoublyRobust().estimate_interval(**modelled, **many)),
    ):
        found[f"{name} from"], found[f"{name} to"] = interval["95.0% CI (lower)"], interval["95.0% CI (upper)"]
    return found


def told(found):
    return "".join(f"{name}\t{float(value)!r}\n" for name, value in found.items())


def keep(folder, action, position, reward, pscore, shares, predicted, expected):
    folder.mkdir()
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["action", "position", "reward", "pscore"])
        for row in zip(action.tolist(), position.tolist(), reward.tolist(), pscore.tolist()):
            rows.writerow([row[0], row[1], repr(row[2]), repr(row[3])])
    (folder / "shape.txt").write_text(f"{shares.shape[0]} {shares.shape[1]}")
    shares.astype("<f8").tofile(folder / "policy.f64")
    predicted.astype("<f8").tofile(folder / "q.f64")
    (folder / "expected.txt").write_text(told(expected))


def read(folder):
    rounds, actions = map(int, (folder / "shape.txt").read_text().split())
    rows = list(csv.DictReader(open(folder / "log.csv")))
    numbers = lambda name, kind: numpy.array([kind(row[name]) for row in rows])  # noqa: E731
    table = lambda name: numpy.fromfile(folder / name, "<f8").reshape(rounds, actions)  # noqa: E731
    return numbers("action", int), numbers("reward", float), numbers("pscore", float), table


def bandit(data, out):
    """The Open Bandit logs: Thompson sampling on the random log, uniform choice on that of Thompson sampling."""
    for campaign, actions in (("all", 80), ("men", 34)):
        sampler = policy.BernoulliTS(
            n_actions=actions, len_list=3, is_zozotown_prior=True, campaign=campaign, random_state=SEED
        )
        thompson = sampler.compute_batch_action_dist(n_rounds=1, n_sim=100_000)[0]
        (out / f"thompson_{campaign}.txt").write_text("".join(f"{x!r}\n" for x in thompson.T.ravel().tolist()))
        items = list(csv.DictReader(open(data / f"items_{campaign}.csv")))
        kinds = [f"item_feature_{number}" for number in (1, 2, 3)]
        codes = numpy.column_stack(
            [numpy.unique([item[kind] for item in items], return_inverse=True)[1] for kind in kinds]
            + [[float(item["item_feature_0"]) for item in items]]
        )
        for logged, shares in (("random", thompson), ("bts", numpy.full((actions, 3), 1 / actions))):
            rows = list(csv.DictReader(gzip.open(data / f"{logged}_{campaign}.csv.gz", "rt")))
            action = numpy.array([int(row["item_id"]) for row in rows])
            position = numpy.array([int(row["position"]) - 1 for row in rows])
            reward = numpy.array([float(row["click"]) for row in rows])
            pscore = numpy.array([float(row["propensity_score"]) for row in rows])
            model = ope.RegressionModel(
                n_actions=actions,
                len_list=3,
                action_context=codes,
                base_model=sklearn.linear_model.LogisticRegression(max_iter=1_000, random_state=SEED),
            )
            predicted = model.fit_predict(
                context=numpy.zeros((len(rows), 1)),
                action=action,
                reward=reward,
                pscore=pscore,
                position=position,
                n_folds=3,
                random_state=SEED,
            )
            tiled = numpy.tile(shares, (len(rows), 1, 1))
            expected = judge(action, reward, pscore, tiled, predicted, position)
            own = numpy.arange(len(rows))
            keep(
                out / f"{logged}_{campaign}", action, position, reward, pscore, tiled[own, :, position], predicted[own, :, position], expected
            )


def synthetic(out):
    """Contexts, so that every round has probabilities of its own; rewards of both kinds; a policy that is sure."""
    for kind, function in (("binary", dataset.logistic_reward_function), ("continuous", dataset.linear_reward_function)):
        source = dataset.SyntheticBanditDataset(
            n_actions=10, dim_context=5, reward_type=kind, reward_function=function, random_state=SEED
        )
        log = source.obtain_batch_bandit_feedback(n_rounds=2_000)
        scores = log["expected_reward"] * (6 if kind == "binary" else 1)
        soft = scipy.special.softmax(scores - scores.max(axis=1, keepdims=True), axis=1)
        sure = utils.convert_to_action_dist(n_actions=10, selected_actions=scores.argmax(axis=1)[:, None])[:, :, 0]
        noise = numpy.random.default_rng(SEED).normal(0, 0.1, soft.shape)
        predicted = log["expected_reward"] + noise
        for name, shares in (("soft", soft), ("sure", sure)):
            action, reward, pscore = log["action"], log["reward"].astype(float), log["pscore"]
            expected = judge(action, reward, pscore, shares, predicted)
            keep(out / f"{kind}_{name}", action, numpy.zeros_like(action), reward, pscore, shares, predicted, expected)


def fit(folder, ridge):
    """One model over positions and items, learned from everything, and learned from two thirds each."""
    action, reward, pscore, _ = read(folder)
    rounds, actions = map(int, (folder / "shape.txt").read_text().split())
    positions = numpy.fromfile(folder / "positions.f64", "<f8").reshape(rounds, -1)
    items = numpy.fromfile(folder / "items.f64", "<f8").reshape(actions, -1)
    binary = set(numpy.unique(reward)) <= {0.0, 1.0}
    base = (
        sklearn.linear_model.LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-12, max_iter=10_000)
        if binary
        else sklearn.linear_model.Ridge(alpha=ridge)
    )
    for name, folds in (("whole", 1), ("crossed", 3)):
        model = ope.RegressionModel(n_actions=actions, len_list=1, action_context=items, base_model=base)
        given = {"context": positions, "action": action, "reward": reward, "pscore": pscore}
        found = model.fit_predict(**given, n_folds=folds, random_state=SEED)
        found[:, :, 0].astype("<f8").tofile(folder / f"{name}.f64")
    dealt = numpy.zeros(rounds, int)
    split = sklearn.model_selection.KFold(n_splits=3, shuffle=True, random_state=SEED).split(positions)
    for number, (_, own) in enumerate(split):
        dealt[own] = number
    (folder / "folds.txt").write_text("".join(f"{fold}\n" for fold in dealt.tolist()))


if sys.argv[1] == "make":
    bandit(Path(sys.argv[2]), Path(sys.argv[3]))
    synthetic(Path(sys.argv[3]))
elif sys.argv[1] == "judge":
    action, reward, pscore, table = read(Path(sys.argv[2]))
    print(told(judge(action, reward, pscore, table("policy.f64"), table("q.f64"))), end="")
else:
    fit(Path(sys.argv[2]), float(sys.argv[3]))
