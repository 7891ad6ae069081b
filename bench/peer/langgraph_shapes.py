"""LangGraph on the shapes of the workflow benchmark: prints microseconds per step for each, and bytes of checkpoints.

The shapes are those of its own benchmarks (fan-out to a sub-graph, ReAct agent, sequential, wide state), each node doing
next to nothing, so that the engine is what is measured.
"""

import json
import operator
import os
import sys
import tempfile
import time
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SEQUENTIAL, FAN_OUT, TURNS, WIDE_NODES, WIDE_CHANNELS, LONG = 100, 100, 50, 20, 100, 200


class Counter(TypedDict):
    total: Annotated[int, operator.add]


class Messages(TypedDict):
    messages: Annotated[list, operator.add]


def sequential():
    builder = StateGraph(Counter)
    for number in range(SEQUENTIAL):
        builder.add_node(f"n{number}", lambda state: {"total": 1})
        builder.add_edge(f"n{number - 1}" if number else START, f"n{number}")
    builder.add_edge(f"n{SEQUENTIAL - 1}", END)
    return builder, {"total": 0}, SEQUENTIAL


class Item(TypedDict):
    item: int
    total: Annotated[int, operator.add]


def fan_out():
    inner = StateGraph(Item, output_schema=Counter)
    for number in range(3):
        inner.add_node(f"i{number}", lambda state: {"total": state["item"]})
        inner.add_edge(f"i{number - 1}" if number else START, f"i{number}")
    inner.add_edge("i2", END)
    builder = StateGraph(Counter)
    builder.add_node("start", lambda state: {"total": 1})
    builder.add_node("inner", inner.compile())
    builder.add_node("end", lambda state: {"total": 1})
    builder.add_edge(START, "start")
    send = [Send("inner", {"item": number, "total": 0}) for number in range(FAN_OUT)]
    builder.add_conditional_edges("start", lambda state: send, ["inner"])
    builder.add_edge("inner", "end")
    builder.add_edge("end", END)
    return builder, {"total": 0}, 2 + FAN_OUT * 4


def agent(turns, text="x" * 100):
    builder = StateGraph(Messages)
    builder.add_node("agent", lambda state: {"messages": [text]})
    builder.add_node("tools", lambda state: {"messages": [text]})
    builder.add_edge(START, "agent")
    more = lambda state: "tools" if len(state["messages"]) < 2 * turns - 1 else END
    builder.add_conditional_edges("agent", more, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder, {"messages": []}, 2 * turns - 1


def wide():
    fields = {f"c{number}": str for number in range(WIDE_CHANNELS)}
    state = TypedDict("Wide", fields)
    builder = StateGraph(state)
    for number in range(WIDE_NODES):
        update = {f"c{number}": "y" * 100, f"c{number + WIDE_NODES}": "y" * 100}
        builder.add_node(f"n{number}", lambda state, update=update: update)
        builder.add_edge(f"n{number - 1}" if number else START, f"n{number}")
    builder.add_edge(f"n{WIDE_NODES - 1}", END)
    return builder, {field: "x" * 100 for field in fields}, WIDE_NODES


def measured(shape, durable):
    builder, state, steps = shape
    figures, size = [], 0
    for run in range(RUNS + 1):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "checkpoints.db")
            config = {"recursion_limit": 10_000, "configurable": {"thread_id": str(run)}}
            if durable:
                with SqliteSaver.from_conn_string(path) as saver:
                    graph = builder.compile(checkpointer=saver)
                    since = time.perf_counter()
                    graph.invoke(state, config, durability="sync")
                    figures.append((time.perf_counter() - since) / steps * 1e6)
                size = os.path.getsize(path)
            else:
                graph = builder.compile()
                since = time.perf_counter()
                graph.invoke(state, config)
                figures.append((time.perf_counter() - since) / steps * 1e6)
    return {"us": figures[1:], "bytes": size}


SHAPES = {
    "sequential": sequential,
    "fan-out to sub-graph": fan_out,
    "ReAct agent": lambda: agent(TURNS),
    "wide state": wide,
}
results = {name: {"memory": measured(shape(), False), "durable": measured(shape(), True)} for name, shape in SHAPES.items()}
# A step of this one writes a kilobyte.
results["200 turns"] = {"durable": measured(agent(LONG // 2, "x" * 1000), True)}
json.dump(results, sys.stdout)
