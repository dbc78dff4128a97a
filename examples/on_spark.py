"""`python -m couponry` for spark-submit.

spark-submit --master yarn --conf spark.executor.instances=10 --conf spark.executor.cores=16 --conf spark.task.cpus=16 \
    examples/on_spark.py solve FOLDER --out RESULT --engine spark --shards /shared/shards
"""

import runpy

runpy.run_module("couponry", run_name="__main__", alter_sys=True)
