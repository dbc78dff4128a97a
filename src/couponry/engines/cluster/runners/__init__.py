"""Who runs tasks over shards: Spark, Dask, and processes of this machine.

in_process.py   one process, and a pool of processes
spark.py        Spark, and what users solve with
dask.py         Dask, and what users solve with
dask_tables.py  DataFrames of Dask, brought together by customers
"""
