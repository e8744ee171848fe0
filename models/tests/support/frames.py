"""The two sets of `data/` as frames to train on."""

from pathlib import Path

import numpy
import pandas

data = Path(__file__).parents[3] / "data"


def sets():
    """What is asked of each set, and what came of it."""
    shoppers = pandas.read_csv(data / "shoppers/online_shoppers_intention.csv.gz")
    bought = shoppers.pop("Revenue").astype(int)
    bank = pandas.read_csv(data / "bank/bank-additional-full.csv.gz", sep=";").drop(columns="duration")
    subscribed = (bank.pop("y") == "yes").astype(int)
    return {"shoppers": (shoppers, bought), "bank": (bank, subscribed)}


def categories(frame):
    frame = frame.copy()
    for column in frame.columns:
        if not pandas.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != "category":
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


def kinds(frame):
    """Columns of few whole numbers as categories that are numbers, none of them its own place, with holes."""
    frame = frame.copy()
    for column in frame.columns:
        if pandas.api.types.is_integer_dtype(frame[column]) and frame[column].nunique() <= 40:
            frame[column] = (10 * frame[column] + 10).astype("category")
    return categories(holes(frame))


def texts(frame, missing=""):
    """Columns of texts, as CatBoost wants them: nothing is missing in them but what is called so."""
    frame = frame.copy()
    chosen = [column for column in frame if not pandas.api.types.is_numeric_dtype(frame[column]) or frame[column].dtype == bool]
    for column in chosen:
        frame[column] = frame[column].astype(object).where(frame[column].notna(), missing).astype(str)
    return frame, chosen
