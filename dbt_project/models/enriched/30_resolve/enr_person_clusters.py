"""Nodes that are one person: ties made from the strongest to the weakest, none that would contradict (base/clusters.py).

Python, because joining sets one tie at a time with a veto is a loop and no query. Half a million ties take seconds. It runs
where dbt runs; on Spark it would run on the driver, on the collected ties, which are few beside the mentions.
"""

import pyarrow as pa

from base.clusters import cluster


def model(dbt, session):
    """node -> cluster (its smallest node), of every node that has a tie."""
    dbt.config(materialized="table")
    ties = dbt.ref("enr_person_ties")
    nodes = dbt.ref("enr_person_nodes")  # noqa: F841 - DuckDB finds it by its name
    apart = dbt.ref("enr_person_apart")
    known = session.sql("""
        select distinct node, register_person_id, birth_date::varchar as birth_date from nodes
        where (register_person_id is not null or birth_date is not null)
        and node in (select node_a from ties union all select node_b from ties)
    """)
    found = cluster(
        ties.project("node_a, node_b, strength").order("strength desc, node_a, node_b").fetchall(),
        {node: (number, born) for node, number, born in known.fetchall()},
        apart.fetchall(),
        certain=100,
    )
    return pa.table({"node": pa.array(found.keys(), pa.uint64()), "cluster": pa.array(found.values(), pa.uint64())})
