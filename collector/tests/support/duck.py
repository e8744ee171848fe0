"""Runs queries over a lake in DuckDB: lake.sql as the argument, a JSON list of queries on stdin, lists of rows as JSON on stdout."""

import datetime
import decimal
import json
import sys

import duckdb


def plain(value):
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, decimal.Decimal):
        return int(value * 1000)
    return str(value)


connection = duckdb.connect(config={"autoinstall_known_extensions": False})
connection.execute(open(sys.argv[1]).read())
found = [connection.execute(query).fetchall() for query in json.load(sys.stdin)]
json.dump(found, sys.stdout, default=plain)
