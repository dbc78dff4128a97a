"""Passes on a cluster: candidates in shards, tasks that anybody may run again, and an engine that asks for them.

cluster.py      what users state: who runs tasks, and where shards are
engine.py       the engine
gathering.py    what it knows of shards, and gathers of them
journaled.py    what tasks answered, written down for a driver that is killed
tasks.py        what workers are asked
recipe.py       how they make an engine over a shard
runner.py       who runs tasks: the protocol, and what is the same for all
work.py         what a worker does with a task that it is sent, and what comes back
store.py        shards and their manifest
shards.py       a shard as arrays, and other rules, in files beside shards
samples_beside.py
                large samples, in files beside shards
array_file.py   arrays in one file
places.py       folders and URIs, and the files of a store there
runners/        those of Spark, of Dask and of this machine
"""
